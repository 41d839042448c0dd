"""Oscillators that are drawn to fixed queries (arXiv 2606.12059): what holds of their flow.

z' = (1 - z z^T) h on a sphere, with h = sum_j W_j r_j fixed, as a spec of a crowd of anchors and of
units that feel them; all numbers come from its compiled form.
"""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import numpy
import pytest
import torch
from scipy.integrate import quad, solve_ivp
from scipy.special import gamma

from dynattn.diagnostics.report import Source
from dynattn.interface import Spec
from dynattn.solve.solve import solve

N = 6
SPEC = """model queries
param N = 6, D = 3
population anchor[5] { param r on sphere(D) ~ uniform }
population unit[N]   { state z on sphere(D) }
coupling lock: anchor -> unit { weight softplus(cos(2*index[i] + 3*index[j])); kernel r[j] }
simulate { t 0 .. 10 every 0.1; rtol 1e-11; record z }
simulate euler { method euler; step 0.05 }
"""
SCALAR = """model phases
param N = 6
population anchor[5] { param phi ~ uniform(-pi, pi) }
population unit[N]   { state theta on circle }
coupling lock: anchor -> unit {
  weight softplus(cos(2*index[i] + 3*index[j]))
  kernel sin(phi[j] - theta[i])
}
simulate { t 0 .. 10 every 0.1; rtol 1e-11; record theta }
"""


def spec_of(text: str, **settings: float) -> Spec:
    return Spec(Source("queries.dyn", text), settings)


@cache
def queries(D: int = 3) -> Any:
    return spec_of(SPEC, D=D).build()


def weights() -> numpy.ndarray:
    i, j = numpy.arange(N)[:, None], numpy.arange(5)[None, :]
    return numpy.log1p(numpy.exp(numpy.cos(2 * i + 3 * j)))


def field(system: Any) -> numpy.ndarray:
    """h of every unit, from the anchors of the system."""
    return weights() @ dict(system.named_buffers())["anchor.r"].numpy()


def rest(system: Any) -> tuple[numpy.ndarray, numpy.ndarray]:
    """(|h|, h/|h|)."""
    h = field(system)
    size = numpy.linalg.norm(h, axis=-1, keepdims=True)
    return size[:, 0], h / size


def points(seed: int, D: int = 3) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    z = torch.randn(N, D, generator=generator, dtype=torch.float64)
    return z / z.norm(dim=-1, keepdim=True)


def rate(system: Any, z: torch.Tensor | numpy.ndarray) -> numpy.ndarray:
    found = system.rates(0.0, {"unit.z": torch.as_tensor(z)})["unit.z"]
    return found.detach().numpy()


def along(system: Any, z: torch.Tensor, times: list[float], **how: Any) -> numpy.ndarray:
    """z at the times, [time, unit, coordinate]."""
    return solve(system, {"unit.z": z}, times, **how).states["unit.z"].numpy()


@pytest.mark.parametrize("D", [2, 3, 8])
def test_nothing_leaves_the_sphere(D: int) -> None:
    """P1-1: d|z|^2/dt = 0, and Euler steps, put back, keep the length."""
    system, z = queries(D), points(1, D)
    assert abs((z.numpy() * rate(system, z)).sum(-1)).max() < 1e-12
    series = spec_of(SPEC, D=D).run("euler")["unit.z"]
    assert abs(numpy.linalg.norm(series, axis=-1) - 1).max() < 1e-12
    assert abs(series[-1] - series[0]).max() > 0.1


@pytest.mark.parametrize("D", [2, 3, 8])
def test_rest_is_along_the_field_and_against_it_and_nowhere_else(D: int) -> None:
    """P1-2: equilibria are exactly +-h/|h|; elsewhere the speed is |h| sin of the angle to it."""
    system = queries(D)
    size, star = rest(system)
    for sign in (1, -1):
        assert abs(rate(system, sign * star)).max() < 1e-12
    z = points(2, D)
    sine = numpy.sqrt(1 - ((z.numpy() * star).sum(-1)) ** 2)
    speed = numpy.linalg.norm(rate(system, z), axis=-1)
    numpy.testing.assert_allclose(speed, size * sine, atol=1e-12)


