"""The coupling graph node by node: who couples to whom, the state as colour."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dynattn.diagnostics.report import Diagnostic, SpecError
from dynattn.present.engine import Engine, find_engine
from dynattn.present.figure import add_colourbar, entitle, new_figure, save_figure, style
from dynattn.present.palette import MUTED_TEXT, TEXT, phase_colormap, series_colour
from dynattn.present.parts import CouplingEdges, GraphParts, NodeState, edge_arrays
from dynattn.present.width import sized

if TYPE_CHECKING:
    import networkx

MOST_NODES = 300
"""Beyond this many nodes a drawing of nodes is a ball of wool: adjacency pictures tell more."""
MOST_COMPLETE = 40
"""Nodes up to which the edges of a complete coupling are drawn one by one."""
MOST_DENSE = 0.4
"""Share of all pairs up to which the edges of more nodes are drawn."""
MOST_VECTORS = 20_000
"""Edges beyond which they are pixels in vector files too."""
MOST_NUMBERED = 40
"""Nodes up to which each carries its number."""

PLAIN = ("#9cc4e8", "#f2b98c", "#a9d8a2", "#c9b3e3")
"""Colours of populations without a state to show, light enough for dark numbers."""
MARKERS = "osD^"
"""Shapes of the populations' nodes."""

Place = tuple[float, float]


def node_graph(parts: GraphParts) -> networkx.MultiDiGraph:
    """Every node (``osc[0]``) and every edge, with population, index, state and edge attributes.

    Raises SpecError E565 where there are more edges than a file can sensibly hold.
    """
    import networkx

    _refuse_giants(parts)
    graph = networkx.MultiDiGraph(name=parts.name)
    for population, size in parts.sizes.items():
        state = parts.states.get(population)
        for index in range(size or 0):
            graph.add_node(f"{population}[{index}]", population=population, index=index)
            if state is not None:
                graph.nodes[f"{population}[{index}]"][state.name] = float(state.values[index])
    for coupling in parts.drawable:
        _add_edges(graph, coupling)
    return graph


MOST_EDGES = 2_000_000
"""Edges that a graph file may list."""


def _refuse_giants(parts: GraphParts) -> None:
    total = sum(coupling.edges.edge_count or 0 for coupling in parts.drawable)
    if total > MOST_EDGES:
        raise SpecError(
            Diagnostic(
                "E565",
                f"{parts.name} has {total} edges, a file may list {MOST_EDGES}",
                fix="draw it at the level 'population' or 'adjacency', or set a smaller size",
            )
        )


def _add_edges(graph: networkx.MultiDiGraph, coupling: CouplingEdges) -> None:
    names = list(coupling.edges.attributes)
    columns = [coupling.edges.attributes[name].tolist() for name in names]
    receivers, senders = (side.tolist() for side in edge_arrays(coupling.edges))
    for number, (i, j) in enumerate(zip(receivers, senders, strict=True)):
        facts = {name: column[number] for name, column in zip(names, columns, strict=True)}
        graph.add_edge(coupling.sender_name(j), coupling.receiver_name(i),
                       key=coupling.name, coupling=coupling.name, **facts)  # fmt: skip


def hidden_couplings(parts: GraphParts) -> tuple[CouplingEdges, ...]:
    """Couplings of so many nodes and edges that their edges would only be a blot."""
    return tuple(
        c
        for c in parts.drawable
        if max(c.edges.receivers_count or 0, c.edges.senders_count or 0) > MOST_COMPLETE
        and (c.edges.kind != "edges" or (c.edges.density or 0) > MOST_DENSE)
    )


def node_places(parts: GraphParts, engine: Engine | None) -> dict[str, Place]:
    """Where each node goes: on a circle for regular graphs of one population, else by forces."""
    names = [f"{name}[{k}]" for name, size in parts.sizes.items() for k in range(size or 0)]
    if _is_regular(parts):
        return _circle(names)
    hidden = hidden_couplings(parts)
    pairs = [
        (c.sender_name(j), c.receiver_name(i))
        for c in parts.drawable
        if c not in hidden
        for i, j in zip(*(side.tolist() for side in edge_arrays(c.edges)), strict=True)
    ]
    return _by_forces(names, pairs, engine) if pairs else _circle(names)


