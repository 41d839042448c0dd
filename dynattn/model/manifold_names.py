"""``param M = SU(2)``: a manifold under a name, which ``--set M=SO(3)`` changes.

The manifold stands where its name stood, before anything else is read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from dynattn.diagnostics.report import Diagnostic, SpecError, UsageError
from dynattn.model.draft import Draft
from dynattn.model.scope import Symbol
from dynattn.syntax import tree as syntax
from dynattn.syntax.parse import parse_expression
from dynattn.syntax.walk import mapped
from dynattn.vocabulary.manifolds import MANIFOLDS

Named = Mapping[str, syntax.Quantity]


def manifold_names(tree: syntax.SyntaxTree) -> Named:
    """The parameters of the model whose value is a manifold, by name."""
    entries = [
        entry for item in tree.declarations
        if isinstance(item, syntax.Quantities) and item.keyword == "param"
        for entry in item.entries
    ]  # fmt: skip
    numbers = {entry.name for entry in entries}
    found = [e for e in entries if e.init and not e.init.drawn]
    return {e.name: e for e in found if e.init and _word(e.init.value) in {*MANIFOLDS} - numbers}


def _word(expr: syntax.Expr) -> str:
    """The name that an expression is or calls."""
    match expr:
        case syntax.Name(name=name) | syntax.Call(function=syntax.Name(name=name)):
            return name
    return ""


def without_names(
    draft: Draft, tree: syntax.SyntaxTree, named: Named, settings: Mapping[str, Any]
) -> syntax.SyntaxTree:
    """The tree with manifolds in place of their names, ``settings`` being those of the names."""
    values: dict[str, syntax.Expr] = {}
    for name, entry in named.items():
        assert entry.init is not None
        if entry.axes or entry.manifold is not None or entry.limits is not None:
            text = f"'{name}' is a manifold, and no number that has axes, a range or a manifold"
            draft.errors.add(
                "E339", text, entry.span, f"write param {name} = {entry.init.value.span.text}"
            )
        draft.scope.declare(Symbol("manifold", name, entry.name_span), draft.errors)
        values[name] = _set(name, settings[name]) if name in settings else entry.init.value
    items = [_without(item, named) for item in tree.declarations]
    kept = tuple(_placed(item, values) for item in items if item is not None)
    return replace(tree, declarations=kept) if named else tree


def _set(name: str, value: Any) -> syntax.Expr:
    """The manifold that a setting names; UsageError E702 for anything else."""
    try:
        found = parse_expression(value, f"{name}={value}") if isinstance(value, str) else None
    except SpecError:
        found = None
    if found is None or _word(found) not in MANIFOLDS:
        message = f"'{name}' is a manifold, and it is set to {value}"
        raise UsageError(Diagnostic("E702", message, None, f"name one, as in {name}=sphere(3)"))
    return found


def _without(item: Any, named: Named) -> Any:
    """A declaration without the entries that name manifolds; None where nothing is left."""
    if not isinstance(item, syntax.Quantities) or item.keyword != "param":
        return item
    entries = tuple(entry for entry in item.entries if named.get(entry.name) is not entry)
    return replace(item, entries=entries) if entries else None


def _placed(node: Any, values: Mapping[str, syntax.Expr]) -> Any:
    node = mapped(node, lambda part: _placed(part, values))
    match node:
        case syntax.Quantity(manifold=syntax.Name(name=name)) if name in values:
            return replace(node, manifold=values[name])
    return node
