"""sweep: every point is the simulation of that point; labels, draws, parts, interruption."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dynattn.diagnostics.report import NumericalError, SpecError
from dynattn.model.plans import Simulation
from dynattn.run import collection, systems
from dynattn.run.experiment import find_experiment, run_experiment
from dynattn.run.simulate import simulate
from dynattn.run.sweep import Sweep, sweep
from dynattn.run.systems import build_for, is_structural, points_at_once
from tests.run.specs import KURAMOTO, RUNAWAY, compiled, kuramoto

AVERAGE = "average(r) after 2"


def test_axes_and_labels():
    got = run_experiment(kuramoto(), "transition")
    assert isinstance(got, Sweep)
    assert got[AVERAGE].shape == (5, 3)
    assert got.labelled.variables[AVERAGE].axes == ("K", "repeat")
    assert got.axes["K"].tolist() == [0, 0.5, 1, 1.5, 2]
    assert got.axes["repeat"].tolist() == [0, 1, 2]
    assert got.status == "finished"
    assert got.done.all()
    assert np.isfinite(got[AVERAGE]).all()
    assert got.statistics["points"] == 15


def test_a_point_is_the_simulation_of_that_point():
    got = run_experiment(kuramoto(), "line")
    assert got["r"].shape == (2, 11)
    assert got["final(theta)"].shape == (2, 12)
    assert got.labelled.variables["final(theta)"].axes == ("K", "osc")
    for k, K in enumerate((0.5, 1.5)):
        alone = run_experiment(kuramoto(K=K))
        assert got["r"][k] == pytest.approx(alone["r"], abs=1e-6)
        assert got["final(theta)"][k] == pytest.approx(alone["osc.theta"][-1], abs=1e-6)


def test_points_share_draws_and_repeats_do_not():
    compilation = kuramoto()
    systems = [build_for(compilation, seed=0, repeat=r) for r in (0, 1)]
    first, second = (system.initial_states()["osc.theta"].numpy() for system in systems)
    assert not np.array_equal(first, second)
    got = run_experiment(kuramoto(), "transition")[AVERAGE]
    assert len(np.unique(got[2])) == 3


def test_a_graph_with_its_own_seed_is_the_same_for_all_repeats():
    def edges(compilation, repeat):
        found = build_for(compilation, seed=0, repeat=repeat).network.connections["pull"]
        assert found.receivers is not None
        assert found.senders is not None
        return [found.receivers.tolist(), found.senders.tolist()]

    assert edges(kuramoto(), 0) == edges(kuramoto(), 1)
    assert edges(kuramoto(seed=""), 0) != edges(kuramoto(seed=""), 1)


def test_same_seed_same_numbers():
    first, same = (run_experiment(kuramoto(seed=""), "transition")[AVERAGE] for _ in range(2))
    other = run_experiment(kuramoto(seed=""), "transition", seed=5)[AVERAGE]
    assert np.array_equal(first, same)
    assert not np.array_equal(first, other)


def test_parts_do_not_change_the_result(monkeypatch):
    whole = run_experiment(kuramoto(), "transition")[AVERAGE]
    monkeypatch.setattr(systems, "MOST", 2)
    assert run_experiment(kuramoto(), "transition")[AVERAGE] == pytest.approx(whole, abs=1e-6)


def test_more_points_side_by_side_where_they_are_small():
    few, many = (points_at_once(kuramoto(N=n)) for n in (5000, 100))
    assert (few, many) == (32, 2**15 // 100)


def test_jacobians_of_points_side_by_side_fit():
    few, many = (points_at_once(kuramoto(N=n), "rodas5p") for n in (4000, 100))
    assert (few, many) == (2, 2**15 // 100)


def test_a_size_is_swept_by_compiling_anew():
    got = run_experiment(kuramoto(), "sizes")
    assert got["final(r)"].shape == (2, 2)
    for i, N in enumerate((8, 12)):
        for k, K in enumerate((0.5, 1.0)):
            alone = run_experiment(kuramoto(N=N, K=K))
            assert got["final(r)"][i, k] == pytest.approx(alone["r"][-1], abs=1e-6)


def test_values_per_node_of_different_sizes_fit_no_array():
    with pytest.raises(SpecError) as caught:
        run_experiment(kuramoto(), "nodes")
    (item,) = caught.value.diagnostics
    assert (item.code, item.message, item.fix) == (
        "E612",
        "'final(theta)' has another shape for each N, so it fits into no array",
        "record a mean or an order over the nodes",
    )


def test_repeats_alone():
    got = run_experiment(kuramoto(), "everything")
    assert isinstance(got, Sweep) and got["r"].shape == (2, 11)
    assert got.labelled.variables["r"].axes == ("repeat", "time")
    assert got.times.tolist() == pytest.approx(np.arange(0, 5.1, 0.5))
    assert got["r"][0] == pytest.approx(run_experiment(kuramoto())["r"], abs=1e-12)


def test_what_is_structural():
    compilation = kuramoto()
    assert is_structural(compilation, "N", (8.0, 12.0))
    assert not is_structural(compilation, "K", (0.0, 2.0))
    whole = compiled(KURAMOTO.format(seed="").replace("param K = 1.0", "param K = 1"))
    assert not is_structural(whole, "K", (0.0, 2.0))
    in_graph = compiled(KURAMOTO.format(seed="").replace("p=0.3", "p=K/10"))
    assert is_structural(in_graph, "K", (0.0, 2.0))


def test_a_parameter_of_a_graph_is_swept_by_compiling_anew():
    text = KURAMOTO.format(seed=", seed=4").replace("p=0.3", "p=K/10")
    got = run_experiment(compiled(text), "line")
    alone = run_experiment(compiled(text, K=1.5))
    assert got["r"][1] == pytest.approx(alone["r"], abs=1e-6)


def test_a_node_parameter_is_swept():
    text = KURAMOTO.format(seed="").replace("param omega ~ normal(0, 0.5)", "param omega = 0.5")
    compilation = compiled(text)
    line = find_experiment(compilation.model, "line")
    assert isinstance(line, Simulation)
    got = sweep(compilation, replace(line, settings=(("osc.omega", (0.5, 1.5)),)))
    turned = got["final(theta)"][1] - got["final(theta)"][0]
    assert turned == pytest.approx(np.full(12, 5.0), abs=1e-5)


def test_failure_names_the_point():
    with pytest.raises(NumericalError) as caught:
        run_experiment(compiled(RUNAWAY), "s")
    (item,) = caught.value.diagnostics
    assert item.code == "E603"
    assert "p.x of node 0 (a = 1, repeat 0) is" in item.message


def test_too_large_a_result_is_refused(monkeypatch):
    monkeypatch.setattr(collection, "LIMIT", 20)
    with pytest.raises(SpecError) as caught:
        run_experiment(kuramoto(), "everything")
    (item,) = caught.value.diagnostics
    assert (item.code, item.message) == ("E610", "the results of 'everything' would take 0.0 GiB")
    assert item.fix == "record averages or final values, save fewer times, or take fewer points"


def test_progress_runs_to_the_end():
    seen: list[float] = []
    run_experiment(kuramoto(), "transition", progress=seen.append)
    assert seen == sorted(seen)
    assert seen[-1] == pytest.approx(1)


def test_the_point_of_the_spec_is_the_plain_simulation():
    compilation = kuramoto()
    plain = simulate(compilation, compilation.model.simulations[0])
    got = run_experiment(kuramoto(), "sizes")["final(r)"][1, 1]
    assert got == pytest.approx(plain["r"][-1], abs=1e-6)


def test_states_are_recorded_where_nothing_else_is():
    text = """
model bare
param K = 1
population p[2] { state x on real ~ normal(0, 1); drift -K*x }
coupling c: p -> p { state w on real = 1; w' = -w; weight w }
simulate { t 0 .. 1 every 0.5; method rk4; step 0.1 }
sweep each { K = [1, 2] }
"""
    whole = compiled(text)
    one, both = run_experiment(whole), run_experiment(whole, "each")
    assert both.labelled.variables["p.x"].axes == ("K", "time", "p")
    for name in ("p.x", "c.w"):
        assert np.allclose(both[name][0], one[name], rtol=1e-12)
