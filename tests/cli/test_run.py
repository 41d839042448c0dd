"""dynattn run: results on disk, figures on the screen, plots."""

from __future__ import annotations

import json
from pathlib import Path

import numpy
import pytest
import torch

from dynattn.run.results import read_results
from tests.cli.conftest import SPECS


def test_a_simulation(dynattn, small, tmp_path):
    done = dynattn("run", small)
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("\nsmall: simulate, seed 0\n  of  at the start")
    folder = tmp_path / "runs" / "small-simulate-1"
    assert {path.name for path in folder.iterdir()} == {
        "spec.dyn", "settings.json", "summary.json", "results.nc", "results.csv", "series.svg",
        "states.svg", "portrait.svg",
    }  # fmt: skip
    assert (folder / "spec.dyn").read_text() == small.read_text()


def test_the_numbers_are_the_solution(dynattn, small, tmp_path):
    facts = json.loads(dynattn("run", small, "-o", "out", "--json").out)
    file = read_results(tmp_path / "out")
    theta, r = file["osc.theta"], file["r"]
    assert numpy.abs(numpy.abs(numpy.exp(1j * theta).mean(1)) - r).max() < 1e-12
    assert facts["final"] == {"r": r[-1]}


def test_a_second_run_takes_a_place_of_its_own(dynattn, small, tmp_path):
    for number in (1, 2):
        assert dynattn("run", small).code == 0
        assert (tmp_path / "runs" / f"small-simulate-{number}").is_dir()


@pytest.mark.parametrize(("said", "count"), [("2", 2), ("", 1), ("many", 1)])
def test_threads_are_those_of_a_training(dynattn, small, monkeypatch, said, count):
    from dynattn.run import simulate

    seen, real = [], simulate.simulate

    def watch(*arguments, **options):
        seen.append(torch.get_num_threads())
        return real(*arguments, **options)

    monkeypatch.setenv("OMP_NUM_THREADS", said)
    monkeypatch.setattr(simulate, "simulate", watch)
    before = torch.get_num_threads()
    assert dynattn("run", small).code == 0
    assert (seen, torch.get_num_threads()) == ([count], before)


def test_a_sweep(dynattn, small, tmp_path):
    done = dynattn("run", small, "strengths")
    assert (done.code, done.err) == (0, "")
    lines = done.out.splitlines()
    assert [line.split()[0] for line in lines[2:6]] == ["K", "0", "0.5", "1"]
    assert (tmp_path / "runs" / "small-strengths-1" / "sweep.svg").exists()


def test_a_sweep_that_is_called_again(dynattn, small, tmp_path):
    for _ in range(2):
        done = dynattn("run", small, "strengths", "-o", "out", "--workers", 1)
        assert (done.code, done.err) == (0, "")
    assert len((tmp_path / "out" / "chunks" / "log.jsonl").read_text().splitlines()) == 1
    other = dynattn("run", small, "strengths", "-o", "out", "--seed", 3)
    assert (other.code, other.err.splitlines()[0]) == (
        1, "error[E740]: out holds another sweep: of another seed, 0 there and 3 here",
    )  # fmt: skip
    for options in (["strengths", "--workers", 0], ["--workers", 2]):
        done = dynattn("run", small, *options)
        assert (done.code, done.err.split(":")[0]) == (2, "error[E742]")


