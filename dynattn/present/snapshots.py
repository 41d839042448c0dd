"""States on their manifolds at several times, side by side."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from dynattn.present.figure import entitle, frames_of, new_figure, style
from dynattn.present.panels import panel_of
from dynattn.present.scene import Shown
from dynattn.present.width import narrow, sized
from dynattn.vocabulary.manifolds import MANIFOLDS

if TYPE_CHECKING:
    from dynattn.present.scene import Scene

MOMENTS = 4
"""Saved times that are shown, evenly chosen, the first and the last among them."""
MOST_ROWS = 3
"""States that are shown, the first ones."""
SIDE = 3.0
"""Inches of a panel."""
KEY = 0.9
"""Inches for the key at the right."""


def snapshots_figure(scene: Scene, items: list[Shown]) -> Any:
    """A row for each of the first states, a column for each time, two of them in a narrow figure;
    the key at the right.
    """
    items = items[:MOST_ROWS]
    moments = frames_of(len(items[0].times), MOMENTS)
    columns = min(len(moments), 2 if narrow() else MOMENTS)
    lines = -(-len(moments) // columns)
    widths = [SIDE] * (columns - 1) + [SIDE + KEY]
    with style():
        figure = new_figure(sum(widths), SIDE * len(items) * lines + 0.7, shaped=True)
        entitle(figure, scene.title)
        regions = figure.subfigures(
            len(items) * lines, columns, squeeze=False, width_ratios=widths
        ).reshape(len(items), -1)
        for row, item in zip(regions, items, strict=True):
            for place, (region, k) in enumerate(zip(row, moments, strict=False)):
                _draw(region, item, k, keyed=(place + 1) % columns == 0)
                head = f"{item.name}, " if len(items) > 1 else ""
                clock = "step" if scene.simulation.steps is not None else "t"
                region.axes[0].set_title(f"{head}{clock} = {item.times[k]:g}", fontsize=sized(11),
                                         parse_math=False)  # fmt: skip
            if is_graph(item):
                _share(row[: len(moments)])
        return figure


def _draw(region: Any, item: Shown, k: int, *, keyed: bool) -> None:
    """One state at one time."""
    item = replace(item, keyed=keyed)
    if is_graph(item):
        item, k = replace(item, values=item.values[k : k + 1], times=item.times[k : k + 1]), 0
    panel_of(item).draw(region, item, False).to(k)


def is_graph(item: Shown) -> bool:
    """Whether its picture has the time or the nodes to the right, and no place of its own."""
    if item.manifold is None:
        return True
    entry = MANIFOLDS[item.manifold.name]
    shares = entry.picture == "simplex" and item.values.shape[-1] != 3
    return entry.picture == "line" or shares or (
        entry.picture == "matrix" and entry.constraint is None
    )  # fmt: skip


def _share(row: Any) -> None:
    """The same limits upwards in all columns."""
    for panels in zip(*(region.axes for region in row), strict=False):
        limits = [axes.get_ylim() for axes in panels]
        for axes in panels:
            axes.set_ylim(min(low for low, _ in limits), max(high for _, high in limits))
