"""Values written out for each node of a population: ``param w = [0.9, 1.1]`` for two nodes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from dynattn.diagnostics.report import Span
from dynattn.model.expressions import Context, translate
from dynattn.model.parts import Draw
from dynattn.model.terms import Term
from dynattn.syntax import tree
from dynattn.vocabulary.sizes import Size, SizeError

Read = Callable[[tree.Quantity], Term | Draw | None]


def of_nodes(
    context: Context, entry: tree.Quantity, shape: Sequence[Size], read: Read
) -> tuple[Term | None] | None:
    """The value of a list that has one entry more deeply nested than ``shape`` asks for: one entry
    for each node, which ``read`` checks by itself.

    None where the value is no such list, ``(None,)`` where it is wrong, with diagnostics.
    """
    value = entry.init.value if entry.init is not None and not entry.init.drawn else None
    if not isinstance(value, tree.ListOf) or _depth(value) != len(shape) + 1:
        return None
    population = context.draft.populations.get(context.owner)
    if population is None or population.name in context.draft.unsized:
        return None
    try:
        size = population.size.value({n: int(x) for n, x in context.draft.values.items()})
    except SizeError:
        return None
    if size != len(value.items):
        _refuse(context, entry, size, value)
        return (None,)
    rows = [replace(entry, init=tree.Init(item.span, False, item)) for item in value.items]
    if any(found is None for found in [read(row) for row in rows]):
        return (None,)
    return (translate(context, _chosen(value.items, 0, value.span)),)


def _refuse(context: Context, entry: tree.Quantity, size: int, value: tree.ListOf) -> None:
    count = len(value.items)
    text = f"'{entry.name}' has {count} value{'s' if count > 1 else ''} for {size} nodes"
    fix = f"write {size}, one for each node, or one value for all"
    context.draft.errors.add("E301", text, value.span, fix)


def _depth(value: tree.Expr) -> int:
    """How deeply lists are nested; 0 too where some are more so than others."""
    if not isinstance(value, tree.ListOf):
        return 0
    inner = {_depth(item) for item in value.items}
    return 1 + inner.pop() if len(inner) == 1 else 0


def _chosen(items: Sequence[tree.Expr], first: int, span: Span) -> tree.Expr:
    """The sum of each item where ``index`` is its number, as a balanced tree."""
    if len(items) > 1:
        half = len(items) // 2
        left, right = items[:half], items[half:]
        sides = _chosen(left, first, span), _chosen(right, first + half, span)
        return tree.Binary(span, "+", *sides)
    here = tree.Binary(span, "==", tree.Name(span, "index"), tree.Number(span, first))
    return tree.Binary(span, "*", here, items[0])
