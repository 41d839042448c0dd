"""simulate: numbers against closed forms and an independent solver, labels, errors."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from dynattn.diagnostics.report import NumericalError, SpecError, UsageError
from dynattn.model.composition import Dim
from dynattn.model.plans import Simulation
from dynattn.run.clock import check_experiment, saved_times
from dynattn.run.experiment import find_experiment, run_experiment
from dynattn.run.simulate import Trajectory, simulate
from tests.run.specs import RUNAWAY, SPHERE, compiled, kuramoto


def run(compilation, name=None, **options) -> Trajectory:
    got = run_experiment(compilation, name, **options)
    assert isinstance(got, Trajectory)
    return got


def told(error, text, name=None, **overrides):
    with pytest.raises(error) as caught:
        run_experiment(compiled(text, **overrides), name)
    (item,) = caught.value.diagnostics
    return item


def test_kuramoto_on_a_graph_against_an_independent_solver():
    from scipy.integrate import solve_ivp

    compilation = kuramoto()
    got = run(compilation)
    edges = compilation.network.connections["pull"]
    adjacency = np.zeros((12, 12))
    adjacency[edges.receivers, edges.senders] = 1
    omega = dict(compilation.build().named_buffers())["osc.omega"].numpy()

    def rate(t, theta):
        return omega + (adjacency * np.sin(theta - theta[:, None])).sum(1) / adjacency.sum(1)

    start = got["osc.theta"][0]
    other = solve_ivp(rate, (0, 5), start, "DOP853", got.times, rtol=1e-12, atol=1e-12).y.T
    assert np.abs(got["osc.theta"] - other).max() < 1e-6
    assert got["r"] == pytest.approx(np.abs(np.exp(1j * got["osc.theta"]).mean(1)))
    assert got["w"] == pytest.approx(np.cos(got.times) * got["r"])


def test_two_points_on_the_sphere():
    """x1' = x2 - <x1, x2> x1 and the same for x2: tan(phi/2) decays as exp(-2 t)."""
    got = run(compiled(SPHERE))
    x = got["p.x"]
    assert np.abs(np.linalg.norm(x, axis=-1) - 1).max() < 1e-12
    phi = np.arccos((x[:, 0] * x[:, 1]).sum(-1))
    exact = 2 * np.arctan(math.tan(phi[0] / 2) * np.exp(-2 * got.times))
    assert phi == pytest.approx(exact, abs=1e-6)


def test_what_a_trajectory_tells():
    got = run(kuramoto(), seed=3)
    assert got["osc.theta"].shape == (11, 12)
    assert got.labelled.variables["osc.theta"].axes == ("time", "osc")
    assert set(got.observables) == {"r", "w"}
    assert set(got.states) == {"osc.theta"}
    assert (got.seed, got.status, got.name) == (3, "finished", "simulate")
    assert got.settings["method"] == "tsit5"
    assert got.settings["t"] == [0, 5]
    assert {"python", "torch", "numpy", "torchdiffeq"} <= set(got.versions)
    assert got.statistics["evaluations"] > 0
    assert got.axes["osc"].tolist() == list(range(12))
    with pytest.raises(
        KeyError, match=r"there is no 'q'; there are osc\.theta, r, w|there are r, w"
    ):
        got["q"]


def test_the_seed_determines_the_numbers():
    first, same, other = (run_experiment(kuramoto(), seed=s) for s in (1, 1, 2))
    assert np.array_equal(first["osc.theta"], same["osc.theta"])
    assert not np.array_equal(first["osc.theta"], other["osc.theta"])


def test_the_order_of_experiments_changes_nothing():
    compilation = kuramoto()
    before = run_experiment(compilation)["osc.theta"]
    run_experiment(compilation, "line")
    assert np.array_equal(run_experiment(compilation)["osc.theta"], before)


@pytest.mark.parametrize(
    "method", ["rk4; step 0.02", "tsit5; step 0.05", "scipy_solver", "midpoint; step 0.01"]
)
def test_every_family_of_methods_agrees(method):
    text = SPHERE.replace("rtol 1e-9", f"method {method}")
    got, reference = run_experiment(compiled(text)), run_experiment(compiled(SPHERE))
    assert np.abs(got["p.x"] - reference["p.x"]).max() < 1e-4


def test_records_instead_of_everything():
    text = SPHERE.replace("rtol 1e-9", "record r, final(r), average(r) after 1")
    got = run(compiled(text))
    assert not got.states
    assert got["r"].shape == (7,)
    assert got["final(r)"] == got["r"][-1]
    late = got["r"][2:]
    assert got["average(r) after 1"] == pytest.approx(((late[1:] + late[:-1]) / 2).mean())


def test_pieces_are_the_whole(monkeypatch):
    """A solve too large for memory goes piece by piece, with the same result."""
    from dynattn.run import recording

    text = SPHERE.replace(
        "rtol 1e-9", "method rk4; step 0.1; record r, final(x), average(r) after 1"
    )
    whole = run_experiment(compiled(text))
    monkeypatch.setattr(recording, "MEMORY", 13)
    monkeypatch.setattr(recording, "BLOCK", 1)
    pieces = run_experiment(compiled(text))
    for name in ("r", "final(x)", "average(r) after 1"):
        assert pieces[name] == pytest.approx(whole[name], abs=1e-12)
    assert pieces.statistics["steps"] == whole.statistics["steps"]


