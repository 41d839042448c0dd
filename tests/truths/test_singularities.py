"""Gradients of folds, branch points and Hopf points, of what is observed there and of frequencies:
against closed forms and against differences of points that are located anew.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from dynattn.compilation import Compilation
from dynattn.diagnostics.report import NumericalError, Source
from dynattn.learn.experiments import run_any
from dynattn.lower.binding import table_of
from dynattn.run.branches import special_point
from dynattn.solve.packing import packing_of
from dynattn.solve.rest_problem import rest_problem
from dynattn.solve.singularities import Solved, locate_singularity, solved_with_gradients

BRUSSELATOR = """
model brusselator
param a = 1.3 in 0.2 .. 5, b = 1
population p[1] {
  state x on real = 1; state y on real = 1
  x' = a - (b + 1)*x + x^2*y
  y' = b*x - x^2*y
}
observe ratio = mean(y)/mean(x)
continue b { b = 1 .. 9; detect hopf }
train place {
  loss (b.hopf.frequency - 2)^2; free a; optimizer sgd(lr=0.4); steps 12
  record b.hopf.b, b.hopf.frequency, b.hopf.ratio
}
"""

PITCHFORK = """
model pitchfork
param r = -1, s = 0.3, q = 0.5, h = 0
population p[1] { state x on real = 0; drift h + (r + s^2)*x + q*x^2 - x^3 }
continue b { r = -1 .. 1; detect branch_point }
train place { loss (b.branch_point.r + 0.25)^2; free s; optimizer sgd(lr=0.4); steps 30 }
train torn { loss (b.branch_point.r + 0.25)^2; free s, h; steps 3 }
"""

LOCKED = """
model locked
param K = 3, D = 0.5
population osc[4] { state theta on circle = 0.1*index; param w = 0.15*index^2; drift D + w }
coupling pull: osc -> osc { strength K; normalize size }
observe r = order(theta)
continue b { K = 3 .. 0.2; detect fold }
"""

SPHERES = """
model spheres
param K = -3, g = 1.1, e = 0.2
population p[2] {
  state x on sphere(3) = [-1, 0.1, 0.2]/sqrt(1.05)
  drift [2*g*x[0] + K, e*index + 0.1, 0.3*x[2]*x[0]]
}
coupling c: p -> p { kernel 0.2*x[j] }
observe r = norm(mean(x))
continue b { K = -3 .. 3; detect fold }
"""

RING = """
model ring
param n = 1, s = 1.2
population gene[1] {
  param d = 1.1
  state x on real = 0.4; state y on real = 0.4; state z on real = 0.4
  x' = 2*s/(1 + exp(n*z)) - d*x
  y' = 2*s/(1 + exp(n*x)) - y
  z' = 2*s/(1 + exp(n*y)) - z
}
observe r = mean(x)
continue b { n = 1 .. 12; detect hopf }
"""


def made(text: str, kind: str) -> tuple[Any, Any, Any]:
    """The system, its problem, and the first point of the branch."""
    spec = Compilation(Source("x.dyn", text))
    _, point = special_point(spec, ("b", kind), None, spec.chosen_seed, "cpu")
    system = spec.build()
    return system, rest_problem(system, packing_of(system.initial_states(), 0)), point


def solved(system: Any, problem: Any, point: Any, names: tuple[str, ...]) -> Any:
    """(the point as a function, the tensors of the parameters that it is one of)."""
    moved = []
    for name in names:
        table, key = table_of(system, name)
        table[key] = table[key].detach().clone().requires_grad_()
        moved.append(table[key])
    parameter = point.step.here.sheet.names[0]
    found = locate_singularity(problem, point.kind, parameter, point.step.y, point.value,
                               point.frequency, 3.0)  # fmt: skip
    assert found is not None and found.residual < 1e-9
    return solved_with_gradients(found), moved


def test_the_brusselator_in_closed_form() -> None:
    system, problem, point = made(BRUSSELATOR, "hopf")
    found, moved = solved(system, problem, point, ("a",))
    x, y = found.states["p.x"].sum(), found.states["p.y"].sum()
    # b = 1 + a^2, frequency a, x = a, y = b/a
    wanted = [(found.value, 2.69, 2.6), (found.frequency, 1.3, 1.0), (x, 1.3, 1.0),
              (y, 2.69 / 1.3, 1 - 1 / 1.69)]  # fmt: skip
    for number, value, slope in wanted:
        assert float(number.detach()) == pytest.approx(value, abs=1e-9)
        (found_slope,) = torch.autograd.grad(number, moved, retain_graph=True)
        assert float(found_slope) == pytest.approx(slope, abs=1e-9)


def test_the_branch_point_that_stays() -> None:
    system, problem, point = made(PITCHFORK, "branch_point")
    found, moved = solved(system, problem, point, ("s", "q", "h"))
    slopes = torch.autograd.grad(found.value, moved, retain_graph=True)
    assert [float(k) for k in slopes[:2]] == pytest.approx([-0.6, 0], abs=1e-9)
    # a field tears the branches apart, as fast as it is added to the rates
    slack = torch.autograd.grad(found.slack, moved)
    assert abs(float(slack[2])) == pytest.approx(1, abs=1e-9)
    assert [float(k) for k in slack[:2]] == pytest.approx([0, 0], abs=1e-12)


def _numbers(found: Solved, system: Any, parameter: str) -> list[torch.Tensor]:
    table, key = table_of(system, parameter)
    before, table[key] = table[key], found.value
    r = system.observe(0.0, dict(found.states))["r"]
    table[key] = before
    return [found.value, r, *([] if found.frequency is None else [found.frequency])]


@pytest.mark.parametrize(
    ("text", "kind", "names"),
    [
        (LOCKED, "fold", ("osc.w", "D")),
        (SPHERES, "fold", ("g", "e")),
        (RING, "hopf", ("s", "gene.d")),
    ],
)
def test_slopes_of_what_is_seen_there_against_differences(
    text: str, kind: str, names: tuple[str, ...]
) -> None:
    system, problem, point = made(text, kind)
    parameter = point.step.here.sheet.names[0]
    found, moved = solved(system, problem, point, names)
    numbers = _numbers(found, system, parameter)
    slopes = [torch.autograd.grad(x, moved, retain_graph=True, allow_unused=True) for x in numbers]
    for column, name in enumerate(names):
        table, key = table_of(system, name)
        sides = []
        for step in (1e-4, -1e-4):
            before = table[key]
            table[key] = before.detach().clone()
            table[key].view(-1)[0] += step
            there = solved(system, problem, point, ())[0]
            sides.append([float(x.detach()) for x in _numbers(there, system, parameter)])
            table[key] = before
        difference = (np.array(sides[0]) - np.array(sides[1])) / 2e-4
        for row, wanted in zip(slopes, difference, strict=True):
            slope = 0.0 if row[column] is None else float(row[column].reshape(-1)[0])
            assert slope == pytest.approx(wanted, abs=2e-7), name


def test_a_hopf_point_is_placed_by_its_frequency() -> None:
    found = run_any(Compilation(Source("x.dyn", BRUSSELATOR)), "place")
    a = found["a"]
    assert a[-1] == pytest.approx(2, abs=1e-6) and found.statistics["sought"] == 1
    assert found["b.hopf.b"] == pytest.approx(1 + a**2) and found["b.hopf.frequency"] == (
        pytest.approx(a)
    )
    assert found["b.hopf.ratio"] == pytest.approx((1 + a**2) / a**2)
    assert np.diff(a) == pytest.approx(-0.4 * 2 * (a[:-1] - 2), abs=1e-8)  # gradient descent


def test_a_branch_point_is_placed_where_nothing_breaks_it() -> None:
    spec = Compilation(Source("x.dyn", PITCHFORK))
    found = run_any(spec, "place")
    assert found["s"][-1] == pytest.approx(0.5, abs=1e-4) and found.statistics["sought"] == 1
    with pytest.raises(NumericalError) as caught:
        run_any(spec, "torn")
    (error,) = caught.value.diagnostics
    assert error.code == "E655" and "'h' moves: the branches part" in error.message


def test_a_point_that_is_not_there_is_told_with_the_branch() -> None:
    text = BRUSSELATOR.replace("b = 1 .. 9", "b = 1 .. 2")
    with pytest.raises(NumericalError) as caught:
        run_any(Compilation(Source("x.dyn", text)), "place")
    (error,) = caught.value.diagnostics
    assert error.code == "E655" and "has no Hopf point: b goes from 1 to 2" in error.message
