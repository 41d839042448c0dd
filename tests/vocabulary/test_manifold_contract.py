"""What every manifold keeps: a new entry of MANIFOLDS is tested without a word here."""

from __future__ import annotations

import math
import warnings
from types import ModuleType

import numpy
import pytest
import scipy.linalg
import torch

from dynattn.program import duals
from dynattn.vocabulary import matrix_groups
from dynattn.vocabulary.manifolds import MANIFOLDS
from tests.program.formulas import evaluate
from tests.vocabulary.geometries import (
    Geometry,
    axes_of,
    entry_of,
    geometry,
    size_of,
    spec_of,
    texts,
)

TEXTS = list(texts())
WITH_KERNEL = [text for text in TEXTS if entry_of(text).kernel is not None]
TURNED = [text for text in TEXTS if entry_of(text).frustration is not None]
FLAT = ("circle", "torus", "real", "complex", "so", "su")
pytestmark = pytest.mark.filterwarnings("ignore:.*torch.jit.script.*:DeprecationWarning")
every = pytest.mark.parametrize("text", TEXTS)


def name_of(text: str) -> str:
    return text.split("(")[0]


def drawn(text: str, seed: int) -> torch.Tensor:
    """An ambient vector per point."""
    generator = torch.Generator().manual_seed(seed)
    kind = torch.complex128 if entry_of(text).of_complex else torch.float64
    return torch.randn((40, *axes_of(text)), dtype=kind, generator=generator)


def trio(text: str) -> tuple[Geometry, torch.Tensor, torch.Tensor, torch.Tensor]:
    g = geometry(text)
    return g, g.points(0), g.points(1), g.points(2)


