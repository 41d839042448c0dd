"""What solvers do in silence, and must not: each case was seen to happen."""

from __future__ import annotations

import math
import warnings
from types import SimpleNamespace

import pytest
import torch

from dynattn.diagnostics.report import NumericalError, Source, Span, SpecError
from dynattn.solve.solve import solve
from tests.solve.systems import Flat, Kuramoto, Sphere

F64 = torch.float64
DECAY = Flat(lambda t, y: -y)
ONE = {"p.x": torch.ones(1, dtype=F64)}


def told(error, **keywords):
    system = keywords.pop("system", DECAY)
    states = keywords.pop("states", ONE)
    times = keywords.pop("times", [0.0, 1.0])
    with pytest.raises(error) as caught:
        solve(system, states, times, **keywords)
    (item,) = caught.value.diagnostics
    return item


@pytest.mark.parametrize("method", ["rk4", "torchdiffeq.rk4", "midpoint", "implicit_adams"])
def test_fixed_step_method_does_not_take_the_saved_times_for_steps(method):
    item = told(SpecError, times=[0.0, 10.0], method=method)
    assert (item.code, item.message) == (
        "E602", f"the method '{method}' takes steps of fixed size, and no step is given",
    )  # fmt: skip
    got = solve(DECAY, ONE, [0.0, 10.0], method=method, step=0.05).states["p.x"][-1]
    assert abs(float(got) - math.exp(-10)) < 1e-6


@pytest.mark.parametrize("method", ["torchdiffeq.rk4", "implicit_adams", "explicit_adams"])
def test_saved_times_between_the_steps_are_as_exact(method):
    """The library interpolates linearly between its steps; 0.37 is not a multiple of 0.1."""
    times = torch.tensor([0.0, 0.37, 1.0, 1.11], dtype=F64)
    got = solve(DECAY, ONE, times, method=method, step=0.02).states["p.x"][:, 0]
    assert (got - torch.exp(-times)).abs().max() < 1e-6


def test_dense_times_of_dopri8_are_as_exact_as_its_steps():
    times = torch.linspace(0, 8, 41, dtype=F64)
    got = solve(DECAY, ONE, times, method="dopri8", rtol=1e-10).states["p.x"][:, 0]
    assert (got - torch.exp(-times)).abs().max() < 1e-9


def test_explicit_adams_is_stable_at_an_ordinary_step():
    h = [0.0, 0.0, 1.5]
    x = {"p.x": torch.tensor([[0.6, 0.0, -0.8]], dtype=F64)}
    got = solve(Sphere(h), x, [0.0, 20.0], method="explicit_adams", step=0.02).states["p.x"][-1, 0]
    assert (got - torch.tensor([0.0, 0.0, 1.0], dtype=F64)).abs().max() < 1e-9


def test_misspelt_option():
    item = told(SpecError, method="dopri5", options={"firststep": 0.1})
    assert (item.code, item.message, item.fix) == (
        "E605", "the method 'dopri5' has no option 'firststep'", "did you mean 'first_step'?",
    )  # fmt: skip
    item = told(SpecError, method="rk4", step=0.1, options={"zzz": 1})
    assert (item.code, item.message, item.fix) == (
        "E605", "the method 'rk4' has no option 'zzz'", "its options are: none",
    )  # fmt: skip


@pytest.mark.parametrize("times", [[0.0, 0.0, 1.0], [0.0, 1.0, 0.5], [0.0, float("nan")]])
def test_times_that_do_not_run_one_way(times):
    item = told(SpecError, times=times)
    assert (item.code, item.message) == (
        "E606", "the times do not run strictly forwards (or backwards)",
    )  # fmt: skip
    assert item.fix == "leave out repeated and missing times"


def test_times_that_are_no_list():
    item = told(SpecError, times=torch.zeros(2, 2))
    assert (item.code, item.message) == ("E606", "the times must be a list of numbers")


