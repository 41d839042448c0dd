"""The parse tree of lark becomes the syntax tree, without recursion."""

from __future__ import annotations

from typing import Any

from lark import Tree

from dynattn.diagnostics.report import Collector, Source, Span
from dynattn.syntax import build_declarations, build_experiments, build_expressions
from dynattn.syntax.places import Place

MAX_DEPTH = 200
"""Deepest expression: whoever walks the tree may recurse."""

RULES = {**build_declarations.RULES, **build_experiments.RULES, **build_expressions.RULES}


def build(source: Source, root: Tree, collector: Collector) -> Any:
    """The node (of ``spec``: the tuple of declarations) that a parse tree stands for.

    ``collector`` receives what the grammar lets pass and the tree cannot say.
    """
    made: dict[int, Any] = {}
    depths: dict[int, int] = {}
    for item in bottom_up(root):
        place = Place(source, item.meta, collector)
        depths[id(item)] = depth = 1 + max(
            (depths[id(child)] for child in subtrees(item)), default=0
        )
        if depth == MAX_DEPTH and item.data in build_expressions.RULES:
            refuse_depth(place)
        children = [made.get(id(child), child) for child in item.children]
        made[id(item)] = RULES[item.data](place, *children)
    return made[id(root)]


def subtrees(item: Tree) -> list[Tree]:
    return [child for child in item.children if isinstance(child, Tree)]


def bottom_up(root: Tree) -> list[Tree]:
    """Every tree below ``root`` and itself, children before parents, left to right."""
    found, pending = [], [root]
    while pending:
        item = pending.pop()
        found.append(item)
        pending.extend(subtrees(item))
    return found[::-1]


def refuse_depth(place: Place) -> None:
    start = place.span
    place.refuse(
        "E112",
        f"an expression nested over {MAX_DEPTH} deep",
        "give parts of it names with `let`",
        Span(start.source, start.line, start.column, start.line, start.column + 1),
    )
