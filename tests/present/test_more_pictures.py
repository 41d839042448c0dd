"""Snapshots, events, ensembles, words at axes and beside points: they show what was computed."""

from __future__ import annotations

import math
from typing import Any

import numpy
import pytest
from matplotlib.collections import PathCollection

from dynattn.diagnostics.report import SpecError
from dynattn.present.coordinates import Coordinate
from dynattn.present.ensembles import ensemble_figure
from dynattn.present.figure import new_figure, save_figure, style
from dynattn.present.labels import add_label, labels_of, settle_labels
from dynattn.present.maps import Layer, raster_figure
from dynattn.present.plots import series_figure, sweep_figure
from dynattn.present.spikes import events_of
from tests.present.scenes import spec

CELLS = """model cells
param N = 9, K = 0.5 "strength of coupling"
population cell[N] {
  param w ~ uniform(2, 5)
  state theta on circle = 0.1 * index
  state v on real = 0.05 + 0.1 * index
  theta' = w
  v' = -K
}
observe up = v > -1
observe r = order(theta)
simulate { t 0 .. 4 every 0.5; record theta, v, up, r }
simulate thrice { repeat 3; record r, theta }
sweep strong { K = [0.5, 1, 2]; repeat 5; record final(mean(v)), final(r) }
sweep both { K = 0.5 .. 3 by 0.5; w0 = 1 .. 6 by 1; record final(r) }
param w0 = 1 "turns of all [rad/s]"
"""


@pytest.fixture(scope="module")
def cells():
    text = CELLS.replace("theta' = w\n", "theta' = w*w0\n")
    return spec(text)


@pytest.fixture(scope="module")
def one(cells):
    return cells.run()


def band(collection: Any) -> tuple[float, float]:
    """The lowest and highest of what is filled."""
    box = collection.get_paths()[0].get_extents()
    return box.y0, box.y1


def test_an_ensemble_is_its_median_in_bands_of_quantiles():
    values = numpy.random.default_rng(3).normal(size=(2, 101))
    values[1] = numpy.where(numpy.arange(101) < 50, numpy.nan, 7.0)
    axes = ensemble_figure([0.0, 1.0], {"r": values}, below="K").axes[0]
    wide, narrow = axes.collections
    known = numpy.quantile(values[0], [0.05, 0.95, 0.25, 0.75])
    assert band(wide) == pytest.approx((known[0], 7.0))
    assert band(narrow) == pytest.approx((known[2], 7.0))
    (path,) = wide.get_paths()
    top = path.vertices[:, 1]
    assert any(abs(top - known[1]) < 1e-12)
    numpy.testing.assert_allclose(axes.lines[0].get_ydata(), [numpy.median(values[0]), 7.0])
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("K", "r")


def test_ensembles_of_repeats_and_of_a_sweep(cells):
    repeats = cells.run("thrice")
    (axes,) = repeats.plot("ensemble").axes
    numpy.testing.assert_allclose(axes.lines[0].get_ydata(), numpy.median(repeats["r"], 0))
    strong = cells.run("strong")
    figure = strong.plot("ensemble(final(mean(v)))")
    assert [a.get_ylabel() for a in figure.axes] == ["final(mean(v))"]
    line = figure.axes[0].lines[0]
    numpy.testing.assert_allclose(line.get_ydata(), numpy.median(strong["final(mean(v))"], 1))
    numpy.testing.assert_allclose(line.get_xdata(), [0.5, 1, 2])
    assert figure.axes[0].get_xlabel() == "strength of coupling, K"
    with pytest.raises(SpecError, match=r"'both' sweeps 2 parameters"):
        cells.run("both").plot("ensemble")


def test_both_axes_of_a_heat_map_have_the_words_of_the_spec(cells):
    axes, bar = cells.run("both").plot("sweep").axes
    assert axes.get_xlabel() == "strength of coupling, K"
    assert axes.get_ylabel() == "turns of all [rad/s], w0"
    assert bar.get_ylabel() == "final(r)"


def fired(item: Coordinate, times, values) -> list[tuple[float, int]]:
    when, node = events_of(item, times, values)
    return sorted(zip(numpy.round(when, 9).tolist(), node.tolist(), strict=True))


def test_phases_fire_where_they_pass_0_however_often_and_wherever_they_close(cells, one):
    phase = next(
        item for item in _coordinates(cells) if item.cyclic
    )  # fmt: skip
    times = numpy.linspace(0, 4, 9)
    start, rate = numpy.array([0.1, -1.0, 3.0]), numpy.array([3.0, 14.0, -2.0])
    lifted = start + rate * times[:, None]
    lifted[:, 0] += 20 * math.pi
    known = [
        (round((2 * math.pi * turn - start[k]) / rate[k], 9), k)
        for k in (0, 1)
        for turn in range(9)
        if 0 < (2 * math.pi * turn - start[k]) / rate[k] <= 4
    ]
    assert fired(phase, times, lifted) == sorted(known)
    slow = start[:1] + rate[:1] * times[:, None]
    closed = numpy.angle(numpy.exp(1j * slow))
    assert fired(phase, times, closed) == fired(phase, times, slow) == [k for k in sorted(known)
                                                                        if k[1] == 0]  # fmt: skip


