"""``param M = SU(2)``: the manifold stands where its name stands, and settings change it."""

from __future__ import annotations

from pathlib import Path

import pytest

import dynattn
from dynattn.diagnostics.report import Source, SpecError, UsageError
from dynattn.interface import Spec

TEXT = """model moved
param N = 4, n = 3, M = SO(n), K = 1
population unit[N] { state x[2] on M }
population other[N] { state y on M; state z on circle; drift z: K; drift y: 0 }
coupling pull: unit -> unit { normalize size }
observe r = order(x)
simulate { t 0 .. 5 every 1 }
"""


def manifolds(**settings: object) -> list[str]:
    model = Spec(Source("moved.dyn", TEXT), settings).model
    return [str(state.manifold) for state in model.states.values()]


def test_the_manifold_stands_where_its_name_stands() -> None:
    assert manifolds() == ["SO(n)", "SO(n)", "circle"]
    assert manifolds(M="circle") == ["circle", "circle", "circle"]
    assert manifolds(M="sphere(2*n)", N=3) == ["sphere(2*n)", "sphere(2*n)", "circle"]
    assert "M" not in Spec(Source("moved.dyn", TEXT)).model.parameter


def test_a_spec_that_extends_another_names_another(tmp_path: Path) -> None:
    (tmp_path / "moved.dyn").write_text(TEXT)
    (tmp_path / "there.dyn").write_text('model there extends moved "SU"\nparam M = SU(n)\n')
    found = dynattn.load(tmp_path / "there.dyn").model.states["unit.x"]
    assert str(found.manifold) == "SU(n)"


def test_a_run_remembers_the_setting(tmp_path: Path) -> None:
    (tmp_path / "moved.dyn").write_text(TEXT)
    spec = dynattn.load(tmp_path / "moved.dyn", M="torus(2)")
    assert spec.run()["unit.x"].shape == (6, 4, 2, 2)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"M": 3}, "'M' is a manifold, and it is set to 3"),
        ({"M": "sphere("}, "'M' is a manifold, and it is set to sphere("),
        ({"M": "K"}, "'M' is a manifold, and it is set to K"),
        ({"K": "SO(3)"}, "the parameter 'K' is set to 'SO(3)', which is no number"),
    ],
)
def test_settings_of_another_kind_are_refused(settings: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        manifolds(**settings)
    (found,) = caught.value.diagnostics
    assert (found.code, found.message) == ("E702", message)


def test_a_manifold_that_is_set_is_checked_as_one_that_is_written() -> None:
    with pytest.raises(SpecError) as caught:
        manifolds(M="sphere")
    found = caught.value.diagnostics[0]
    assert (found.code, found.message) == ("E302", "sphere takes 1 size, and this is given 0")
    assert found.span is not None and found.span.text == "sphere"