@pytest.mark.parametrize("D", [2, 3, 8])
def test_slopes_at_rest_are_one_number_in_all_directions(D: int) -> None:
    """P1-3: on the tangent space the Jacobian is -|h| at h/|h| and +|h| at -h/|h|."""
    system = queries(D)
    size, star = rest(system)
    for sign in (1, -1):
        start = torch.tensor(sign * star)
        slopes = torch.autograd.functional.jacobian(
            lambda z: system.rates(0.0, {"unit.z": z})["unit.z"], start
        ).numpy()
        for i in range(N):
            tangents = numpy.linalg.svd(star[i : i + 1])[2][1:]
            own = tangents @ slopes[i, :, i] @ tangents.T
            numpy.testing.assert_allclose(own, -sign * size[i] * numpy.eye(D - 1), atol=1e-8)


def law_of(system: Any, z0: numpy.ndarray, t: float) -> numpy.ndarray:
    """tan(phi/2) falls as exp(-|h| t), along one great circle."""
    size, star = rest(system)
    cos = (z0 * star).sum(-1, keepdims=True)
    across = z0 - cos * star
    across = across / numpy.linalg.norm(across, axis=-1, keepdims=True)
    half = numpy.tan(numpy.arccos(cos) / 2) * numpy.exp(-size[:, None] * t)
    phi = 2 * numpy.arctan(half)
    return numpy.cos(phi) * star + numpy.sin(phi) * across


@pytest.mark.parametrize("D", [2, 3, 8])
def test_every_start_comes_to_rest_by_the_law_of_its_angle(D: int) -> None:
    """P1-4: the angle law, RK45 at 1e-10, and the simulated series are one."""
    result = spec_of(SPEC, D=D).run()
    system, series = queries(D), result["z"]
    h, (size, star) = field(system), rest(system)
    for k in (0, 3, 17, 100):
        numpy.testing.assert_allclose(series[k], law_of(system, series[0], 0.1 * k), atol=1e-8)

    def right(_: float, flat: numpy.ndarray) -> numpy.ndarray:
        z = flat.reshape(N, D)
        return (h - (h * z).sum(-1, keepdims=True) * z).ravel()

    flow = solve_ivp(right, (0, 1.7), series[0].ravel(), rtol=1e-10, atol=1e-10)
    numpy.testing.assert_allclose(series[17], flow.y[:, -1].reshape(N, D), atol=1e-8)
    far = numpy.linalg.norm(series[-1] - star, axis=-1)
    assert (far < 4 * numpy.exp(-10 * size) / (1e-3)).all()


@pytest.mark.parametrize("eps", [0.1, 0.01])
def test_the_time_until_it_is_near_is_known(eps: float) -> None:
    """P1-4: chord error eps after ln(tan(phi0/2) / tan(asin(eps/2))) / |h|."""
    system, z = queries(), points(3)
    size, star = rest(system)
    phi = numpy.arccos((z.numpy() * star).sum(-1))
    when = numpy.log(numpy.tan(phi / 2) / numpy.tan(numpy.arcsin(eps / 2))) / size
    order = numpy.argsort(when)
    found = along(system, z, [0.0, *when[order]], rtol=1e-11)
    chords = [numpy.linalg.norm(found[k + 1, i] - star[i]) for k, i in enumerate(order)]
    numpy.testing.assert_allclose(chords, eps, atol=1e-8)


def test_opposite_the_field_it_stays_and_leaves_at_a_rate_of_the_field() -> None:
    """P1-5: started at -h/|h| it stays; a small delta grows as exp(|h| t), within 1 %."""
    system = queries()
    size, star = rest(system)
    stays = along(system, torch.tensor(-star), [0.0, 1.0], method="euler", step=0.05)
    assert abs(stays[-1] + star).max() < 1e-12
    tangent = numpy.cross(star, [0.3, -0.5, 0.8])
    tangent /= numpy.linalg.norm(tangent, axis=-1, keepdims=True)
    delta = 1e-5
    start = torch.tensor(-math.cos(delta) * star + math.sin(delta) * tangent)
    found = along(system, start, [0.0, 1.0, 2.0], rtol=1e-10)
    away = numpy.linalg.norm(found + star, axis=-1)
    growth = numpy.log(away[2] / away[1])
    numpy.testing.assert_allclose(growth, size, rtol=0.01)


