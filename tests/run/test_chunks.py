"""Sweeps in chunks: the same numbers whoever solves them, interrupted, gone on with, failing."""

from __future__ import annotations

import json
import signal
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dynattn.diagnostics.report import NumericalError, SpecError, UsageError
from dynattn.run import collection, division, results, systems, teams, workers
from dynattn.run.chunks import Failure, Solved, Solver, solved_of
from dynattn.run.division import Chunk, chunk_of, divide
from dynattn.run.experiment import find_experiment, run_experiment
from dynattn.run.results import ResultFolder, read_results
from dynattn.run.sweep import Sweep, sweep
from dynattn.run.worker import START
from tests.run.specs import KURAMOTO, RUNAWAY, compiled

AVERAGE = "average(r) after 2"
MORE = KURAMOTO.format(seed="") + (
    "sweep up { K = 0 .. 2 by 0.2; start previous; repeat 2; t 0 .. 1 every 0.5; record final(r) }"
    "\n"
    "sweep fixed { K = 0 .. 2 by 0.2; repeat 2; t 0 .. 1 every 0.5; method rk4; step 0.1; "
    "record r, final(theta) }\n"
    "sweep stiff { K = 0 .. 2 by 0.5; method rodas5p; record r }\n"
    "sweep shared { K = 0 .. 2 by 0.5; method dopri5; record r }\n"
)


@pytest.fixture
def few(monkeypatch):
    """Chunks of at most four points."""
    monkeypatch.setattr(systems, "MOST", 4)


def run(name: str, text: str = MORE, **options) -> Sweep:
    found = run_experiment(compiled(text), name, **options)
    assert isinstance(found, Sweep)
    return found


def log(folder: Path) -> list[int]:
    lines = (folder / "chunks" / "log.jsonl").read_text().splitlines()
    return [json.loads(line)["chunk"] for line in lines]


def same(one: Sweep, other: Sweep) -> bool:
    return all(np.array_equal(one[name], other[name]) for name in one.labelled.variables)


def divided(name: str) -> tuple[Chunk, ...]:
    compilation = compiled(MORE)
    solver = solver_for(name)
    return divide(compilation, solver.simulation, solver.records, len(solver.times))


def solver_for(name: str) -> Solver:
    compilation = compiled(MORE)
    found = find_experiment(compilation.model, name)
    return Solver(compilation, found, seed=0, device="cpu", signals=None, compiled=False)  # type: ignore[arg-type]


# ── division ───────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", ["transition", "sizes", "up", "fixed", "everything"])
@pytest.mark.parametrize("most", [1, 4, 1000])
def test_every_point_is_in_one_chunk(name, most, monkeypatch):
    monkeypatch.setattr(systems, "MOST", most)
    chunks = divided(name)
    points = [point for chunk in chunks for point in chunk.points]
    assert len(points) == len(set(points)) == np.prod(solver_for(name).grid.shape)
    assert [chunk.number for chunk in chunks] == list(range(len(chunks)))
    assert all(chunk_of(json.loads(json.dumps(chunk.message()))) == chunk for chunk in chunks)
    assert name == "up" or all(len(p.points) <= max(most, 1) for c in chunks for p in c.parts)


def test_chunks_keep_within_memory(monkeypatch):
    assert {len(c.points) for c in divided("fixed")} == {22}
    monkeypatch.setattr(division, "RESULTS", 4 * (3 + 12))  # r at 3 times, 12 phases
    assert {len(c.points) for c in divided("fixed")} == {3, 4}


def test_large_points_are_for_several_workers():
    text = KURAMOTO.format(seed="").replace("N = 12", "N = 1000")
    compilation = compiled(text + "sweep many { K = linspace(0, 2, 41); record final(r) }")
    found = find_experiment(compilation.model, "many")
    sizes = [len(c.points) for c in divide(compilation, found, found.records, 11)]  # type: ignore[arg-type]
    assert sizes == [5, 5, 5, 5, 5, 5, 5, 6]


@pytest.mark.parametrize(
    ("name", "bits"), [("transition", False), ("fixed", False), ("stiff", False), ("shared", True)]
)
def test_a_point_is_the_same_in_any_chunk(name, bits, monkeypatch):
    monkeypatch.setattr(systems, "MOST", 1000)
    whole = run(name)
    monkeypatch.setattr(systems, "MOST", 2)
    pairs = run(name)
    for label in whole.labelled.variables:
        assert np.abs(whole[label] - pairs[label]).max() <= (0 if bits else 1e-12)


# ── workers ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.slow
@pytest.mark.parametrize("name", ["fixed", "up", "sizes"])
def test_equal_numbers_for_any_number_of_workers(name, few, tmp_path):
    alone = run(name, workers=1)
    two = run(name, workers=2, folder=tmp_path / "two")
    assert same(alone, two) and two.done.all()
    assert sorted(log(tmp_path / "two")) == [chunk.number for chunk in divided(name)]