def inner(text: str, x: torch.Tensor, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """The metric whose gradients P makes: of the space around, and Shahshahani's."""
    products = (a.conj() * b).real / (x if entry_of(text).logarithmic else 1)
    return products.reshape(len(a), -1).sum(-1)


def scale(text: str) -> int:
    """By how much lengths of matrices are smaller: norm(x)^2 is the sum of squares over n."""
    return size_of(text) if len(entry_of(text).shape) == 2 else 1


def largest(values: torch.Tensor) -> float:
    return values.abs().max().item()


def small(text: str, x: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
    """Tangent vectors of length 0.4 at most, so that no share is lost."""
    g = geometry(text)
    if entry_of(text).logarithmic:
        return g.projection(x, 0.2 * torch.tanh(v))
    along = g.tangent(x, v)
    return 0.4 * along / along.abs().reshape(len(v), -1).sum(-1).max()


def falls(errors: list[float], order: int) -> bool:
    """Whether errors at steps h and h/2 are of this order, or nothing but rounding."""
    return errors[0] < 1e-13 or errors[0] / errors[1] > 0.85 * 2**order


# ── projection and retraction ──────────────────────────────────────────────────────────────────


@every
def test_what_an_equation_keeps_is_tangent_and_kept_again(text: str) -> None:
    g, x, _, _ = trio(text)
    kept = g.tangent(x, drawn(text, 1))
    assert largest(g.tangent(x, kept) - kept) < 1e-14
    off = [largest(g.observed("off", x=x + h * kept)) for h in (1e-3, 5e-4)]
    assert falls(off, 2)


@every
def test_a_projected_force_is_the_gradient(text: str) -> None:
    """<P F, v> = F v along every tangent v; where the metric is that around, P is idempotent."""
    g, x, _, _ = trio(text)
    force, v = drawn(text, 2), g.tangent(x, drawn(text, 3))
    rate = g.projection(x, force)
    assert largest(g.tangent(x, rate) - rate) < 1e-13
    one = torch.ones_like(x.real)
    assert (
        largest(inner(text, x, rate, v) - (force.conj() * v).real.reshape(40, -1).sum(-1)) < 1e-12
    )
    if entry_of(text).tangent is None:
        assert largest(g.projection(x, rate) - rate) < 1e-14
    assert one.shape == x.shape


@every
def test_the_retraction_leads_onto_the_manifold_and_along_the_step(text: str) -> None:
    g, x, _, _ = trio(text)
    v, entry = small(text, x, drawn(text, 4)), entry_of(text)
    moved = g.retraction(x, v)
    assert largest(g.observed("off", x=moved)) < 1e-14
    if len(entry.shape) == 2:
        assert matrix_groups.hold(name_of(text), moved.numpy())
    else:
        assert entry.hold(moved)
    errors = [largest(g.retraction(x, h * v) - x - h * v) for h in (1e-3, 5e-4)]
    assert falls(errors, 2)


# ── exponential, logarithm, distance ───────────────────────────────────────────────────────────


@every
def test_the_exponential_agrees_with_the_retraction_to_its_order(text: str) -> None:
    g, x, _, _ = trio(text)
    v = small(text, x, drawn(text, 5))
    moved = g.exponential(x, v)
    assert largest(g.observed("off", x=moved)) < 1e-14
    errors = [largest(g.exponential(x, h * v) - g.retraction(x, h * v)) for h in (0.02, 0.01)]
    assert falls(errors, 2)
    walked = g.distance(x, moved)
    assert largest(walked - (inner(text, x, v, v) / scale(text)).sqrt()) < 1e-13


@every
def test_the_exponential_is_a_geodesic(text: str) -> None:
    """Halfway along, both ends are equally far, and together as far as the ends."""
    g, x, _, _ = trio(text)
    v = small(text, x, drawn(text, 6))
    middle, end = g.exponential(x, v / 2), g.exponential(x, v)
    for part in (g.distance(x, middle), g.distance(middle, end)):
        assert largest(part - g.distance(x, end) / 2) < 1e-13


@every
def test_the_logarithm_undoes_the_exponential(text: str) -> None:
    g, x, y, _ = trio(text)
    way = g.logarithm(x, y)
    assert largest(g.tangent(x, way) - way) < 1e-13
    reached = g.exponential(x, way)
    turns = (reached - y) / (2 * math.pi) if entry_of(text).phase else torch.zeros(())
    assert largest(reached - y - 2 * math.pi * turns.round()) < 1e-12
    assert largest(g.distance(reached, y)) < 1e-12
    v = small(text, x, drawn(text, 7))
    assert largest(g.logarithm(x, g.exponential(x, v)) - v) < 1e-12
    assert largest(g.distance(x, y) - g.observed("size", x=x, y=y)) < 1e-13
    assert largest(g.distance(x, y) - (inner(text, x, way, way) / scale(text)).sqrt()) < 1e-13


@every
def test_distances_are_those_of_a_metric_space(text: str) -> None:
    g, x, y, z = trio(text)
    assert largest(g.distance(x, x)) < 1e-15
    assert largest(g.logarithm(x, x)) < 1e-15
    assert largest(g.distance(x, y) - g.distance(y, x)) < 1e-14
    assert (g.distance(x, y) > 1e-3).all()
    assert (g.distance(x, z) <= g.distance(x, y) + g.distance(y, z) + 1e-14).all()


@every
def test_slopes_where_points_coincide(text: str) -> None:
    """Of a distance 0 along every direction (of matrices, whose product with themselves is 1 but
    for rounding, nothing beyond the 1 that it is elsewhere), of a logarithm 1 along tangent ones.
    """
    g, x, _, _ = trio(text)
    y = x.clone().requires_grad_()
    (slope,) = torch.autograd.grad(g.distance(x, y).sum(), y)
    assert largest(slope) <= (len(entry_of(text).shape) == 2)
    v = small(text, x, drawn(text, 8))
    for near in (torch.zeros_like(v), 1e-9 * v):
        found = torch.func.jvp(lambda h, near=near: g.logarithm(x, x + near + h), (0 * v,), (v,))[1]
        assert largest(found - v) < 1e-6


@every
def test_distances_of_a_whole_batch_are_differentiable(text: str) -> None:
    """The slope of half the squared distance is minus the logarithm, in the manifold's metric."""
    g, x, y, _ = trio(text)
    v = small(text, x, drawn(text, 9))
    slope = torch.func.jvp(lambda h: g.distance(x + h, y) ** 2 / 2, (0 * v,), (v,))[1]
    expected = -inner(text, x, g.logarithm(x, y), v) / scale(text)
    assert largest(slope - expected) < 1e-12


# ── the default kernel and frustration ─────────────────────────────────────────────────────────


@pytest.mark.parametrize("text", WITH_KERNEL)
def test_the_default_kernel_is_downhill_of_half_the_squared_chord(text: str) -> None:
    g, x, y, _ = trio(text)
    v, pull = small(text, x, drawn(text, 10)), g.projection(x, kernel(text, x, y))
    half = torch.func.jvp(lambda h: g.observed("half", x=x + h, y=y), (0 * v,), (v,))[1]
    assert largest(half + inner(text, x, pull, v)) < 1e-13
    errors = []
    for h in (0.1, 0.05):
        close = g.exponential(x, h * v)
        near = g.projection(x, kernel(text, x, close))
        errors.append(largest(near - g.logarithm(x, close)))
    assert falls(errors, 3)


def kernel(text: str, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    formula = entry_of(text).kernel
    assert formula is not None
    names = {"i": duals.plain(x.numpy()), "j": duals.plain(y.numpy())}
    value = evaluate(formula.replace("x[i]", "i").replace("x[j]", "j"), names).value
    return torch.as_tensor(value)


def test_a_kernel_has_a_chord() -> None:
    for entry in MANIFOLDS.values():
        assert (entry.kernel is None) == (entry.chord is None)


@pytest.mark.parametrize("text", TURNED)
def test_a_frustration_is_an_isometry_that_commutes_with_the_kernel(text: str) -> None:
    g, x, y, _ = trio(text)
    entry, n = entry_of(text), size_of(text)
    amount: numpy.ndarray | float = 0.7
    if entry.turns:
        sample = {"SO": matrix_groups.sample_orthogonal, "SU": matrix_groups.sample_unitary}
        amount = sample[entry.turns](numpy.random.default_rng(5), (n, n))

    def turned(points: torch.Tensor) -> torch.Tensor:
        rows = [evaluate(str(entry.frustration), {"y": duals.plain(p), "a": duals.plain(amount)})
                for p in points.numpy()]  # fmt: skip
        return torch.as_tensor(numpy.stack([row.value for row in rows]))

    assert largest(g.observed("off", x=turned(x))) < 1e-14
    assert largest(g.distance(turned(x), turned(y)) - g.distance(x, y)) < 1e-13
    pull = g.projection(x, kernel(text, x, y))
    after = g.projection(turned(x), kernel(text, turned(x), turned(y)))
    assert largest(after - (turned(pull) if entry.turns else pull)) < 1e-13


# ── draws ──────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("text", [t for t in TEXTS if entry_of(t).turns])
def test_uniform_draws_have_the_moments_of_the_invariant_measure(text: str) -> None:
    """Mean 0, and E x_a conj(x_b) = 1/n where a = b, 0 elsewhere; turning them changes nothing."""
    entry, n = entry_of(text), size_of(text)
    rng = numpy.random.default_rng(11)
    x = entry.sample(rng, (20_000, *axes_of(text)))
    rows = x if x.ndim == 2 else x[..., 0]
    error = 5 / len(x) ** 0.5
    assert abs(x.mean(0)).max() < error
    assert (
        abs(numpy.einsum("ka,kb->ab", rows, rows.conj()) / len(x) - numpy.eye(n) / n).max() < error
    )


# ── products ───────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("text", ["torus(2)", "sphere(3)", "SU(2)", "simplex(3)", "positive"])
def test_several_points_of_a_node_are_one_after_the_other(text: str) -> None:
    from dynattn.diagnostics.report import Source
    from dynattn.interface import Spec
    from dynattn.lower.module import build_system

    single = spec_of(text).source.text
    several = single.replace("state x on", "state x[2] on").replace("state y on", "state y[2] on")
    axes = axes_of(text)
    wide = f"[2, {', '.join(map(str, axes))}]" if axes else "[2]"
    several = several.replace(f"state v{list(axes) if axes else ''} on", f"state v{wide} on")
    lines = [line for line in several.splitlines() if not line.startswith(("observe half",
             "observe off", "observe size"))]  # fmt: skip
    spec = Spec(Source("several.dyn", "\n".join(lines)))
    system = build_system(spec.model, spec.network, spec.program, seed=3)
    states, one = system.initial_states(), geometry(text)
    found = system.observe(0.0, states)
    for k in range(2):
        x, y, v = (states[f"p.{name}"][:, k] for name in "xyv")
        assert largest(found["far"][:, k] - one.distance(x, y)) < 1e-14
        assert largest(found["way"][:, k] - one.logarithm(x, y)) < 1e-14
        assert largest(found["walked"][:, k] - one.exponential(x, v)) < 1e-14


# ── other people's geometry ────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def geoopt() -> ModuleType:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it scripts functions with what torch calls old
        import geoopt

        return geoopt


def test_spheres_are_those_of_geoopt(geoopt: ModuleType) -> None:
    g, x, y, _ = trio("sphere(3)")
    other, v = geoopt.SphereExact(), drawn("sphere(3)", 12)
    assert largest(g.distance(x, y) - other.dist(x, y)) < 1e-12
    assert largest(g.logarithm(x, y) - other.logmap(x, y)) < 1e-12
    assert largest(g.projection(x, v) - other.proju(x, v)) < 1e-14
    along = g.tangent(x, v)
    assert largest(g.exponential(x, along) - other.expmap(x, along)) < 1e-13
    assert largest(g.retraction(x, along) - geoopt.Sphere().retr(x, along)) < 1e-14


def test_flat_spaces_are_those_of_geoopt(geoopt: ModuleType) -> None:
    g, x, y, _ = trio("real(3)")
    other = geoopt.Euclidean(ndim=1)
    assert largest(g.distance(x, y) - other.dist(x, y)) < 1e-14
    assert largest(g.logarithm(x, y) - other.logmap(x, y)) < 1e-14


def test_circles_shares_and_unit_quaternions_are_spheres_of_geoopt(geoopt: ModuleType) -> None:
    sphere = geoopt.SphereExact()
    g, x, y, _ = trio("circle")
    ends = [torch.stack([a.cos(), a.sin()], -1) for a in (x, y)]
    assert largest(g.distance(x, y) - sphere.dist(*ends)) < 1e-12
    g, x, y, _ = trio("simplex(3)")
    assert largest(g.distance(x, y) - 2 * sphere.dist(x.sqrt(), y.sqrt())) < 1e-12
    g, x, y, _ = trio("SU(2)")
    ends = [torch.view_as_real(u[:, 0].contiguous()).flatten(1) for u in (x, y)]
    assert largest(g.distance(x, y) - sphere.dist(*ends)) < 1e-12


@pytest.mark.parametrize("text", ["SO(2)", "SO(3)"])
def test_rotations_are_a_stiefel_manifold_of_geoopt(geoopt: ModuleType, text: str) -> None:
    g, x, _, _ = trio(text)
    other, force = geoopt.EuclideanStiefel(), drawn(text, 13)
    assert largest(g.projection(x, force) - other.proju(x, force)) < 1e-14
    v = small(text, x, drawn(text, 14))
    errors = [largest(g.retraction(x, h * v) - other.retr(x, h * v)) for h in (1e-3, 5e-4)]
    assert falls(errors, 2)


@pytest.mark.parametrize("text", ["SO(2)", "SO(3)", "SU(2)", "SU(3)"])
def test_exponentials_and_logarithms_of_matrices_are_those_of_scipy(text: str) -> None:
    g, x, y, _ = trio(text)
    v, n = g.tangent(x, drawn(text, 15)), size_of(text)
    walked, way, far = g.exponential(x, v), g.logarithm(x, y), g.distance(x, y)
    compared = 0
    for a, b, step, end, log, d in zip(x, y, v, walked, way, far, strict=True):
        left = a.mH.resolve_conj().numpy()
        assert largest(end - a @ torch.as_tensor(scipy.linalg.expm(left @ step.numpy()))) < 1e-12
        principal = scipy.linalg.logm(left @ b.numpy())
        if abs(numpy.trace(principal)) < 1e-6:  # else it is no rate of a matrix of determinant 1
            compared += 1
            assert largest(log - a @ torch.as_tensor(principal)) < 1e-11
            assert abs(d - numpy.linalg.norm(principal) / n**0.5) < 1e-11
    assert compared > 30


@pytest.mark.parametrize(
    ("text", "opposite"),
    [
        ("SO(2)", -numpy.eye(2)), ("SO(3)", numpy.diag([1.0, -1, -1])), ("SU(2)", -numpy.eye(2)),
        ("sphere(3)", None), ("circle", None),
    ],
)  # fmt: skip
def test_opposite_points_are_as_far_as_can_be(text: str, opposite: numpy.ndarray | None) -> None:
    """By their angles, pi; the logarithm is nan where there are many, and 0 on a sphere."""
    g, x, _, _ = trio(text)
    if opposite is None:
        y = x + math.pi if text == "circle" else -x
        assert largest(g.distance(x, y) - math.pi) < 1e-13
        assert torch.isfinite(g.logarithm(x, y)).all()
        return
    one = torch.eye(size_of(text), dtype=x.dtype).expand_as(x)
    y = torch.as_tensor(opposite, dtype=x.dtype).expand_as(x)
    far = math.pi * (2 / 3 if text == "SO(3)" else 1) ** 0.5
    assert largest(g.distance(one, y) - far) < 1e-12
    assert torch.isnan(g.logarithm(one, y)).any()