@pytest.mark.parametrize("D", [2, 3, 8])
def test_the_distance_to_rest_never_grows(D: int) -> None:
    """P1-6: of V = 1 - <z, z*>, dV/dt = -|h| V (2 - V), and V falls along every trajectory."""
    system = queries(D)
    size, star = rest(system)
    z = points(4, D)
    v = 1 - (z.numpy() * star).sum(-1)
    slope = -(rate(system, z) * star).sum(-1)
    numpy.testing.assert_allclose(slope, -size * v * (2 - v), atol=1e-10)
    series = 1 - (spec_of(SPEC, D=D).run()["z"] * star).sum(-1)
    assert (numpy.diff(series, axis=0) <= 1e-10).all()
    assert (series[-1] < 1e-3 * series[0]).all()


@pytest.mark.parametrize("D", [2, 3, 8])
def test_euler_steps_end_at_the_closed_form(D: int) -> None:
    """P1-7: with |h| dt < 1 their fixed point is h/|h|."""
    system = queries(D)
    size, star = rest(system)
    assert size.max() * 0.05 < 1
    stop = math.ceil(30 / size.min())
    found = along(system, points(5, D), [0.0, float(stop)], method="euler", step=0.05)
    numpy.testing.assert_allclose(found[-1], star, atol=1e-6)


def near_the_opposite(a: float, D: int) -> float:
    """P(angle(z(0), -z*) < a) of a uniform start."""
    front = gamma(D / 2) / (math.sqrt(math.pi) * gamma((D - 1) / 2))
    return front * quad(lambda x: math.sin(x) ** (D - 2), 0, a, epsabs=1e-14, epsrel=1e-12)[0]


@pytest.mark.parametrize(
    ("D", "known"), [(2, 0.125), (3, None), (4, 0.01246), (8, 1.859e-4), (16, 6.0e-8)]
)
def test_few_starts_are_nearly_opposite(D: int, known: float | None) -> None:
    """P1-8: the share of uniform starts within an angle of -h/|h|, by the states as drawn."""
    count = 100_000
    anchors = "population anchor[5] { param r on sphere(D) ~ uniform }"
    text = SPEC.replace(anchors, "param axis on sphere(D) ~ uniform")
    lock = text[text.index("coupling") : text.index("simulate")]
    text = text.replace(lock, "").replace("sphere(D) }", "sphere(D) ~ uniform; drift axis }")
    system = spec_of(text, D=D, N=count).build()
    z = system.initial_states()["unit.z"].numpy()
    axis = dict(system.named_buffers())["axis"].numpy()
    angle = numpy.arccos(numpy.clip(-(z @ axis), -1, 1))
    for a in (math.pi / 8, math.pi / 4, math.pi / 2):
        share = near_the_opposite(a, D)
        sigma = math.sqrt(share * (1 - share) / count)
        assert abs((angle < a).mean() - share) < 3 * sigma + 0.5 / count
    assert near_the_opposite(math.pi / 2, D) == pytest.approx(0.5, abs=1e-10)
    if known is not None:
        assert near_the_opposite(math.pi / 8, D) == pytest.approx(known, rel=5e-3)
    if D == 3:  # on the sphere of the world a cap has area 2 pi (1 - cos a)
        assert near_the_opposite(0.7, 3) == pytest.approx((1 - math.cos(0.7)) / 2, abs=1e-10)


def test_in_two_dimensions_it_is_an_angle_that_is_drawn() -> None:
    """P1-15: theta' = -sum_j W_ij sin(theta_i - phi_j), and the vector is (cos, sin) of it."""
    system, scalar = queries(2), spec_of(SCALAR).build()
    anchors = dict(scalar.named_buffers())["anchor.phi"]
    r = dict(system.named_buffers())["anchor.r"]
    with torch.no_grad():
        anchors.copy_(torch.atan2(r[:, 1], r[:, 0]))
    z = points(6, 2)
    theta = torch.atan2(z[:, 1], z[:, 0])
    turn = scalar.rates(0.0, {"unit.theta": theta})["unit.theta"]
    expected = torch.stack([-theta.sin() * turn, theta.cos() * turn], -1)
    numpy.testing.assert_allclose(rate(system, z), expected.numpy(), atol=1e-12)
    times = [0.0, 0.5, 2.0]
    vectors = along(system, z, times, rtol=1e-10)
    angles = solve(scalar, {"unit.theta": theta}, times, rtol=1e-10).states["unit.theta"].numpy()
    flat = numpy.stack([numpy.cos(angles), numpy.sin(angles)], -1)
    numpy.testing.assert_allclose(vectors, flat, atol=1e-6)