def test_numbers_fire_where_they_rise_through_0_and_conditions_where_they_begin(cells):
    number, truth = (
        next(item for item in _coordinates(cells) if item.label == label) for label in ("v", "up")
    )
    times = [0.0, 1.0, 3.0]
    values = numpy.array([[-1.0, 1.0], [-1.0, -1.0], [3.0, 1.0]])
    assert fired(number, times, values) == [(1.5, 0), (2.0, 1)]
    assert fired(truth, times, values > 0) == [(3.0, 0), (3.0, 1)]


def _coordinates(cells) -> tuple[Coordinate, ...]:
    from dynattn.present.coordinates import kept_coordinates

    return kept_coordinates(cells.model, cells.model.simulations[0])


def test_events_are_ticks_at_their_node(cells, one):
    figure = one.plot("spikes")
    (line,) = figure.axes[0].lines
    phase = next(item for item in _coordinates(cells) if item.cyclic)
    when, node = events_of(phase, one.axes["time"], one["theta"])
    numpy.testing.assert_array_equal(line.get_xdata(), when)
    numpy.testing.assert_array_equal(line.get_ydata(), node)
    assert len(when) > 9
    assert [a.get_title(loc="right") for a in one.plot("spikes(v, up)").axes] == [
        "v rises through 0", "up begins to hold",
    ]  # fmt: skip


def test_snapshots_stand_side_by_side_with_one_key(one):
    figure = one.plot("snapshots(theta)")
    drawn: list[Any] = [
        c for axes in figure.axes for c in axes.collections if isinstance(c, PathCollection)
    ]
    moments = [0, 3, 5, 8]
    for dots, k in zip(drawn, moments, strict=True):
        angles = one["theta"][k]
        numpy.testing.assert_allclose(
            dots.get_offsets(), numpy.stack([numpy.cos(angles), numpy.sin(angles)], -1)
        )
    heads = [a.get_title(loc="left") for a in figure.axes if a.get_title(loc="left")]
    assert heads == [f"t = {one.axes['time'][k]:g}" for k in moments]
    assert len(figure.axes) == 5  # four circles and a colour bar


def test_snapshots_of_numbers_share_their_axis(one):
    panels = [a for a in one.plot("snapshots(v)").axes if a.get_title(loc="left")]
    assert len({axes.get_ylim() for axes in panels}) == 1
    assert panels[0].get_ylim()[0] < one["v"].min() < one["v"].max() < panels[0].get_ylim()[1]


def test_words_beside_points_hide_neither_one_another_nor_leave_the_frame():
    rng = numpy.random.default_rng(1)
    with style():
        figure = new_figure(5, 3)
        axes = figure.subplots()
        x = numpy.linspace(0, 1, 200)
        axes.plot(x, numpy.sin(9 * x))
        for place in (*numpy.linspace(0.02, 0.98, 9), *(0.5 + 0.01 * rng.normal(size=12))):
            axes.plot(place, math.sin(9 * place), "o")
            add_label(axes, f"fold {place:.6g}", place, math.sin(9 * place))
        settle_labels(figure)
        figure.draw_without_rendering()
    seen = [text for text in labels_of(axes) if text.get_visible()]
    assert 8 <= len(seen) < 21  # twelve that stand on one spot cannot all be told
    assert max(abs(text.get_position()[1]) for text in seen) <= 2 * 15  # of many none stands far
    boxes = [text.get_window_extent() for text in seen]
    for k, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[:k])
        assert axes.get_window_extent().padded(3).contains(*box.min)


def test_orbits_are_drawn_by_their_located_extremes_beside_the_equilibria():
    result = spec("""model turning
param a = -0.5 "gain"
population p[1] { state x on real = 0.1; state y on real = 0.1; drift 0
  x' = a*x - y - x*(x^2 + y^2)
  y' = x + a*y - y*(x^2 + y^2)
}
observe far = mean(x)
continue rest { a = -0.5 .. 0.5; detect hopf }
continue orbits { start at rest.hopf; a = -0.5 .. 0.5 }
""".replace("; drift 0", "")).run("orbits")  # fmt: skip
    axes, period = result.plot("bifurcation").axes
    curves = [line for line in axes.lines if len(line.get_xdata()) > 3]
    high, low = curves[-2:]
    a = numpy.asarray(high.get_xdata())
    numpy.testing.assert_allclose(high.get_ydata(), numpy.sqrt(a.clip(0)), atol=1e-5)
    numpy.testing.assert_allclose(low.get_ydata(), -numpy.sqrt(a.clip(0)), atol=1e-5)
    numpy.testing.assert_allclose(period.lines[0].get_ydata(), 2 * math.pi, rtol=1e-6)
    assert [text.get_text() for text in labels_of(axes)] == ["Hopf point 0"]
    assert period.get_xlabel() == "gain, a"


@pytest.mark.parametrize("suffix", [".svg", ".pdf"])
def test_files_of_much_stay_small(suffix, tmp_path):
    rng = numpy.random.default_rng(0)
    walk = rng.normal(size=(120_000, 2)).cumsum(0)
    points = numpy.linspace(0, 1, 1000).tolist()
    figures = {
        "series": series_figure(list(range(len(walk))), {"a": walk[:, 0], "b": walk[:, 1]}),
        "sweep": sweep_figure(points, {"r": rng.normal(size=(1000, 20))}, parameter="K"),
        "raster": raster_figure(range(4000), [Layer("x", rng.normal(size=(4000, 20)))]),
    }
    for name, figure in figures.items():
        file = save_figure(figure, tmp_path / f"{name}{suffix}")
        assert 3000 < file.stat().st_size < 2_000_000, name
