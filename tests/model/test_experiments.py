"""Experiments mean what their clauses say."""

from __future__ import annotations

import pytest

from dynattn.model.plans import Simulation
from tests.model.models import checked, refused, written

BASE = """
param K = 2 in 0 .. 10, b = 1
population p[4] { state x on real = 1; drift b - K*x }
observe m = mean(x)
continue branch { K = 0 .. 4; detect fold, hopf; record m; rtol 1e-9 }
"""


def experiment(text: str) -> Simulation:
    return checked(f"{BASE}{text}").simulations[-1]


@pytest.mark.parametrize(
    ("said", "values"),
    [
        ("0 .. 2", (0, 1, 2)),
        ("2 .. 0 by -0.5", (2, 1.5, 1, 0.5, 0)),
        ("[0, 3]", (0, 3)),
        ("linspace(0, 1, 3)", (0, 0.5, 1)),
        ("logspace(-2, 0, 3)", (0.01, 0.1, 1)),
        ("b + 2*[1, 2] - [0, 1]", (3, 4)),
        ("-linspace(-3, -1, 3)^2 + 9", (0, 5, 8)),
        ("2*b", (2,)),
    ],
)
def test_the_values_of_a_setting(said: str, values: tuple[float, ...]) -> None:
    ((name, found),) = experiment(f"sweep {{ K = {said}; t 0 .. 1 }}").settings
    assert name == "K" and found == pytest.approx(values)


def test_several_settings_make_a_grid() -> None:
    found = experiment("sweep { K = 0 .. 2; b = [0, 1]; t 0 .. 1 }")
    assert [name for name, _ in found.settings] == ["K", "b"]


def test_a_setting_awaits_a_point_of_another_experiment() -> None:
    found = experiment("sweep { b = branch.fold.K + logspace(-4, -2, 9); K = 1; t 0 .. 1 }")
    assert [item.label for item in found.awaited] == ["b = branch.fold.K + logspace(-4, -2, 9)"]
    assert found.settings == (("K", (1.0,)),)


def test_the_first_simulate_holds_the_defaults_wherever_it_stands() -> None:
    sweep, first = checked(
        f"{BASE}sweep {{ K = 0 .. 1 }}\n"
        "simulate { t 0 .. 7 every 0.5; until m < 0.1; start previous; seed 3; K = 2 }"
    ).simulations
    assert (sweep.stop, sweep.every, sweep.seed) == (7, 0.5, 3)
    assert sweep.until == first.until and sweep.until is not None
    assert sweep.begins is None and first.begins is not None


@pytest.mark.parametrize(
    ("said", "kind", "margin", "term"),
    [
        ("m < 0.5", "time", ">", "sub(number 0.5, {m})"),
        ("m >= K", "time", ">=", "sub({m}, parameter K)"),
        ("m < 0.5 and t > 1", "time", None, "and(lt({m}, number 0.5), gt(time, number 1))"),
    ],
)
def test_the_first_time_of_a_condition(said: str, kind: str, margin: str, term: str) -> None:
    (found,) = experiment(f"simulate {{ t 0 .. 1; record time when {said} }}").records
    assert (found.kind, found.margin, found.label) == (kind, margin, f"time when {said}")
    assert written(found.value) == term.format(m="mean(state p.x)")


def test_records_of_one_and_of_several_clauses() -> None:
    text = "simulate { t 0 .. 1; record final(m), average(x) after 0.5; record m, mean(x^2) }"
    found = experiment(text).records
    assert [(item.kind, item.label) for item in found] == [
        ("final", "final(m)"), ("average", "average(x) after 0.5"), ("series", "m"),
        ("series", "mean(x^2)"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ("init", "init"),
        ("previous", "previous"),
        ("at branch.hopf", "point"),
        ("equilibrium", "equilibrium"),
        ("equilibrium at K = 1, b = 2", "equilibrium"),
    ],
)
def test_where_an_experiment_starts(said: str, kind: str) -> None:
    found = experiment(f"sweep {{ K = 0 .. 1; t 0 .. 1; start {said} }}").begins
    assert found is not None and (found.kind, found.label) == (kind, f"start {said}")
    assert found.point == (("branch", "hopf") if kind == "point" else None)
    assert found.settings == ((("K", 1.0), ("b", 2.0)) if "K" in said else ())


def test_continuations_are_kept_with_all_they_say() -> None:
    text = f"{BASE}continue {{ K = 0 .. 4; b = 1 .. -1; follow branch.fold; detect cusp }}"
    branch, plane = checked(text).continuations
    assert (branch.name, branch.ranges, branch.detects) == (
        "branch",
        (("K", 0, 4),),
        ("fold", "hopf"),
    )
    assert branch.rtol == 1e-9 and [item.label for item in branch.records] == ["m"]
    assert (plane.name, plane.follows, plane.detects) == ("continue", ("branch", "fold"), ("cusp",))
    assert plane.ranges == (("K", 0, 4), ("b", 1, -1))


def test_what_an_experiment_moves_is_no_switch() -> None:
    model = "param s = 1 in 0 .. 1\npopulation p[2] { state x on real; drift s*x }\n"
    assert checked(model).switches == {"s": 1}
    for text in (
        "continue branch { s = 0 .. 1 }",
        "simulate { t 0 .. 1; start equilibrium at s = 0 }",
        "continue branch { s = 0 .. 1; detect fold }\nsweep { s = branch.fold.s; t 0 .. 1 }",
    ):
        assert checked(model + text).switches == {}


def test_words_of_other_experiments_say_where_they_belong() -> None:
    found = refused(f"{BASE}simulate {{ t 0 .. 1; detect fold; free K }}")
    assert [code for code, _ in found] == ["E216", "E216"]
