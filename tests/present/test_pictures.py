"""Attention pictures and plots: what they show, and that every format is written."""

from __future__ import annotations

import math
from pathlib import Path

import numpy
import pytest

from dynattn.present import attention as attention_room
from dynattn.present import maps, palette, plots
from dynattn.present.attention import draw_arcs, draw_heat_maps, text_tokens, visible
from dynattn.present.figure import save_figure
from dynattn.present.parts import Attention

SUFFIXES = [".svg", ".png", ".pdf"]


def learned(heads: int = 2, layers: int = 2, text: str = "To be, $x^2$\n") -> Attention:
    size = len(text)
    scores = numpy.random.default_rng(0).normal(size=(layers, heads, size, size))
    weights = numpy.tril(numpy.exp(scores))
    return Attention(text_tokens(text.encode()), weights / weights.sum(-1, keepdims=True))


@pytest.fixture
def figures(monkeypatch: pytest.MonkeyPatch):
    """The figures instead of files, to look into them."""
    drawn: list = []
    for room in (attention_room, plots):
        monkeypatch.setattr(room, "save_figure", lambda figure, path: drawn.append(figure))
    return drawn


@pytest.mark.parametrize(
    ("token", "shown"),
    [
        ("a", "a"),
        (" ", "␣"),
        ("\n", "↵"),
        ("\t", "⇥"),
        ("\x07", "\\x07"),
        ("é", "é"),
        ("of\n", "of↵"),
    ],
)
def test_letters_without_ink_are_made_visible(token: str, shown: str):
    assert visible(token) == shown


def test_bytes_become_labels():
    assert text_tokens("aé".encode()) == ("a", "\\xc3", "\\xa9")


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("draw", [draw_heat_maps, draw_arcs])
def test_attention_pictures_are_written(draw, suffix: str, tmp_path: Path):
    assert draw(learned(), tmp_path / f"a{suffix}").stat().st_size > 3000


def test_a_panel_for_each_head_of_each_layer_with_the_sentence_along_it(figures):
    draw_heat_maps(learned(heads=3, layers=2), Path("unused.svg"))
    panels = [axes for axes in figures[0].axes if "head" in axes.get_title(loc="left")]
    assert len(panels) == 6
    labels = [label.get_text() for label in panels[0].get_xticklabels()]
    assert labels == ["T", "o", "␣", "b", "e", ",", "␣", "$", "x", "^", "2", "$", "↵"]


def test_the_future_stays_empty(figures):
    draw_heat_maps(learned(1, 1), Path("unused.svg"))
    shown = figures[0].axes[0].images[0].get_array()
    numpy.testing.assert_array_equal(shown.mask, numpy.triu(numpy.ones((13, 13)), 1).astype(bool))


def test_the_strongest_arcs_are_drawn_and_no_others(figures):
    sentence = learned(1, 1)
    draw_arcs(sentence, Path("unused.svg"), strongest=4)
    (axes,) = figures[0].axes
    between = sentence.weights[0, 0] - numpy.diag(numpy.diag(sentence.weights[0, 0]))
    expected = {tuple(divmod(int(k), 13)) for k in numpy.argsort(between, axis=None)[-4:]}
    ends = {
        (round(arc.center[0] + arc.width / 2), round(arc.center[0] - arc.width / 2))
        for arc in axes.patches
    }
    assert ends == expected


def test_learning_curves_are_in_bits_where_the_run_measures_them():
    rows = [
        {"kind": "train", "step": 1, "loss": 5 * math.log(2)},
        {"kind": "validation", "step": 1, "loss": 4 * math.log(2), "bits_per_character": 4.0},
        {"kind": "final", "step": 1, "loss": 1.0, "bits_per_character": 1.4},
    ]
    curves, unit = plots.learning_curves(rows)
    assert unit == "bits per character"
    assert curves == {"training": ([1], [5.0]), "validation": ([1], [4.0])}
    curves, unit = plots.learning_curves([{"kind": "train", "step": 2, "loss": 0.5}])
    assert (curves, unit) == ({"training": ([2], [0.5])}, "loss")


def test_baselines_are_named_lines(figures):
    plots.draw_learning(
        {"training": ([1, 2], [5.0, 4.0])}, Path("unused.svg"), baselines={"bigram": 3.48}
    )
    (axes,) = figures[0].axes
    assert [text.get_text() for text in axes.texts] == ["bigram 3.48"]
    assert [list(line.get_ydata()) for line in axes.lines] == [[5.0, 4.0], [3.48, 3.48]]


def test_repeats_are_thin_and_their_mean_is_strong(figures):
    values = numpy.array([[0.0, 1.0], [0.5, 0.7]])
    plots.draw_series([0.0, 1.0], {"r": values}, Path("unused.svg"))
    lines = figures[0].axes[0].lines
    assert len(lines) == 3
    numpy.testing.assert_allclose(lines[-1].get_ydata(), [0.5, 0.6])
    assert lines[-1].get_linewidth() > lines[0].get_linewidth()


