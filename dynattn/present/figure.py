"""Matplotlib figures of one style: made without pyplot or a display, written whole."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dynattn.diagnostics.files import write_whole
from dynattn.present.palette import CARD, MUTED_TEXT, TEXT
from dynattn.present.width import dots, is_set, narrow, size_of, sized

STEP = "step"
"""What the time of maps is called."""

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
    "axes.linewidth": 0.8,
    "axes.labelpad": 4.0,
    "xtick.major.size": 3.5,
    "ytick.major.size": 3.5,
    "xtick.major.width": 0.8,
    "ytick.major.width": 0.8,
    "svg.hashsalt": "dynattn",
    "path.simplify": True,
    "pdf.fonttype": 42,  # letters that stay letters, as journals ask for
}


SIZES = tuple(
    name
    for name, value in STYLE.items()
    if type(value) in (int, float) and name not in ("pdf.fonttype", "lines.linewidth")
)
"""What of the style is a size in points, but for strokes, which ``thin`` makes thinner."""


def style() -> Any:
    """A context in which figures have the house style; nothing outside it changes."""
    import matplotlib

    sizes = {name: sized(STYLE[name]) for name in SIZES}
    return matplotlib.rc_context({**STYLE, **sizes})


def new_figure(width: float, height: float, *, shaped: bool = False) -> Any:
    """A figure of that many inches, or of the width that is given, laid out so that nothing
    overlaps; the proportions of ``shaped`` ones stay.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=size_of(width, height, shaped=shaped), layout="constrained")
    engine: Any = figure.get_layout_engine()
    engine.set(w_pad=0.03 if is_set() else 0.1, h_pad=0.03 if is_set() else 0.06)  # inches
    return figure


def add_legend(
    axes: Any,
    handles: Any = None,
    *,
    columns: int = 4,
    beside: bool = False,
    heading: str = "",
) -> None:
    """A key above the axes at the right, in as many columns as there is room for; ``beside``: to
    the right of them, where the figure is wide. Without ``handles`` of all that has a label.
    """
    handles = axes.get_legend_handles_labels()[0] if handles is None else handles
    if beside and not narrow():
        axes.legend(handles=handles, loc="upper left", bbox_to_anchor=(1.0, 1.0),
                    fontsize=sized(9.5))  # fmt: skip
        return
    # A panel may be of a part of the figure.
    room = axes.figure.bbox.width - sized(0.5) * axes.figure.dpi
    short = {"handlelength": 1.6, "columnspacing": 1.2} if is_set() else {}
    for count in range(min(columns, len(handles)), 0, -1):
        key = axes.legend(handles=handles, loc="lower right", bbox_to_anchor=(1.0, 1.0),
                          ncols=count, borderaxespad=0.2, title=heading or None,
                          **short)  # fmt: skip
        if key.get_window_extent().width <= room:
            return


VECTOR_POINTS, VECTOR_MARKS = 100_000, 5000
"""Points of lines, and marks, beyond which they are pixels in vector files too."""

CONSTANT = 1e-6
"""Changes below this part of a number are those of rounding and of steps: drawn as level lines."""


def level(axes: Any, values: Any) -> bool:
    """Whether ``values`` hardly change; the axis upwards then makes nothing of what does."""
    import numpy

    finite = numpy.asarray(values)[numpy.isfinite(values)]
    if not finite.size:
        return False
    low, top = float(finite.min()), float(finite.max())
    size = max(abs(low), abs(top))
    if top - low > CONSTANT * size:
        return False
    margin = 0.06 * size or 0.5
    axes.set_ylim(low - margin, top + margin)
    return True


def frames_of(count: int, most: int) -> list[int]:
    """Evenly chosen numbers of saved times, the first and the last among them."""
    if count <= most:
        return list(range(count))
    return [round(k * (count - 1) / (most - 1)) for k in range(most)] if most > 1 else [count - 1]


def label_time(axes: Any, name: str) -> None:
    """The name of the axis to the right; the steps of maps are counted in whole numbers."""
    axes.set_xlabel(name, parse_math=False)
    if name == STEP:
        axes.xaxis.get_major_locator().set_params(integer=True, min_n_ticks=1)


GRID = {"color": "#e4e6ea", "linewidth": 0.8}
"""Lines behind curves."""

PI_TICKS = {-1.0: "-π", -0.5: "-π/2", 0.0: "0", 0.5: "π/2", 1.0: "π"}
"""Multiples of pi and how they are written."""


def add_colourbar(figure: Any, axes: Any, image: Any, name: str, cyclic: bool) -> None:
    """The scale of ``image`` beside the axes; ``cyclic``: radians from -pi to pi."""
    from math import pi

    bar = figure.colorbar(image, ax=axes, shrink=0.8, pad=0.02, aspect=28)
    bar.outline.set_visible(False)
    bar.set_label(f"{name} (radians)" if cyclic else name, parse_math=False)
    if cyclic:
        bar.set_ticks([pi * turn for turn in PI_TICKS], labels=list(PI_TICKS.values()))


def save_figure(figure: Any, path: Path) -> Path:
    """Write the figure by the ending of ``path``; the same figure gives the same bytes."""
    dates = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}}
    suffix = path.suffix.lower()
    options = {"format": suffix[1:], "dpi": dots(), "metadata": dates.get(suffix)}
    with style():
        return write_whole(path, lambda file: figure.savefig(file, **options))


def entitle(figure: Any, title: str) -> None:
    """A title at the left, above all panels; none where it is empty, or where a width is given:
    what a journal prints has a caption.
    """
    if title and not is_set():
        figure.suptitle(
            title, x=0.1 / figure.get_figwidth(), ha="left", fontsize=12, parse_math=False
        )
