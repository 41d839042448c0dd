"""A sphere seen from outside: orthographic projection, the far side faint."""

from __future__ import annotations

import math
from typing import Any

from dynattn.present.figure import GRID
from dynattn.present.palette import MUTED_TEXT, TEXT
from dynattn.present.shading import OUTLINE, Motion, Shading, add_key, scatter
from dynattn.present.width import narrow, sized

AZIMUTH, ELEVATION = math.radians(35), math.radians(22)
"""Where the eye is."""


def projected(points: Any) -> tuple[Any, Any]:
    """(places [..., 2], depth [...]) of points [..., 3]; depth is above 0 on the near side."""
    import numpy

    ca, sa, ce, se = (
        math.cos(AZIMUTH), math.sin(AZIMUTH), math.cos(ELEVATION), math.sin(ELEVATION)
    )  # fmt: skip
    turn = numpy.array([[-sa, ca, 0], [-se * ca, -se * sa, ce], [ce * ca, ce * sa, se]])
    seen = points @ turn.T
    return seen[..., :2], seen[..., 2]


def draw_globe(
    figure: Any,
    title: str,
    points: Any,
    shading: Shading,
    *,
    marks: tuple[str, ...],
    mean: str,
) -> Motion:
    """Points [time, point, 3] on or in the unit sphere with an arrow to their mean; ``marks`` name
    the three directions, ``mean`` the length of the mean. The result moves to a saved time.
    """
    import numpy

    axes = figure.subplots()
    _draw_sphere(axes, marks)
    axes.set_title(title, parse_math=False, fontsize=sized(11))
    far = scatter(axes, shading.rgba, part=0.7, alpha=0.3, zorder=2)
    near = scatter(axes, shading.rgba, alpha=1, zorder=4)
    arrow = MeanArrow(axes, mean)
    add_key(figure, axes, shading)

    def move(k: int) -> None:
        places, depth = projected(points[k])
        hidden = (depth < 0)[:, None]
        near.set_offsets(numpy.where(hidden, numpy.nan, places))
        far.set_offsets(numpy.where(hidden, places, numpy.nan))
        middle = points[k].mean(0)
        arrow.point_to(projected(middle)[0], float(numpy.linalg.norm(middle)))

    return Motion(move, (far, near, *arrow.artists))


class MeanArrow:
    """An arrow from the middle to the mean of the points, and its length under a name."""

    def __init__(self, axes: Any, name: str = "r") -> None:
        from matplotlib.patches import FancyArrowPatch

        self._arrow = FancyArrowPatch(
            (0, 0), (0, 0), arrowstyle="-|>", mutation_scale=15, color=TEXT, linewidth=1.8,
            shrinkA=0, shrinkB=0, zorder=2.5,
        )  # fmt: skip
        axes.add_patch(self._arrow)
        self._name, self._reach = name, axes.get_xlim()[1] - axes.get_xlim()[0]
        place = (-0.04, -0.1) if narrow() else (0.02, 0.02)
        self._text = axes.text(*place, "", transform=axes.transAxes, ha="left", va="bottom",
                               fontsize=sized(11))  # fmt: skip

    @property
    def artists(self) -> tuple[Any, ...]:
        """What changes."""
        return self._arrow, self._text

    def point_to(self, place: Any, length: float) -> None:
        """Set the end of the arrow and the number ``r``."""
        self._arrow.set_positions((0, 0), tuple(place))
        self._arrow.set_visible(bool(math.hypot(*place) > 0.03 * self._reach))
        self._text.set_text(f"{self._name} = {length:.2f}")


def round_axes(axes: Any, reach: float = 1.22) -> None:
    """Equal axes without a frame around the unit circle."""
    axes.set_aspect("equal")
    axes.axis("off")
    axes.set(xlim=(-reach, reach), ylim=(-reach, reach))


def _draw_sphere(axes: Any, marks: tuple[str, ...]) -> None:
    import numpy
    from matplotlib.patches import Circle

    round_axes(axes, 1.3)
    axes.add_patch(Circle((0, 0), 1, facecolor="white", edgecolor=MUTED_TEXT, zorder=0))
    turn = numpy.linspace(0, 2 * numpy.pi, 181)
    for height in numpy.radians([-60, -30, 0, 30, 60]):
        ring = numpy.stack([numpy.cos(turn), numpy.sin(turn), 0 * turn], -1) * numpy.cos(height)
        ring[:, 2] = numpy.sin(height)
        _draw_near(axes, ring)
    for angle in numpy.radians(range(0, 180, 30)):
        ring = numpy.stack([numpy.cos(turn), numpy.cos(turn), numpy.sin(turn)], -1)
        _draw_near(axes, ring * [numpy.cos(angle), numpy.sin(angle), 1])
    for direction, mark in zip(numpy.eye(3), marks, strict=True):
        (start, end), _ = projected(numpy.stack([direction, 1.17 * direction]))
        axes.plot(*zip(start, end, strict=True), **OUTLINE)
        place, _ = projected(1.26 * direction)
        axes.text(*place, mark, ha="center", va="center", fontsize=sized(9.5), color=MUTED_TEXT,
                  parse_math=False)  # fmt: skip


def _draw_near(axes: Any, ring: Any) -> None:
    import numpy

    places, depth = projected(ring)
    axes.plot(*numpy.where(depth[:, None] >= 0, places, numpy.nan).T, zorder=1, **GRID)
    axes.plot(*numpy.where(depth[:, None] < 0, places, numpy.nan).T, zorder=1, alpha=0.4, **GRID)
