"""How the types of operands make the type of a result: places join, trailing axes align."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from dynattn.diagnostics.report import Collector, Span
from dynattn.model.complex_numbers import dtype_of
from dynattn.model.terms import GLOBAL, ManifoldUse, Place, Term, Type
from dynattn.vocabulary.functions import ELEMENTWISE
from dynattn.vocabulary.manifolds import MANIFOLDS
from dynattn.vocabulary.sizes import ONE, Size

UNKNOWN = Type(dtype="unknown")
"""The type of what could not be understood: it takes part in no further complaint."""


def unknown(span: Span) -> Term:
    """A stand-in for an expression that has been refused already."""
    return Term("unknown", (), UNKNOWN, span)


def is_unknown(*terms: Term) -> bool:
    """Whether any of the terms has been refused already."""
    return any(term.type.dtype == "unknown" for term in terms)


def held(value: Term) -> Type:
    """The type of a variable that holds the value: real or complex if it is no class or token."""
    if value.type.classes is not None or value.type.dtype == "complex":
        return value.type
    return replace(value.type, dtype="real")


def number(value: complex, span: Span) -> Term:
    """A constant."""
    kinds = {int: "integer", float: "real", complex: "complex"}
    dtype = next(name for kind, name in kinds.items() if isinstance(value, kind))
    return Term("number", (), Type(dtype=dtype), span, value)


def spell_shape(shape: Sequence[Size]) -> str:
    """``[H, C/H]``; ``a single number`` for no axes."""
    return f"[{', '.join(map(str, shape))}]" if shape else "a single number"


def spell_value(term: Term) -> str:
    """The shape of a value, and where it lives if not once: ``[C] at population 'token'``."""
    place = "" if term.type.place == GLOBAL else f" at {describe(term.type.place)}"
    return spell_shape(term.type.shape) + place


def join_places(errors: Collector, terms: Sequence[Term], span: Span) -> Place | None:
    """The place of a combination: what lives once joins everything; two populations do not join."""
    place = GLOBAL
    for term in terms:
        other = term.type.place
        if other in (GLOBAL, place):
            continue
        if place != GLOBAL:
            errors.add(
                "E305",
                f"quantities of {describe(place)} and of {describe(other)} cannot be combined",
                span,
                "couple the two populations, or combine sums or means over them",
            )
            return None
        place = other
    return place


def describe(place: Place) -> str:
    """A place in words."""
    if place.name.startswith("["):
        return f"the places of {place.name}"
    names = {"global": "the whole model", "nodes": "population", "edges": "the edges of coupling"}
    return names[place.kind] + (f" '{place.name}'" if place.name else "")


def join_shapes(errors: Collector, terms: Sequence[Term], span: Span) -> tuple[Size, ...] | None:
    """Trailing axes aligned: the longest shape, of which every other must be an ending."""
    widest = max(terms, key=lambda term: (len(term.type.shape), not _is_column(term)))
    longest = widest.type.shape
    for term in terms:
        shape = term.type.shape
        if _is_column(term) and len(shape) == len(longest) and _columns(shape, longest):
            continue
        if shape and shape != longest[len(longest) - len(shape) :]:
            errors.add(
                "E301",
                f"the shapes {spell_shape(shape)} and {spell_shape(longest)} do not fit",
                span,
                "axes align from the last one, and sizes must be the same formula"
                + literal_hint(shape, longest),
            )
            return None
    return longest


def _is_column(term: Term) -> bool:
    """Whether a term is a number beside each point, or made of such numbers alone."""
    if term.op not in ELEMENTWISE or not term.type.shape:
        return term.op == "column"
    return all(_is_column(part) or not part.type.shape for part in term.args)


def _columns(shape: Sequence[Size], longest: Sequence[Size]) -> bool:
    """Whether a number per point stands beside the coordinates of the same points."""
    return all(a in (ONE, b) for a, b in zip(shape, longest, strict=True))


def literal_hint(a: Sequence[Size], b: Sequence[Size]) -> str:
    """What to add to a fix where a size is a number in one shape and has a name in the other."""
    for left, right in zip(reversed(a), reversed(b), strict=False):
        if left != right and (left.number is None) != (right.number is None):
            name = left if right.number is not None else right
            single = ONE in (left, right)
            return f": write {name} in both places" + single * ", or dot(.., 1) for one number"
    return ""


def combine(
    errors: Collector, op: str, args: Sequence[Term], span: Span, payload: Any = None
) -> Term:
    """An elementwise function of terms, typed."""
    if is_unknown(*args):
        return unknown(span)
    place = join_places(errors, args, span)
    shape = join_shapes(errors, args, span)
    if place is None or shape is None or not are_no_points(errors, op, args, span):
        return unknown(span)
    result = dtype_of(errors, op, args, span)
    if result is None:
        return unknown(span)
    matrix = any(arg.type.matrix for arg in args)
    return Term(op, tuple(args), Type(place, shape, result, matrix=matrix), span, payload)


def are_no_points(errors: Collector, op: str, args: Sequence[Term], span: Span) -> bool:
    """Whether a sum or difference makes sense: on a curved manifold the sum of two points is none,
    and points of two manifolds have nothing in common.
    """
    uses = [arg.type.manifold for arg in args]
    if op not in ("add", "sub") or len(uses) != 2 or None in uses:
        return True
    first, second = (use for use in uses if use is not None)
    curved = [is_curved(use) for use in (first, second)]
    if first == second and (op == "sub" or not curved[0]):
        return True
    if first != second and not any(curved):
        return True
    if first == second:
        text = f"the sum of two points of {first} is no point of it"
        fix = "multiply one by a number, or take the mean over the nodes: mean(x)"
    else:
        word = {"add": "sum", "sub": "difference"}[op]
        text = f"a point of {first} and one of {second} have no {word}"
        fix = "compare numbers made of them, such as dot(x, y)"
    errors.add("E325", text, span, fix)
    return False


def is_curved(use: ManifoldUse) -> bool:
    """Whether the coordinates of a point are bound together and 0 is no point: sphere, groups."""
    manifold = MANIFOLDS[use.name]
    bound = manifold.constraint is not None and not manifold.logarithmic
    return bound and manifold.default == "uniform"
