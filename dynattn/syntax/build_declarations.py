"""Declarations, clauses and statements: what each grammar rule builds from its children."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lark import Token

from dynattn.syntax import tree as t
from dynattn.syntax.build_expressions import build_name, build_range, build_sequence, call
from dynattn.syntax.places import Place

Maybe = Token | None
Body = tuple[t.Item, ...]


def unquoted(text: Maybe) -> str | None:
    return None if text is None else str(text)[1:-1]


def plain(word: Maybe) -> str | None:
    return None if word is None else str(word)


# ── declarations ───────────────────────────────────────────────────────────────────────────────


def build_model(place: Place, name: Token, extends: Maybe, doc: Maybe) -> t.ModelHeader:
    return t.ModelHeader(place.span, str(name), plain(extends), unquoted(doc))


def build_use(place: Place, path: Token) -> t.Use:
    return t.Use(place.span, str(path)[1:-1])


def build_drop(place: Place, *names: Token) -> t.Drop:
    return t.Drop(place.span, tuple(build_name(place, name) for name in names))


def build_graph(place: Place, name: Token, value: t.Expr) -> t.Graph:
    return t.Graph(place.span, str(name), value)


def build_type(
    place: Place, name: Token, parameters: tuple[t.TypeParameter, ...] | None, body: Body
) -> t.TypeDeclaration:
    return t.TypeDeclaration(place.span, str(name), parameters or (), body)


def build_type_parameter(place: Place, name: Token, default: t.Expr | None) -> t.TypeParameter:
    return t.TypeParameter(place.span, str(name), default)


def build_group(place: Place, name: Token, *members: Token) -> t.Group:
    return t.Group(place.span, str(name), tuple(build_name(place, item) for item in members))


def build_input(place: Place, name: Token, type_ref: t.TypeRef) -> t.Input:
    return t.Input(place.span, str(name), type_ref)


def build_observe(place: Place, name: Token, value: t.Expr) -> t.Observe:
    return t.Observe(place.span, str(name), value)


def build_type_ref(
    place: Place,
    name: Token,
    arguments: tuple[t.Expr, ...] | None,
    axes: tuple[t.Axis, ...] | None,
) -> t.TypeRef:
    return t.TypeRef(place.span, str(name), arguments or (), axes or ())


# ── quantities ─────────────────────────────────────────────────────────────────────────────────


def build_quantities(place: Place, keyword: Token, *entries: t.Quantity) -> t.Quantities:
    return t.Quantities(place.span, str(keyword), entries)


def build_let(place: Place, name: Token, value: t.Expr) -> t.Let:
    return t.Let(place.span, str(name), value)


def build_quantity(
    place: Place,
    name: Token,
    axes: tuple[t.Axis, ...] | None,
    manifold: t.Expr | None,
    init: t.Init | None,
    limits: t.Range | None,
    doc: Maybe,
) -> t.Quantity:
    return t.Quantity(
        place.span,
        str(name),
        place.of(name),
        axes or (),
        manifold=manifold,
        init=init,
        limits=limits,
        doc=unquoted(doc),
    )


def build_velocity(place: Place, name: Token, init: t.Init | None, doc: Maybe) -> t.Quantity:
    name_span = place.of(name)
    return t.Quantity(place.span, str(name), name_span, prime=True, init=init, doc=unquoted(doc))


def build_dimension(place: Place, name: Token, limit: t.Expr | None, doc: Maybe) -> t.Quantity:
    return t.Quantity(place.span, str(name), place.of(name), limits=limit, doc=unquoted(doc))


def build_axis(place: Place, name: Maybe, size: t.Expr) -> t.Axis:
    return t.Axis(place.span, size, plain(name))


def build_manifold(place: Place, name: Token, arguments: tuple[t.Expr, ...] | None) -> t.Expr:
    word = build_name(place, name)
    return word if arguments is None else t.Call(place.span, word, arguments)


def build_init_set(place: Place, value: t.Expr) -> t.Init:
    return t.Init(place.span, False, value)


def build_init_drawn(place: Place, value: t.Expr) -> t.Init:
    return t.Init(place.span, True, value)


# ── populations and couplings ──────────────────────────────────────────────────────────────────


def build_population(
    place: Place, name: Token, size: t.Expr | None, condition: t.Expr | None, body: Body
) -> t.Population:
    return t.Population(place.span, str(name), size, condition, body=body)


def build_instance(
    place: Place,
    name: Token,
    size: t.Expr,
    condition: t.Expr | None,
    type_name: Token,
    arguments: tuple[Any, ...] | None,
    body: Body | None,
) -> t.Population:
    function = build_name(place, type_name)
    last = arguments[-1].span if arguments else function.span
    instance = call(place, function.span.to(last), function, arguments or ())
    return t.Population(place.span, str(name), size, condition, instance, body or ())


def build_coupling(
    place: Place,
    keyword: Token,
    name: Token,
    sender: t.Expr | None,
    receiver: t.Expr | None,
    over: t.Expr | None,
    body: Body | None,
) -> t.Coupling:
    acts = keyword == "coupling"
    return t.Coupling(place.span, str(name), acts, sender, receiver, over, body or ())


def build_coupling_changed(place: Place, keyword: Token, name: Token, body: Body) -> t.Coupling:
    return build_coupling(place, keyword, name, None, None, None, body)


def build_endpoint(place: Place, name: Token, state: Maybe) -> t.Expr:
    node = build_name(place, name)
    return node if state is None else t.Attribute(place.span, node, str(state))


def build_clause(place: Place, word: Token, value: t.Expr) -> t.Clause:
    return t.Clause(place.span, str(word), (t.Modified(value.span, value),))


def build_clause_drawn(place: Place, word: Token, value: t.Expr) -> t.Clause:
    return t.Clause(place.span, str(word), (t.Modified(value.span, value),), drawn=True)


def build_clause_axis(place: Place, word: Token, name: Token, values: t.Range) -> t.Clause:
    axis = t.Axis(place.to_end(place.of(name)), values, str(name))
    return t.Clause(place.span, str(word), axis=axis)


def build_law(place: Place, word: Token, target: Maybe, value: t.Expr) -> t.Clause:
    return t.Clause(place.span, str(word), (t.Modified(value.span, value),), plain(target))


def build_rate(place: Place, state: Token, value: t.Expr) -> t.Equation:
    return t.Equation(place.span, str(state), "'", value)


def build_update(place: Place, state: Token, value: t.Expr) -> t.Equation:
    return t.Equation(place.span, str(state), "<-", value)


# ── layers and the network ─────────────────────────────────────────────────────────────────────


def build_layer(
    place: Place, name: Token, arguments: tuple[t.Argument, ...] | None, body: Body
) -> t.Layer:
    return t.Layer(place.span, str(name), arguments, body)


def build_argument(place: Place, name: Token, type_ref: t.TypeRef) -> t.Argument:
    return t.Argument(place.span, str(name), type_ref)


def build_evolve(place: Place, name: Maybe, clauses: tuple[t.Clause | t.Setting, ...]) -> t.Evolve:
    return t.Evolve(place.span, plain(name), clauses)


def build_output(place: Place, name: Maybe, value: t.Expr) -> t.Output:
    return t.Output(place.span, plain(name), value)


def build_network(place: Place, body: tuple[t.Statement, ...]) -> t.Network:
    return t.Network(place.span, body)


def build_assign(place: Place, name: Token, value: t.Expr) -> t.Assign:
    return t.Assign(place.span, str(name), value)


def build_apply(place: Place, name: Token) -> t.Apply:
    return t.Apply(place.span, str(name))


def build_repeat(
    place: Place, count: t.Expr, tied: Maybe, body: tuple[t.Statement, ...]
) -> t.Repeat:
    return t.Repeat(place.span, count, tied is not None, body)


RULES: dict[str, Callable[..., Any]] = {
    "spec": build_sequence,
    "body": build_sequence,
    "axes": build_sequence,
    "parameters": build_sequence,
    "parameter_list": build_sequence,
    "model": build_model,
    "use": build_use,
    "drop": build_drop,
    "graph": build_graph,
    "type": build_type,
    "type_parameter": build_type_parameter,
    "group": build_group,
    "input": build_input,
    "observe": build_observe,
    "type_ref": build_type_ref,
    "quantities": build_quantities,
    "let": build_let,
    "quantity": build_quantity,
    "velocity": build_velocity,
    "dimension": build_dimension,
    "axis": build_axis,
    "manifold": build_manifold,
    "init_set": build_init_set,
    "init_drawn": build_init_drawn,
    "limits": build_range,
    "population": build_population,
    "instance": build_instance,
    "coupling": build_coupling,
    "coupling_changed": build_coupling_changed,
    "endpoint": build_endpoint,
    "clause": build_clause,
    "clause_drawn": build_clause_drawn,
    "clause_axis": build_clause_axis,
    "law": build_law,
    "rate": build_rate,
    "update": build_update,
    "layer": build_layer,
    "argument_type": build_argument,
    "evolve": build_evolve,
    "output": build_output,
    "network": build_network,
    "assign": build_assign,
    "apply": build_apply,
    "repeat": build_repeat,
}
