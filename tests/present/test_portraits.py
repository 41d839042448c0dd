"""Phase portraits: trajectories, directions, nullclines and equilibria are those of the laws."""

from __future__ import annotations

import math
from typing import Any

import numpy
import pytest
from matplotlib.colors import to_hex
from matplotlib.contour import ContourSet
from matplotlib.quiver import Quiver

from dynattn.analyse.flows import rest_points
from dynattn.diagnostics.report import SpecError, UsageError
from dynattn.present import portrait
from dynattn.run.systems import build_for
from tests.present.scenes import spec

WELLS = """model wells
population p[1] {
  state x on real ~ normal(0, 1)
  state y on real ~ normal(0, 1)
  x' = y
  y' = x - x^3 - 0.2*y
}
observe r = mean(x^2)
simulate { t 0 .. 5 every 0.5; %s }
"""


def names_of(figure: Any) -> list[str]:
    return [text.get_text() for text in figure.axes[0].get_legend().get_texts()]


def rest(figure) -> dict[tuple[float, float], str]:
    """By place, how the marks of equilibria are filled."""
    marks = [line for line in figure.axes[0].lines if line.get_markersize() == 7]
    return {
        (round(float(m.get_xdata()[0]), 6) + 0.0, round(float(m.get_ydata()[0]), 6) + 0.0): (
            "half" if m.get_fillstyle() == "left" else to_hex(m.get_markerfacecolor())
        )
        for m in marks
    }


def nullclines(figure) -> list[numpy.ndarray]:
    """The points of each."""
    found = [c for c in figure.axes[0].collections if isinstance(c, ContourSet)]
    return [numpy.concatenate([path.vertices for path in c.get_paths()]) for c in found]


@pytest.fixture(scope="module")
def wells():
    return spec((WELLS % "").replace("observe r = mean(x^2)\n", "")).run()


def test_the_trajectory_runs_from_an_open_to_a_full_circle(wells):
    line, first, last = wells.plot("portrait").axes[0].lines[:3]
    numpy.testing.assert_array_equal(line.get_xdata(), wells["p.x"][:, 0])
    numpy.testing.assert_array_equal(line.get_ydata(), wells["p.y"][:, 0])
    assert (first.get_xdata()[0], last.get_xdata()[0]) == tuple(wells["p.x"][[0, -1], 0])
    assert first.get_markerfacecolor() == "white" != last.get_markerfacecolor()


def test_arrows_point_along_the_rates_as_they_are_seen(wells):
    axes = wells.plot("portrait").axes[0]
    arrows: Any = next(c for c in axes.collections if isinstance(c, Quiver))
    x, y = arrows.X, arrows.Y
    (left, right), (low, high) = axes.get_xlim(), axes.get_ylim()
    u, v = y / (right - left), (x - x**3 - 0.2 * y) / (high - low)
    length = numpy.hypot(u, v)
    still = length < 1e-12
    numpy.testing.assert_allclose(arrows.U[~still], (u / length)[~still], atol=1e-12)
    numpy.testing.assert_allclose(arrows.V[~still], (v / length)[~still], atol=1e-12)
    assert len(x) == portrait.ARROWS**2


def test_nullclines_and_equilibria_are_those_of_the_law(wells):
    figure = wells.plot("portrait")
    first, second = nullclines(figure)
    numpy.testing.assert_allclose(first[:, 1], 0.0, atol=1e-12)
    x, y = second.T
    numpy.testing.assert_allclose(y, 5 * (x - x**3), atol=5e-3)
    window = figure.axes[0].get_xlim()
    places = {(-1.0, 0.0): "#17202b", (0.0, 0.0): "half", (1.0, 0.0): "#17202b"}
    assert rest(figure) == {p: how for p, how in places.items() if window[0] < p[0] < window[1]}
    assert names_of(figure)[:2] == ["p.x' = 0", "p.y' = 0"]


def test_the_other_way_round_it_is_the_same_picture_turned(wells):
    one, other = wells.plot("portrait"), wells.plot("portrait(y, x)")
    assert rest(other) == {place[::-1]: how for place, how in rest(one).items()}
    swapped = nullclines(other)
    numpy.testing.assert_allclose(swapped[1][:, 0], 0.0, atol=1e-12)  # x' = y, x upwards now
    assert names_of(other)[:2] == ["p.y' = 0", "p.x' = 0"]


