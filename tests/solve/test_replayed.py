"""Gradients of adaptive solves with checkpoints: those of autograd, in less memory."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from dynattn.diagnostics.report import NumericalError, SpecError
from dynattn.lower.module import System
from dynattn.lower.signals import Signal
from dynattn.run.systems import build_for
from dynattn.solve.copies import Copies
from dynattn.solve.failures import Scene
from dynattn.solve.gradients import Gradient
from dynattn.solve.jacobians import linearized
from dynattn.solve.packed import PackedField
from dynattn.solve.packing import packing_of
from dynattn.solve.replayed import NotedRun
from dynattn.solve.solve import solve
from tests.truths.solved import compiled

AUTOGRAD, CHECKPOINTED = Gradient("backpropagation"), Gradient("checkpointed")
PHASES = """model phases
param k = 1.5
population osc[6] { state theta on circle ~ uniform; learn omega ~ normal(0, 2); drift omega }
coupling pull: osc -> osc {
  learn w ~ normal(1, 0.3)
  kernel k * w * sin(theta[j] - theta[i])
}
simulate { t 0 .. 1 }
"""
ROTORS = """model rotors
population r[4] { state x on sphere(3) ~ uniform; learn f ~ normal(0, 1); drift [f, 1, 0] }
coupling c: r -> r { learn k = 1.3; kernel k * x[j] }
simulate { t 0 .. 1 }
"""
GROWTH = """model growth
population p[3] { state x on positive = 0.2; learn g ~ uniform(0.5, 1); drift x: g - x }
population q[2] { state s on simplex(3); learn h ~ normal(0, 1); drift [h, 0, t] }
simulate { t 0 .. 1 }
"""
PULSE = """model pulse
population p[3] { state x on real = 1; learn a = 3; drift -a*x + 4*pulse(t, 0.7, 1.1) }
simulate { t 0 .. 1 }
"""
CASES = {"circle": PHASES, "sphere": ROTORS, "logarithms": GROWTH, "jumps": PULSE}
TIMES = [0.0, 0.31, 0.32, 2.5, 4.0]


def gradients(
    system: System, gradient: Gradient, states: dict[str, Tensor], **options: Any
) -> list[Tensor]:
    """The saved states, and the gradients of a loss of all of them."""
    starts = {name: x.detach().clone().requires_grad_() for name, x in states.items()}
    options = {"method": "tsit5", "rtol": 1e-5} | options
    found = solve(system, starts, TIMES, gradient=gradient, **options).states
    loss = torch.zeros((), dtype=torch.float64)
    for x in found.values():
        weights = torch.linspace(-1, 2, x.numel(), dtype=torch.float64).reshape(x.shape)
        loss = loss + (x.sin() * weights).sum()
    wanted = [*starts.values(), *system.parameters()]
    return [*found.values(), *torch.autograd.grad(loss, wanted, materialize_grads=True)]


def assert_same(found: list[Tensor], expected: list[Tensor]) -> None:
    for one, other in zip(found, expected, strict=True):
        assert (one - other).abs().max() <= 1e-12 * other.abs().max().clamp(min=1)


@pytest.mark.parametrize("name", CASES)
def test_gradients_are_those_of_autograd(name: str) -> None:
    system = compiled(CASES[name]).build()
    states = system.initial_states()
    expected = gradients(system, AUTOGRAD, states)
    assert_same(gradients(system, CHECKPOINTED, states), expected)
    assert all(float(x.detach().abs().max()) > 1e-3 for x in expected)


@pytest.mark.parametrize("backwards", [False, True])
def test_points_of_a_batch_have_their_own_steps(
    backwards: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    speeds = torch.tensor([0.1, 1.0, 9.0], dtype=torch.float64)
    system = build_for(compiled(PHASES), seed=0, values={"k": speeds})
    states = {n: x.expand(3, 6) for n, x in system.initial_states().items()}
    if backwards:
        monkeypatch.setattr("tests.solve.test_replayed.TIMES", TIMES[::-1])
    expected = gradients(system, AUTOGRAD, states, batch=1)
    found = gradients(system, CHECKPOINTED, states, batch=1)
    assert_same(found, expected)


def test_it_keeps_few_states(monkeypatch: pytest.MonkeyPatch) -> None:
    """About as many as steps lie between two; autograd keeps far more."""
    system = compiled(PHASES).build()
    runs: list[NotedRun] = []
    begin = NotedRun.begin

    def watched(run: NotedRun) -> None:
        runs.append(run)
        begin(run)

    monkeypatch.setattr(NotedRun, "begin", watched)
    kept = {}
    for gradient in (AUTOGRAD, CHECKPOINTED):
        sizes: dict[int, int] = {}

        def keep(x: Tensor, sizes: dict[int, int] = sizes) -> Tensor:
            sizes[x.untyped_storage()._cdata] = x.untyped_storage().nbytes()
            return x

        states = {n: x.requires_grad_() for n, x in system.initial_states().items()}
        with torch.autograd.graph.saved_tensors_hooks(keep, lambda x: x):
            solve(system, states, [0.0, 40.0], rtol=1e-7, gradient=gradient)
        kept[gradient.kind] = sum(sizes.values())
    steps, marks = len(runs[0].notes), len(runs[0].marks)
    assert steps > 100 and 0.5 * steps**0.5 < marks < 3 * steps**0.5
    state = sum(mark.y.nbytes + mark.first.nbytes for mark in runs[0].marks)
    assert kept["checkpointed"] + state < 0.05 * kept["backpropagation"]


def test_a_second_way_back_gives_the_same() -> None:
    system = compiled(PHASES).build()
    states = {n: x.requires_grad_() for n, x in system.initial_states().items()}
    end = solve(system, states, TIMES, gradient=CHECKPOINTED).states["osc.theta"].sin().sum()
    first, second = (
        torch.autograd.grad(end, list(system.parameters()), retain_graph=True) for _ in range(2)
    )
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one.numpy(), other.numpy())


def test_a_solve_that_fails_tells_what_it_reached() -> None:
    text = "model blow\npopulation p[1] { state x on real = 1; learn a = 1; drift a*x^2 }"
    system = compiled(text + "\nsimulate { t 0 .. 1 }").build()
    with pytest.raises(NumericalError) as caught:
        solve(system, system.initial_states(), [0.0, 0.5, 2.0], gradient=CHECKPOINTED)
    partial = caught.value.partial
    assert partial is not None and len(partial.times) == 2


def test_what_cannot_be_taken_again_is_refused() -> None:
    system = compiled(PHASES).build()

    def end(x: Tensor) -> Tensor:
        found = solve(system, {"osc.theta": x}, [0.0, 1.0], gradient=CHECKPOINTED)
        return found.states["osc.theta"][-1].sum()

    with pytest.raises(SpecError, match="E363"):
        torch.func.grad(end)(system.initial_states()["osc.theta"])
    with pytest.raises(SpecError, match="E363"):
        torch.autograd.grad(end(system.initial_states()["osc.theta"]), list(system.parameters()),
                            create_graph=True)  # fmt: skip


HEARD = """model heard
input u: signal
population p[3] { state x on real ~ normal(0, 1); learn a ~ normal(1, 0.2); x' = -a*x^3 + 5*u }
simulate { t 0 .. 4 }
"""


def test_signals_are_read_without_looking_at_numbers() -> None:
    system = compiled(HEARD).build()
    times = torch.linspace(0, 4, 9, dtype=torch.float64)
    system.signals = {"u": Signal(times, times.sin())}
    states = system.initial_states()
    fixed = {"method": "rk4", "step": 0.1}
    for options in (fixed, {}):
        expected = gradients(system, AUTOGRAD, states, **options)
        assert_same(gradients(system, CHECKPOINTED, states, **options), expected)


def test_an_implicit_step_knows_the_slope_of_a_signal() -> None:
    system = compiled(HEARD).build()
    times = torch.linspace(0, 4, 9, dtype=torch.float64)
    system.signals = {"u": Signal(times, times.sin())}
    states = system.initial_states()
    y = states["p.x"]
    field = PackedField(Scene(system, packing_of(states, 0), None, None))
    when = torch.tensor(0.7, dtype=torch.float64)
    slope = 5 * (times[2].sin() - times[1].sin()) / 0.5
    for found in (Copies(field).linearized(when, y), linearized(field.rates, when, y)):
        torch.testing.assert_close(found[2], slope.expand(3))
