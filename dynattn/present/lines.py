"""Pictures of numbers: lines over time, values node by node, stacked shares."""

from __future__ import annotations

from typing import Any

from dynattn.present.figure import GRID, VECTOR_POINTS, add_legend, label_time, level
from dynattn.present.palette import MUTED_TEXT, series_colour
from dynattn.present.scene import Shown
from dynattn.present.shading import STILL, Motion, Shading, add_key, scatter, shading_of
from dynattn.present.width import sized

MOST_LINES = 200
"""Nodes, evenly chosen, whose lines are drawn."""
MOST_PANELS = 4
"""Coordinates that are drawn, each in a panel of its own."""
FEW = 12
"""Nodes up to which moving pictures follow lines; of more they show the values node by node."""
LOWEST = 1e-8
"""Where a logarithmic axis ends, in parts of the largest value."""


def draw_lines(figure: Any, item: Shown, moving: bool) -> Motion:
    """Lines over time where times were kept, else the values node by node."""
    lines, names = entries_of(item)
    shown = min(lines.shape[2], MOST_PANELS)
    panels = list(figure.subplots(shown, 1, sharex=True, squeeze=False)[:, 0])
    few = f" (first {shown} of {lines.shape[2]} coordinates)" if shown < lines.shape[2] else ""
    panels[0].set_title(item.title + few, parse_math=False, fontsize=sized(11))
    by_node = len(item.values) == 1 or (moving and item.count > FEW)
    draw = _draw_profile if by_node else _draw_over_time
    shading = shading_of(item)
    motions = []
    for k, axes in enumerate(panels):
        axes.set_ylabel(names[k], parse_math=False)
        axes.grid(axis="y", **GRID)
        _limit(axes, lines[..., k], item)
        motions.append(draw(axes, item, lines[..., k], shading, moving))
    label_time(panels[-1], item.row if by_node else item.below)
    add_key(figure, panels, shading)

    def move(k: int) -> None:
        for motion in motions:
            motion.to(k)

    return Motion(move, tuple(artist for motion in motions for artist in motion.artists))


def entries_of(item: Shown) -> tuple[Any, list[str]]:
    """[time, node, entry] as real numbers, and the names of the entries."""
    import numpy

    flat, names = item.flat, item.coordinates
    if not numpy.iscomplexobj(flat):
        return flat, names
    both = numpy.stack([flat.real, flat.imag], -1).reshape(*flat.shape[:2], -1)
    return both, [f"{part}({name})" for name in names for part in ("re", "im")]


def _limit(axes: Any, values: Any, item: Shown) -> None:
    """A logarithmic axis for what is above 0; one that holds all times for the rest."""
    import numpy

    if item.manifold is not None and item.manifold.name == "positive":
        top = float(numpy.nanmax(values)) or 1.0
        low = max(float(numpy.nanmin(values)), LOWEST * top)
        axes.set_yscale("log", nonpositive="clip")
        axes.set_ylim(0.7 * low, 1.4 * top)
        return
    if not level(axes, values):
        low, top = float(numpy.nanmin(values)), float(numpy.nanmax(values))
        margin = 0.06 * (top - low)
        axes.set_ylim(low - margin, top + margin)


def _draw_over_time(axes: Any, item: Shown, values: Any, shading: Shading, moving: bool) -> Motion:
    """One line a node; where it moves, a mark at the time and a point on each line."""
    import numpy

    chosen = _evenly(item.count)
    many = len(chosen) > 2 * FEW
    pixels = len(chosen) * len(item.times) > VECTOR_POINTS
    look: dict[str, Any] = {"linewidth": 0.7 if many else 1.5, "rasterized": pixels}
    for node in chosen:
        axes.plot(item.times, values[:, node], color=shading.rgba[node], alpha=0.75 if many else 1,
                  **look)  # fmt: skip
    _say_chosen(axes, len(chosen), item.count)
    axes.set_xlim(item.times[0], item.times[-1])
    if not moving:
        return STILL
    mark = axes.axvline(item.times[0], color=MUTED_TEXT, linewidth=1.0, zorder=2)
    dots = scatter(axes, shading.rgba[chosen], part=0.6, zorder=4)

    def move(k: int) -> None:
        mark.set_xdata([item.times[k]] * 2)
        dots.set_offsets(
            numpy.stack([numpy.full(len(chosen), item.times[k]), values[k, chosen]], -1)
        )

    return Motion(move, (mark, dots))