@pytest.mark.slow
def test_what_python_gives_goes_to_the_workers(few):
    text = """
model driven
param a = 1
input drive: signal
population p[3] { state x on real = 0; x' = a * drive - x }
observe m = mean(x)
sweep s { a = linspace(0, 1, 9); t 0 .. 1 every 0.5; record final(m) }
"""
    given = {"drive": (np.linspace(0, 1, 5), np.array([0.0, 2, 1, 3, 0]))}
    one, two = (
        run("s", text, signals=given, workers=n) for n in (1, 2)
    )  # fmt: skip
    assert one["final(m)"][-1] > 0.5 and same(one, two)


@pytest.mark.slow
def test_others_help_where_it_pays(few, monkeypatch, tmp_path):
    alone, called = run("fixed", workers=1), []

    class Counted(workers.Workers):
        def __enter__(self):
            called.append(self.count)
            return super().__enter__()

    monkeypatch.setattr(teams, "Workers", Counted)
    monkeypatch.setattr(teams, "cores", lambda: 2)
    assert same(run("fixed"), alone) and called == []
    monkeypatch.setattr(teams, "PATIENCE", 0.0)
    monkeypatch.setattr(teams, "WORTH", 0.0)
    assert same(run("fixed", folder=tmp_path / "out"), alone) and called == [2]
    assert Counter(log(tmp_path / "out")).most_common(1)[0][1] == 1


@pytest.mark.slow
def test_the_points_of_a_dead_worker_are_solved_again(few, monkeypatch, tmp_path):
    killed = []

    class Killing(workers.Workers):
        def get(self, timeout=None):
            found = super().get(timeout)
            if len(killed) < 3:
                killed.append(found[0])
                next(iter(self.processes.values())).send_signal(signal.SIGKILL)
            return found

    monkeypatch.setattr(teams, "Workers", Killing)
    two = run("fixed", workers=2, folder=tmp_path / "out")
    assert len(killed) == 3 and same(two, run("fixed", workers=1))
    assert Counter(log(tmp_path / "out")).most_common(1)[0][1] == 1


def test_points_that_kill_every_worker_are_given_up(few, monkeypatch, tmp_path):
    starts = "import os, signal, sys; sys.stdin.readline(); os.kill(os.getpid(), signal.SIGKILL)"
    monkeypatch.setattr(workers, "START", starts)
    with pytest.raises(NumericalError) as caught:
        run("fixed", workers=2, folder=tmp_path / "out")
    first = caught.value.diagnostics[0]
    assert (first.code, caught.value.partial) == ("E741", None)
    assert "was killed (signal 9), time after time (K = 0, repeat 0)" in first.message
    monkeypatch.setattr(workers, "START", START)
    assert run("fixed", folder=tmp_path / "out").done.all()  # another time they are tried again


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("transition", {"workers": 0}, "0 workers solve nothing"),
        ("transition", {"workers": -1}, "-1 workers solve nothing"),
        ("transition", {"workers": 2, "cluster": "a:1"}, "a cluster has the workers that it has"),
        ("simulate", {"workers": 2}, "'simulate' has one point, so there is nothing to share out"),
    ],
)
def test_workers_that_make_no_sense(name, options, words):
    with pytest.raises(UsageError) as caught:
        run(name, **options)
    assert [(d.code, d.message) for d in caught.value.diagnostics] == [("E742", words)]


def test_an_experiment_made_in_python_stays_in_its_process(few):
    compilation = compiled(MORE)
    fixed, line = (find_experiment(compilation.model, name) for name in ("fixed", "line"))
    mine = replace(fixed, records=line.records[1:])  # type: ignore[arg-type]
    assert sweep(compilation, mine).done.all()  # type: ignore[arg-type]
    with pytest.raises(UsageError) as caught:
        sweep(compilation, mine, workers=2)  # type: ignore[arg-type]
    assert caught.value.diagnostics[0].code == "E742"


@pytest.mark.slow
def test_an_experiment_with_other_settings_goes_to_workers(few):
    compilation = compiled(MORE)
    fixed = find_experiment(compilation.model, "fixed")
    longer = replace(fixed, stop=6.0, settings=(("K", (0.5, 1.5, 1.0, 0.1, 0.2)),), repeat=1)  # type: ignore[arg-type]
    one, two = (sweep(compilation, longer, workers=n) for n in (1, 2))  # type: ignore[arg-type]
    assert same(one, two) and one["r"].shape == (5, 13)


def test_versions_of_a_worker():
    with pytest.raises(SpecError) as caught:
        teams._check({"versions": {"torch": "1.0"}})
    assert caught.value.diagnostics[0].code == "E745"


