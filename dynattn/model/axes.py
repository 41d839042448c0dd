"""Axes of declared arrays: sizes ``[n]``, counted from 0, and named ranges ``[m in 1 .. M]``."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from dynattn.diagnostics.report import Span
from dynattn.model import constants, typing
from dynattn.model.draft import Draft
from dynattn.model.expressions import Context, find, split
from dynattn.model.scope import RESERVED, Symbol
from dynattn.model.summands import AxisUse
from dynattn.model.terms import GLOBAL, Term, Type
from dynattn.syntax import tree
from dynattn.vocabulary.sizes import Size


def axes_of(draft: Draft, declared: Sequence[tree.Axis]) -> tuple[AxisUse, ...] | None:
    """Declared axes with their sizes; None with diagnostics."""
    found: list[AxisUse | None] = []
    for axis in declared:
        if isinstance(axis.size, tree.Range):
            found.append(_range(draft, axis.name or "", axis.size))
            continue
        size = constants.size(draft, axis.size)
        found.append(None if size is None else AxisUse("", 0, size))
    sized = tuple(axis for axis in found if axis is not None)
    return sized if len(sized) == len(found) else None


def _range(draft: Draft, name: str, expr: tree.Range) -> AxisUse | None:
    found = constants.range_size(draft, expr)
    return None if found is None else AxisUse(name, *found)


def with_counters(
    context: Context, declared: Sequence[tree.Axis], use: Sequence[AxisUse], shape: tuple[Size, ...]
) -> Context:
    """The context of an initial value: the name of an axis is its value at every entry."""
    holes: dict[str, Term] = {}
    for k, (axis, found) in enumerate(zip(declared, use, strict=True)):
        if found.name and is_free(context, found.name, axis.span, holes):
            kind = Type(GLOBAL, shape, "integer")
            holes[found.name] = Term("axis", (), kind, axis.span, (found.name, k, found.first))
    return replace(context, holes={**context.holes, **holes}) if holes else context


def is_free(context: Context, name: str, span: Span, taken: Collection[str] = ()) -> bool:
    """Whether an index may have this name; else a diagnostic."""
    errors, known = context.draft.errors, context.scope.find(name)
    if name in RESERVED:
        text = f"'{name}' has a meaning of its own and cannot be an index"
        errors.add("E205", text, span, "choose another name")
    elif name in taken:
        errors.add("E203", f"two indices are called '{name}'", span, "rename one of the two")
    elif known is not None:
        errors.add(
            "E204", f"the index '{name}' hides the {known.kind} of the same name", span,
            "rename one of the two", [(known.span, "declared here")],
        )  # fmt: skip
    else:
        return True
    return False


# ── indexing ───────────────────────────────────────────────────────────────────────────────────


def entry(
    context: Context, value: tree.Expr, items: Sequence[tree.Expr], span: Span
) -> Term | None:
    """``kappa[m, 1]``: a part of a parameter's array; None where the index is not of this kind."""
    symbol = _array(context, value)
    if symbol is None or _is_end(context, items):
        return None
    axes, draft = context.draft.axes[symbol.name], context.draft
    if len(items) > len(axes):
        axis = "1 axis" if len(axes) == 1 else f"{len(axes)} axes"
        text = f"'{symbol.name}' has {axis}, and {len(items)} indices stand here"
        draft.errors.add("E304", text, span, "leave out the last ones")
        return typing.unknown(span)
    places = [_place(context, item, axis, symbol) for item, axis in zip(items, axes, strict=False)]
    if any(place is None for place in places) or typing.is_unknown(symbol.value):
        return typing.unknown(span)
    kind = replace(symbol.value.type, shape=symbol.value.type.shape[len(places) :])
    whole = replace(symbol.value, span=value.span)
    written = tuple(
        place + axis.first if isinstance(place, int) else place
        for place, axis in zip(places, axes, strict=False)
    )
    return split(context, Term("entry", (whole,), kind, span, (tuple(places), written)))


def _array(context: Context, value: tree.Expr) -> Symbol | None:
    """The parameter of the whole model or layer that is indexed."""
    if not isinstance(value, tree.Name) or context.scope.find(value.name) is None:
        return None
    symbol = find(context, value.name, value.span)
    if symbol is None or symbol.name not in context.draft.axes:
        return None
    return symbol if symbol.value.type.place == GLOBAL and symbol.value.type.shape else None


def _is_end(context: Context, items: Sequence[tree.Expr]) -> bool:
    names = [item.name for item in items if isinstance(item, tree.Name)]
    return any(name in ("i", "j") for name in names)


def _place(context: Context, item: tree.Expr, axis: AxisUse, symbol: Symbol) -> int | str | None:
    """The position along the axis, from 0; the name of a counter that runs along it."""
    draft = context.draft
    hole = context.holes.get(item.name) if isinstance(item, tree.Name) else None
    if hole is not None and hole.op == "counter":
        return str(hole.payload)
    value = constants.number_or_none(draft, item) if hole is None else hole.payload
    if value is None or (hole is not None and hole.op != "number"):
        return None
    count = constants.count(draft, axis.size)
    if float(value).is_integer() and 0 <= value - axis.first < (count or float("inf")):
        return int(value) - axis.first
    last = f"{axis.first + count - 1}" if count else f"{axis.size} - 1"
    called = f"the axis '{axis.name}' of '{symbol.name}'" if axis.name else f"'{symbol.name}'"
    text = f"{called} is indexed from {axis.first} to {last}, and this is {value:g}"
    draft.errors.add("E306", text, item.span, "choose a value inside")
    return None
