"""Rodas5P: its order by theory and measured, stiff problems, batches, jumps, gradients."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from scipy.integrate import solve_ivp

from dynattn.diagnostics.report import NumericalError, SpecError
from dynattn.solve import rosenbrock
from dynattn.solve.solve import Solution, solve
from dynattn.vocabulary.rosenbrock import RODAS5P
from tests.solve.systems import Flat, Kuramoto, Rotor, Sphere, TwoStates
from tests.truths.solved import run as simulated

F64 = torch.float64
STAGES = len(RODAS5P.weights)

Tree = tuple["Tree", ...]
"""A rooted tree: its subtrees."""
TREES: dict[int, list[Tree]] = {
    1: [()],
    2: [((),)],
    3: [((), ()), (((),),)],
    4: [((), (), ()), ((), ((),)), (((), ()),), ((((),),),)],
    5: [
        ((), (), (), ()), ((), (), ((),)), ((), ((), ())), ((), (((),),)), (((),), ((),)),
        (((), (), ()),), (((), ((),)),), ((((), ()),),), (((((),),),),),
    ],
}  # fmt: skip


def lower(rows: tuple[tuple[float, ...], ...]) -> np.ndarray:
    found = np.zeros((STAGES, STAGES))
    for i, row in enumerate(rows):
        found[i, : len(row)] = row
    return found


GAMMA = np.linalg.inv(np.eye(STAGES) / RODAS5P.gamma - lower(RODAS5P.mixing))
ALPHA = lower(RODAS5P.stages) @ GAMMA


def elementary(tree: Tree) -> np.ndarray:
    """[stages]: Hairer & Wanner II, IV.7: one child by alpha + gamma, several by alpha."""
    if not tree:
        return np.ones(STAGES)
    matrix = ALPHA + GAMMA if len(tree) == 1 else ALPHA
    return np.prod([matrix @ elementary(child) for child in tree], axis=0)


def nodes(tree: Tree) -> int:
    return 1 + sum(map(nodes, tree))


def density(tree: Tree) -> int:
    return nodes(tree) * math.prod(map(density, tree))


# ── the method ─────────────────────────────────────────────────────────────────────────────────


def test_stages_stand_where_their_nodes_say() -> None:
    np.testing.assert_allclose(ALPHA.sum(1), RODAS5P.nodes, atol=1e-13)
    np.testing.assert_allclose(GAMMA.sum(1), RODAS5P.clock, atol=1e-13)


@pytest.mark.parametrize("order", TREES)
def test_all_order_conditions_hold(order: int) -> None:
    weights = np.array(RODAS5P.weights) @ GAMMA
    for tree in TREES[order]:
        assert nodes(tree) == order
        assert weights @ elementary(tree) == pytest.approx(1 / density(tree), abs=1e-13)


def test_the_error_is_that_of_a_fourth_order_solution() -> None:
    weights = np.array(RODAS5P.error) @ GAMMA
    moments = [abs(weights @ elementary(t)) for k in (1, 2, 3, 4) for t in TREES[k]]
    assert max(moments) < 1e-13
    assert max(abs(weights @ elementary(t)) for t in TREES[5]) > 1e-4


@pytest.mark.parametrize("z", [0.1, 0.5, 0.9, 1.0])
def test_between_the_steps_the_fourth_order_conditions_hold(z: float) -> None:
    weights = np.array(RODAS5P.dense) @ (z ** np.arange(1, 5)) @ GAMMA
    for order in (1, 2, 3, 4):
        for tree in TREES[order]:
            expected = z**order / density(tree)
            assert weights @ elementary(tree) == pytest.approx(expected, abs=1e-12)


def test_it_is_stable_however_stiff() -> None:
    """|R(z)| <= 1 on the imaginary axis, and 0 far away: the state after a step of x' = z x."""
    weights, one = np.array(RODAS5P.weights) @ GAMMA, np.ones(STAGES)

    def after(z: complex) -> complex:
        slopes = np.linalg.solve(np.eye(STAGES) - z * (ALPHA + GAMMA), one)
        return complex(1 + z * (weights @ slopes))

    assert max(abs(after(1j * y)) for y in np.logspace(-2, 4, 200)) <= 1 + 1e-12
    assert abs(after(-1e9)) < 1e-6