# ── on disk ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", ["fixed", "up"])
def test_an_interrupted_sweep_goes_on(name, few, monkeypatch, tmp_path):
    whole, count, solve = run(name), [], Solver.solve

    def interrupted(self, chunk, *arguments):
        count.append(chunk.number)
        if len(count) == 3:
            raise KeyboardInterrupt
        return solve(self, chunk, *arguments)

    monkeypatch.setattr(Solver, "solve", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run(name, folder=tmp_path / "out", workers=1)
    assert json.loads((tmp_path / "out" / "summary.json").read_text())["status"] == "interrupted"
    part = read_results(tmp_path / "out")["final(r)" if name == "up" else "final(theta)"]
    assert np.isfinite(part).any() and np.isnan(part).any()
    assert log(tmp_path / "out") == [0, 1]
    assert same(run(name, folder=tmp_path / "out", workers=1), whole)
    numbers = [chunk.number for chunk in divided(name)]
    assert count == [0, 1, 2, *numbers[2:]] and log(tmp_path / "out") == numbers
    again = run(name, folder=tmp_path / "out")
    assert same(again, whole) and log(tmp_path / "out") == numbers
    assert not list((tmp_path / "out" / "chunks").glob("*.npz"))


def test_results_are_written_on_the_way(few, monkeypatch, tmp_path):
    monkeypatch.setattr(results, "SECONDS", -1.0)
    seen, write = [], ResultFolder.write
    monkeypatch.setattr(
        ResultFolder,
        "write",
        lambda self, result: (seen.append(result.status), write(self, result)),
    )
    run("transition", folder=tmp_path / "out", workers=1)
    assert set(seen[:-1]) == {"running"} and seen[-1] == "finished"


def test_a_damaged_chunk_is_solved_again(few, monkeypatch, tmp_path):
    whole = run("fixed")
    monkeypatch.setattr(collection.Store, "clear", lambda self: None)
    monkeypatch.setattr(collection.Collection, "_known", lambda self, folder: None)
    run("fixed", folder=tmp_path / "out", workers=1)
    file = tmp_path / "out" / "chunks" / "000002.npz"
    file.write_bytes(file.read_bytes()[:200])
    assert same(run("fixed", folder=tmp_path / "out", workers=1), whole)
    assert Counter(log(tmp_path / "out"))[2] == 2


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"seed": 4}, "of another seed, 0 there and 4 here"),
        ({"K": 2.0}, "of other settings, {} there and {'K': 2.0} here"),
        ({"text": MORE + "\n"}, "the text of the spec is another one"),
        ({"name": "line"}, "of another experiment, transition there and line here"),
    ],
)
def test_a_folder_of_another_sweep(options, words, tmp_path):
    run("transition", folder=tmp_path / "out")
    text, name = options.pop("text", MORE), options.pop("name", "transition")
    seed = options.pop("seed", None)
    with pytest.raises(SpecError) as caught:
        run_experiment(compiled(text, **options), name, seed=seed, folder=tmp_path / "out")
    (item,) = caught.value.diagnostics
    assert item.code == "E740" and item.message.endswith(f"holds another sweep: {words}")


def test_two_at_once_in_one_folder(tmp_path):
    run("transition", folder=tmp_path / "out")
    with collection.Store(tmp_path / "out" / "chunks").alone(), pytest.raises(SpecError) as caught:
        run("transition", folder=tmp_path / "out")
    assert caught.value.diagnostics[0].code == "E743"


def test_failures_of_points_are_kept_too(tmp_path):
    errors = []
    for _ in range(2):
        with pytest.raises(NumericalError) as caught:
            run_experiment(compiled(RUNAWAY), "s", folder=tmp_path / "out")
        errors.append([d.message for d in caught.value.diagnostics])
        assert caught.value.partial.done.tolist() == [True, True, False]
        assert [item.point for item in caught.value.partial.failures] == [(2, 0)]
    assert errors[0] == errors[1] and log(tmp_path / "out") == [0]


def test_a_chunk_in_bytes():
    failure = Failure((1, 0), "E603", "wrong", "mend it", 3)
    waves = {"r / 2": np.array([[1.0, np.nan]]), "z": np.array([1 + 2j])}
    found = Solved([(0, 0)], waves, [failure], {"steps": 3, "stiff": 0.5}, {"p.x": np.zeros(2)})
    back = solved_of(found.to_bytes())
    assert (back.points, back.failures, back.counts) == ([(0, 0)], [failure], found.counts)
    assert all(np.array_equal(back.arrays[n], x, equal_nan=True) for n, x in waves.items())
    assert back.reached["p.x"].tolist() == [0, 0]
