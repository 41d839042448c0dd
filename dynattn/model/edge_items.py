"""What a coupling declares for its edges: parameters, drawn weights, definitions, states, laws."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from math import prod

from dynattn.diagnostics.report import Span
from dynattn.model import constants, typing
from dynattn.model.draft import Draft, head, value_of
from dynattn.model.endpoints import Endpoints
from dynattn.model.expressions import Context, Definition, replace_span
from dynattn.model.laws import declare_equation, velocities_of
from dynattn.model.parts import Draw, Parameter, State
from dynattn.model.populations import announced, declare_part, declare_state
from dynattn.model.quantities import at_start, declare_parameter, drawn
from dynattn.model.scope import Scope, Symbol
from dynattn.model.terms import Place, Term, Type
from dynattn.syntax import tree
from dynattn.vocabulary.graphs import MOST_EDGES, memory_text

WHOLE = ("everyone", "causal")
"""Graphs whose edges are all the pairs there are, and never a list."""

LAW = ("drift", "inertia", "dissipation", "noise")
"""Clauses of the law of a state of the edges."""


def scope_of(context: Context, full: str) -> Scope:
    """The scope of a coupling's own names, inside that of the model or the layer."""
    scope = Scope(f"coupling '{full.rsplit('.', 1)[-1]}'", context.scope)
    context.draft.coupling_scopes[full] = scope
    return scope


def is_item(item: tree.Item) -> bool:
    """Whether something in the body of a coupling belongs to its edges, and is no clause of it."""
    if isinstance(item, tree.Clause):
        return item.word in LAW or (item.word == "weight" and item.drawn)
    return isinstance(item, tree.Quantities | tree.Let | tree.Equation)


def declare_items(context: Context, declaration: tree.Coupling, ends: Endpoints) -> None:
    """Every name of a coupling's edges, in the order of the text."""
    assert context.ends is not None
    whole = replace(context, ends=replace(context.ends, heads=None))
    stored = [item for item in declaration.body if is_item(item) and not isinstance(item, tree.Let)]
    if stored and not can_be_stored(context.draft, ends, stored):
        context.draft.names_missing = True
        return
    lets: list[Symbol] = []
    for item in declaration.body:
        match item:
            case tree.Quantities(keyword="param" | "learn" as keyword):
                for entry in item.entries:
                    place = Place("edges", context.ends.name)
                    declare_parameter(whole, entry, keyword == "learn", place)
            case tree.Quantities(keyword="state"):
                for entry in item.entries:
                    declare_state(whole, entry, Place("edges", context.ends.name))
            case tree.Clause(word="weight", drawn=True):
                _declare_weight(whole, item)
            case tree.Let():
                owner = f"{context.owner}.{item.name}"
                lets.append(announced(replace(context, owner=owner, names_used=set()), item))
    velocities_of(whole, declaration.body, states_of(context.draft, context.ends.name))
    for symbol in lets:
        symbol.value.term()
    for item in declaration.body:
        if isinstance(item, tree.Equation):
            declare_equation(whole, item)
        elif isinstance(item, tree.Clause) and item.word in LAW:
            declare_part(whole, item, context.ends.name)


def states_of(draft: Draft, full: str) -> tuple[State, ...]:
    """The states of a coupling's edges."""
    return tuple(state for state in draft.states.values() if state.coupling == full)


def _declare_weight(context: Context, item: tree.Clause) -> None:
    """``weight ~ normal(0, 1)``: a parameter of the edges, called ``weight``."""
    draft, full = context.draft, f"{context.owner}.weight"
    assert context.ends is not None
    place = Place("edges", context.ends.name)
    init = at_start(draft, drawn(context, value_of(item)), "weight")
    term = Term("parameter", (), Type(place), item.span, full)
    term = typing.unknown(item.span) if init is None else term
    symbol = Symbol("parameter", full, item.span, term)
    if context.scope.declare(symbol, draft.errors) and init is not None:
        draft.parameters[full] = Parameter(full, place, (), init, item.span, layer=context.layer)


