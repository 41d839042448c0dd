"""Figures of a given width, several experiments in one, and words that fit."""

from __future__ import annotations

import numpy
import pytest

from dynattn.diagnostics.report import UsageError
from dynattn.present.figure import new_figure
from dynattn.present.fitting import finish
from dynattn.present.wanted import read_width
from tests.present.scenes import spec

PAIR = """model pair
param a = 0 "bias", b = 1 "slope at the origin"
population p[1] { state x on real = -1; state y on real = 0.1; x' = a + b*x - x^3; y' = -y }
observe m = mean(x)
simulate { t 0 .. 2 every 0.5 }
simulate late { t 0 .. 3 every 0.5 }
continue s { a = -0.8 .. 0.8; detect fold }
continue again { a = 0.8 .. -0.8; detect fold }
continue plane { follow s.fold; a = -0.8 .. 0.8; b = 0.2 .. 1.5 }
continue other { follow again.fold; b = 0.2 .. 1.5; a = -0.8 .. 0.8 }
hysteresis loop { a = -0.6 .. 0.6 by 0.3; t 0 .. 20; record m }
lyapunov lone { a = 0 .. 1 by 0.5; t 0 .. 5 }
"""
ROUND = """model round
param w = 2 "speed"
population p[1] { state x on real = 0.1; state y on real = 0
  x' = w*x - y - x*(x^2 + y^2); y' = x + w*y - y*(x^2 + y^2) }
observe size = mean(x^2 + y^2)
continue rest { w = -1 .. 1; detect hopf }
continue orbits { start at rest.hopf; w = -1 .. 1 }
"""


@pytest.fixture(scope="module")
def pair():
    return spec(PAIR)


@pytest.fixture(scope="module")
def branch(pair):
    return pair.run("s")


@pytest.mark.parametrize("word, inches", [("3.4", 3.4), ("3.4in", 3.4), ("86mm", 86 / 25.4),
                                          (" 8.6 cm", 8.6 / 2.54), (None, None)])  # fmt: skip
def test_a_width_is_in_inches_or_has_its_unit(word, inches):
    assert read_width(word) == pytest.approx(inches)


@pytest.mark.parametrize("word", ["86", "1", "0", "-3", "3 pt", "wide", ""])
def test_no_width(word):
    with pytest.raises(UsageError) as error:
        read_width(word)
    assert error.value.diagnostics[0].code == "E789"


def test_a_figure_is_as_wide_as_it_is_asked_to_be(branch, tmp_path):
    usual = branch.plot(path=tmp_path / "usual.svg")
    column = branch.plot(path=tmp_path / "column.svg", width=3.4)
    assert usual.get_figwidth() == 7.6 and column.get_figwidth() == 3.4
    assert 'width="244.8pt"' in (tmp_path / "column.svg").read_text()
    (axes,), (wide,) = column.axes, usual.axes
    assert axes.xaxis.label.get_size() == pytest.approx(11 * 8 / 10.5)
    assert [t.get_text() for t in axes.texts] == [t.get_text() for t in wide.texts]
    for narrow, line in zip(axes.lines, wide.lines, strict=True):
        assert narrow.get_linewidth() == pytest.approx(line.get_linewidth() * 8 / 10.5)
        numpy.testing.assert_array_equal(narrow.get_xdata(), line.get_xdata())
    assert usual.get_suptitle() and not column.get_suptitle()
    assert branch.plot().get_figwidth() == 7.6


def test_long_words_at_axes_go_on_in_the_next_line():
    figure = new_figure(3.0, 2.0)
    axes = figure.subplots()
    axes.set_ylabel("a quantity of many words that nobody reads to the end")
    finish(figure)
    label = axes.yaxis.label
    assert label.get_text().count("\n") >= 1
    assert label.get_window_extent().height < 1.15 * axes.get_window_extent().height


def test_measurements_have_the_words_of_the_parameters(pair):
    assert pair.run("loop").plot().axes[0].get_xlabel() == "bias, a"
    assert pair.run("lone").plot().axes[0].get_xlabel() == "bias, a"


def test_series_of_other_settings_are_told_apart_by_them(pair):
    one, two = pair.run(), spec(PAIR.split("simulate late")[0], a=0.2).run()
    figure = one.plot("series", beside=[two])
    (axes,) = figure.axes
    words = [text.get_text() for text in axes.get_legend().get_texts()]
    assert words == ["simulate, a as in the spec", "simulate, a = 0.2"]
    for line, result in zip(axes.lines, (one, two), strict=True):
        numpy.testing.assert_array_equal(line.get_ydata(), result["m"])
    late = pair.run("late")
    legend = one.plot("series", beside=[late]).axes[0].get_legend()
    assert [text.get_text() for text in legend.get_texts()] == ["simulate", "late"]


def test_branches_in_one_diagram(pair, branch):
    (axes,) = branch.plot(beside=[pair.run("again")]).axes
    words = [text.get_text() for text in axes.get_legend().get_texts()]
    assert words == ["s", "again", "stable", "unstable"]
    colours = {line.get_color() for line in axes.lines if line.get_marker() == "None"}
    assert len(colours) == 2


def test_curves_in_one_plane_with_the_axes_of_the_first(pair):
    curve, other = pair.run("plane"), pair.run("other")
    (axes,) = curve.plot(beside=[other]).axes
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("bias, a", "slope at the origin, b")
    for line, result in zip(axes.lines[:2], (curve, other), strict=True):
        numpy.testing.assert_array_equal(line.get_xdata(), result["a"])
    a, b = axes.lines[1].get_data()
    numpy.testing.assert_allclose(abs(a), 2 * (b / 3) ** 1.5, atol=1e-7)
    words = [text.get_text() for text in axes.get_legend().get_texts()]
    assert words == ["folds, plane", "folds, other"]


def test_orbits_beside_the_equilibria_that_they_left():
    hopf = spec(ROUND)
    figure = hopf.run("rest").plot(beside=[hopf.run("orbits")])
    above, below = figure.axes
    words = [text.get_text() for text in above.get_legend().get_texts()]
    assert words == ["rest", "orbits", "stable", "unstable"]
    (period,) = below.lines
    numpy.testing.assert_allclose(period.get_ydata(), 2 * numpy.pi, rtol=1e-6)
    # The equilibria are those asked for, drawn once.
    assert sum(line.get_color() == above.lines[0].get_color() for line in above.lines) == 2
