"""The shipped ``synchronization.dyn`` with another word for ``circle``, and what must come out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.integrate import solve_ivp
from scipy.linalg import expm

from dynattn.lower.certify import certify
from dynattn.solve.solve import solve
from dynattn.vocabulary import matrix_groups
from tests.truths.solved import compiled, run

SHIPPED = (Path(__file__).parents[2] / "specs" / "synchronization.dyn").read_text()
GROUPS = ("SO(2)", "SO(3)", "SO(4)", "SU(2)", "SU(3)")
COMPACT = ("circle", "torus(4)", "sphere(2)", "sphere(3)", "sphere(16)", *GROUPS)
FLAT = ("real ~ normal(0, 1)", "real(3) ~ normal(0, 1)", "so(3) ~ normal(0, 1)")


def on(manifold: str, text: str = SHIPPED) -> str:
    """The shipped text with the one word changed, and tolerances for comparison."""
    assert text.count(" on circle ") == 1
    text = text.replace(" on circle ", f" on {manifold} ")
    return text.replace("t 0 .. 20 every 0.1", "t 0 .. 20 every 0.5; rtol 1e-9")


@pytest.mark.parametrize("manifold", [*COMPACT, *FLAT])
def test_the_word_alone_moves_the_model(manifold: str) -> None:
    text = on(manifold).replace("rtol 1e-9", "rtol 1e-6")
    assert certify(compiled(text, N=3)).passed
    order = run(text, N=4)["r"]
    assert order[0] < 0.9 and order[-1] == pytest.approx(1, abs=1e-8)


def test_complex_numbers_meet_at_their_mean() -> None:
    found = run(on("complex ~ normal(0, 1)"), N=6)
    mean = found["unit.x"][0].mean()
    np.testing.assert_allclose(found["unit.x"][-1], mean, atol=1e-8)
    np.testing.assert_allclose(found["r"], abs(mean), atol=1e-9)


# ── two units: every angle between them by itself ──────────────────────────────────────────────


def angles(manifold: str, x: np.ndarray) -> np.ndarray:
    """[time, angle] between two points [time, 2, ..]: of X_1^+ X_2 the angles of eigenvalues."""
    if manifold == "circle" or manifold.startswith("torus"):
        return np.abs(np.angle(np.exp(1j * (x[:, 1] - x[:, 0])))).reshape(len(x), -1)
    if manifold.startswith("sphere"):
        apart, sum_ = (np.linalg.norm(x[:, 1] + s * x[:, 0], axis=-1) for s in (-1, 1))
        return 2 * np.arctan2(apart, sum_)[:, None]
    between = matrix_groups.adjoint(x[:, 0]) @ x[:, 1]
    return np.sort(np.abs(np.angle(np.linalg.eigvals(between))), -1)


@pytest.mark.parametrize("manifold", [m for m in COMPACT if m != "SU(3)"])
def test_two_units_close_every_angle_as_kuramoto_oscillators_do(manifold: str) -> None:
    """phi' = -K sin phi, so tan(phi/2) falls as exp(-K t).

    The angle is that between phases or unit vectors, and of X_1^+ X_2 each one of a plane that it
    turns: the tangent part of X_2 is X_1 times the skew part of X_1^+ X_2, which has the same
    planes. (On SU(n) with n > 2 the trace of the skew part, which is taken away, joins them.)
    """
    found = run(on(manifold), N=2, K=0.7)
    phi, t = angles(manifold, found["unit.x"]), found.axes["time"]
    expected = 2 * np.arctan(np.tan(phi[0] / 2) * np.exp(-0.7 * t)[:, None])
    kept = slice(0, 17)  # angles of matrices below 1e-3 are known to fewer digits
    np.testing.assert_allclose(phi[kept], expected[kept], atol=1e-6)
    if manifold.startswith(("circle", "sphere", "SU(2)")):
        np.testing.assert_allclose(found["r"], np.cos(expected.max(1) / 2), atol=1e-7)
    else:
        mean = np.cos(expected).mean(1)
        np.testing.assert_allclose(found["r"], np.sqrt((1 + mean) / 2), atol=1e-7)


def test_on_su3_the_angles_are_joined_by_their_sum() -> None:
    found = run(on("SU(3)"), N=2, K=0.7)
    x, t = found["unit.x"][:9], found.axes["time"][:9]
    start = np.angle(np.linalg.eigvals(matrix_groups.adjoint(x[0, 0]) @ x[0, 1]))

    def rate(_: float, phi: np.ndarray) -> np.ndarray:
        return -0.7 * (np.sin(phi) - np.sin(phi).mean())

    end = solve_ivp(rate, (0, 4), start, t_eval=t, rtol=1e-11, atol=1e-12).y.T
    eigen = np.exp(1j * end).sum(1)
    trace = np.trace(matrix_groups.adjoint(x[:, 0]) @ x[:, 1], axis1=-2, axis2=-1)
    np.testing.assert_allclose(trace, eigen, atol=1e-7)


# ── the same motion in other words ─────────────────────────────────────────────────────────────

ROTATING = """model rotating "Intrinsic rotations, and an element of the group as frustration"
PARAMS
population unit[4] { state x on M; OWN; drift DRIFT }
coupling pull: unit -> unit { strength 1.5; frustration LAG; normalize size }
"""
LAG = 0.4
TURN = np.array([[0.0, -1.0], [1.0, 0.0]])
ON_CIRCLE = ("", "circle", "param w ~ normal(0, 1)", "w", f"{LAG}")
ON_PLANE = (
    f"param A on so(2) = [[0, {LAG}], [-{LAG}, 0]], J on so(2) = [[0, -1], [1, 0]]",
    "M", "param w ~ normal(0, 1)", "w * J @ x", "expm(A)",
)  # fmt: skip


def rotating(words: tuple[str, ...], manifold: str):
    text = ROTATING
    for name, word in zip(("PARAMS", " M;", "OWN", "DRIFT", "LAG"), words, strict=True):
        text = text.replace(name, f" {manifold};" if name == " M;" else word)
    return compiled(text)


def moved(system, start: np.ndarray) -> np.ndarray:
    states = {"unit.x": torch.from_numpy(start)}
    found = solve(system, states, [0.0, 0.5, 1.0], method="tsit5", step=0.01)
    return found.states["unit.x"].numpy()


@pytest.mark.parametrize("manifold", ["SO(2)", "sphere(2)"])
def test_rotations_and_vectors_of_the_plane_are_sakaguchi_oscillators(manifold: str) -> None:
    theta = np.array([0.3, -2.0, 1.1, 2.9])
    w = np.array([0.5, -1.0, 0.2, 0.9])
    trajectories = []
    for words, kind in ((ON_CIRCLE, "circle"), (ON_PLANE, manifold)):
        system = rotating(words, kind).build()
        system.get_buffer("unit.w").copy_(torch.from_numpy(w))
        c, s = np.cos(theta), np.sin(theta)
        points = {"circle": theta, "sphere(2)": np.stack([c, s], -1)}
        points["SO(2)"] = np.stack([np.stack([c, -s], -1), np.stack([s, c], -1)], -2)
        trajectories.append(moved(system, points[kind]))
    phases, x = trajectories
    x = x[..., 0] if manifold == "SO(2)" else x
    np.testing.assert_allclose(x[..., 0] + 1j * x[..., 1], np.exp(1j * phases), atol=1e-10)
    assert abs(phases[-1] - theta).max() > 0.3


PAULI = np.array([[[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]]])
BASIS = np.concatenate([np.eye(2)[None], 1j * PAULI])
"""1, i, j, k: a unit quaternion (a, b, c, d) is the matrix a + i (b s_x + c s_y + d s_z)."""


def quaternions(matrices: np.ndarray) -> np.ndarray:
    """The four coordinates of a 1 + b i s_x + c i s_y + d i s_z."""
    return np.real(np.einsum("qba,...ba->...q", BASIS.conj(), matrices)) / 2


def left(matrix: np.ndarray) -> np.ndarray:
    """The 4 x 4 matrix of the product with a quaternion on the left."""
    return quaternions(matrix @ BASIS).T


def test_lohes_matrices_of_su2_are_his_vectors_in_four_dimensions() -> None:
    """With rates Omega in su(2) and a frustration in SU(2), which become so(4) and SO(4)."""
    rng = np.random.default_rng(3)
    start = matrix_groups.sample_unitary(rng, (4, 2, 2))
    omega = matrix_groups.sample_skew_complex(rng, (4, 2, 2))
    lag = 0.3 * matrix_groups.sample_skew_complex(rng, (2, 2))
    results = []
    for kind, algebra in (("SU(2)", "su(2)"), ("sphere(4)", "so(4)")):
        words = (f"param A on {algebra} ~ normal(0, 1)", "M",
                 f"param W on {algebra} ~ normal(0, 1)", "W @ x", "expm(A)")  # fmt: skip
        system = rotating(words, kind).build()
        flat = kind != "SU(2)"
        own = np.stack([left(w) for w in omega]) if flat else omega
        system.get_buffer("unit.W").copy_(torch.from_numpy(own))
        system.get_buffer("A").copy_(torch.from_numpy(left(lag) if flat else lag))
        results.append(moved(system, quaternions(start) if flat else start))
    matrices, vectors = results
    np.testing.assert_allclose(quaternions(matrices), vectors, atol=1e-10)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=-1), 1, atol=1e-14)
    assert abs(vectors[-1] - vectors[0]).max() > 0.3


@pytest.mark.parametrize("manifold", ["circle", "sphere(2)", "sphere(5)", "SO(4)"])
def test_two_frustrated_units_by_closed_form(manifold: str) -> None:
    """V turns every plane of a pair of coordinates by a, and both points lie in one of them:
    phi' = -K cos(a) sin(phi), and the plane turns by -K sin(a) cos(phi) / 2.

    On sphere(5) the fifth coordinate is 0; on SO(4) V turns both planes alike.
    """
    strength, a, start, t = 1.5 / 2, LAG, np.array([0.5, -0.7]), np.array([0.0, 0.5, 1.0])
    size = {"circle": 0, "sphere(2)": 2, "sphere(5)": 5, "SO(4)": 4}[manifold]
    plane = np.zeros((size, size))
    for k in range(size // 2):
        plane[2 * k : 2 * k + 2, 2 * k : 2 * k + 2] = TURN
    words = ("", "M", "param w = 0", "w", str(a))
    if size:
        params = f"param A on so({size}) ~ normal(0, 1)"
        words = (params, "M", "param w = 0", "w*x", "expm(A)")
    text = rotating(words, manifold).source.text.replace("unit[4]", "unit[2]")
    system = compiled(text).build()
    points = np.array(start)
    if size:
        system.get_buffer("A").copy_(torch.from_numpy(-a * plane))
        points = expm(start[:, None, None] * plane)
        points = points if manifold == "SO(4)" else points[..., 0]
    found = moved(system, points)
    if manifold == "SO(4)":
        found = found[..., 0]
    phases = np.arctan2(found[..., 1], found[..., 0]) if size else found
    decay = 2 * strength * np.cos(a)
    half = np.tan((start[1] - start[0]) / 2) * np.exp(-decay * t)
    np.testing.assert_allclose(phases[:, 1] - phases[:, 0], 2 * np.arctan(half), atol=1e-9)
    turned = t + np.log((1 + half**2) / (1 + half[0] ** 2)) / decay
    mean = start.mean() - strength * np.sin(a) * turned
    np.testing.assert_allclose(phases.mean(1), mean, atol=1e-9)


@pytest.mark.parametrize("kind", ["sphere(3)", "SO(3)", "SU(2)"])
def test_a_frustration_turns_every_point_of_a_node(kind: str) -> None:
    """Several points per node, as many as coordinates: each is turned by V, or by one of its own.

    With heads V stays whole too.
    """
    n, algebra = int(kind[-2]), "so" if kind.startswith("s") else kind[:2].lower()
    many = f"learn R[{n}] on {kind}" if kind[0] == "S" else ""
    text = f"""model points
