"""Experiments that end early, that begin where another point ended, and that are refused."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from dynattn.diagnostics.report import SpecError
from dynattn.run.experiment import run_experiment
from tests.run.specs import compiled

DECAY = """
model decay
param K = 1.0, N = 3
population p[N] { state x on real = 1; drift -K*x }
observe m = mean(x)
simulate { t 0 .. 50 every 0.01; rtol 1e-10 }
simulate rest { until equilibrium; record m, final(m) }
simulate low { until m < 0.1; record m, final(m), average(m), time when m < 0.5 }
simulate edge { t 0 .. 3 every 0.1; record time when m <= 1, time when m < -1, time when m < 0.5 }
sweep each { K = [0.5, 1, 2]; until m < 0.1; record m, final(m), average(m), time when m < 0.5 }
sweep sizes { N = [2, 3]; until m < 0.1; record m }
sweep on { K = 0 .. 2; t 0 .. 1 every 0.1; start previous; record m, final(m) }
sweep again { K = 0 .. 2; t 0 .. 1 every 0.1; start previous; repeat 2; record final(m) }
sweep held { N = 2; K = 0 .. 2; t 0 .. 1 every 0.1; start previous; record final(m) }
sweep grown { N = [2, 3]; start previous; record final(m) }
continue branch { K = 0 .. 2; detect fold }
sweep from_fold { K = branch.fold.K + [0.1, 0.2]; start at branch.fold }
"""


def run(name: str, text: str = DECAY) -> Any:
    return run_experiment(compiled(text), name)


def refused(name: str, text: str = DECAY) -> list[tuple[str, str]]:
    with pytest.raises(SpecError) as caught:
        run(name, text)
    assert caught.value.exit_code == 1
    assert all(item.span is not None and item.fix for item in caught.value.diagnostics)
    return [(item.code, item.message) for item in caught.value.diagnostics]


def first_saved(level: float, rate: float = 1.0) -> float:
    """The first of the times 0, 0.01, .. at which e^(-rate t) is below a level."""
    return math.ceil(math.log(1 / level) / rate / 0.01) * 0.01


def test_until_equilibrium_ends_where_the_rate_is_small() -> None:
    found = run("rest")
    # At rest: |x'| = e^-t is below 10 rtol = 1e-9 for the first time.
    assert found.statistics["stopped"] == pytest.approx(first_saved(1e-9), abs=0.2)
    assert found.times[-1] == found.statistics["stopped"] and len(found["m"]) == len(found.times)
    assert found["final(m)"] == found["m"][-1]


def test_until_a_condition_ends_at_the_first_saved_time_at_which_it_holds() -> None:
    found, end = run("low"), first_saved(0.1)
    assert found.times[-1] == pytest.approx(end)
    assert found["m"][-1] < 0.1 <= found["m"][-2]
    assert found["final(m)"] == pytest.approx(math.exp(-end))
    assert found["average(m)"] == pytest.approx((1 - math.exp(-end)) / end, rel=1e-4)
    assert found["time when m < 0.5"] == pytest.approx(math.log(2), abs=2e-5)


def test_each_point_of_a_sweep_ends_at_its_own_time() -> None:
    found = run("each")
    for k, rate in enumerate((0.5, 1, 2)):
        end = first_saved(0.1, rate)
        assert found["final(m)"][k] == pytest.approx(math.exp(-rate * end))
        assert found["average(m)"][k] == pytest.approx(
            (1 - math.exp(-rate * end)) / (rate * end), rel=1e-4
        )
        assert found["time when m < 0.5"][k] == pytest.approx(math.log(2) / rate, abs=1e-4)
        assert np.isfinite(found["m"][k]).sum() == round(end / 0.01) + 1
        assert np.isnan(found["m"][k][round(end / 0.01) + 1 :]).all()
    assert run("sizes")["m"].shape == (2, len(run("sizes").times))


def test_a_condition_at_the_start_and_one_that_never_holds() -> None:
    found = run("edge")
    assert found["time when m <= 1"] == 0
    assert found["time when m < -1"] == math.inf
    assert found["time when m < 0.5"] == pytest.approx(math.log(2), abs=2e-3)


def test_a_condition_beyond_one_comparison_holds_from_a_saved_time_on() -> None:
    text = DECAY.replace("time when m < -1", "time when m < 0.5 and t > 1.55")
    assert run("edge", text)["time when m < 0.5 and t > 1.55"] == pytest.approx(1.6)


def test_start_previous_goes_from_point_to_point() -> None:
    found = run("on")
    assert found["final(m)"] == pytest.approx([1, math.exp(-1), math.exp(-3)])
    assert [a == b for (_, a), (b, _) in pairwise((m[0], m[-1]) for m in found["m"])] == [True] * 2
    assert np.array_equal(run("again")["final(m)"], np.stack([found["final(m)"]] * 2, axis=1))
    # A setting of one value is no second way to go.
    assert run("held")["final(m)"][0] == pytest.approx(found["final(m)"])


def test_a_map_ends_where_it_changes_nothing() -> None:
    text = """
model halves
population p[2] { state h on real = 1; h <- h/2 + 1 }
simulate { steps 100; until equilibrium }
"""
    found = run("simulate", text)
    # |h - 2| = 2^-n, and the change is half of it; at rest below 1e-5 max(1, h).
    assert found.times[-1] == math.ceil(math.log2(1 / 2e-5)) - 1


def test_noise_and_rest_do_not_go_together() -> None:
    text = DECAY.replace("drift -K*x", "drift -K*x; noise 0.1")
    text = text.replace("every 0.01; rtol 1e-10", "every 0.1; method euler; step 0.1")
    assert [code for code, _ in refused("rest", text)] == ["E621"]
    assert run("low", text)["m"][-1] < 0.1


def test_states_of_another_shape_cannot_go_on() -> None:
    assert [code for code, _ in refused("grown")] == ["E622"]


def test_training_that_is_not_computed_is_refused_when_it_is_run() -> None:
    from dynattn.learn.plan import make_plan

    text = """
model fit
param K = 1
learn w = 2
population p[3] { state x on real = 1; drift w - K*x }
train { data text("none.txt"); loss mean((x - 1)^2); steps 10; free K }
"""
    with pytest.raises(SpecError) as caught:
        make_plan(compiled(text).model)
    found = [item.message for item in caught.value.diagnostics if item.code == "E620"]
    assert len(found) == 2 and "'free K'" in found[0] and "without a network" in found[1]


def test_on_positive_there_is_no_rest_while_something_rare_grows() -> None:
    text = """
model growth
population p[2] { state n on positive = if_rare(index); drift 0.1 * (1 - n) }
observe least = min(n)
simulate { t 0 .. 1000 every 1; until equilibrium; record final(least), n }
""".replace("if_rare(index)", "1 - 0.9999999*index")
    found = run("simulate", text)
    # n = 1 is at rest; n = 1e-7 has a rate of 1e-8 and grows to 1 all the same, at t = 161.
    assert found.times[-1] > 161 and found["final(least)"] > 0.999