def _evenly(count: int) -> Any:
    """Numbers of nodes, at most MOST_LINES of them."""
    import numpy

    return numpy.unique(numpy.linspace(0, count - 1, min(count, MOST_LINES)).round()).astype(int)


def _say_chosen(axes: Any, chosen: int, count: int) -> None:
    if chosen < count:
        axes.set_title(f"{chosen} of {count} nodes", loc="right", fontsize=sized(9.5))


def _draw_profile(axes: Any, item: Shown, values: Any, shading: Shading, moving: bool) -> Motion:
    """The value of every node above its number."""
    import numpy

    numbers = numpy.arange(item.count)
    dots = scatter(axes, shading.rgba, part=0.6)
    axes.set_xlim(-0.02 * item.count - 0.5, 1.02 * item.count - 0.5)
    axes.xaxis.get_major_locator().set_params(integer=True, min_n_ticks=1)

    def move(k: int) -> None:
        dots.set_offsets(numpy.stack([numbers, values[k]], -1))

    return Motion(move, (dots,))


def draw_shares(figure: Any, item: Shown, moving: bool) -> Motion:
    """Shares that sum to 1, stacked: over time for one node, side by side for several."""
    import numpy

    axes = figure.subplots()
    axes.set_title(item.title, parse_math=False, fontsize=sized(11))
    axes.set(ylim=(0, 1))
    axes.set_ylabel("share")
    shares = item.flat
    colours = [_share_colour(k, shares.shape[2]) for k in range(shares.shape[2])]
    names = [f"[{k}]" for k in range(shares.shape[2])]
    if item.count == 1 and len(item.times) > 1:
        axes.stackplot(item.times, shares[:, 0].T, colors=colours, labels=names)
        label_time(axes, item.below)
        axes.margins(x=0)
        _name_shares(axes, names)
        return _marked(axes, item, moving)
    chosen = _evenly(item.count)
    _say_chosen(axes, len(chosen), item.count)
    shares = shares[:, chosen]
    below = numpy.cumsum(shares, axis=2) - shares
    bars = [
        axes.bar(numpy.arange(len(chosen)), shares[-1, :, k], bottom=below[-1, :, k], width=0.9,
                 color=colours[k], label=names[k])
        for k in range(shares.shape[2])
    ]  # fmt: skip
    axes.set_xlabel(item.row, parse_math=False)
    axes.xaxis.get_major_locator().set_params(integer=True, min_n_ticks=1)
    axes.margins(x=0.01)
    _name_shares(axes, names)

    def move(time: int) -> None:
        for k, group in enumerate(bars):
            for node, bar in enumerate(group):
                bar.set(height=shares[time, node, k], y=below[time, node, k])

    return Motion(move, tuple(bar for group in bars for bar in group))


def _share_colour(k: int, count: int) -> Any:
    from matplotlib import colormaps

    return series_colour(k) if count <= 8 else colormaps["viridis"](k / (count - 1))


def _name_shares(axes: Any, names: list[str]) -> None:
    if len(names) <= FEW:
        handles = axes.get_legend_handles_labels()[0][::-1]
        add_legend(axes, handles, beside=True)


def _marked(axes: Any, item: Shown, moving: bool) -> Motion:
    if not moving:
        return STILL
    mark = axes.axvline(item.times[0], color="black", linewidth=1.2)

    def move(k: int) -> None:
        mark.set_xdata([item.times[k]] * 2)

    return Motion(move, (mark,))