def run(rate: Callable, start: object, times: list[float], **keywords: object) -> Solution:
    start = torch.as_tensor(start, dtype=F64)
    options = {"method": "rodas5p", **keywords}
    return solve(Flat(rate), {"p.x": start}, times, **options)  # pyright: ignore


def held(h: float) -> dict[str, float]:
    return {"first_step": h, "max_step": h}


def measured(rate: Callable, exact: Callable, sizes: list[float], part: float) -> float:
    """The order that errors fall with, at steps held at each size; ``part`` of a step on."""
    errors = []
    for h in sizes:
        times = [0.0, *(h * (k + part) for k in range(round(2 / h)) if k + part < 2 / h), 2.0]
        got = run(rate, [exact(0.0)], times, rtol=1e3, options=held(h)).states["p.x"][:, 0]
        errors.append(np.abs(got.numpy() - exact(np.array(times))).max())
    return float(np.polyfit(np.log(sizes), np.log(errors), 1)[0])


def test_order_at_the_steps_and_between_them() -> None:
    """x' = x cos t: the derivative by time counts in every stage."""

    def wave(t, x):
        return x * torch.cos(t)[..., None]

    def exact(t):
        return np.exp(np.sin(t))

    assert 4.7 < measured(wave, exact, [0.2, 0.1, 0.05], 1.0) < 5.6
    assert 4.4 < measured(wave, exact, [0.2, 0.1, 0.05], 0.43) < 5.6


def test_prothero_and_robinson() -> None:
    """x' = -1e6 (x - sin t) + cos t: stiffness leaves an order of at least 3."""

    def near(t, x):
        return -1e6 * (x - torch.sin(t)[..., None]) + torch.cos(t)[..., None]

    assert measured(near, np.sin, [0.2, 0.1, 0.05], 1.0) > 2.9
    got = run(near, [0.0], [0.0, 10.0], rtol=1e-6)
    assert float(got.states["p.x"][-1]) == pytest.approx(math.sin(10), abs=1e-7)
    assert got.statistics["steps"] < 60


# ── stiff problems ─────────────────────────────────────────────────────────────────────────────


def robertson(x):
    a, b, c = x
    first, second, third = 0.04 * a, 1e4 * b * c, 3e7 * b * b
    return second - first, first - second - third, third


def van_der_pol(mu):
    return lambda x: (x[1], mu * (1 - x[0] * x[0]) * x[1] - x[0])


def hires(x):
    """High irradiance response (Schafer 1975), as in Hairer & Wanner II, section IV.10."""
    a, b, c, d, e, f, g, h = x
    both = 280 * f * h
    return (
        -1.71 * a + 0.43 * b + 8.32 * c + 0.0007, 1.71 * a - 8.75 * b,
        -10.03 * c + 0.43 * d + 0.035 * e, 8.32 * b + 1.71 * c - 1.12 * d,
        -1.745 * e + 0.43 * f + 0.43 * g, -both + 0.69 * d + 1.71 * e - 0.43 * f + 0.69 * g,
        both - 1.81 * g, 1.81 * g - both,
    )  # fmt: skip


def field(rate: Callable) -> Callable:
    return lambda t, x: torch.stack(rate(x.unbind(-1)), -1)


def exactly(rate: Callable, start: list[float], times: list[float]) -> np.ndarray:
    found = solve_ivp(
        lambda t, x: rate(x.tolist()), (times[0], times[-1]), start, "LSODA", times,
        rtol=1e-11, atol=1e-14,
    )  # fmt: skip
    return found.y.T


PROBLEMS = {
    "robertson": (robertson, [1.0, 0.0, 0.0], [0.0, 0.4, 40.0, 4000.0]),
    "van der pol": (van_der_pol(1000.0), [2.0, 0.0], [0.0, 200.0, 600.0, 805.0]),
    "hires": (hires, [1.0, 0, 0, 0, 0, 0, 0, 0.0057], [0.0, 50.0, 321.8122]),
}


@pytest.mark.parametrize("name", PROBLEMS)
def test_stiff_problems_agree_with_scipy(name: str) -> None:
    rate, start, times = PROBLEMS[name]
    with torch.inference_mode():
        got = run(field(rate), start, times, rtol=1e-7, atol=1e-12).states["p.x"].numpy()
    np.testing.assert_allclose(got, exactly(rate, start, times), rtol=3e-6, atol=1e-10)


