"""Words beside points of a diagram, put where they hide neither one another nor the curves."""

from __future__ import annotations

from typing import Any

from dynattn.present.palette import MUTED_TEXT
from dynattn.present.width import sized

MARK = "label of a point"
"""The gid of these words."""

PLACES = tuple(
    (side * far, up * far, "left" if side > 0 else "right" if side < 0 else "center")
    for far in (7, 15, 26, 40)
    for side, up in ((1, 1), (-1, 1), (1, -1.4), (-1, -1.4), (1.3, -0.4), (-1.3, -0.4), (0, 1.2),
                     (0, -2))
)  # fmt: skip
"""Offsets from the point in typographic points, with how the words are aligned, the best first."""

MANY, NEAR = 12, 16
"""With more labels than this only so many places are tried: of words that stand far from their
point one could not tell which point they mean."""

HIDING, LEAVING, CROSSING, FARTHER = 1e6, 1e4, 8.0, 1.0
"""What it costs to stand on other words or marks, to leave the frame, to stand on a point of a
curve, and to take the next place."""


def add_label(axes: Any, words: str, x: float, y: float) -> None:
    """Words beside a point; ``settle_labels`` finds their place."""
    axes.annotate(words, (x, y), xytext=PLACES[0][:2], textcoords="offset points",
                  fontsize=sized(9.5), color=MUTED_TEXT, parse_math=False, gid=MARK,
                  zorder=6)  # fmt: skip


def labels_of(axes: Any) -> list[Any]:
    """The words beside points."""
    return [text for text in axes.texts if text.get_gid() == MARK]


def settle_labels(figure: Any) -> None:
    """Give every label the first place that costs least; one that would hide another, or leave the
    frame, is left out: the later one.
    """
    for axes in figure.axes:
        for text in labels_of(axes):
            text.set_in_layout(False)
    figure.draw_without_rendering()  # which finds the layout
    for axes in figure.axes:
        texts = labels_of(axes)
        if texts:
            _settle(axes, texts, figure.dpi / 72)


def _settle(axes: Any, texts: list[Any], dot: float) -> None:
    import numpy

    curves = _curve_points(axes)
    points = axes.transData.transform([text.xy for text in texts])
    marks = numpy.stack([points - 4 * dot, points + 4 * dot], 1)
    taken: list[Any] = list(marks)
    frame = numpy.array(axes.get_window_extent().get_points())
    places = PLACES if len(texts) <= MANY else PLACES[:NEAR]
    for text, point in zip(texts, points, strict=True):
        extent = text.get_window_extent()
        size = numpy.array([extent.width, extent.height])
        boxes = [_box(point, size, place, dot) for place in places]
        costs = [
            sum(HIDING for other in taken if _meet(box, other))
            + LEAVING * float((box[0] < frame[0]).any() or (box[1] > frame[1]).any())
            + CROSSING * int(((curves > box[0]) & (curves < box[1])).all(1).sum())
            + FARTHER * number
            for number, box in enumerate(boxes)
        ]
        best = int(numpy.argmin(costs))
        right, up, align = places[best]
        text.set(position=(right, up), ha=align, va="baseline", visible=costs[best] < LEAVING)
        if text.get_visible():
            taken.append(boxes[best])


def _box(point: Any, size: Any, place: tuple[float, float, str], dot: float) -> Any:
    """[[left, low], [right, high]] in dots of words at a place beside a point."""
    import numpy

    right, up, align = place
    part = {"left": 0.0, "center": 0.5, "right": 1.0}[align]
    low = point + numpy.array([right * dot - part * size[0], (up - 2.2) * dot])
    return numpy.stack([low, low + size])


def _meet(box: Any, other: Any) -> bool:
    return bool((box[0] < other[1]).all() and (other[0] < box[1]).all())


def _curve_points(axes: Any) -> Any:
    """Points [k, 2], in dots, along all lines, close to one another."""
    import numpy

    found = [numpy.zeros((0, 2))]
    for line in axes.lines:
        if line.get_linestyle() in ("None", "") or len(line.get_xdata()) < 2:
            continue
        places = axes.transData.transform(numpy.column_stack(line.get_data()))
        whole = numpy.isfinite(places).all(1)
        places = places[whole]
        if len(places) > 1:
            along = numpy.linspace(0, len(places) - 1, 12 * min(len(places), 400))
            row = numpy.arange(len(places))
            found.append(numpy.stack([numpy.interp(along, row, p) for p in places.T], -1))
    return numpy.concatenate(found)