def test_whole_numbers_are_times_too():
    got = solve(DECAY, ONE, torch.arange(3))
    assert got.times.dtype == F64
    assert float(got.states["p.x"][-1]) == pytest.approx(math.exp(-2), abs=1e-5)


def test_tolerances_are_positive():
    item = told(SpecError, rtol=0.0)
    assert (item.code, item.message) == ("E606", "the tolerance rtol is 0")
    item = told(SpecError, atol=-1.0)
    assert (item.code, item.message) == ("E606", "the tolerance atol is -1")


def test_one_time_is_the_start():
    got = solve(DECAY, ONE, [3.0])
    assert got.states["p.x"].tolist() == [[1.0]]
    assert got.statistics["evaluations"] == 0


RUNAWAY = Flat(lambda t, x: x**2)
START = {"p.x": torch.tensor([0.1, 1.0, 0.2], dtype=F64)}


def test_runaway_with_an_adaptive_method():
    item = told(NumericalError, system=RUNAWAY, states=START, times=[0.0, 5.0])
    assert item.code == "E603"
    assert item.message.startswith("no step is small enough at t = 1: p.x of node 1 is ")
    assert (
        item.fix
        == "the model runs away in finite time, or jumps; end before that, or bound the rate"
    )


@pytest.mark.parametrize("method", ["rk4", "torchdiffeq.rk4", "heun"])
def test_runaway_with_a_fixed_step(method):
    item = told(
        NumericalError,
        system=RUNAWAY,
        states=START,
        times=[0.0, 0.5, 2.0, 3.0],
        method=method,
        step=0.05,
    )
    assert item.code == "E603"
    # our own methods take the steps once more, and tell which one it is
    when = {"rk4": "t = 1.1 and t = 1.15", "heun": "t = 1.2 and t = 1.25"}
    assert item.message in {
        f"p.x of node 1 became {value} between {when.get(method, 't = 0.5 and t = 2')}"
        for value in ("not a number", "infinite")
    }


def test_not_a_number_is_not_called_underflow():
    system = Flat(lambda t, x: torch.sqrt(1 - 2 * t) * torch.ones_like(x))
    item = told(NumericalError, system=system, states=START)
    assert item.code == "E603"
    assert item.message.startswith(
        ("the rate of p.x of node 0 is not a number at t = 0.", "no step")
    )
    item = told(
        NumericalError, system=Flat(lambda t, x: x / 0), states={"p.x": torch.zeros(2, dtype=F64)}
    )
    assert item.message == "the rate of p.x of node 0 is not a number at t = 0"
    assert item.fix == "look for a division by 0, or a root or logarithm of a negative number"


def test_the_batch_point_and_the_line_are_named():
    span = Span(Source("a.dyn", "model a\ndrift x^2"), 2, 7, 2, 10)

    class Traced(Flat):
        def trace_nan(self, t, states):
            return SimpleNamespace(span=span)

    states = {"p.x": torch.tensor([[0.1, 0.1], [0.2, 1.0]], dtype=F64)}
    item = told(
        NumericalError, system=Traced(lambda t, x: x**2), states=states, times=[0.0, 2.0], batch=1,
        describe=lambda point: f"K = {point[0]}",
    )  # fmt: skip
    assert "p.x of node 1 (K = 1) is" in item.message
    assert item.span is span


def test_step_limit():
    system = Flat(lambda t, x: torch.cos(1e4 * t) * torch.ones_like(x))
    item = told(NumericalError, system=system, times=[0.0, 100.0], max_steps=50)
    assert item.code == "E604"
    assert item.message.startswith("the method 'tsit5' took 50 steps and has only come to t = ")
    assert item.fix == (
        "ask for less accuracy (a larger rtol), a shorter time, or a fixed-step method with 'step'"
    )


