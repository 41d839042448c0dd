"""What pictures of states share: the colours of nodes, the key beside them, how they move."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from dynattn.present.figure import PI_TICKS, VECTOR_MARKS, add_legend
from dynattn.present.palette import MUTED_TEXT, ordered_colormap, phase_colormap, series_colour
from dynattn.present.scene import Shown

MOST_NAMED = 8
"""Nodes up to which each has a colour and a name of its own."""


@dataclass(frozen=True)
class Motion:
    """What moves a picture: to a saved time, by changing these artists and no others."""

    to: Callable[[int], None]
    artists: tuple[Any, ...] = ()


STILL = Motion(lambda k: None)
"""Of pictures that show all times at once."""


@dataclass(frozen=True)
class Shading:
    """A colour for each node."""

    rgba: Any
    """[node, 4]."""
    names: tuple[str, ...] = ()
    """Of the nodes, where each is told apart."""
    scale: Any = None
    """The matplotlib mappable of the colour bar, where there is one."""
    label: str = ""
    cyclic: bool = False
    """Whether the scale is of angles."""


def shading_of(item: Shown) -> Shading:
    """Few nodes have colours of their own; many are coloured by what shades them."""
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize, to_rgba_array

    if item.count <= MOST_NAMED:
        names = tuple(f"{item.nodes}[{k}]" for k in range(item.count)) if item.count > 1 else ()
        rgba = to_rgba_array([series_colour(k) for k in range(item.count)])
        return Shading(rgba, names if item.keyed else ())
    values, limits = item.shade.values, (item.shade.values.min(), item.shade.values.max())
    colours = ordered_colormap()
    if item.shade.cyclic:
        limits, colours = (-math.pi, math.pi), phase_colormap()
    scale = ScalarMappable(Normalize(*limits), colours)
    if not item.keyed:
        return Shading(scale.to_rgba(values))
    return Shading(scale.to_rgba(values), (), scale, item.shade.label, item.shade.cyclic)


def add_key(figure: Any, axes: Any, shading: Shading) -> None:
    """The colour bar, or the names of the nodes, to the right of the axes."""
    if shading.scale is not None:
        bar = figure.colorbar(shading.scale, ax=axes, shrink=0.7, pad=0.02, aspect=26)
        bar.outline.set_visible(False)
        bar.set_label(shading.label, parse_math=False)
        if shading.cyclic:
            bar.set_ticks([math.pi * turn for turn in PI_TICKS], labels=list(PI_TICKS.values()))
        return
    if not shading.names:
        return
    from matplotlib.lines import Line2D

    first = axes if not isinstance(axes, list) else axes[0]
    handles = [
        Line2D([], [], linestyle="", marker="o", color=colour, label=name)
        for colour, name in zip(shading.rgba, shading.names, strict=True)
    ]
    add_legend(first, handles, beside=True)


def point_size(count: int) -> float:
    """The area of a point, in square points, that lets this many be told apart."""
    return max(14.0, min(70.0, 6000 / max(1, count)))


def scatter(axes: Any, rgba: Any, *, part: float = 1.0, **look: Any) -> Any:
    """Round points of these colours [point, 4], still to be put in their places; ``part`` of the
    area that lets them be told apart.
    """
    import numpy

    count = len(rgba)
    how = {"alpha": 0.85, "zorder": 3, **look}
    return axes.scatter(*numpy.zeros((2, count)), c=rgba, s=part * point_size(count),
                        edgecolors="white", linewidths=0.4, rasterized=count > VECTOR_MARKS,
                        **how)  # fmt: skip


OUTLINE = {"color": MUTED_TEXT, "linewidth": 0.9, "zorder": 1}
"""Circles and triangles that states live on."""
