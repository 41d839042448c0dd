"""How wide figures are, and with it the size of letters and strokes: as usual, or for a journal.

``drawn_at(3.4)`` makes every figure within as wide as one column, with letters of 8 points and
thinner strokes, without the title that a caption has.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

LEAST, MOST = 2.0, 16.0
"""Inches between which a width may be."""
LETTERS, USUAL = 8.0, 10.5
"""Size of letters, in points, in figures of a given width, and in others."""
COLUMN = 5.0
"""Inches below which keys stand above the axes and panels below one another."""
TALLER = 1.4
"""How much higher, in parts of its width, a panel is at the most when it is narrow."""
DOTS, PRINTED = 150, 600
"""Pixels an inch of what is no vector: as usual, and of a given width."""

_WIDTH: ContextVar[float | None] = ContextVar("width of figures", default=None)


@contextmanager
def drawn_at(width: float | None) -> Iterator[None]:
    """A context in which figures are that many inches wide; None: as wide as they usually are."""
    token = _WIDTH.set(width)
    try:
        yield
    finally:
        _WIDTH.reset(token)


def is_set() -> bool:
    """Whether figures have a given width."""
    return _WIDTH.get() is not None


def narrow() -> bool:
    """Whether figures are as wide as one column."""
    width = _WIDTH.get()
    return width is not None and width < COLUMN


def sized(size: float) -> float:
    """A size of letters or strokes, in points, as it is drawn at the width of the figures."""
    return size * LETTERS / USUAL if is_set() else size


def dots() -> int:
    """Pixels an inch."""
    return PRINTED if is_set() else DOTS


def size_of(width: float, height: float, *, shaped: bool = False) -> tuple[float, float]:
    """Inches of a figure that is usually so large; ``shaped`` ones keep their proportions."""
    given = _WIDTH.get()
    if given is None:
        return width, height
    factor = given / width
    taller = 1.0 if shaped else min(TALLER, max(1.0, factor**-0.5))
    return given, height * factor * taller


def thin(figure: Any) -> None:
    """Strokes and marks as thin as the letters are small; nothing where no width is given."""
    if not is_set():
        return
    for axes in figure.axes:
        keys = [] if axes.get_legend() is None else axes.get_legend().legend_handles
        for artist in (*axes.lines, *axes.collections, *axes.patches, *keys):
            _thin(artist)


def _thin(artist: Any) -> None:
    from matplotlib.collections import Collection, PathCollection
    from matplotlib.lines import Line2D

    if isinstance(artist, Line2D):
        artist.set_linewidth(sized(artist.get_linewidth()))
        artist.set_markersize(sized(artist.get_markersize()))
        artist.set_markeredgewidth(sized(artist.get_markeredgewidth()))
    elif isinstance(artist, Collection):
        widths: Any = artist.get_linewidth()
        artist.set_linewidth([sized(width) for width in widths])
        if isinstance(artist, PathCollection):
            artist.set_sizes([(LETTERS / USUAL) ** 2 * area for area in artist.get_sizes()])
    else:
        artist.set_linewidth(sized(artist.get_linewidth()))
        if hasattr(artist, "set_mutation_scale"):
            artist.set_mutation_scale(sized(artist.get_mutation_scale()))