def test_far_fewer_steps_than_an_explicit_method_takes() -> None:
    with torch.inference_mode():
        ours = run(field(van_der_pol(100.0)), [2.0, 0.0], [0.0, 30.0], rtol=1e-5)
        explicit = run(
            field(van_der_pol(100.0)), [2.0, 0.0], [0.0, 30.0], rtol=1e-5, method="tsit5"
        )
    assert explicit.statistics["steps"] > 40 * ours.statistics["steps"]


@pytest.mark.parametrize("rtol", [1e-3, 1e-6])
def test_the_tolerance_is_kept(rtol: float) -> None:
    rate, start, times = PROBLEMS["hires"]
    with torch.inference_mode():
        got = run(field(rate), start, times, rtol=rtol, atol=rtol * 1e-3).states["p.x"].numpy()
    expected = exactly(rate, start, times)
    assert np.abs(got - expected).max() < 30 * rtol * np.abs(expected).max()


# ── batches, directions, jumps, manifolds ──────────────────────────────────────────────────────


def test_each_point_of_a_batch_has_its_own_steps_and_stiffness() -> None:
    mu = torch.tensor([1.0, 30.0, 1000.0], dtype=F64)

    def rate(t, x):
        a, b = x.unbind(-1)
        return torch.stack([b, mu * (1 - a * a) * b - a], -1)

    start, times = torch.tensor([2.0, 0.0], dtype=F64).expand(3, 2), [0.0, 1.0, 5.0]
    with torch.inference_mode():
        together = run(rate, start, times, rtol=1e-7, batch=1).states["p.x"]
        for k in range(3):
            alone = run(field(van_der_pol(float(mu[k]))), start[k], times, rtol=1e-7).states["p.x"]
            torch.testing.assert_close(together[:, k], alone, rtol=1e-9, atol=1e-9)


def test_it_runs_backwards() -> None:
    got = run(lambda t, x: torch.cos(t)[..., None] * x, [math.exp(math.sin(2))], [2.0, 1.0, 0.0])
    expected = np.exp(np.sin([2.0, 1.0, 0.0]))
    np.testing.assert_allclose(got.states["p.x"][:, 0].numpy(), expected, rtol=1e-6)


class Switched(Flat):
    def jumps(self):
        return (0.3,)


def test_steps_end_where_a_rate_jumps() -> None:
    def rate(t, x):
        return -1e4 * (x - torch.where(t < 0.3, 1.0, 3.0)[..., None])

    start = {"p.x": torch.zeros(1, dtype=F64)}
    got = solve(Switched(rate), start, [0.0, 0.3, 0.3001, 1.0], method="rodas5p").states["p.x"]
    expected = [0.0, 1.0, 3 - 2 * math.exp(-1), 3.0]
    np.testing.assert_allclose(got[:, 0].numpy(), expected, atol=1e-5)


@pytest.mark.parametrize("system", [Rotor(), Sphere([0.3, -1.0, 0.5])])
def test_on_the_sphere(system) -> None:
    start = {"p.x": torch.tensor([[1.0, 0.0, 0.0], [0.0, 0.6, 0.8]], dtype=F64)}
    times = [0.0, 0.3, 1.0, 2.5]
    got = solve(system, start, times, method="rodas5p", rtol=1e-8).states["p.x"]
    expected = solve(system, start, times, method="tsit5", rtol=1e-11).states["p.x"]
    torch.testing.assert_close(got, expected, rtol=0, atol=1e-6)
    torch.testing.assert_close(got.norm(dim=-1), torch.ones(4, 2, dtype=F64), rtol=0, atol=1e-12)


def test_several_states() -> None:
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(3, 3, dtype=F64, generator=generator)
    start = {"a.theta": torch.randn(4, dtype=F64, generator=generator),
             "b.x": x / x.norm(dim=-1, keepdim=True)}  # fmt: skip
    found = [
        solve(TwoStates(), start, [0.0, 1.5], method=m, rtol=1e-9).states
        for m in ("rodas5p", "tsit5")
    ]
    for name in start:
        torch.testing.assert_close(found[0][name], found[1][name], rtol=0, atol=1e-6)


# ── gradients ──────────────────────────────────────────────────────────────────────────────────