def _is_regular(parts: GraphParts) -> bool:
    populations = [name for name, size in parts.sizes.items() if size]
    return len(populations) == 1 and all(
        c.edges.structure in ("complete", "causal", "circulant") for c in parts.drawable
    )


def _circle(names: list[str]) -> dict[str, Place]:
    import math

    turns = [math.pi / 2 - 2 * math.pi * k / len(names) for k in range(len(names))]
    return {name: (math.cos(turn), math.sin(turn)) for name, turn in zip(names, turns, strict=True)}


def _by_forces(
    names: list[str], pairs: list[tuple[str, str]], engine: Engine | None
) -> dict[str, Place]:
    import networkx

    if engine is not None:
        from dynattn.present.diagram import positions

        return positions(engine, _bare_dot(names, pairs), "sfdp")
    graph = networkx.Graph()
    graph.add_nodes_from(names)
    graph.add_edges_from(pairs)
    found = networkx.spring_layout(graph, seed=0, iterations=100)
    return {name: (float(x), float(y)) for name, (x, y) in found.items()}


def _bare_dot(names: list[str], pairs: list[tuple[str, str]]) -> str:
    """Points and lines for a layout program; each pair once."""
    import pydot

    graph = pydot.Dot(graph_name="nodes", graph_type="graph")
    graph.set_node_defaults(shape="point")
    for name in names:
        graph.add_node(pydot.Node(pydot.make_quoted(name)))
    for a, b in sorted({(min(pair), max(pair)) for pair in pairs if pair[0] != pair[1]}):
        graph.add_edge(pydot.Edge(pydot.make_quoted(a), pydot.make_quoted(b)))
    return graph.to_string()


def draw_nodes(parts: GraphParts, path: Path) -> Path:
    """Draw every node and edge to ``path`` (svg, png or pdf)."""
    return save_figure(nodes_figure(parts), path)


def nodes_figure(parts: GraphParts, title: str = "") -> Any:
    """Every node and edge, the nodes coloured by their states; ``title`` in place of the name."""
    places = node_places(parts, find_engine())
    with style():
        figure = new_figure(8.6, 8.0, shaped=True)
        axes = figure.subplots()
        axes.set_aspect("equal")
        axes.axis("off")
        axes.margins(0.08)
        entitle(figure, _title(parts, title or parts.name))
        for number, coupling in enumerate(parts.drawable):
            if coupling not in hidden_couplings(parts):
                _draw_edges(axes, coupling, places, series_colour(number))
        _draw_points(figure, axes, parts, places)
        if len(parts.drawable) + sum(1 for size in parts.sizes.values() if size) > 2:
            figure.legend(loc="outside lower left", ncols=3)
        return figure


def _title(parts: GraphParts, title: str) -> str:
    lines = [f"{title}: {parts.node_count} nodes"]
    hidden = hidden_couplings(parts)
    for coupling in parts.drawable:
        edges = coupling.edges
        line = f"{coupling.name}: {edges.edge_count} edges, density {edges.density:.3g}"
        if coupling in hidden:
            everyone = {"complete": "all others", "causal": "all before it"}
            senders = everyone.get(edges.kind, "many")
            line += f" (each node receives from {senders}; edges not drawn)"
        lines.append(line)
    return "\n".join(lines)


def _draw_edges(
    axes: Any, coupling: CouplingEdges, places: Mapping[str, Place], colour: str
) -> None:
    from matplotlib.collections import LineCollection

    receivers, senders = (side.tolist() for side in edge_arrays(coupling.edges))
    ends = [(coupling.sender_name(j), coupling.receiver_name(i))
            for i, j in zip(receivers, senders, strict=True)]  # fmt: skip
    lines = [(places[a], places[b]) for a, b in ends if a != b]
    strong = min(0.9, max(0.12, 60 / (len(lines) + 1) ** 0.72))
    label = f"{coupling.name}: {coupling.sender} to {coupling.receiver}"
    if len(lines) <= 200 and set(ends) != {(b, a) for a, b in ends}:
        _draw_arrows(axes, lines, colour)
        axes.plot([], [], color=colour, label=label)
    else:
        axes.add_collection(
            LineCollection(
                lines,
                colors=colour,
                linewidths=0.9,
                alpha=strong,
                zorder=1,
                label=label,
                rasterized=len(lines) > MOST_VECTORS,
            )
        )
        axes.autoscale_view()
    _draw_loops(axes, [places[a] for a, b in ends if a == b], places, colour)