def test_phases_are_wrapped():
    values = numpy.array([[0.0, 7.0], [3.0, -4.0]])
    figure = maps.raster_figure([0.0, 1.0], [maps.Layer("theta", values, cyclic=True)])
    shown = figure.axes[0].images[0].get_array()
    numpy.testing.assert_allclose(shown, [[0.0, 3.0], [7 - 2 * math.pi, 2 * math.pi - 4]])


def test_a_sweep_shows_every_repeat_their_mean_and_its_spread():
    figure = plots.sweep_figure([0, 1], {"r": [[0.0, 0.2], [0.6, 1.0]]}, parameter="K")
    axes = figure.axes[0]
    assert axes.get_xlabel() == "K"
    assert [list(line.get_ydata()) for line in axes.lines[:2]] == [[0.0, 0.6], [0.2, 1.0]]
    numpy.testing.assert_allclose(axes.lines[-1].get_ydata(), [0.1, 0.8])
    (band,) = axes.collections
    box = band.get_paths()[0].get_extents()
    numpy.testing.assert_allclose([box.y0, box.y1], [0.0, 1.0])


def test_what_only_rounding_changes_is_a_level_line():
    drift = 0.0015 * (1 + 1e-9 * numpy.arange(4))
    figure = plots.series_figure([0, 1, 2, 3], {"conserved": drift, "r": numpy.arange(4) / 10})
    heights = [numpy.ptp(axes.get_ylim()) for axes in figure.axes]
    assert heights[0] > 1e-4
    assert heights[1] == pytest.approx(0.33)


def test_many_repeats_are_their_mean_in_a_band():
    rng = numpy.random.default_rng(0)
    axes = plots.series_figure([0.0, 1.0], {"r": rng.normal(size=(2, 31))}).axes[0]
    assert (len(axes.lines), len(axes.collections)) == (1, 1)


@pytest.mark.parametrize("repeats", [(), (2,)])
def test_two_parameters_make_a_heat_map_of_the_means(repeats):
    grid = {"K": [0.0, 1.0, 3.0], "D": [0.1, 1.0, 10.0, 100.0]}
    values = numpy.arange(12.0).reshape(3, 4)
    shown = values if not repeats else numpy.stack([values - 1, values + 1], -1)
    axes, bar = maps.heat_figure(grid, {"r": shown}).axes
    (cells,) = axes.collections
    numpy.testing.assert_allclose(cells.get_array(), values.T)
    assert (axes.get_xlabel(), axes.get_ylabel(), bar.get_ylabel()) == ("K", "D", "r")
    assert (axes.get_xscale(), axes.get_yscale()) == ("linear", "log")
    borders = cells.get_coordinates()
    numpy.testing.assert_allclose(borders[0, :, 0], [-0.5, 0.5, 2.0, 4.0])
    numpy.testing.assert_allclose(borders[:, 0, 1], 10.0 ** numpy.arange(-1.5, 3))


def test_opposite_phases_differ_for_the_colour_blind_too():
    """Red-blind and green-blind sight by the matrices of Machado, Oliveira and Fernandes (2009)."""
    colours = palette.phase_colormap()(numpy.arange(256))[:, :3]
    linear = numpy.where(colours <= 0.04045, colours / 12.92, ((colours + 0.055) / 1.055) ** 2.4)
    blind = {
        "red": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216],
                [-0.003882, -0.048116, 1.051998]],
        "green": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413],
                  [-0.011820, 0.042940, 0.968881]],
    }  # fmt: skip
    for matrix in blind.values():
        seen = numpy.clip(linear @ numpy.array(matrix).T, 0, 1) ** (1 / 2.2)
        apart = numpy.linalg.norm(seen - numpy.roll(seen, 128, axis=0), axis=1)
        assert apart.min() > 0.25


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_plots_are_written(suffix: str, tmp_path: Path):
    times, values = [0.0, 1.0, 2.0], [[0.1, 0.2], [0.3, 0.4], [0.5, 0.6]]
    paths = [
        plots.draw_learning({"training": (times, times)}, tmp_path / f"l{suffix}", title="$a_b"),
        plots.draw_series(times, {"r_$x": values}, tmp_path / f"s{suffix}"),
    ]
    figures = {
        "p": maps.raster_figure(times, [maps.Layer("x_$", numpy.array(values))]),
        "w": plots.sweep_figure(times, {"r": values}, parameter="K_$"),
        "h": maps.heat_figure({"K_$": times, "D": [1.0, 2.0]}, {"r_$": values}),
    }
    paths += [save_figure(figure, tmp_path / (n + suffix)) for n, figure in figures.items()]
    assert all(path.stat().st_size > 3000 for path in paths)