def weight_of(context: Context) -> Term:
    """The drawn weight, as the coupling's clause."""
    return context.scope.symbols["weight"].value


def can_be_stored(draft: Draft, ends: Endpoints, items: Sequence[tree.Item]) -> bool:
    """Whether what stays has so many edges in all samples alike (E433), and few enough (E432)."""
    sizes = (ends.receiver.size, ends.sender.size)
    names = {name for size in sizes for name in size.names} & set(draft.dims)
    lasting = [item for item in items if _stays(item)]
    span = head((lasting or items)[0].span)
    if names and lasting:
        text = f"the number of edges hangs on {' and '.join(sorted(names))}, each sample's own"
        fix = "let the weight be computed from the nodes"
        draft.errors.add("E433", text, span, fix)
        return False
    counts = [constants.count(draft, size) for size in sizes]
    edges = prod(count or 0 for count in counts)
    if ends.graph.source in WHOLE and edges > MOST_EDGES:
        text = f"one number for each of {edges:.4g} edges needs {memory_text(8 * edges)} of memory"
        fix = "couple over a sparse graph, or leave the numbers of the edges out"
        draft.errors.add("E432", text, span, fix)
        return False
    return True


def _stays(item: tree.Item) -> bool:
    """Whether an item has numbers that are the same for all samples; a state begins with each."""
    if isinstance(item, tree.Quantities):
        return item.keyword != "state"
    return isinstance(item, tree.Clause) and item.word == "weight"


def read_member(context: Context, coupling: Symbol, name: str, span: Span) -> Term:
    """``web.w``: a quantity of a coupling's edges, seen from outside."""
    draft = context.draft
    scope = draft.coupling_scopes.get(coupling.name)
    symbol = scope.symbols.get(name) if scope is not None else None
    if symbol is None:
        if scope is None and coupling.name not in draft.couplings and draft.errors.found:
            return typing.unknown(span)  # the coupling has been refused, and all it declares
        known = ", ".join(scope.symbols) if scope is not None else ""
        fix = f"its edges have {known}" if known else "declare it there with param, state or let"
        text = f"the edges of coupling '{coupling.name}' have no '{name}'"
        draft.errors.add("E201", text, span, fix)
        return typing.unknown(span)
    if isinstance(symbol.value, Definition):
        return symbol.value.term()
    return replace_span(symbol.value, span)


def of_this_coupling(context: Context, term: Term, name: str, span: Span) -> Term:
    """What a coupling reads; E305 for a quantity of another's edges, which are none of its own."""
    place = term.type.place
    if context.ends is None or place.kind != "edges" or place.name == context.ends.name:
        return term
    theirs, own = (label.rsplit(".", 1)[-1] for label in (place.name, context.ends.name))
    text = f"'{name}' has a value per edge of coupling '{theirs}', which no edge of '{own}' is"
    fix = f"write what needs it into the coupling '{theirs}'"
    context.draft.errors.add("E305", text, span, fix)
    return typing.unknown(span)


def reads(draft: Draft, full: str) -> tuple[Term, ...]:
    """The terms of a coupling's edges beside its clauses: what they start from, definitions."""
    return tuple(_terms(draft, full))


def _terms(draft: Draft, full: str) -> Iterator[Term]:
    held = [*draft.parameters.values(), *draft.states.values()]
    for quantity in held:
        if quantity.place == Place("edges", full):
            init = quantity.init
            yield from init.arguments if isinstance(init, Draw) else (init,)
    for state in states_of(draft, full):
        yield from draft.parts.get(state.name, {}).values()
        yield from [draft.drifts[state.name]] if state.name in draft.drifts else []
        yield from [draft.equations[state.name][0]] if state.name in draft.equations else []
    for symbol in draft.coupling_scopes[full].symbols.values():
        if isinstance(symbol.value, Definition):
            yield symbol.value.term()