def test_step_limit_counts_over_all_saved_times():
    system = Flat(lambda t, x: torch.cos(100 * t) * torch.ones_like(x))
    times = torch.linspace(0, 10, 101, dtype=F64)
    item = told(NumericalError, system=system, times=times, max_steps=40)
    assert item.code == "E604"


def test_step_limit_of_scipy():
    system = Flat(lambda t, x: torch.cos(1e4 * t) * torch.ones_like(x))
    item = told(
        NumericalError, system=system, times=[0.0, 100.0], method="scipy_solver", max_steps=20
    )
    assert item.code == "E604"


def test_runaway_with_scipy():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        item = told(
            NumericalError,
            system=RUNAWAY,
            states=START,
            times=[0.0, 0.5, 5.0],
            method="scipy_solver",
        )
    assert item.code in ("E603", "E604")


def test_scipy_does_not_lose_gradients_in_silence():
    theta = {"osc.theta": torch.zeros(3, dtype=F64)}
    item = told(
        SpecError, system=Kuramoto(torch.zeros(3), 1.0), states=theta, method="scipy_solver"
    )
    assert (item.code, item.message, item.fix) == (
        "E611", "the method 'scipy_solver' gives no gradients",
        "solve under torch.no_grad(), or use 'method tsit5'",
    )  # fmt: skip


def test_implicit_method_that_does_not_converge():
    system = Flat(lambda t, x: -400 * (x - torch.cos(t)))
    item = told(NumericalError, system=system, method="implicit_adams", step=0.02, rtol=1e-9)
    assert item.code in ("E603", "E604")


def test_a_hard_point_is_not_diluted_by_its_company():
    """One fast point among 64 still ones: its error stays within what it has alone."""
    rates = torch.zeros(64, dtype=F64)
    rates[7] = 30.0
    system = Flat(lambda t, x: torch.stack([rates * x[..., 1], -rates * x[..., 0]], -1))
    states = {"p.x": torch.tensor([1.0, 0.0], dtype=F64).repeat(64, 1)}
    got = solve(system, states, [0.0, 2.0], batch=1, rtol=1e-7).states["p.x"][-1, 7]
    fast = Flat(lambda t, x: 30.0 * torch.stack([x[..., 1], -x[..., 0]], -1))
    alone = solve(fast, {"p.x": states["p.x"][7]}, [0.0, 2.0], rtol=1e-7).states["p.x"][-1]
    exact = torch.tensor([math.cos(60.0), -math.sin(60.0)], dtype=F64)
    assert (got - exact).norm() < 1.5 * (alone - exact).norm() + 1e-9


def test_steps_and_evaluations_are_counted():
    own = solve(DECAY, ONE, [0.0, 1.0, 2.5], method="rk4", step=0.25).statistics
    assert (own["steps"], own["evaluations"], own["library"]) == (10, 40, "own")
    theirs = solve(DECAY, ONE, [0.0, 1.0, 2.5], method="torchdiffeq.rk4", step=0.25).statistics
    assert (theirs["steps"], theirs["library"]) == (10, "torchdiffeq")
    adaptive = solve(DECAY, ONE, [0.0, 1.0, 2.5]).statistics
    assert adaptive["evaluations"] >= 6 * adaptive["steps"] > 0


def test_progress_ends_at_one():
    for method in ("dopri5", "tsit5", "rk4", "midpoint", "scipy_solver"):
        step = 0.1 if method in ("rk4", "midpoint") else None
        seen: list[float] = []
        solve(DECAY, ONE, [0.0, 0.5, 1.0], method=method, step=step, progress=seen.append)
        assert seen[-1] == 1.0
        assert all(0 <= x <= 1 for x in seen)


def test_same_numbers_every_time():
    system = Kuramoto(torch.linspace(-1, 1, 9), 1.5).requires_grad_(False)
    states = {"osc.theta": torch.linspace(-3, 3, 9, dtype=F64)}
    first, second = (solve(system, states, [0.0, 3.0]).states["osc.theta"] for _ in range(2))
    assert torch.equal(first, second)
