"""Axes of declared arrays: sizes ``[n]``, counted from 0, and named ranges ``[m in 1 .. M]``."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from dynattn.diagnostics.report import Span
from dynattn.model import constants, typing
from dynattn.model.draft import Draft
from dynattn.model.expressions import ENDS, Context, find, split, translate
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
    """``kappa[m, 1]``, a node's own ``x[0]``, and in a coupling ``x[j, 0]`` or ``x[j][0]``: a part
    of an array; None where the index is not of this kind.
    """
    found = _indexed_array(context, value, items)
    if found is None:
        return None
    whole, called, axes, items = found
    draft = context.draft
    if len(items) > len(axes):
        axis = "1 axis" if len(axes) == 1 else f"{len(axes)} axes"
        text = f"'{called}' has {axis}, and {len(items)} indices stand here"
        draft.errors.add("E304", text, span, "leave out the last ones")
        return typing.unknown(span)
    places = [_place(context, item, axis, called) for item, axis in zip(items, axes, strict=False)]
    if any(place is None for place in places) or typing.is_unknown(whole):
        return typing.unknown(span)
    written = tuple(
        place + axis.first if isinstance(place, int) else place
        for place, axis in zip(places, axes, strict=False)
    )
    kind = _part_type(whole.type, len(places))
    return split(context, Term("entry", (whole,), kind, span, (tuple(places), written)))


def _part_type(whole: Type, indexed: int) -> Type:
    """A coordinate of a point is a number; one of several points stays a point."""
    shape = whole.shape[indexed:]
    own = len(whole.manifold.shape) if whole.manifold is not None else 0
    if len(shape) >= own:
        return replace(whole, shape=shape)
    return replace(whole, shape=shape, manifold=None, matrix=False)


Indexed = tuple[Term, str, tuple[AxisUse, ...], Sequence[tree.Expr]]
"""An array, what it is called, its axes, and what stands for a place along each."""


def _indexed_array(
    context: Context, value: tree.Expr, items: Sequence[tree.Expr]
) -> Indexed | None:
    if isinstance(value, tree.Index) and _is_end(context, value.items):
        return _seen(context, value.value, value.items, items)
    if _is_end(context, items):
        return _seen(context, value, items[:1], items[1:])
    symbol = _array(context, value)
    if symbol is None:
        return None
    whole = replace(symbol.value, span=value.span)
    if symbol.value.type.place != GLOBAL:
        whole = translate(context, value)
    return whole, symbol.name, _axes(context, symbol), items


def _seen(
    context: Context, value: tree.Expr, end: Sequence[tree.Expr], items: Sequence[tree.Expr]
) -> Indexed | None:
    """An array of a node, as its receiver or sender."""
    ends = context.ends
    if ends is None or ends.heads is not None or len(end) != 1 or not items:
        return None
    if _is_end(context, items) or not isinstance(value, tree.Name):
        return None
    side = ENDS[end[0].name] if isinstance(end[0], tree.Name) else "receiver"
    symbol = _array(replace(context, population=ends.population(side), ends=None), value)
    if symbol is None or symbol.value.type.place == GLOBAL:
        return None
    whole = translate(context, tree.Index(value.span, value, tuple(end)))
    return whole, symbol.name, _axes(context, symbol), items


def _axes(context: Context, symbol: Symbol) -> tuple[AxisUse, ...]:
    """The declared axes, then the coordinates of a point, which are counted from 0."""
    declared = context.draft.axes.get(symbol.name, ())
    rest = symbol.value.type.shape[len(declared) :]
    return (*declared, *(AxisUse("", 0, size) for size in rest))


def _array(context: Context, value: tree.Expr) -> Symbol | None:
    """The array of the model or layer, or of the node or edge at hand, that is indexed."""
    if not isinstance(value, tree.Name) or value.name in context.holes:
        return None
    known = context.scope.find(value.name)
    if known is None and context.population is None:
        return None
    symbol = find(context, value.name, value.span) if known or context.population else None
    if symbol is None or not isinstance(symbol.value, Term) or not symbol.value.type.shape:
        return None
    if symbol.value.type.place == GLOBAL:
        return symbol if symbol.name in context.draft.axes else None
    own = context.population is not None or context.ends is not None
    return symbol if own and symbol.value.op in ("state", "parameter") else None


def _is_end(context: Context, items: Sequence[tree.Expr]) -> bool:
    names = [item.name for item in items if isinstance(item, tree.Name)]
    return any(name in ("i", "j") for name in names)


def _place(context: Context, item: tree.Expr, axis: AxisUse, name: str) -> int | str | None:
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
    called = f"the axis '{axis.name}' of '{name}'" if axis.name else f"'{name}'"
    text = f"{called} is indexed from {axis.first} to {last}, and this is {value:g}"
    draft.errors.add("E306", text, item.span, "choose a value inside")
    return None