param A on {algebra}({n}) ~ normal(0, 1)
population p[4] {{ state x[{n}] on {kind} }}
coupling c: p -> p over everyone(4) {{
  heads {n}; frustration expm(A); weight softmax(inner(x[i], x[j]))
}}
{"coupling d: p -> p { frustration R }" if many else ""}
"""
    text = text.replace("normal(0, 1)\n", f"normal(0, 1)\n{many}\n", 1)
    spec = compiled(text)
    assert certify(spec).passed
    system = spec.build()
    x = system.initial_states()["p.x"].numpy()
    v = expm(system.get_buffer("A").numpy())
    own = dict(system.named_parameters())["R"].detach().numpy() if many else None
    force = np.zeros_like(x)
    for i in range(4):
        for h in range(n):
            flat = x[:, h].reshape(4, -1)
            scale = n if many else 1
            weight = np.exp((flat.conj() @ flat[i]).real / scale)
            weight /= weight.sum()
            for j in range(4):
                force[i, h] += weight[j] * (v @ x[j, h])
                if own is not None and j != i:
                    force[i, h] += own[h] @ x[j, h]
    if many:
        free = (force - x @ matrix_groups.adjoint(force) @ x) / 2
        trace = np.trace(matrix_groups.adjoint(x) @ free, axis1=-2, axis2=-1) / n
        expected = free - trace[..., None, None] * x
    else:
        expected = force - (force * x).sum(-1, keepdims=True) * x
    np.testing.assert_allclose(system.rates(0.0, {"p.x": torch.from_numpy(x)})["p.x"].detach(),
                               expected, atol=1e-12)  # fmt: skip