def test_saved_times():
    span = kuramoto().model.simulations[0].span
    assert saved_times(Simulation("a", span, 0, 1, 0.25)).tolist() == [0, 0.25, 0.5, 0.75, 1]
    assert saved_times(Simulation("a", span, 0, 1, 0.4)).tolist() == [0, 0.4, 0.8, 1]
    assert saved_times(Simulation("a", span, 0, 1, 0.1))[-1] == 1
    assert len(saved_times(Simulation("a", span, 0, 1, 0.1))) == 11
    assert len(saved_times(Simulation("a", span, 0, 1))) == 201


def test_progress_runs_to_the_end():
    seen: list[float] = []
    run_experiment(kuramoto(), progress=seen.append)
    assert seen == sorted(seen)
    assert seen[-1] == pytest.approx(1)


def test_runaway_names_the_node_and_the_time():
    item = told(NumericalError, RUNAWAY)
    assert item.code == "E603"
    assert item.message.startswith("no step is small enough at t = 1: p.x of node 0 is ")
    assert item.span is not None


def test_fixed_step_method_without_step():
    item = told(SpecError, RUNAWAY.replace("every 0.5", "every 0.5; method rk4", 1))
    assert (item.code, item.message) == (
        "E602", "the method 'rk4' takes steps of fixed size, and no step is given",
    )  # fmt: skip
    assert item.span is not None
    assert item.span.line == 9


def test_average_after_the_end():
    item = told(SpecError, SPHERE.replace("rtol 1e-9", "record average(r) after 7"))
    assert (item.code, item.message, item.fix) == (
        "E606",
        "'average(r) after 7' begins at 7, and time ends at 3",
        "write a time before 3, or let t run longer",
    )


def test_unknown_experiment():
    model = kuramoto().model
    with pytest.raises(UsageError) as caught:
        find_experiment(model, "transtion")
    (item,) = caught.value.diagnostics
    assert (item.code, item.message, item.fix) == (
        "E706", "the model 'small' has no experiment 'transtion'", "did you mean 'transition'?",
    )  # fmt: skip
    with pytest.raises(UsageError) as caught:
        find_experiment(compiled(SPHERE).model, "zzz")
    (item,) = caught.value.diagnostics
    assert item.fix == "there is simulate"


def test_no_experiment_at_all():
    text = SPHERE[: SPHERE.index("simulate")]
    item = told(UsageError, text)
    assert (item.code, item.message, item.fix) == (
        "E706",
        "the model 'sphere_pair' has no experiment",
        "add one to the spec: simulate { t 0 .. 100 every 0.1 }",
    )


def refused(model):
    with pytest.raises(SpecError) as caught:
        check_experiment(model, model.simulations[0])
    (item,) = caught.value.diagnostics
    return item.code, item.message, item.fix


def test_nothing_to_run():
    model = kuramoto().model
    assert refused(replace(model, laws=())) == (
        "E608",
        "the model 'small' has no law outside its layers, so nothing evolves in time",
        "train it with 'dynattn compile SPEC --train', or give a population a drift",
    )
    dims = (Dim("T", 5, model.simulations[0].span),)
    assert refused(replace(model, dims=dims)) == (
        "E608", "the dim 'T' has no value in a simulation", "make it a param",
    )  # fmt: skip


def test_checking_an_experiment_loads_no_torch():
    import subprocess
    import sys

    code = (
        "import sys; from tests.run.specs import kuramoto; from dynattn.run.clock import *;"
        "m = kuramoto().model; [check_experiment(m, s) for s in m.simulations];"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_simulate_takes_a_simulation():
    compilation = kuramoto(K=3.0)
    got = simulate(compilation, compilation.model.simulations[0])
    assert got.settings["overrides"] == {"K": 3.0}


def test_a_number_lost_names_the_line_of_the_spec():
    text = RUNAWAY.replace("drift a * x^2", "drift sqrt(0 - x)")
    item = told(NumericalError, text)
    assert (item.code, item.message) == (
        "E603",
        "the rate of p.x of node 0 is not a number at t = 0",
    )
    assert item.span is not None
    assert item.span.line == 6


# The first forward-mode derivative makes torch load decompositions by its own deprecated route.
@pytest.mark.filterwarnings("ignore:.*torch.jit.script.*:DeprecationWarning")
def test_the_module_of_a_spec_goes_through_vmap_and_jacfwd():
    import torch

    from dynattn.solve.fixed import integrate

    system = kuramoto().build()

    def final(theta):
        got = integrate(system, {"osc.theta": theta}, (0.0, 1.0), method="rk4", step=0.1)
        return got["osc.theta"][-1]

    theta = system.initial_states()["osc.theta"]
    unit = 1e-6 * torch.eye(12, dtype=theta.dtype)
    expected = (torch.func.vmap(final)(theta + unit) - torch.func.vmap(final)(theta - unit)) / 2e-6
    assert (torch.func.jacrev(final)(theta) - expected.T).abs().max() < 1e-8
    assert (torch.func.jacfwd(final)(theta) - expected.T).abs().max() < 1e-8


def test_an_observable_of_nodes_may_mention_the_time():
    text = """
    model m
    population p[3] { state x on real = index; drift 1 }
    observe y = mean(x * cos(t))
    observe z = x * cos(t)
    simulate { t 0 .. 2 every 0.5 }
    """
    found = run(compiled(text))
    cosines = np.cos(found.times)
    assert found["z"] == pytest.approx((np.arange(3) + found.times[:, None]) * cosines[:, None])
    assert found["y"] == pytest.approx((1 + found.times) * cosines)
