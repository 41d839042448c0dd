"""Matplotlib figures of one style: made without pyplot or a display, written whole."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dynattn.diagnostics.files import write_whole
from dynattn.present.palette import CARD, MUTED_TEXT, TEXT

PICTURES = (".svg", ".png", ".pdf")
"""Endings of what matplotlib and Graphviz draw here."""

STYLE: Any = {
    "figure.facecolor": CARD,
    "savefig.facecolor": CARD,
    "axes.facecolor": "white",
    "axes.edgecolor": MUTED_TEXT,
    "axes.labelcolor": TEXT,
    "axes.titlesize": 12,
    "axes.titlelocation": "left",
    "axes.labelsize": 11,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "font.family": "DejaVu Sans",
    "font.size": 10.5,
    "text.color": TEXT,
    "xtick.color": MUTED_TEXT,
    "ytick.color": MUTED_TEXT,
    "legend.frameon": False,
    "lines.linewidth": 1.6,
    "svg.hashsalt": "dynattn",
    "path.simplify": True,
}


def style() -> Any:
    """A context in which figures have the house style; nothing outside it changes."""
    import matplotlib

    return matplotlib.rc_context(STYLE)


def new_figure(width: float, height: float) -> Any:
    """A figure of that many inches, laid out so that nothing overlaps."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def add_colourbar(figure: Any, axes: Any, image: Any, name: str, cyclic: bool) -> None:
    """The scale of ``image`` beside the axes; ``cyclic``: radians from -pi to pi."""
    import numpy

    bar = figure.colorbar(image, ax=axes, shrink=0.8, pad=0.02, aspect=28)
    bar.outline.set_visible(False)
    bar.set_label(f"{name} (radians)" if cyclic else name, parse_math=False)
    if cyclic:
        ticks = numpy.linspace(-numpy.pi, numpy.pi, 5)
        bar.set_ticks(ticks, labels=["-π", "-π/2", "0", "π/2", "π"])


def save_figure(figure: Any, path: Path) -> Path:
    """Write the figure by the ending of ``path``; the same figure gives the same bytes."""
    dates = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}}
    suffix = path.suffix.lower()
    options = {"format": suffix[1:], "dpi": 150, "metadata": dates.get(suffix)}
    return write_whole(path, lambda file: figure.savefig(file, **options))