def test_angles_are_whole_and_lines_end_at_the_edge():
    figure = spec(
        "model m\npopulation p[1] { state theta on circle = 0; state theta' = 2.5; inertia 1; "
        "dissipation 0.2; drift -sin(theta) }\nsimulate { t 0 .. 20 every 0.1 }\n"
    ).run().plot("portrait")  # fmt: skip
    axes = figure.axes[0]
    assert axes.get_xlim() == (-math.pi, math.pi)
    x = axes.lines[0].get_xdata()
    steps = numpy.abs(numpy.diff(x))
    assert numpy.nanmax(steps) < 0.5 and numpy.isnan(x).sum() >= 1
    found = {tuple(numpy.abs(place).round(4)): how for place, how in rest(figure).items()}
    assert found == {(0.0, 0.0): "#17202b", (3.1416, 0.0): "half"}


def test_a_focus_that_a_symmetry_leaves_alone_is_marked_and_orbits_are_none():
    figure = spec(
        "model m\npopulation p[1] { state z on complex = 0.5; drift (1 + 2i)*z - abs(z)^2*z }\n"
        "simulate { t 0 .. 3 every 0.1 }\n"
    ).run().plot("portrait")  # fmt: skip
    assert rest(figure) == {(0.0, 0.0): "#ffffff"}
    assert figure.axes[0].get_xlabel() == "re(p.z)" and figure.axes[0].get_aspect() == 1.0


def test_who_is_absent_and_would_grow_makes_a_saddle():
    result = spec("""model m
population p[2] { state n on positive = 0.01 + 1.01*index; drift 1 - n }
coupling c: p -> p { kernel -0.5*n[j] }
simulate { t 0 .. 20 every 0.1 }
""").run()  # fmt: skip
    figure = result.plot("portrait")
    assert rest(figure) == {(0.0, 1.0): "half", (0.666667, 0.666667): "#17202b"}
    assert figure.axes[0].get_xlim()[0] == 0
    system = build_for(result.drawing.compilation, seed=0)
    kinds = {p.place: p.kind for p in rest_points(system, ((0.0, 1.2), (0.0, 1.2)))}
    assert {kind: [*kinds.values()].count(kind) for kind in kinds.values()} == {
        "stable": 1, "saddle": 2, "unstable": 1,
    }  # fmt: skip
    assert kinds[0.0, 0.0] == "unstable"


def test_repeats_are_a_trajectory_each_over_one_flow():
    result = spec(WELLS % "repeat 4; record x, y, r").run()
    axes = result.plot("portrait").axes[0]
    ways = [line for line in axes.lines if line.get_linestyle() == "-"]
    for k, line in enumerate(ways):
        numpy.testing.assert_array_equal(line.get_xdata(), result["x"][k, :, 0])
    assert len(ways) == 4
    assert any(isinstance(c, Quiver) for c in axes.collections)
    named = result.plot("portrait(x, r)").axes[0]
    numpy.testing.assert_array_equal(named.lines[0].get_ydata(), result["r"][0])
    assert not any(isinstance(c, Quiver) for c in named.collections)


def test_nodes_and_coordinates_by_their_indices():
    result = spec(
        "model m\npopulation p[12] { state x on simplex(3); drift 0*x }\n"
        "simulate { t 0 .. 1 every 0.5 }\n"
    ).run()  # fmt: skip
    axes = result.plot("portrait").axes[0]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("p.x[0]", "p.x[1]")
    one = result.plot("portrait(x[2], x[0][7])").axes[0]
    assert (one.get_xlabel(), one.get_ylabel()) == ("p.x[2]", "p.x[0][7]")
    numpy.testing.assert_array_equal(one.lines[0].get_ydata(), result["p.x"][:, 7, 0])


def test_what_reads_the_time_has_no_flow():
    text = (WELLS % "").replace("x - x^3 - 0.2*y", "x - x^3 + cos(t)")
    figure = spec(text).run().plot("portrait")
    assert not figure.axes[0].collections and figure.axes[0].get_legend() is None


@pytest.mark.parametrize(
    ("word", "told"),
    [
        ("portrait(x, q)", "'simulate' keeps no q over time"),
        ("portrait(x)", "a portrait has two axes, and 1 names are given"),
        ("portrait(x, y[3])", "p.y has no [3]"),
        ("series(q)", "this picture of 'simulate' shows no q"),
    ],
)
def test_names_that_are_not_kept(word, told):
    with pytest.raises(SpecError) as caught:
        spec(WELLS % "").run().plot(word)
    (found,) = caught.value.diagnostics
    assert (found.code, found.message) == ("E716", told)


def test_a_group_of_pictures_takes_no_names():
    with pytest.raises(UsageError) as caught:
        spec(WELLS % "").run().plot("all(x)")
    assert caught.value.diagnostics[0].code == "E710"
