"""How states look on their manifold: one entry of PANELS for each kind of picture.

An angle is a place on the unit circle, a
unit vector one on the sphere. ``r`` is the order parameter: the length of the mean.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from dynattn.present.figure import PI_TICKS
from dynattn.present.globe import MeanArrow, draw_globe, round_axes
from dynattn.present.lines import FEW, draw_lines, draw_shares
from dynattn.present.palette import MUTED_TEXT
from dynattn.present.scene import Shown
from dynattn.present.shading import OUTLINE, Motion, add_key, scatter, shading_of
from dynattn.present.width import sized
from dynattn.vocabulary.manifolds import MANIFOLDS

MEAN = "length of the mean"
"""Of what is drawn, where that is not the state itself and its mean not the order parameter."""

MOST_CIRCLES = 12
"""Angles per node that are drawn, each on a circle of its own."""


@dataclass(frozen=True)
class Panel:
    """How one kind of manifold is drawn."""

    doc: str
    draw: Callable[[Any, Shown, bool], Motion]
    """draw(figure, shown, moving) -> what moves the picture to a saved time."""
    width: float = 5.4
    height: float = 4.7
    """Inches."""

    @property
    def wide(self) -> bool:
        """Whether several stand below each other rather than side by side."""
        return self.width > 1.5 * self.height


def panel_of(item: Shown) -> Panel:
    """The panel of what is shown; numbers of no manifold are lines."""
    return PANELS[MANIFOLDS[item.manifold.name].picture if item.manifold else "line"]


# ── angles ─────────────────────────────────────────────────────────────────────────────────────


def draw_angles(figure: Any, item: Shown, moving: bool) -> Motion:
    """One angle a node: a circle; two: a square whose opposite sides are one; more: a circle
    for each.
    """
    count = item.flat.shape[2]
    if count == 1:
        return _draw_circle(figure, item)
    return _draw_square(figure, item) if count == 2 else _draw_circles(figure, item)


def _draw_circle(figure: Any, item: Shown) -> Motion:
    import numpy

    angles = item.flat[..., 0]
    places = numpy.stack([numpy.cos(angles), numpy.sin(angles)], -1)
    return _draw_on_circle(figure, item, item.title, places, ("0", "π/2", "±π", "-π/2"))


def _draw_on_circle(
    figure: Any, item: Shown, title: str, places: Any, marks: tuple[str, ...]
) -> Motion:
    """``places`` [time, node, 2] on the unit circle, an arrow to their mean, four marks."""
    from matplotlib.patches import Circle

    axes = figure.subplots()
    round_axes(axes)
    axes.set_title(title, parse_math=False, fontsize=sized(11))
    axes.add_patch(Circle((0, 0), 1, fill=False, **OUTLINE))
    for k, mark in enumerate(marks):
        turn = k * math.pi / 2
        axes.text(1.13 * math.cos(turn), 1.13 * math.sin(turn), mark, ha="center", va="center",
                  color=MUTED_TEXT, fontsize=sized(10), parse_math=False)  # fmt: skip
    shading = shading_of(item)
    return _dots_and_mean(figure, axes, places, shading, shading.rgba)


def _dots_and_mean(figure: Any, axes: Any, places: Any, shading: Any, rgba: Any) -> Motion:
    """Dots at ``places`` [time, dot, 2], in one colour each, and an arrow to their mean."""
    import numpy

    dots = scatter(axes, rgba)
    arrow = MeanArrow(axes)
    add_key(figure, axes, shading)

    def move(k: int) -> None:
        dots.set_offsets(places[k])
        mean = places[k].mean(0)
        arrow.point_to(mean, float(numpy.hypot(*mean)))

    return Motion(move, (dots, *arrow.artists))


def _draw_square(figure: Any, item: Shown) -> Motion:
    import numpy

    axes = figure.subplots()
    axes.set_aspect("equal")
    axes.set_title(item.title, parse_math=False, fontsize=sized(11))
    for side, k in (("x", 0), ("y", 1)):
        axes.set(**{f"{side}lim": (-math.pi, math.pi), f"{side}label": f"coordinate {k}"})
        ticks = [math.pi * turn for turn in PI_TICKS]
        axes.set(**{f"{side}ticks": ticks, f"{side}ticklabels": PI_TICKS.values()})
    for spine in axes.spines.values():
        spine.set(visible=True, linestyle=(0, (4, 3)))
    wrapped = numpy.angle(numpy.exp(1j * item.flat))
    shading = shading_of(item)
    dots = scatter(axes, shading.rgba, clip_on=False)
    add_key(figure, axes, shading)
    return Motion(lambda k: dots.set_offsets(wrapped[k]), (dots,))


def _draw_circles(figure: Any, item: Shown) -> Motion:
    import numpy
    from matplotlib.collections import EllipseCollection

    axes = figure.subplots()
    every = item.flat.shape[2]
    count = min(every, MOST_CIRCLES)
    columns = math.ceil(math.sqrt(count))
    middles = 2.75 * numpy.array([(k % columns, -(k // columns)) for k in range(count)])
    few = f" (first {count} of {every} angles)" if count < every else ""
    axes.set_title(item.title + few, parse_math=False, fontsize=sized(11))
    axes.set_aspect("equal")
    axes.axis("off")
    rings = EllipseCollection(numpy.full(count, 2.0), 2.0, 0.0, units="xy", offsets=middles,
                              offset_transform=axes.transData, facecolors="none",
                              edgecolors=OUTLINE["color"], linewidths=0.9)  # fmt: skip
    axes.add_collection(rings)
    low, high = middles.min(0) - 1.3, middles.max(0) + 1.3
    axes.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]))
    angles = item.flat[..., :count]
    places = numpy.stack([numpy.cos(angles), numpy.sin(angles)], -1)
    shading = shading_of(item)
    dots = scatter(axes, numpy.repeat(shading.rgba, count, axis=0))
    notes = [
        axes.text(*middle, "", ha="center", va="center", fontsize=sized(9)) for middle in middles
    ]
    add_key(figure, axes, shading)

    def move(k: int) -> None:
        dots.set_offsets((places[k] + middles).reshape(-1, 2))
        for number, note in enumerate(notes):
            length = numpy.hypot(*places[k, :, number].mean(0))
            note.set_text(f"[{number}]\nr = {length:.2f}")

    return Motion(move, (dots, *notes))


# ── vectors and matrices ───────────────────────────────────────────────────────────────────────


def draw_vectors(figure: Any, item: Shown, moving: bool) -> Motion:
    """Unit vectors: on the circle, on the sphere or, of more dimensions, in three of them."""
    width = item.values.shape[-1]
    vectors = item.values.reshape(len(item.values), -1, width)
    return _draw_directions(figure, item, item.title, vectors, "r")


def _draw_directions(figure: Any, item: Shown, title: str, vectors: Any, mean: str) -> Motion:
    """``vectors`` [time, point, D], some points for each node; ``mean`` names its length."""
    import numpy

    if vectors.shape[2] == 2 and vectors.shape[1] == item.count:
        return _draw_on_circle(figure, item, title, vectors, ("[0]", "[1]", "", ""))
    marks = ("[0]", "[1]", "[2]")
    if vectors.shape[2] != 3:
        vectors, share = principal(vectors)
        title += f"\nits three principal directions at the end ({share:.0%} of the spread)"
        marks, mean = ("1st", "2nd", "3rd"), MEAN
    shading = shading_of(item)
    copies = vectors.shape[1] // item.count
    repeated = type(shading)(
        numpy.repeat(shading.rgba, copies, axis=0), shading.names, shading.scale, shading.label
    )
    return draw_globe(figure, title, vectors, repeated, marks=marks, mean=mean)


def principal(vectors: Any) -> tuple[Any, float]:
    """[time, point, 3] along the principal directions of the last points about 0, and the share of
    their squared lengths that these hold.
    """
    import numpy

    _, sizes, directions = numpy.linalg.svd(vectors[-1], full_matrices=True)
    chosen = numpy.zeros((3, vectors.shape[2]))
    chosen[: min(3, len(directions))] = directions[:3]
    # The sign of a principal direction means nothing: the mean is on the positive side.
    chosen *= numpy.where(chosen @ vectors[-1].mean(0) < 0, -1.0, 1.0)[:, None]
    return vectors @ chosen.T, float((sizes[:3] ** 2).sum() / (sizes**2).sum())


def draw_matrices(figure: Any, item: Shown, moving: bool) -> Motion:
    """Rotations by what they do to one direction; other matrices by their entries."""
    assert item.manifold is not None
    entry, n = MANIFOLDS[item.manifold.name], item.values.shape[-1]
    if entry.constraint is None:
        return draw_lines(figure, item, moving)
    title, vectors = image_of(item, entry.of_complex, n)
    return _draw_directions(figure, item, title, vectors, MEAN)


def image_of(item: Shown, of_complex: bool, n: int) -> tuple[str, Any]:
    """What is drawn of a matrix, as a title and as vectors [time, point, D].

    SO(3): the image of the third axis. SU(2): the Hopf map, U takes the spin that points up to
    (2 Re conj(a) b, 2 Im conj(a) b, |a|^2 - |b|^2), (a, b) its first column. Else: that column.
    """
    import numpy

    points = item.values.reshape(len(item.values), -1, n, n)
    column = points[..., 0]
    if of_complex and n == 2:
        turned = 2 * column[..., 0].conj() * column[..., 1]
        height = abs(column[..., 0]) ** 2 - abs(column[..., 1]) ** 2
        vectors = numpy.stack([turned.real, turned.imag, height], -1)
        return f"{item.title}\nwhere it takes the spin that points up", vectors
    if of_complex:
        return f"{item.title}\nits first column", numpy.concatenate([column.real, column.imag], -1)
    if n == 3:
        return f"{item.title}\nwhere it takes the axis [2]", points[..., 2]
    return f"{item.title}\nits first column", column


# ── numbers ────────────────────────────────────────────────────────────────────────────────────


def draw_plane(figure: Any, item: Shown, moving: bool) -> Motion:
    """Complex numbers as points of the plane; of few nodes with the way they came."""
    import numpy

    axes = figure.subplots()
    axes.set_aspect("equal")
    axes.set_title(item.title, parse_math=False, fontsize=sized(11))
    axes.set_xlabel(f"re({item.name})", parse_math=False)
    axes.set_ylabel(f"im({item.name})", parse_math=False)
    flat = item.values.reshape(len(item.values), -1)
    places = numpy.stack([flat.real, flat.imag], -1)
    shading = shading_of(item)
    rgba = numpy.repeat(shading.rgba, flat.shape[1] // item.count, axis=0)
    if flat.shape[1] <= FEW:
        for k, colour in enumerate(rgba):
            axes.plot(*places[:, k].T, color=colour, linewidth=0.7, alpha=0.5)
    seen = places.reshape(-1, 2) if moving or flat.shape[1] <= FEW else places[-1]
    middle, half = (
        (seen.max(0) + seen.min(0)) / 2,
        0.58 * float(max(numpy.ptp(seen, axis=0))) or 0.5,
    )
    axes.set(xlim=(middle[0] - half, middle[0] + half), ylim=(middle[1] - half, middle[1] + half))
    axes.axhline(0, **OUTLINE | {"linewidth": 0.5})
    axes.axvline(0, **OUTLINE | {"linewidth": 0.5})
    return _dots_and_mean(figure, axes, places, shading, rgba)


def draw_simplex(figure: Any, item: Shown, moving: bool) -> Motion:
    """Three shares: points of a triangle; of few nodes with the way they came. Else: stacked."""
    if item.values.shape[-1] != 3:
        return draw_shares(figure, item, moving)
    import numpy

    axes = figure.subplots()
    axes.set_aspect("equal")
    axes.axis("off")
    axes.set_title(item.title, parse_math=False, fontsize=sized(11))
    axes.plot(*numpy.vstack([CORNERS, CORNERS[:1]]).T, **OUTLINE)
    for k, corner in enumerate(CORNERS):
        axes.text(*(1.12 * numpy.array(corner)), f"[{k}]", ha="center", va="center",
                  fontsize=sized(10.5), color=MUTED_TEXT, parse_math=False)  # fmt: skip
    axes.set(xlim=(-1.15, 1.15), ylim=(-0.75, 1.25))
    places = item.values.reshape(len(item.values), -1, 3) @ numpy.array(CORNERS)
    shading = shading_of(item)
    rgba = numpy.repeat(shading.rgba, places.shape[1] // item.count, axis=0)
    if places.shape[1] <= FEW:
        for k, colour in enumerate(rgba):
            axes.plot(*places[:, k].T, color=colour, linewidth=0.8, alpha=0.6)
    dots = scatter(axes, rgba)
    add_key(figure, axes, shading)
    return Motion(lambda k: dots.set_offsets(places[k]), (dots,))


CORNERS = ((0.0, 1.0), (-math.sqrt(0.75), -0.5), (math.sqrt(0.75), -0.5))
"""Where a share of 1 is drawn."""

PANELS: dict[str, Panel] = {
    "circle": Panel("phases on the unit circle, an arrow to their mean", draw_angles),
    "torus": Panel("two angles in a square, more on a circle each", draw_angles),
    "sphere": Panel("points on the sphere, the far side faint", draw_vectors),
    "line": Panel("lines over time; one time alone: values node by node", draw_lines, 7.2, 3.6),
    "plane": Panel("points of the complex plane", draw_plane),
    "simplex": Panel("three shares in a triangle, others stacked", draw_simplex),
    "matrix": Panel("rotations by where they take a direction, others by entry", draw_matrices),
}