def test_gradients_of_start_and_parameters() -> None:
    def end(k, start):
        def rate(t, x):
            a, b = x.unbind(-1)
            fall = k[0] * (torch.cos(t) - a)
            return torch.stack([fall + b, a * b - k[1] * b], -1)

        # Steps follow the tolerance: it is small, so that they matter little to differences.
        return run(rate, start, [0.0, 0.1, 0.3], rtol=1e-8).states["p.x"][1:]

    k = torch.tensor([100.0, 2.0], dtype=F64, requires_grad=True)
    start = torch.tensor([0.5, 1.0], dtype=F64, requires_grad=True)
    assert torch.autograd.gradcheck(end, (k, start), eps=1e-5, atol=1e-6, rtol=1e-4)


def test_gradients_point_by_point_where_steps_differ() -> None:
    system = Kuramoto([0.5, -0.5, 0.1], [1.0, 40.0])
    start = {"osc.theta": torch.tensor([0.1, 2.0, -1.0], dtype=F64).expand(2, 3)}
    grads = []
    for method in ("rodas5p", "tsit5"):
        system.zero_grad()
        end = solve(system, start, [0.0, 1.0], method=method, rtol=1e-10, batch=1)
        end.states["osc.theta"][-1].sin().square().sum().backward()
        assert system.K.grad is not None and system.omega.grad is not None
        grads.append(torch.cat([system.K.grad, system.omega.grad]))
    torch.testing.assert_close(grads[0], grads[1], rtol=1e-6, atol=1e-8)


def test_nothing_is_recorded_where_nothing_is_asked_for() -> None:
    system = Kuramoto([0.5, -0.5], 1.0)
    start = {"osc.theta": torch.tensor([0.1, 2.0], dtype=F64)}
    with torch.no_grad():
        assert not solve(system, start, [0.0, 1.0], method="rodas5p").states["osc.theta"].grad_fn


# ── what goes wrong ────────────────────────────────────────────────────────────────────────────


def told(*arguments, **keywords):
    with pytest.raises(SpecError) as caught:
        run(*arguments, **keywords)
    (item,) = caught.value.diagnostics
    return item.code, item.message


def test_a_model_that_runs_away() -> None:
    code, message = told(lambda t, x: x * x, [1.0], [0.0, 2.0])
    assert code == "E603" and message.startswith("no step is small enough at t = 1: p.x of node 0")


def test_a_rate_that_is_no_number() -> None:
    code, message = told(lambda t, x: (0.5 - x).sqrt(), [1.0, 0.2], [0.0, 2.0])
    assert (code, message) == ("E603", "the rate of p.x of node 0 is not a number at t = 0")


def test_a_rate_without_a_derivative() -> None:
    code, message = told(lambda t, x: x.sqrt() + 1, [0.0], [0.0, 2.0])
    assert code == "E603"
    assert message == (
        "the rate of p.x of node 0 has no finite derivative by p.x of node 0 at t = 0"
    )


def test_a_jacobian_too_large_is_refused_before_it_is_made() -> None:
    code, message = told(lambda t, x: -x, torch.zeros(3, 20_000), [0.0, 1.0], batch=1)
    assert code == "E632"
    assert message == (
        "an implicit step solves with a Jacobian of 20,000 x 20,000 numbers at each of 3 points, "
        "8.94 GiB; 1 GiB is the most"
    )
    assert rosenbrock.MOST == 2**30


def test_it_takes_no_step() -> None:
    code, message = told(lambda t, x: -x, [1.0], [0.0, 1.0], step=0.1)
    assert code == "E606" and "chooses its own steps" in message


def test_too_many_steps() -> None:
    with pytest.raises(NumericalError, match="took 5 steps"):
        run(field(van_der_pol(1000.0)), [2.0, 0.0], [0.0, 2000.0], max_steps=5)


# ── specs ──────────────────────────────────────────────────────────────────────────────────────

LASERS = """
model lasers
population z[3] {
  state a on complex ~ normal(0, 1)
  state n on positive ~ uniform(0.5, 1.5)
  a' = (n - 1) * a + 0.3i * a + pull
  n' = 50 * (1.5 - n - abs(a)^2 * n)
}
coupling pull: z -> z.a over everyone(3) { kernel 0.1 * (a[j] - a[i]); normalize size }
simulate { t 0 .. 1 every 0.5; method METHOD; rtol 1e-8 }
"""


def test_complex_numbers_beside_logarithms() -> None:
    found = [simulated(LASERS.replace("METHOD", m)) for m in ("rodas5p", "tsit5")]
    for name in ("z.a", "z.n"):
        np.testing.assert_allclose(found[0][name], found[1][name], atol=1e-7)
