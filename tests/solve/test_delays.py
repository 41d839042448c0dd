"""Delays that no step or method fits: the texts a user reads, and what the steps end at."""

from __future__ import annotations

import pytest
import torch

from dynattn.compilation import Compilation
from dynattn.diagnostics.report import Diagnostic, NumericalError, Source, SpecError
from dynattn.lower.past import at_rest
from dynattn.run.experiment import run_experiment
from dynattn.run.simulate import Trajectory
from dynattn.solve.delays import kinks
from dynattn.solve.fixed import integrate
from dynattn.solve.solve import solve

LATE = """
model late
param N = 4, tau = {tau}
population p[N] {{ state x on real = 1; param lag ~ uniform(-1, 1); drift -x }}
coupling c: p -> p over {graph} {{ kernel x[j]; delay {delay} }}
{experiment}
"""


def compiled(
    delay: str = "tau", tau: float = 0.5, graph: str = "ring(N, reach=1)",
    experiment: str = "simulate { t 0 .. 1 every 0.5; method rk4; step 0.1 }",
) -> Compilation:  # fmt: skip
    text = LATE.format(delay=delay, tau=tau, graph=graph, experiment=experiment)
    return Compilation(Source("late.dyn", text))


def refused(compilation: Compilation) -> Diagnostic:
    with pytest.raises(SpecError) as caught:
        run_experiment(compilation)
    (only,) = caught.value.diagnostics
    assert only.span is not None
    return only


def test_delays_need_the_own_methods() -> None:
    for method in ("midpoint; step 0.1", "dopri5"):
        experiment = f"simulate {{ t 0 .. 1 every 0.5; method {method} }}"
        found = refused(compiled(experiment=experiment))
        assert (found.code, found.message) == (
            "E616", f"the method '{method.split(';')[0]}' takes no delays, and 'c' has one",
        )  # fmt: skip
        fix = "leave 'method' out for adaptive steps, or write 'method rk4; step 0.01'"
        assert found.fix == fix


def test_a_step_is_no_longer_than_the_smallest_delay() -> None:
    found = refused(compiled(tau=0.0345))
    assert found.code == "E617"
    assert found.message == (
        "the delay of coupling 'c' is 0.0345: steps of 0.1 are longer, and what is not yet known "
        "cannot be read"
    )
    assert found.fix == "write 'step 0.034', or make the delay 0"
    run_experiment(compiled(tau=0.1))


def test_a_delay_of_an_edge_from_the_future_is_named() -> None:
    found = refused(compiled(delay="lag[j]"))
    assert found.code == "E617"
    assert found.fix == "let every delay be 0 or more"
    lag = dict(compiled(delay="lag[j]").build().named_buffers())["p.lag"]
    sender = next(j for i in range(4) for j in sorted([(i - 1) % 4, (i + 1) % 4]) if lag[j] < 0)
    assert f"from node {sender} to node" in found.message
    assert f"is {float(lag[sender]):g}: a delay is a number from 0 on" in found.message
    pairs = refused(compiled(delay="lag[i]", graph="everyone(N)"))
    receiver = int((lag < 0).nonzero()[0])
    assert f"from node 0 to node {receiver} is" in pairs.message


def test_a_point_of_a_sweep_is_named() -> None:
    experiment = "sweep s { t 0 .. 1 every 0.5; method rk4; step 0.1; tau = [0, 0.05] }"
    assert "is 0.05 (tau = 0.05, repeat 0): steps of" in refused(
        compiled(experiment=experiment)
    ).message  # fmt: skip


def test_maps_know_whole_updates() -> None:
    text = """
model m
population p[2] { state h on real = 0.2; h <- h + 0.1 * c }
coupling c: p -> p { kernel h[j]; delay 1.5 }
simulate { steps 5 }
"""
    found = refused(Compilation(Source("map.dyn", text)))
    assert found.message.endswith("'p.h' is a map, which knows whole updates alone")
    assert found.fix == "let every delay be a whole number"


def test_time_runs_forwards_where_there_are_delays() -> None:
    system = compiled().build()
    with pytest.raises(SpecError, match="time runs backwards"):
        solve(system, system.initial_states(), [1.0, 0.0], method="rk4", step=0.1)


def test_the_field_alone_asks_for_the_past() -> None:
    system = compiled().build()
    states = {"p.x": torch.arange(4.0, dtype=torch.float64)}
    with pytest.raises(TypeError, match="give rates the past"):
        system.rates(0.0, states)
    still = system.rates(0.0, states, at_rest(system, states))["p.x"]
    assert still.tolist() == [4.0, 1.0, 2.0, -1.0]
    with pytest.raises(ValueError, match="integrated by solve"):
        integrate(system, states, [0.0, 1.0], method="rk4", step=0.1)


def test_steps_end_where_derivatives_jump() -> None:
    assert kinks([0.5, 0.2], [0.0], 1.0, 2) == (0.2, 0.4, 0.5, 0.7)
    assert kinks([0.0, 0.3], [0.0, 0.1], 0.5, 1) == (0.3, 0.4)
    assert kinks([0.1 * k for k in range(1, 300)], [0.0], 100.0, 2) == ()


def test_a_graph_without_edges_has_no_past() -> None:
    found = run_experiment(compiled(delay="lag[j]", graph="gnp_random_graph(n=N, p=0)"))
    assert isinstance(found, Trajectory)
    assert found["p.x"][-1].tolist() == pytest.approx([0.36787944] * 4, rel=1e-6)


def test_a_state_that_is_lost_is_named() -> None:
    text = """
model m
population p[2] { state x on real = 1; drift x^3 }
coupling c: p -> p { kernel x[j]; delay 0.5 }
simulate { t 0 .. 5; method euler; step 0.25 }
"""
    with pytest.raises(NumericalError, match="node 0 became"):
        run_experiment(Compilation(Source("lost.dyn", text)))