def _draw_arrows(axes: Any, lines: list[tuple[Place, Place]], colour: str) -> None:
    from matplotlib.patches import FancyArrowPatch

    for start, end in lines:
        axes.add_patch(
            FancyArrowPatch(start, end, arrowstyle="-|>", mutation_scale=9, color=colour, alpha=0.8,
                            shrinkA=7, shrinkB=8, linewidth=0.9, zorder=1,
                            connectionstyle="arc3,rad=0.12")
        )  # fmt: skip


def _draw_loops(axes: Any, spots: list[Place], places: Mapping[str, Place], colour: str) -> None:
    """A ring behind a node that couples to itself, on the side away from the middle."""
    import math

    from matplotlib.patches import Circle

    xs, ys = zip(*places.values(), strict=True)
    centre = (sum(xs) / len(xs), sum(ys) / len(ys))
    span = max(max(xs) - min(xs), max(ys) - min(ys)) or 1.0
    for x, y in spots:
        length = math.hypot(x - centre[0], y - centre[1]) or 1.0
        out = 0.022 * span / length
        middle = (x + out * (x - centre[0]), y + out * (y - centre[1] or length))
        axes.add_patch(Circle(middle, 0.022 * span, fill=False, edgecolor=colour, zorder=1))


def _draw_points(figure: Any, axes: Any, parts: GraphParts, places: Mapping[str, Place]) -> None:
    area = max(26.0, min(320.0, 9000 / parts.node_count))
    scales: list[tuple[Any, NodeState]] = []
    for number, (population, size) in enumerate(parts.sizes.items()):
        spots = [places[f"{population}[{k}]"] for k in range(size or 0)]
        if not spots:
            continue
        colours = _colours(parts.states.get(population), PLAIN[number % len(PLAIN)])
        dots = axes.scatter(*zip(*spots, strict=True), s=area, edgecolors=MUTED_TEXT,
                            linewidths=0.7, zorder=3, label=population,
                            marker=MARKERS[number % len(MARKERS)], **colours)  # fmt: skip
        if population in parts.states:
            scales.append((dots, parts.states[population]))
        if parts.node_count <= MOST_NUMBERED:
            for k, (x, y) in enumerate(spots):
                ink = _ink(dots, k)
                axes.text(
                    x,
                    y,
                    str(k),
                    ha="center",
                    va="center",
                    fontsize=sized(7.5),
                    color=ink,
                    zorder=4,
                )
    _draw_scales(figure, axes, scales)


def _draw_scales(figure: Any, axes: Any, scales: list[tuple[Any, NodeState]]) -> None:
    """A colour bar for each state; angles share one, as all have the same colours."""
    angles = [(dots, state.name) for dots, state in scales if state.cyclic]
    if angles:
        add_colourbar(figure, axes, angles[0][0], ", ".join(name for _, name in angles), True)
    for dots, state in scales:
        if not state.cyclic:
            add_colourbar(figure, axes, dots, state.name, False)


def _ink(dots: Any, k: int) -> str:
    """Dark on a light node, white on a dark one."""
    if dots.get_array() is None:
        return TEXT
    red, green, blue = dots.to_rgba(dots.get_array()[k])[:3]
    return "white" if 0.299 * red + 0.587 * green + 0.114 * blue < 0.42 else TEXT


def state_colours(state: NodeState) -> Any:
    """RGBA per node, the colours that the picture has."""
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize

    how = _colours(state, "")
    scale = Normalize(how.get("vmin"), how.get("vmax"))
    return ScalarMappable(scale, how["cmap"]).to_rgba(how["c"])


def _colours(state: NodeState | None, plain: str) -> dict[str, Any]:
    import numpy

    if state is None:
        return {"c": plain}
    if not state.cyclic:
        return {"c": state.values, "cmap": "viridis"}
    wrapped = numpy.angle(numpy.exp(1j * numpy.asarray(state.values)))
    return {"c": wrapped, "cmap": phase_colormap(), "vmin": -numpy.pi, "vmax": numpy.pi}
