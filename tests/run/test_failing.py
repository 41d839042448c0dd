"""Experiments whose numbers fail: what was computed is kept, written, and told of."""

from __future__ import annotations

import json
from functools import partial

import numpy as np
import pytest

from dynattn.diagnostics.report import NumericalError, Source
from dynattn.interface import Spec
from dynattn.run import collection
from dynattn.run.results import read_results
from dynattn.solve.solve import solve

RUNAWAY = """model runaway
param a = 1 in -5 .. 5
population p[2] { state x on real = 1; x' = a * x^2 }
observe r = mean(x)
CLOCK
"""


def spec(clock: str) -> Spec:
    return Spec(Source("a.dyn", RUNAWAY.replace("CLOCK", clock)))


def failing(clock: str, **options) -> NumericalError:
    with pytest.raises(NumericalError) as caught:
        spec(clock).run(**options)
    return caught.value


@pytest.mark.parametrize("method", ["tsit5", "rodas5p", "dopri5", "rk4; step 0.01"])
def test_a_simulation_keeps_what_it_computed(method: str, tmp_path) -> None:
    error = failing(f"simulate {{ t 0 .. 2 every 0.1; method {method} }}", folder=tmp_path / "run")
    found = error.partial
    assert found.status == "failed" and found.drawing is not None
    t = found.times
    assert 0.85 < t[-1] < 1.3 and len(found["r"]) == len(found["p.x"]) == len(t)
    early = t < 0.85
    np.testing.assert_allclose(found["r"][early], 1 / (1 - t[early]), rtol=1e-4)
    written = read_results(tmp_path / "run")
    np.testing.assert_array_equal(written["r"], found["r"])
    assert json.loads((tmp_path / "run" / "summary.json").read_text())["status"] == "failed"


def test_what_sums_up_the_whole_time_is_not_known() -> None:
    clock = "simulate { t 0 .. 2 every 0.1; record r, final(r), average(r) after 0.2 }"
    found = failing(clock).partial
    assert np.isfinite(found["r"]).all()
    assert np.isnan(found["final(r)"]) and np.isnan(found["average(r) after 0.2"])


def test_pieces_are_put_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dynattn.run.recording.MEMORY", 6)
    found = failing("simulate { t 0 .. 2 every 0.1; record r }").partial
    np.testing.assert_allclose(found["r"][:10], 1 / (1 - 0.1 * np.arange(10)), rtol=1e-4)
    assert 10 <= len(found.times) == len(found["r"]) <= 11


def test_a_failure_after_the_end_is_none() -> None:
    found = spec("simulate { t 0 .. 2 every 0.1; until r > 3; record r }").run()
    assert found.status == "finished" and found.times[-1] == pytest.approx(0.7)


@pytest.mark.parametrize("method", ["tsit5", "rodas5p", "dopri5", "rk4; step 0.01"])
def test_in_a_sweep_only_the_failing_points_are_marked(method: str, tmp_path) -> None:
    clock = (
        f"sweep {{ a = [-1, 0.5, 3, 0, 2]; t 0 .. 1 every 0.5; method {method}; record final(r) }}"
    )
    error = failing(clock, folder=tmp_path / "run")
    found = error.partial
    assert found.status == "failed"
    assert found.done.tolist() == [True, True, False, True, False]
    np.testing.assert_allclose(found["final(r)"], [0.5, 2, np.nan, 1, np.nan], rtol=1e-4)
    assert [d.code for d in error.diagnostics] == ["E603", "E603"]
    for item, point in zip(error.diagnostics, ("a = 3", "a = 2"), strict=True):
        assert item.span is not None and item.span.line == 3
        assert f"({point}, repeat 0)" in item.message
    summary = json.loads((tmp_path / "run" / "summary.json").read_text())
    assert summary["points"] == 3
    reasons = {tuple(item["point"]): item["code"] for item in summary["failures"]}
    assert reasons == {(2, 0): "E603", (4, 0): "E603"}


def test_points_that_use_up_their_steps_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dynattn.run.recording.solve", partial(solve, max_steps=5))
    monkeypatch.setattr(collection, "TOLD", 2)
    clock = "sweep { a = [1, 1.1, 1.2]; t 0 .. 0.5 every 0.1; rtol 1e-9; record final(r) }"
    with pytest.raises(NumericalError) as caught:
        spec(clock).run()
    assert caught.value.partial is None
    first, second = (d.message for d in caught.value.diagnostics)
    assert "(a = 1, repeat 0)" in first
    assert "(a = 1.1, repeat 0)" in second and second.endswith("; and 1 point more failed")


def test_progress_goes_forwards_where_points_fail() -> None:
    clock = "sweep { a = [-1, 0.5, 3, 0, 2]; t 0 .. 1 every 0.01; record final(r) }"
    told: list[float] = []
    failing(clock, progress=told.append)
    assert told == sorted(told) and told[-1] == 1 and len(set(told)) > 5
