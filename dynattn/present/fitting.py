"""What is done to every figure when all is drawn: words that are too long go on in a next line."""

from __future__ import annotations

from textwrap import fill
from typing import Any

from dynattn.present.labels import labels_of, settle_labels
from dynattn.present.width import narrow, thin

SHORT = 26
"""Letters up to which words at an axis fit."""


def finish(figure: Any) -> Any:
    """The figure with words that fit, labels of points in their places, and its strokes."""
    thin(figure)
    if narrow() or any(len(words.get_text()) > SHORT for words in _words(figure)):
        _wrap(figure)
    if any(labels_of(axes) for axes in figure.axes):
        settle_labels(figure)
    return figure


def _words(figure: Any) -> list[Any]:
    """Titles and what stands at axes."""
    found = [figure._suptitle] if getattr(figure, "_suptitle", None) is not None else []
    for axes in figure.axes:
        found += [axes.xaxis.label, axes.yaxis.label, axes.title, axes._right_title]
        found += [axes._left_title]
    return found


def _wrap(figure: Any) -> None:
    """Break what is longer than the axes are, upwards, or wider than the figure, to the right."""
    figure.draw_without_rendering()  # which finds the layout
    whole = figure.bbox
    for axes in figure.axes:
        frame = axes.get_window_extent()
        _break(axes.yaxis.label, axes.yaxis.label.get_window_extent().height, 1.1 * frame.height)
        middle = (frame.x0 + frame.x1) / 2
        room = 1.94 * min(middle - whole.x0, whole.x1 - middle)
        _break(axes.xaxis.label, axes.xaxis.label.get_window_extent().width, room)
        for title in (axes.title, axes._left_title, axes._right_title):
            side = whole.x1 - frame.x0 if title is not axes._right_title else frame.x1 - whole.x0
            _break(title, title.get_window_extent().width, 0.98 * side)
    title = getattr(figure, "_suptitle", None)
    if title is not None:
        _break(title, title.get_window_extent().width, 0.96 * whole.width)


def _break(words: Any, length: float, room: float) -> None:
    text = words.get_text()
    if not text or length <= room:
        return
    longest = max(map(len, text.splitlines()))
    letters = max(8, int(longest * room / length))
    lines = [fill(line, letters, break_long_words=False) for line in text.splitlines()]
    words.set_text("\n".join(lines))
