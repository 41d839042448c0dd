"""Graphs that are no generator's: read from files, listed edge by edge, or put together."""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dynattn.model import constants
from dynattn.model.draft import Draft
from dynattn.model.parts import GraphUse
from dynattn.syntax import tree

if TYPE_CHECKING:
    from dynattn.vocabulary.node_selection import Condition, Operand

Find = Callable[[Path, str], Any]


def filed(draft: Draft, expr: tree.Call, name: str) -> GraphUse | None:
    """``file("net.graphml")`` or ``matrix("w.csv", length=matrix("l.csv"))``; nothing is read."""
    from dynattn.vocabulary.graph_files import EDGE_LISTS, find_graph_file, find_matrix_file

    find = find_graph_file if name == "file" else find_matrix_file
    path = _path(draft, expr, name, find)
    options = _directed(draft, expr) if name == "file" else _further(draft, expr)
    if path is None or options is None:
        return None
    if name == "file" and options and Path(path).suffix.lower() not in EDGE_LISTS:
        text = f"'{path}' says itself whether its edges have a direction"
        draft.errors.add("E212", text, expr.keywords[0].span, "leave 'directed' out")
        return None
    return GraphUse(name, "", (("path", path), *options), include_self=True, span=expr.span)


def _path(draft: Draft, expr: tree.Call, name: str, find: Find) -> str | None:
    """The path as written, found and known by its ending; None with a diagnostic."""
    from dynattn.vocabulary.graph_files import GraphFileError

    match expr.arguments:
        case (tree.Text(value=path, span=span),) if path:
            pass
        case _:
            text = f"{name} takes one path, in quotes"
            draft.errors.add("E212", text, expr.span, f'write {name}("net.csv")')
            return None
    try:
        find(Path(span.source.path).parent, path)
    except GraphFileError as problem:
        draft.errors.add(problem.code, str(problem), span, problem.fix)
        return None
    return path


def _directed(draft: Draft, expr: tree.Call) -> tuple[tuple[str, bool], ...] | None:
    """``directed=false``: the lines of an edge list run both ways."""
    found = []
    for keyword in expr.keywords:
        match keyword:
            case tree.Keyword(name="directed", value=tree.Name(name="true" | "false" as word)):
                found.append(("directed", word == "true"))
            case _:
                text = f"file has no argument '{keyword.name}'"
                if keyword.name == "directed":
                    text = "directed is true or false"
                draft.errors.add("E212", text, keyword.span, "write directed=false, or leave it")
                return None
    return tuple(found)


def _further(draft: Draft, expr: tree.Call) -> tuple[tuple[str, str], ...] | None:
    """``length=matrix("l.csv")``: names of edge attributes and the paths of their matrices."""
    from dynattn.vocabulary.graph_files import find_matrix_file

    found = []
    for keyword in expr.keywords:
        match keyword.value:
            case tree.Call(function=tree.Name(name="matrix"), keywords=()) as inner:
                path = _path(draft, inner, "matrix", find_matrix_file)
                if path is None:
                    return None
                found.append((keyword.name, path))
            case _:
                text = f"'{keyword.name}' is an edge attribute: its numbers are another matrix"
                fix = f'write {keyword.name}=matrix("{keyword.name}.csv")'
                draft.errors.add("E212", text, keyword.span, fix)
                return None
    if "path" in (name for name, _ in found) or "weight" in (name for name, _ in found):
        text = "the first matrix is the weight; a further one needs a name of its own"
        draft.errors.add("E212", text, expr.span, 'write length=matrix("l.csv")')
        return None
    return tuple(found)


def listed(draft: Draft, expr: tree.EdgeList) -> GraphUse | None:
    """``edges [a -> b: 0.5]``; an end is a number, or a name that stands for nothing else."""
    entries = []
    for entry in expr.entries:
        ends = [_end(draft, end) for end in (entry.sender, entry.receiver)]
        weight = None
        if entry.weight is not None:
            weight = constants.number_or_none(draft, entry.weight)
        if None in ends or (entry.weight is not None and weight is None):
            return None
        entries.append((*ends, weight))
    if len({isinstance(end, str) for entry in entries for end in entry[:2]}) > 1:
        text = "some ends of these edges are numbers and some are names"
        draft.errors.add("E212", text, expr.span, "number the nodes from 0, or name all of them")
        return None
    return GraphUse("edges", "", (("entries", tuple(entries)),), include_self=True, span=expr.span)


def _end(draft: Draft, expr: tree.Expr) -> int | str | None:
    if isinstance(expr, tree.Name) and draft.scope.find(expr.name) is None:
        return expr.name
    number = constants.number_or_none(draft, expr)
    if number is None:
        return None
    if number < 0 or number != int(number):
        text = f"a node is a whole number from 0, not {number:g}"
        draft.errors.add("E306", text, expr.span, "choose a value in range")
        return None
    return int(number)


def joined(operator: str, parts: tuple[GraphUse, GraphUse], expr: tree.Binary) -> GraphUse:
    """``g + h``: the edges of both, weights added up. ``g * h``: of both at once, multiplied."""
    source = {"+": "sum", "*": "product"}[operator]
    return GraphUse(source, "", (("parts", parts),), include_self=True, span=expr.span)


def node_condition(draft: Draft, expr: tree.Expr, attributes: Collection[str]) -> Condition:
    """The Condition of ``p[g where kind == "load" and M > 2]``; NotConstant where it is none.

    A name is one of the node ``attributes``, else a parameter with a number for a value.
    """
    from dynattn.vocabulary.node_selection import Condition

    match expr:
        case tree.Binary(operator="and" | "or" as word, left=left, right=right):
            parts = [node_condition(draft, side, attributes) for side in (left, right)]
        case tree.Unary(operator="not" as word, operand=operand):
            parts = [node_condition(draft, operand, attributes)]
        case tree.Binary(operator="==" | "!=" | "<" | "<=" | ">" | ">=" as word):
            parts = [_operand(draft, side, attributes) for side in (expr.left, expr.right)]
        case _:
            reason = "this is no condition on the nodes of a graph"
            raise constants.NotConstant(expr.span, reason)
    return Condition(word, tuple(parts))


def _operand(draft: Draft, expr: tree.Expr, attributes: Collection[str]) -> Operand:
    from dynattn.vocabulary.node_selection import Attribute

    match expr:
        case tree.Text(value=value):
            return value
        case tree.Name(name=name) if name in attributes and draft.scope.find(name) is not None:
            reason = f"'{name}' is declared in the model, and a node attribute too"
            raise constants.NotConstant(expr.span, reason)
        case tree.Name(name=name) if name in attributes:
            return Attribute(name)
    return constants.number(draft, expr)
