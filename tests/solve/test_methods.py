"""The table of methods: complete, classical, light to import."""

from __future__ import annotations

import re
import subprocess
import sys
from fractions import Fraction

import pytest

from dynattn.diagnostics.report import SpecError
from dynattn.solve.methods import (
    METHODS,
    check_step,
    count_mistakes,
    find_method,
    tolerance_mistakes,
)
from dynattn.vocabulary.solvers import (
    FIXED_STEPS,
    HABITS,
    METHOD_NAMES,
    TORCHDIFFEQ_METHODS,
    method_fix,
)

EXPLICIT = [m for m in METHODS.values() if m.tableau is not None]


def test_every_method_of_torchdiffeq_is_there():
    from torchdiffeq._impl.odeint import SOLVERS

    assert tuple(SOLVERS) == TORCHDIFFEQ_METHODS
    assert tuple(METHODS) == METHOD_NAMES
    assert {m.solver for m in METHODS.values() if m.library == "torchdiffeq"} == set(SOLVERS)


def test_adaptive_is_what_torchdiffeq_says():
    from torchdiffeq._impl.odeint import SOLVERS
    from torchdiffeq._impl.solvers import FixedGridODESolver

    for m in METHODS.values():
        if m.library == "torchdiffeq":
            assert m.adaptive == (not issubclass(SOLVERS[m.solver], FixedGridODESolver)), m.name


def test_where_both_have_a_name_ours_wins():
    assert METHODS["rk4"].library == "own"
    assert METHODS["torchdiffeq.rk4"].solver == "rk4"
    assert METHODS["torchdiffeq.euler"].solver == "euler"
    assert "torchdiffeq.dopri5" not in METHODS


@pytest.mark.parametrize("method", EXPLICIT, ids=lambda m: m.name)
def test_tableaux_are_consistent(method):
    tableau = method.tableau
    assert len(tableau.nodes) == len(tableau.stages) == len(tableau.weights)
    assert sum(tableau.weights) == pytest.approx(1, abs=1e-14)
    for i, row in enumerate(tableau.stages):
        assert len(row) == i
        assert sum(row) == pytest.approx(tableau.nodes[i], abs=1e-13)


@pytest.mark.parametrize("method", EXPLICIT, ids=lambda m: m.name)
def test_quadrature_conditions_up_to_the_order(method):
    tableau = method.tableau
    for k in range(1, method.order + 1):
        moment = sum(b * c ** (k - 1) for b, c in zip(tableau.weights, tableau.nodes, strict=True))
        assert moment == pytest.approx(float(Fraction(1, k)), abs=1e-12)


def test_names_are_known_without_torch():
    code = "import sys, dynattn.solve.methods; assert not {'torch', 'numpy'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def told(action, *arguments):
    with pytest.raises(SpecError) as caught:
        action(*arguments)
    (item,) = caught.value.diagnostics
    return item.code, item.message, item.fix


def test_unknown_method():
    listing = (
        "the methods are euler, heun, rk4, tsit5, rodas5p, leapfrog, yoshida4, blanes_moan4, avf, "
        "dopri8, dopri5, bosh3, fehlberg2, adaptive_heun, torchdiffeq.euler, midpoint, heun2, "
        "heun3, torchdiffeq.rk4, explicit_adams, implicit_adams, fixed_adams, scipy_solver"
    )
    assert told(find_method, "dopry5") == (
        "E601", "there is no method 'dopry5'", f"did you mean 'dopri5'? ({listing})",
    )  # fmt: skip
    assert told(find_method, "zzz") == ("E601", "there is no method 'zzz'", listing)


def test_fixed_method_without_step():
    assert told(check_step, METHODS["rk4"], None) == (
        "E602",
        "the method 'rk4' takes steps of fixed size, and no step is given",
        "write 'step 0.01' beside 'method rk4', or use 'method tsit5'",
    )


def test_step_that_makes_no_sense():
    assert told(check_step, METHODS["dopri5"], 0.1) == (
        "E606",
        "the method 'dopri5' chooses its own steps, so 'step 0.1' has no effect",
        "leave out 'step' and set the accuracy with 'rtol', or use 'method rk4'",
    )
    assert told(check_step, METHODS["rk4"], -0.1) == (
        "E606", "the step -0.1 is not positive", "write a number above 0",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("euler_maruyama", "'method euler', Euler-Maruyama's where there is noise (Itô's sense)"),
        ("stochastic_heun", "'method heun', stochastic Heun's where there is noise (Stratonovich)"),
        ("RK45", "'method tsit5', or 'method dopri5'"),
        ("Radau", "'method rodas5p', which is implicit"),
        ("velocity-verlet", "'method leapfrog', which is velocity Verlet's"),
    ],
)  # fmt: skip
def test_names_that_others_have(name, meant):
    assert method_fix(name) == f"write {meant}"


def test_habits_lead_to_methods():
    for name, words in HABITS.items():
        assert name not in METHODS and name == name.lower()
        meant = re.findall(r"'method (\w+)'", words)
        assert meant and set(meant) <= set(METHODS)


def test_tolerances_beyond_the_numbers():
    assert tolerance_mistakes(1e-15, 1e-30) == []
    (item,) = tolerance_mistakes(1e-20, None)
    assert item.message == "the tolerance rtol is 1e-20, and numbers of 64 bits have 16 digits"
    assert [d.message for d in tolerance_mistakes(-1.0, 0.0)] == [
        "the tolerance rtol is -1", "the tolerance atol is 0",
    ]  # fmt: skip


def test_more_steps_than_can_be_taken():
    assert count_mistakes(METHODS["rk4"], 1e-3, 1e6) == []
    assert count_mistakes(METHODS["rodas5p"], None, 1e9) == []
    (item,) = count_mistakes(METHODS["rk4"], 1e-12, 1.0)
    assert (item.code, item.message) == ("E606", "a step of 1e-12 makes 1e+12 steps")


def test_the_vocabulary_knows_which_steps_no_tolerance_touches() -> None:
    solved = {"implicit_adams", "fixed_adams"}
    assert {n for n, m in METHODS.items() if m.needs_step} - solved == FIXED_STEPS
