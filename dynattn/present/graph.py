"""Drawing a coupling graph: the ending of the file name decides what is written."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dynattn.diagnostics.files import refuse_folder, write_whole
from dynattn.diagnostics.report import Diagnostic, SpecError, UsageError
from dynattn.diagnostics.suggest import did_you_mean
from dynattn.present.adjacency import draw_adjacency
from dynattn.present.attention import attention_graph, draw_arcs, draw_heat_maps
from dynattn.present.diagram import dot_text, draw_by_graphviz
from dynattn.present.engine import find_engine
from dynattn.present.formats import write_graphml, write_json
from dynattn.present.nodes import MOST_NODES, draw_nodes, node_graph
from dynattn.present.page import write_page
from dynattn.present.parts import Attention, GraphParts, parts_of
from dynattn.present.sketch import sketch_diagram

LEVELS = ("auto", "population", "nodes", "adjacency", "attention")
"""``auto``: populations, and beside them the nodes or, where they are many, the adjacency."""

Say = Callable[[str], None]
Draw = Callable[[GraphParts, Path, Say], Path]


@dataclass(frozen=True)
class Format:
    """One ending: what it is, and how each level is written to it (a level absent cannot be)."""

    doc: str
    writers: Mapping[str, Draw]
    companions: bool = False
    """Whether ``auto`` writes further pictures beside the first."""


def _warn(message: str) -> None:
    warnings.warn(message, stacklevel=3)


def draw_graph(
    graph: Any,
    path: Path | str,
    *,
    level: str = "auto",
    states: Mapping[str, Any] | None = None,
    attention: Attention | None = None,
    say: Say = _warn,
) -> list[Path]:
    """Draw the coupling graph of a Compilation (or GraphParts) and return the files written.

    ``states`` colours nodes by arrays [N] or [N, coordinates] per state name. ``say`` is told
    what differs from what one would expect, such as a missing Graphviz. Raises UsageError E560
    (unknown ending) or E563 (unknown level), and SpecError E563 to E566, E704 and E705.
    """
    path = Path(path)
    form = _format_of(path)
    _check_level(level)
    parts = graph if isinstance(graph, GraphParts) else parts_of(graph, states, attention)
    plan = _plan(parts, path, form, level, say)
    for place, _ in plan:
        refuse_folder(place)
    return [draw(parts, place, say) for place, draw in plan]


def _plan(
    parts: GraphParts, path: Path, form: Format, level: str, say: Say
) -> list[tuple[Path, Draw]]:
    """Which files are drawn, and how."""
    if level == "attention":
        return [(path, _writer(parts, path, form, level)), *_arcs_beside(path, form)]
    if level != "auto":
        return [(path, _writer(parts, path, form, _fitting(parts, form, level, say)))]
    plan = [(path, _writer(parts, path, form, "population"))]
    if form.companions and parts.drawable:
        near = "nodes" if parts.node_count <= MOST_NODES else "adjacency"
        plan.append((_beside(path, near), form.writers[near]))
    return plan


def _arcs_beside(path: Path, form: Format) -> list[tuple[Path, Draw]]:
    return [(_beside(path, "arcs"), _draw_arcs)] if form.companions else []


def _beside(path: Path, word: str) -> Path:
    return path.with_name(f"{path.stem}.{word}{path.suffix}")


def _fitting(parts: GraphParts, form: Format, level: str, say: Say) -> str:
    """``adjacency`` instead of a picture of too many ``nodes``, and says so."""
    if level == "nodes" and "adjacency" in form.writers and parts.node_count > MOST_NODES:
        say(f"{parts.node_count} nodes are too many to tell apart (at most {MOST_NODES}): "
            "their adjacency is drawn")  # fmt: skip
        return "adjacency"
    return level


def _writer(parts: GraphParts, path: Path, form: Format, level: str) -> Draw:
    if level in ("nodes", "adjacency") and not parts.drawable:
        message = f"{parts.name} has no coupling between populations of known size"
        raise SpecError(Diagnostic("E563", message, fix="draw it at the level 'population'"))
    if level == "attention" and parts.attention is None:
        message = f"{parts.name} has no trained attention to draw"
        raise SpecError(Diagnostic("E563", message, fix="train it first, then name its run folder"))
    if level not in form.writers:
        able = [suffix for suffix, other in FORMATS.items() if level in other.writers]
        message = f"{path.suffix} cannot show the level '{level}'"
        raise UsageError(Diagnostic("E564", message, fix=f"use one of {', '.join(able)}"))
    return form.writers[level]


def _format_of(path: Path) -> Format:
    suffix = path.suffix.lower()
    if suffix not in FORMATS:
        named = f"'{path.suffix}'" if path.suffix else "a name without an ending"
        known = f"use one of {', '.join(FORMATS)}"
        guess = did_you_mean(suffix, FORMATS) if suffix else ""
        fix = f"{guess} {known}".strip()
        raise UsageError(Diagnostic("E560", f"{named} is no format for graphs", fix=fix))
    return FORMATS[suffix]


def _check_level(level: str) -> None:
    if level not in LEVELS:
        fix = did_you_mean(level, LEVELS, f"use one of {', '.join(LEVELS)}")
        raise UsageError(Diagnostic("E563", f"there is no level '{level}'", fix=fix))


# ── one function per level ─────────────────────────────────────────────────────────────────────


def _draw_population(parts: GraphParts, path: Path, say: Say) -> Path:
    engine = find_engine()
    if engine is None:
        say("no Graphviz: drawn by matplotlib")
        return sketch_diagram(parts.diagram, parts.name, path)
    picture = draw_by_graphviz(parts.diagram, parts.name, engine, path.suffix.lower()[1:])
    return write_whole(path, picture)


def _draw_nodes(parts: GraphParts, path: Path, say: Say) -> Path:
    return draw_nodes(parts, path)


def _draw_adjacency(parts: GraphParts, path: Path, say: Say) -> Path:
    return draw_adjacency(parts, path)


def _draw_heat_maps(parts: GraphParts, path: Path, say: Say) -> Path:
    assert parts.attention is not None
    return draw_heat_maps(parts.attention, path)


def _draw_arcs(parts: GraphParts, path: Path, say: Say) -> Path:
    assert parts.attention is not None
    return draw_arcs(parts.attention, path)


def _write_dot(parts: GraphParts, path: Path, say: Say) -> Path:
    return write_whole(path, dot_text(parts.diagram, parts.name))


def _write_page(parts: GraphParts, path: Path, say: Say) -> Path:
    return write_page(parts, path)


def _graph_writers(write: Callable[[Any, Path], Path]) -> dict[str, Draw]:
    def write_attention(parts: GraphParts, path: Path, say: Say) -> Path:
        assert parts.attention is not None
        return write(attention_graph(parts.attention), path)

    return {
        "population": lambda parts, path, say: write(parts.diagram, path),
        "nodes": lambda parts, path, say: write(node_graph(parts), path),
        "attention": write_attention,
    }


_PICTURE: dict[str, Draw] = {
    "population": _draw_population,
    "nodes": _draw_nodes,
    "adjacency": _draw_adjacency,
    "attention": _draw_heat_maps,
}

FORMATS: dict[str, Format] = {
    ".svg": Format("a picture that scales", _PICTURE, companions=True),
    ".png": Format("a picture of pixels", _PICTURE, companions=True),
    ".pdf": Format("a picture to print", _PICTURE, companions=True),
    ".dot": Format("the text that Graphviz reads", {"population": _write_dot}),
    ".html": Format("a page to pan and zoom, offline", {"population": _write_page}),
    ".graphml": Format("a graph for other tools", _graph_writers(write_graphml)),
    ".json": Format("a graph for other tools, node-link", _graph_writers(write_json)),
}