def test_an_interrupted_sweep_says_how_to_go_on(dynattn, small, monkeypatch):
    from dynattn.run import teams

    def interrupted(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(teams, "_by_ourselves", interrupted)
    done = dynattn("run", small, "strengths", "-o", "out")
    assert done.code == 130
    assert done.err.split("\n")[0] == (
        "note: what was finished is in out; the same command with -o out goes on"
    )


def test_a_simulation_that_is_repeated(dynattn, small, tmp_path):
    repeated = tmp_path / "repeated.dyn"
    text = small.read_text().replace("simulate {", "simulate { repeat 3;")
    assert "repeat 3" in text
    repeated.write_text(text)
    done = dynattn("run", repeated, "-o", "out")
    assert (done.code, done.err) == (0, "")
    heads, row = (line.split("  ") for line in done.out.strip().splitlines()[1:3])
    assert "sd of 3 ends" in [head.strip() for head in heads]
    assert "r" in [cell.strip() for cell in row]
    assert (tmp_path / "out" / "series.svg").exists()


def test_the_seed_decides(dynattn, small):
    def final(*options):
        return json.loads(dynattn("run", small, "--json", *options).out)["final"]["r"]

    assert final("--seed", 1) == final("--seed", 1)
    assert final("--seed", 1) != final("--seed", 2)


def test_an_unknown_experiment(dynattn, small):
    done = dynattn("run", small, "strength")
    assert done.code == 2
    assert done.err == (
        "error[E706]: the model 'small' has no experiment 'strength'\n"
        "  = fix: did you mean 'strengths'?\n\n1 error\n"
    )


def test_an_output_place_that_is_a_file(dynattn, small, tmp_path):
    (tmp_path / "out").write_text("mine")
    done = dynattn("run", small, "-o", "out")
    assert done.code == 1
    assert done.err.startswith("error[E704]: out cannot be made: out is a file\n")
    assert (tmp_path / "out").read_text() == "mine"


def test_an_output_place_that_is_in_use(dynattn, small):
    assert dynattn("run", small, "-o", "out").code == 0
    done = dynattn("run", small, "-o", "out")
    assert (done.code, done.err.splitlines()[0]) == (1, "error[E704]: out is not empty")


def test_numbers_that_grow_without_bound_are_code_3(dynattn, small):
    small.write_text(
        "model m\npopulation p[2] { state x on real = 1; drift x^3 }\n"
        "simulate { t 0 .. 9 every 1 }\n"
    )
    done = dynattn("run", small)
    assert done.code == 3
    assert "Traceback" not in done.err


# ── pictures ───────────────────────────────────────────────────────────────────────────────────

GRID = "sweep grid { K = 0 .. 1 by 0.5; N = [2, 3]; record final(r) }"


def drawn(folder) -> set[str]:
    return {path.name for path in folder.iterdir() if path.suffix in (".svg", ".pdf", ".png")}


ALL = ("series", "states", "portrait", "snapshots", "raster", "spikes", "graph")
"""The pictures that a simulation of phases on a graph has."""


@pytest.mark.parametrize(
    ("said", "files"),
    [
        (["states.pdf", "raster"], {"states.pdf", "raster.svg"}),
        (["all.png"], {f"{name}.png" for name in ALL}),
        (["portrait(theta[1], r).pdf"], {"portrait-theta_1-r.pdf"}),
        (["none"], set()),
        (["default.PNG", "graph"], {"series.png", "states.png", "portrait.png", "graph.svg"}),
    ],
)
def test_the_pictures_are_those_asked_for(dynattn, small, tmp_path, said, files):
    options = [word for one in said for word in ("--plot", one)]
    done = dynattn("run", small, "-o", "out", *options)
    assert (done.code, done.err) == (0, "")
    assert drawn(tmp_path / "out") == files
    assert all(f"out/{name}" in done.out for name in files)


def test_a_sweep_over_two_parameters_is_drawn(dynattn, small, tmp_path):
    small.write_text(small.read_text() + GRID)
    assert dynattn("run", small, "grid", "-o", "out").code == 0
    assert drawn(tmp_path / "out") == {"sweep.svg"}


def test_a_sweep_over_three_parameters_says_why_nothing_is_drawn(dynattn, small, tmp_path):
    text = (
        small.read_text()
        .replace("N = 2,", "N = 2, a = 0.1,")
        .replace("drift omega", "drift a*omega")
    )
    small.write_text(text + GRID.replace("record", "a = [0, 1]; record"))
    done = dynattn("run", small, "grid", "-o", "out")
    assert (done.code, drawn(tmp_path / "out")) == (0, set())
    assert done.err == (
        "note: no picture is drawn: 'grid' sweeps 3 parameters, and a picture shows two at most\n"
    )


def test_a_raster_of_what_is_recorded_by_name_where_there_are_many_nodes(dynattn, small, tmp_path):
    small.write_text(small.read_text().replace("every 0.5 }", "every 0.5; record theta }"))
    assert dynattn("run", small, "-o", "two").code == 0
    assert dynattn("run", small, "-o", "nine", "--set", "N=9").code == 0
    assert drawn(tmp_path / "two") == {"states.svg", "portrait.svg"}
    assert drawn(tmp_path / "nine") == {"states.svg", "raster.svg"}


def test_a_moving_picture(dynattn, small, tmp_path):
    done = dynattn("run", small, "-o", "out", "--animate", "phases.gif", "--json")
    assert (done.code, done.err) == (0, "")
    assert json.loads(done.out)["files"][-1] == "phases.gif"
    assert (tmp_path / "phases.gif").read_bytes()[:6] == b"GIF89a"


@pytest.mark.parametrize(
    ("options", "code", "told"),
    [
        (["--plot", "phases"], 2, "E710"),
        (["--plot", "states.bmp"], 2, "E711"),
        (["--plot", "portrait(theta, q)"], 1, "E716"),
        (["--width", "86"], 2, "E789"),
        (["--width", "wide"], 2, "E789"),
        (["--beside", "strengths"], 2, "E713"),
        (["--animate", "a.avi"], 2, "E711"),
        (["--animate", "a.mp4"], 2, "E712"),
        (["strengths", "--plot", "raster"], 2, "E713"),
        (["strengths", "--animate", "a.gif"], 2, "E713"),
        (["--set", "N=5000", "--plot", "graph"], 1, "E715"),
    ],
)
def test_what_cannot_be_drawn_is_refused_before_anything_runs(
    dynattn, small, tmp_path, monkeypatch, options, code, told
):
    monkeypatch.setenv("PATH", "")
    done = dynattn("run", small, *options)
    assert (done.code, done.err.split(":")[0]) == (code, f"error[{told}]")
    assert not (tmp_path / "runs").exists()


def test_an_interrupted_film_keeps_the_results_and_leaves_no_file(
    dynattn, small, tmp_path, monkeypatch
):
    from dynattn.present import animation

    def interrupted(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(animation, "_pixels", interrupted)
    done = dynattn("run", small, "-o", "out", "--animate", "a.gif")
    assert (done.code, done.err.split("\n")[0]) == (130, "note: what was finished is in out")
    assert {path.name for path in tmp_path.iterdir()} == {"small.dyn", "out"}
    assert (tmp_path / "out" / "results.nc").exists()


def test_a_stiff_model_is_told(dynattn, tmp_path):
    text = "model m\npopulation p[1] { state x on real = 0; drift k * (cos(t) - x) }\nparam k = 1\n"
    text += "simulate { t 0 .. 2 every 1; method tsit5; rtol 1e-4 }\n"
    text += "sweep s { k = [1, 3e3]; record final(y) }\nobserve y = mean(x)\n"
    (tmp_path / "m.dyn").write_text(text)
    assert dynattn("run", "m.dyn").err == ""
    done = dynattn("run", "m.dyn", "s")
    assert done.code == 0
    assert "note: the model is stiff near t = " in done.err
    assert "the method 'tsit5' takes small steps for stability, not for accuracy" in done.err
    assert json.loads(dynattn("run", "m.dyn", "s", "--json").out)["statistics"]["stiff"] < 2


def test_without_a_compiler_nothing_is_run(dynattn, monkeypatch):
    monkeypatch.setenv("CXX", "no-such-compiler")
    ending = dynattn("run", SPECS / "kuramoto.dyn", "--compile", "-o", "out")
    assert ending.code == 2 and "error[E358]" in ending.err and "CXX=no-such-compiler" in ending.err
    assert not Path("out").exists()


RUNAWAY = """model runaway
param a = 1
population p[2] { state x on real = 1; x' = a * x^2 }
simulate  { t 0 .. 2 every 0.1; method METHOD }
sweep all { a = [-1, 1]; t 0 .. 2 every 0.5; method METHOD; record final(mean(x)) }
"""


@pytest.mark.parametrize("method", ["tsit5", "rodas5p", "dopri5", "rk4; step 0.01"])
def test_what_was_computed_before_the_numbers_failed(dynattn, tmp_path, method):
    path = tmp_path / "a.dyn"
    path.write_text(RUNAWAY.replace("METHOD", method))
    done = dynattn("run", path, "-o", "one")
    assert done.code == 3 and "error[E603]" in done.err
    assert "what was computed up to t = " in done.err and " is in one" in done.err
    assert read_results(tmp_path / "one")["p.x"][5] == pytest.approx(2.0, rel=1e-4)
    done = dynattn("run", path, "all", "-o", "two")
    assert done.code == 3 and done.err.count("error[E603]") == 1
    assert "what was finished, 1 of 2 points, is in two" in done.err
    assert drawn(tmp_path / "two") == {"sweep.svg"}
    final = read_results(tmp_path / "two")["final(mean(x))"]
    assert final == pytest.approx([1 / 3, numpy.nan], rel=1e-4, nan_ok=True)


def test_what_the_machine_has_no_memory_for(dynattn, small, monkeypatch):
    from dynattn.learn import experiments

    def greedy(*arguments, **options):
        numpy.empty(2**59)

    monkeypatch.setattr(experiments, "run_experiment", greedy)
    done = dynattn("run", small)
    assert done.code == 1
    assert done.err.startswith("error[E633]: the memory of this machine has no room for 4.00 EiB")


def test_an_experiment_that_makes_no_sense(dynattn, small):
    text = small.read_text()
    start = text.index("simulate")
    wrong = {"rtol 1e-20": "the tolerance rtol is 1e-20",
             "method rk4; step 1e-15": "a step of 1e-15 makes 1e+15 steps"}  # fmt: skip
    for clause, words in wrong.items():
        small.write_text(text[:start] + f"simulate {{ t 0 .. 1 every 0.5; {clause} }}\n")
        done = dynattn("run", small)
        assert done.code == 1 and f"error[E606]: {words}" in done.err


def test_a_graph_too_large_is_refused_with_the_figure(dynattn, tmp_path):
    path = tmp_path / "a.dyn"
    path.write_text("""model large
population osc[1000000] { state theta on circle; drift 1.0 }
coupling pull: osc -> osc over ring(1000000) { kernel sin(theta[j] - theta[i]); form dense }
simulate { t 0 .. 1 every 0.5 }
""")
    done = dynattn("run", path)
    assert done.code == 1
    assert "error[E467]: the sum of coupling 'pull' needs 8 TB of memory" in done.err
