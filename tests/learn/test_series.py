"""Measured series: what is read, what is left out and told, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dynattn.compilation import Compilation
from dynattn.diagnostics.report import Source, SpecError
from dynattn.learn.fittable import fit_mistakes
from dynattn.learn.series import Series, read_series

SPEC = """
model m
param K = 1, strong = 1
input drive: signal
population p[3] { state x on real; state th on circle = 0; drift x: drive - strong*x
  drift th: 1 }
coupling c: p -> p.th { strength K }
observe r = mean(x)
train fit { data series("DATA"); free K, strong; REST }
"""


def read(folder: Path, name: str, rest: str = "") -> Series:
    text = SPEC.replace("DATA", name).replace("REST", rest)
    compilation = Compilation(Source(str(folder / "m.dyn"), text))
    return read_series(compilation.model, compilation.network, compilation.model.fits[0])


def refusal(folder: Path, content: str | dict[str, Any], rest: str = "") -> str:
    """The message for a table, or for arrays."""
    name = "d.csv" if isinstance(content, str) else "d.npz"
    if isinstance(content, str):
        (folder / name).write_text(content)
    else:
        np.savez(folder / name, **content)
    with pytest.raises(SpecError) as caught:
        read(folder, name, rest)
    (problem,) = caught.value.diagnostics
    assert problem.code == "E528" and problem.fix
    return problem.message


def test_columns_by_name_with_gaps_and_unequal_times(tmp_path: Path) -> None:
    (tmp_path / "d.csv").write_text(
        "t, p.x[0], x[2], r, drive\n0,1,2,,0\n0.5,NaN,3,1.5,1\n,1,1,1,1\n0.6,,,,2\n2,2,4,1,3\n"
    )
    found = read(tmp_path, "d.csv")
    assert found.times.tolist() == [0, 0.5, 2]
    np.testing.assert_array_equal(
        found.measured["p.x"], [[1, np.nan, 2], [np.nan, np.nan, 3], [2, np.nan, 4]]
    )
    np.testing.assert_array_equal(found.measured["r"][:, 0], [np.nan, 1.5, 1])
    assert found.signals["drive"].tolist() == [0, 1, 3]
    assert found.kinds.tolist() == [0, 0, 0, 1] and not found.phases.any()
    told = " / ".join(found.notes)
    assert "2 of 5 rows" in told and "1 of 3 numbers of 'p.x' were not measured" in told
    assert "1 measurements of 'p.x' are missing" in told


def test_arrays_and_a_clock_of_another_name(tmp_path: Path) -> None:
    np.savez(tmp_path / "d.npz", when=[0, 1, 2], th=np.arange(9).reshape(3, 3), drive=[0, 1, 1])
    text = SPEC.replace('"DATA"', '"d.npz", time=when').replace("REST", "")
    compilation = Compilation(Source(str(tmp_path / "m.dyn"), text))
    found = read_series(compilation.model, compilation.network, compilation.model.fits[0])
    assert found.measured["p.th"].shape == (3, 3) and found.phases.all()


def test_a_number_that_never_changes_is_told(tmp_path: Path) -> None:
    (tmp_path / "d.csv").write_text("t,x[0],x[1]\n0,1,2\n1,1,3\n2,1,4\n")
    assert any("1 of 3 numbers of 'p.x' never change" in n for n in read(tmp_path, "d.csv").notes)


@pytest.mark.parametrize(
    ("content", "rest", "words"),
    [
        ("x[0]\n1\n2\n", "", "no 't' among x[0]"),
        ("t,y[0]\n0,1\n1,2\n", "", "has 'y', and nothing"),
        ("t,x[3]\n0,1\n1,2\n", "", "'x[3]' is no number of 'p.x', which has [3]"),
        ("t,x\n0,1\n1,2\n", "", "'x' is no number of 'p.x'"),
        ("t,x[0]\n0,1\n1,two\n", "", "'x[0]' is 'two' in line 3"),
        ("t,x[0]\n0,1\n1,inf\n", "", "'p.x' is infinite at t = 1"),
        ("t,x[0]\n0,1\n0,2\n1,3\n", "", "do not ascend: 0 comes after 0"),
        ("t,x[0]\n0,1\n2,2\n1,3\n", "", "do not ascend: 1 comes after 2"),
        ("t,drive\n0,1\n1,2\n", "", "nothing that was measured"),
        ("t,x[0],drive\n0,1,1\n1,2,\n", "", "the signal 'drive' has no value at t = 1"),
        ("t,x[0]\n0,1\n1,1\n2,1\n", "", "nothing in the series changes"),
        ("t,x[0]\n0,1\n1,2\n2,1\n", "shoot 5", "has 3 times, and a segment has 6"),
        ("t,x[0]\n0,1\n", "", "has 1 times, and a segment has 2"),
        ({"t": [0, 1], "x": [[1, 2], [1, 3]]}, "", "has the shape [2, 2], not [2, 3]"),
        ({"t": [0, 1], "x": [["a", "b", "c"]] * 2}, "", "cannot be read"),
        ({"x": [[1, 2, 3]]}, "", "no 't' among x"),
    ],
)
def test_what_is_refused(tmp_path: Path, content: Any, rest: str, words: str) -> None:
    assert words in refusal(tmp_path, content, rest)


def test_fewer_measurements_than_unknowns(tmp_path: Path) -> None:
    from dynattn.learn.fits import run_fit

    (tmp_path / "d.csv").write_text("t,x[0],drive\n0,1,0\n1,2,1\n2,1,1\n")
    text = SPEC.replace("DATA", "d.csv").replace("REST", "")
    compilation = Compilation(Source(str(tmp_path / "m.dyn"), text))
    with pytest.raises(SpecError, match="E528: 3 measurements do not tell 8 unknown numbers"):
        run_fit(compilation, compilation.model.fits[0])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("population p[2] { state x on real; drift k - x; noise 0.1 }\nsimulate { t 0 .. 1; "
         "method euler; step 0.1 }", "noise moves 'p.x'"),
        ("population p[2] { state x on real = 1; x <- k*x }\nsimulate { steps 5 }",
         "a map updates 'p.x'"),
        ("population p[2] { state x on real; drift k - x }\nsimulate { t 0 .. 1; "
         "method rodas5p }", "'rodas5p' does not"),
        ("population p[2] { state x on real; drift -x }\ncoupling c: p -> p { strength k; delay 1 }"
         "\nsimulate { t 0 .. 1 }", "'c' has a delay, and a fit with delays"),
        ("param twice = 2*k\npopulation p[2] { state x on real; drift k - twice*x }",
         "'twice' is computed from 'k' once"),
        ("learn v on sphere(3) = [0, 0, 1]\npopulation p[2] { state x on real; "
         "drift k + dot(v, 1) }", "'v' is a point of sphere"),
    ],
)  # fmt: skip
def test_what_cannot_be_fitted(text: str, words: str) -> None:
    whole = f'model m\nparam k = 1\n{text}\ntrain fit {{ data series("a.csv"); free k }}\n'
    model = Compilation(Source("m.dyn", whole)).model
    found = fit_mistakes(model, model.fits[0])
    assert any(item.code == "E690" and words in item.message for item in found), found
