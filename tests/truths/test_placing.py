"""Gradients of folds and equilibria, and numbers moved until they are where they are wanted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from dynattn.compilation import Compilation
from dynattn.diagnostics.report import NumericalError, Source, SpecError, UsageError
from dynattn.learn.experiments import run_any
from dynattn.lower.binding import table_of
from dynattn.run.branches import special_point
from dynattn.run.experiment import run_experiment
from dynattn.solve.packing import packing_of
from dynattn.solve.rest_problem import rest_problem
from dynattn.solve.singularities import locate_singularity, solved_with_gradients

CUSP = """
model cusp
param a = 0, c = 0.7 in 0 .. 5
learn b = 1.5
population p[1] { state x on real = -1; drift a + b*x - c*x^3 }
observe m = mean(x)
continue branch { a = -2 .. 2; detect fold }
train place { loss (branch.fold.a - 0.5)^2; record branch.fold.a; optimizer sgd(lr=0.4); steps 40 }
train free { loss (branch.fold.a - 0.5)^2; free c; optimizer adam(lr=0.05); steps 3 }
train rest { loss (m + 1)^2; free c; optimizer adam(lr=0.03); steps 60 }
train both {
  loss (branch.fold.a - 0.4)^2 + (m + 1.2)^2; free c
  optimizer adam(lr=0.1); schedule cosine; steps 80
}
train lost { loss (branch.fold.a - 3)^2; optimizer sgd(lr=0.4); steps 40 }
train still { loss (branch.fold.a - 0.5)^2 * 0 + 1; steps 4 }
"""

NETWORK = """
model network
param c = 0, K = 0.4, s = 1.0
graph net = gnp_random_graph(n=5, p=0.6, seed=4)
population cell[5] {
  state x on real = -1
  param h ~ normal(0, 0.1)
  drift c + h + s*x - x^3
}
coupling pull: cell -> cell over net { strength K; kernel tanh(x[j] - x[i]) }
continue branch { c = -0.5 .. 1; detect fold }
simulate { t 0 .. 1; seed 5 }
"""

LOCKED = """
model locked
param K = 1.2, D = 0.5
population osc[3] { state theta on circle = 0; param w = 0.1*index^2; drift D + w }
coupling pull: osc -> osc { strength K; normalize size }
observe r = order(theta)
train { loss (r - 0.95)^2; record r; free K; optimizer adam(lr=0.04); steps 50 }
"""


def made(text: str, **overrides: Any) -> Compilation:
    return Compilation(Source("placing.dyn", text), overrides)


def run(text: str, name: str | None = None, **options: Any) -> Any:
    return run_any(made(text), name, **options)


def fold_of(compilation: Compilation) -> tuple[Any, Any, Any]:
    """The system, the problem, and the first fold of the branch."""
    seed = compilation.chosen_seed
    _, point = special_point(compilation, ("branch", "fold"), None, seed, "cpu")
    system = compilation.build()
    problem = rest_problem(system, packing_of(system.initial_states(), 0))
    moved = compilation.model.continuations[0].ranges[0][0]
    fold = locate_singularity(problem, "fold", moved, point.step.y, point.value)
    assert fold is not None
    return system, problem, fold


def cusp_fold(b: float, c: float) -> float:
    """a + b x - c x^3 = 0 with slope 0 at x = -sqrt(b / 3c)."""
    return 2 / 3 * b * (b / (3 * c)) ** 0.5


def test_the_gradient_of_a_fold_in_closed_form() -> None:
    system, _, fold = fold_of(made(CUSP))
    assert fold.value == pytest.approx(cusp_fold(1.5, 0.7), abs=1e-12)
    assert fold.y.tolist() == pytest.approx([-((1.5 / 2.1) ** 0.5)], abs=1e-9)
    learned, free = system.get_parameter("b"), system.get_buffer("c").requires_grad_()
    value = solved_with_gradients(fold).value
    slopes = torch.autograd.grad(value, (learned, free))
    assert float(slopes[0]) == pytest.approx(1.5 * fold.value / 1.5, rel=1e-9)
    assert float(slopes[1]) == pytest.approx(-0.5 * fold.value / 0.7, rel=1e-9)


def test_the_gradient_of_a_fold_of_a_network_against_differences() -> None:
    system, problem, fold = fold_of(made(NETWORK))
    names = ("K", "s", "cell.h")
    tensors = []
    for name in names:
        table, key = table_of(system, name)
        tensors.append(table[key].requires_grad_())
    slopes = torch.autograd.grad(solved_with_gradients(fold).value, tensors)

    def moved(name: str, index: int | None, by: float) -> float:
        table, key = table_of(system, name)
        with torch.no_grad():
            kept = table[key].clone()
            flat = table[key].view(-1)
            flat[index or 0] += by
            there = locate_singularity(problem, "fold", "c", fold.y, fold.value)
            table[key].copy_(kept)
        assert there is not None and there.residual < 1e-10
        return there.value

    wanted = [("K", None, slopes[0]), ("s", None, slopes[1])]
    wanted += [("cell.h", k, slopes[2][k]) for k in range(5)]
    for name, index, slope in wanted:
        difference = (moved(name, index, 1e-4) - moved(name, index, -1e-4)) / 2e-4
        assert float(slope) == pytest.approx(difference, abs=2e-7), (name, index)
    # One more for all h is one less for c.
    assert float(slopes[2].sum()) == pytest.approx(-1, abs=1e-10)


def test_a_fold_is_placed() -> None:
    found = run(CUSP, "place")
    assert found["loss"][-1] < 1e-12 and found["loss"][0] == pytest.approx(0.8e-1, abs=0.1)
    assert found["branch.fold.a"][-1] == pytest.approx(0.5, abs=1e-6)
    assert found["branch.fold.a"] == pytest.approx([cusp_fold(b, 0.7) for b in found["b"]])
    # It was sought once, and followed after that; each step is one of gradient descent.
    assert found.statistics["sought"] == 1
    b, fold = found["b"][:-1], found["branch.fold.a"][:-1]
    assert np.diff(found["b"]) == pytest.approx(-0.4 * 2 * (fold - 0.5) * 1.5 * fold / b, abs=1e-8)


def test_numbers_named_free_move_and_stay_in_their_ranges() -> None:
    found = run(CUSP, "free")
    assert found["c"][1] == pytest.approx(0.75, abs=1e-6) and found["b"][1] == pytest.approx(1.45)
    text = CUSP.replace("in 0 .. 5", "in 0 .. 0.72")
    assert run(text, "free")["c"][1:].tolist() == pytest.approx([0.72] * 3)


def test_an_equilibrium_is_placed() -> None:
    found = run(CUSP, "rest")
    assert found["loss"][-1] < 1e-3 and found.statistics["sought"] == 1
    # a = 0: at rest at -sqrt(b/c).
    rest = -np.sqrt(found["b"] / found["c"])
    assert found["loss"] == pytest.approx((rest + 1) ** 2, abs=1e-12)
    # Adam's first step has the length lr along the sign of the slopes of (m + 1)^2.
    assert (found["b"][1], found["c"][1]) == pytest.approx((1.47, 0.73), abs=1e-6)


def test_a_fold_and_an_equilibrium_at_once() -> None:
    found = run(CUSP, "both")
    b, c = found["b"][-1], found["c"][-1]
    assert found["loss"][-1] < 1e-2 * found["loss"][0]
    assert cusp_fold(b, c) == pytest.approx(0.4, abs=0.06)
    assert (b / c) ** 0.5 == pytest.approx(1.2, abs=0.06)


def test_an_order_parameter_of_locked_oscillators_is_placed() -> None:
    found = run(LOCKED)
    assert found["r"][-1] == pytest.approx(0.95, abs=5e-3) and found["r"][0] > 0.98
    strength = found["K"][-1]
    x = run(LOCKED.replace("K = 1.2", f"K = {float(strength)!r}"), None)["r"][0]
    assert x == pytest.approx(found["r"][-1], abs=1e-9)


def test_what_cannot_go_on_is_told(tmp_path: Path) -> None:
    with pytest.raises(NumericalError) as caught:
        run(CUSP, "lost", folder=tmp_path / "run")
    (error,) = caught.value.diagnostics
    assert error.code == "E655" and "b = " in error.message and error.span is not None
    assert caught.value.partial is not None and (tmp_path / "run" / "results.nc").exists()
    with pytest.raises(NumericalError) as caught:
        run(CUSP, "still")
    assert [item.code for item in caught.value.diagnostics] == ["E656"]
    for words in ("x' = -x; noise 0.1", "drift t - x"):
        text = "model m\nlearn w = 1\npopulation p[1] { state x on real; " + words
        text += " }\nobserve m = w*mean(x)\ntrain { loss m^2; steps 2 }\n"
        with pytest.raises(SpecError) as refused:
            run(text)
        assert refused.value.diagnostics[0].code in ("E621", "E636")


def test_the_command_line_tells(tmp_path, monkeypatch, capsys) -> None:
    from dynattn.cli.main import run_command

    monkeypatch.chdir(tmp_path)
    (tmp_path / "cusp.dyn").write_text(CUSP)
    assert run_command(["run", "cusp.dyn", "free", "-o", "a"]) == 0
    out = capsys.readouterr().out
    assert "branch.fold" not in out and "loss" in out and (tmp_path / "a/training.svg").exists()
    assert run_command(["check", "cusp.dyn"]) == 0
    (tmp_path / "b.dyn").write_text(CUSP.replace("sgd(lr=0.4)", "sgt(lr=0.4)"))
    capsys.readouterr()
    assert run_command(["check", "b.dyn"]) == 1
    assert "did you mean 'sgd'" in "".join(capsys.readouterr())
    assert run_command(["compile", "cusp.dyn", "--train"]) == 1
    assert "dynattn run SPEC place" in capsys.readouterr().err


def test_experiments_that_only_run_do_not_train() -> None:
    with pytest.raises(UsageError) as caught:
        run_experiment(made(CUSP), "place")
    assert [item.code for item in caught.value.diagnostics] == ["E706"]


def test_explain_lists_what_was_declared(tmp_path, monkeypatch, capsys) -> None:
    from dynattn.cli.main import run_command

    monkeypatch.chdir(tmp_path)
    (tmp_path / "cusp.dyn").write_text(CUSP)
    assert run_command(["explain", "cusp.dyn"]) == 0
    out = capsys.readouterr().out
    assert "branch.fold.a" not in out and "1 numbers learned, 2 set" in out
