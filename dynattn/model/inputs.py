"""What comes from outside: inputs, the arguments of layers, and the places that they run along."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from dynattn.diagnostics.suggest import did_you_mean
from dynattn.model import constants, signals, typing
from dynattn.model.composition import Argument, InputUse
from dynattn.model.draft import Draft
from dynattn.model.parts import Population
from dynattn.model.scope import Symbol
from dynattn.model.summands import AxisUse
from dynattn.model.terms import GLOBAL, Place, Term, Type
from dynattn.syntax import tree
from dynattn.syntax.tree import SyntaxTree
from dynattn.vocabulary.sizes import Size

INPUT_TYPES = ("token", "class", "real", "signal")
CLASSES = ("token", "class")


@dataclass(frozen=True)
class Declared:
    """A declared type and the sizes of its axes, that of its place first."""

    type: Type
    axes: tuple[Size, ...]


# ── places ─────────────────────────────────────────────────────────────────────────────────────


def declare_places(draft: Draft, spec: SyntaxTree) -> None:
    """The places of sequences: nodes without a population, as many as a first axis says.

    A first axis makes one where it is a dim, or where tokens or classes stand along it.
    """
    for kind in _types(spec):
        if (
            not kind.axes
            or kind.name not in INPUT_TYPES
            or isinstance(kind.axes[0].size, tree.Range)
        ):
            continue
        size = _quiet_size(draft, kind.axes[0].size)
        if size is None or place_of(draft, size) is not None:
            continue
        if kind.name in CLASSES or size.names & set(draft.dims):
            name = f"[{size}]"
            draft.places[name] = Population(name, size, (), kind.axes[0].span)


def _types(spec: SyntaxTree) -> Iterator[tree.TypeRef]:
    for item in spec.declarations:
        if isinstance(item, tree.Input):
            yield item.type
        elif isinstance(item, tree.Layer):
            yield from (argument.type for argument in item.arguments or ())


def _quiet_size(draft: Draft, expr: tree.Expr) -> Size | None:
    """The size of an axis; mistakes are told where the input itself is declared."""
    before = len(draft.errors.found)
    found = constants.size(draft, expr)
    del draft.errors.found[before:]
    return found


def place_of(draft: Draft, size: Size) -> Place | None:
    """The nodes of the first population of this size; else those of the sequence."""
    for population in (*draft.seen_from(None).values(), *draft.places.values()):
        if population.size == size:
            return Place("nodes", population.name)
    return None


# ── types ──────────────────────────────────────────────────────────────────────────────────────


def declared_type(draft: Draft, kind: tree.TypeRef) -> Declared | None:
    """``token(V)[T]``, ``class(n)``, ``real[T, d]``; None with a diagnostic."""
    if kind.name not in INPUT_TYPES:
        fix = did_you_mean(kind.name, INPUT_TYPES, "write token(V)[T], class(n) or real[d]")
        draft.errors.add("E214", f"unknown type '{kind.name}'", kind.span, fix)
        return None
    wanted = 1 if kind.name in CLASSES else 0
    if len(kind.arguments) != wanted:
        takes = "the number of its classes" if wanted else "no number of classes"
        fix = f"write {kind.name}(n)" if wanted else f"write {kind.name}[d]"
        draft.errors.add("E302", f"the type {kind.name} takes {takes}", kind.span, fix)
        return None
    classes = constants.size(draft, kind.arguments[0]) if wanted else None
    axes = [constants.size(draft, axis.size) for axis in kind.axes]
    known = tuple(size for size in axes if size is not None)
    if len(known) < len(axes) or (wanted and classes is None):
        return None
    if kind.name == "signal" and not signals.has_fixed_axes(draft, kind, known):
        return None
    return _placed(draft, kind, known, classes)


def _placed(
    draft: Draft, kind: tree.TypeRef, axes: tuple[Size, ...], classes: Size | None
) -> Declared | None:
    place = place_of(draft, axes[0]) if axes else None
    shape = axes if place is None else axes[1:]
    if any(size.names & set(draft.dims) for size in shape):
        text = "only the first axis may have a sample's own length"
        draft.errors.add("E308", text, kind.span, "write the dim first: real[T, d]")
        return None
    if classes is not None and shape:
        text = f"{kind.name} has one axis at most, and {len(axes)} stand here"
        draft.errors.add("E308", text, kind.span, f"write {kind.name}({classes})[{axes[0]}]")
        return None
    dtype = "real" if classes is None else "integer"
    return Declared(Type(place or GLOBAL, shape, dtype, classes=classes), axes)


# ── declarations ───────────────────────────────────────────────────────────────────────────────


def declare_input(draft: Draft, declaration: tree.Input) -> None:
    """``input text: token(V)[T]``."""
    name, span = declaration.name, declaration.span
    found = declared_type(draft, declaration.type)
    term = Term("input", (), found.type, span, name) if found else typing.unknown(span)
    if draft.scope.declare(Symbol("input", name, span, term), draft.errors) and found:
        signal = declaration.type.name == "signal"
        if signal and found.type.place == GLOBAL:
            draft.axes[name] = tuple(AxisUse("", 0, size) for size in found.axes)
        draft.inputs[name] = InputUse(name, found.type, found.axes, span, signal)


def arguments_of(
    draft: Draft, layer: str, declared: Sequence[tree.Argument]
) -> tuple[Argument, ...] | None:
    """The arguments in the head of a layer; None with diagnostics."""
    found = []
    for item in declared:
        kind = declared_type(draft, item.type)
        if kind is not None and item.type.name == "signal":
            signals.refuse_argument(draft, item.type)
        elif kind is not None:
            found.append(Argument(f"{layer}.{item.name}", kind.type, item.span))
    return tuple(found) if len(found) == len(declared) else None
