"""What the members of a group have, gathered leaf by leaf: a formula of theirs as one of its nodes.

Where every edge has a delay of its own, the past of a group is that of its states, and what the
members make of them must be one formula.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from dynattn.model.complex_numbers import is_complex
from dynattn.model.terms import GLOBAL, Place, Term, Type, walk


def gathered(joined: Term) -> Term | None:
    """The same quantity of the group, its formula outside and ``joined`` at the leaves alone.

    None where the members have different formulas.
    """
    return _gathered(joined.args, joined.type.place)


def _gathered(parts: Sequence[Term], group: Place) -> Term | None:
    parts = [_without_names(part) for part in parts]
    first, same = parts[0], _alike(parts)
    if not any(item.op == "state" for item in walk(*parts)):
        return first if same and first.type.place == GLOBAL and not first.args else _leaf(
            parts, group
        )  # fmt: skip
    if all(part.op == "state" for part in parts):
        kinds = {(_bare(part), part.type.manifold) for part in parts}
        return _leaf(parts, group) if len(kinds) == 1 else None
    if not same:
        return None
    args = [_gathered(found, group) for found in zip(*(part.args for part in parts), strict=True)]
    if any(argument is None for argument in args):
        return None
    known = tuple(argument for argument in args if argument is not None)
    dtype = "complex" if is_complex(*parts) else first.type.dtype
    return replace(first, args=known, type=replace(first.type, place=group, dtype=dtype))


def _without_names(term: Term) -> Term:
    """A definition written out."""
    while term.op == "let":
        term = term.args[0]
    return term


def _alike(parts: Sequence[Term]) -> bool:
    """Whether the outermost operation is one for all."""
    first = parts[0]
    return all(
        (part.op, part.payload, len(part.args), part.type.shape)
        == (first.op, first.payload, len(first.args), first.type.shape)
        for part in parts
    )


def _leaf(parts: Sequence[Term], group: Place) -> Term | None:
    """What each member has, one after the other."""
    first = parts[0].type
    if any(part.type.shape != first.shape for part in parts):
        return None
    manifolds = {part.type.manifold for part in parts}
    manifold = first.manifold if len(manifolds) == 1 else None
    dtype = "complex" if is_complex(*parts) else first.dtype
    kind = Type(group, first.shape, dtype, manifold, matrix=first.matrix)
    return Term("joined", tuple(parts), kind, parts[0].span, f"{group.name}.{_bare(parts[0])}")


def _bare(term: Term) -> str:
    """``rest`` of ``left.rest``; of a formula, its text."""
    named = isinstance(term.payload, str)
    return term.payload.rsplit(".", 1)[-1] if named else term.span.text
