"""Layers and the network they are composed into."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from dynattn.diagnostics.suggest import did_you_mean
from dynattn.model import constants, typing
from dynattn.model.composition import (
    AssignStep,
    InputUse,
    Layer,
    LayerStep,
    OutputStep,
    RepeatStep,
    Step,
)
from dynattn.model.couplings import declare_coupling
from dynattn.model.draft import Draft, head, value_of
from dynattn.model.expressions import Context, find, translate
from dynattn.model.laws import laws_of
from dynattn.model.learned import unused_name
from dynattn.model.parts import Draw, Law, Parameter, State
from dynattn.model.populations import declare_let, drift
from dynattn.model.quantities import declare_parameter
from dynattn.model.scope import Scope, Symbol
from dynattn.model.terms import GLOBAL, Place, Term, Type, walk
from dynattn.syntax import tree
from dynattn.vocabulary.sizes import Size

INPUT_TYPES = ("token", "class", "real", "signal")


def declare_input(draft: Draft, declaration: tree.Input) -> None:
    """``input text: token(V)[T]``."""
    name, kind, span = declaration.name, declaration.type, declaration.span
    if kind.name != "token" or len(kind.arguments) != 1 or len(kind.axes) != 1:
        if kind.name in INPUT_TYPES:
            draft.not_yet("this kind of input", kind.span, "write token(V)[T]", declares=True)
        else:
            fix = did_you_mean(kind.name, INPUT_TYPES, "write token(V)[T]")
            draft.errors.add("E214", f"unknown type '{kind.name}'", kind.span, fix)
        draft.scope.declare(Symbol("input", name, span, typing.unknown(span)), draft.errors)
        return
    classes = constants.size(draft, kind.arguments[0])
    length = constants.size(draft, kind.axes[0].size)
    if classes is None or length is None:
        draft.scope.declare(Symbol("input", name, span, typing.unknown(span)), draft.errors)
        return
    type_ = Type(_place_of(draft, length), (), "integer", classes=classes)
    placed = type_.place != GLOBAL
    term = Term("input", (), type_, span, name) if placed else typing.unknown(span)
    if draft.scope.declare(Symbol("input", name, span, term), draft.errors):
        draft.inputs[name] = InputUse(name, type_, (length,), span)
    if not placed:
        text = f"no population has {length} nodes for the input '{name}' to run along"
        draft.errors.add("E308", text, span, f"declare one: population word[{length}] {{ ... }}")


def _place_of(draft: Draft, length: Size) -> Place:
    for population in draft.populations.values():
        if population.size == length:
            return Place("nodes", population.name)
    return GLOBAL


# ── one layer ──────────────────────────────────────────────────────────────────────────────────


def declare_layer(draft: Draft, declaration: tree.Layer) -> None:
    """A layer without arguments: what it learns, its couplings and drifts, and how it evolves."""
    name, span = declaration.name, head(declaration.span)
    if not draft.scope.declare(Symbol("layer", name, span), draft.errors):
        return
    if declaration.arguments is not None:
        draft.not_yet("a layer with arguments", span, declares=True)
        return
    scope = Scope(f"layer '{name}'", draft.scope)
    context = Context(draft, scope, owner=name, layer=name)
    before = set(draft.couplings)
    drifts: dict[str, Term] = {}
    for item in declaration.body:
        _declare_item(context, item, drifts)
    steps = _steps(draft, declaration)
    couplings = tuple(full for full in draft.couplings if full not in before)
    moved = _moved(draft, couplings, drifts)
    laws = tuple(a for state in moved for a in layer_laws(context, state, couplings, drifts))
    if not laws and not draft.moved and not draft.errors.found:
        fix = "give it a drift or a coupling"
        draft.errors.add("E405", f"nothing moves in layer '{name}'", span, fix)
    if steps is not None:
        draft.layers[name] = Layer(name, laws, steps, couplings, span)


def _declare_item(context: Context, item: tree.Item, drifts: dict[str, Term]) -> None:
    draft = context.draft
    match item:
        case tree.Quantities(keyword="param" | "learn" as keyword):
            for entry in item.entries:
                declare_parameter(context, entry, keyword == "learn")
        case tree.Let():
            owner = f"{context.owner}.{item.name}"
            declare_let(replace(context, owner=owner, names_used=set()), item)
        case tree.Coupling():
            declare_coupling(context, item)
        case tree.Clause(word="drift"):
            found = drift(context, item, None)
            if found is not None:
                drifts[found[0]] = found[1]
        case tree.Evolve():
            pass
        case tree.Clause():
            draft.not_yet(f"'{item.word}' in a layer", item.span)
        case _:
            draft.not_yet("this in a layer", head(item.span), declares=True)


def _steps(draft: Draft, declaration: tree.Layer) -> Size | None:
    found = [item for item in declaration.body if isinstance(item, tree.Evolve)]
    if len(found) != 1:
        draft.errors.add(
            "E403" if not found else "E402",
            f"layer '{declaration.name}' "
            + ("does not say how it evolves" if not found else "says twice how it evolves"),
            head(found[1].span if found else declaration.span),
            "keep one of the two" if found else "write evolve { steps 1 }",
        )
        return None
    for clause in found[0].clauses:
        if (
            isinstance(clause, tree.Clause)
            and clause.word == "steps"
            and len(found[0].clauses) == 1
        ):
            return constants.size(draft, value_of(clause))
    draft.not_yet("this way to evolve a layer", head(found[0].span), "write evolve { steps 1 }")
    return None


def _moved(draft: Draft, couplings: Sequence[str], drifts: dict[str, Term]) -> list[State]:
    own = {draft.couplings[name].state for name in couplings} | set(drifts)
    outer = {c.state for c in draft.couplings.values() if c.layer is None} | set(draft.drifts)
    return [s for name, s in draft.states.items() if name in own | outer and not s.velocity_of]


def layer_laws(
    context: Context, state: State, couplings: Sequence[str], drifts: dict[str, Term]
) -> tuple[Law, ...]:
    """The laws of one state, and of its velocity, while a layer evolves.

    Its own and the model's drifts and couplings act.
    """
    draft = context.draft
    acting = [
        c for c in draft.couplings.values()
        if c.state == state.name and (c.layer is None or c.name in couplings)
    ]  # fmt: skip
    forces = [d[state.name] for d in (draft.drifts, drifts) if state.name in d]
    forces += [p["energy"] for p in [draft.parts.get(state.name, {})] if "energy" in p]
    place = Place("nodes", state.population)
    forces += [Term("coupling", (), Type(place, state.shape), c.span, c.name) for c in acting]
    return laws_of(context, state, forces)


# ── the network ────────────────────────────────────────────────────────────────────────────────


def declare_network(draft: Draft, declaration: tree.Network) -> tuple[Step, ...]:
    """The steps of the network, top to bottom."""
    scope = Scope("the network", draft.scope)
    context = Context(draft, scope)
    before = len(draft.errors.found)
    steps = _statements(context, declaration.body)
    used = set(_layers_used(steps))
    if not used and len(draft.errors.found) == before:
        for name, coupling in draft.couplings.items():
            if coupling.layer is None and coupling.acts:
                text = f"coupling '{name}' never acts: the network has no layer"
                fix = "write layer step { evolve { steps 1 } }, and step in the network"
                draft.errors.add("E404", text, coupling.span, fix)
    for name, layer in draft.layers.items():
        if name not in used:
            inside = " and its couplings" if layer.couplings else ""
            draft.errors.add(
                "E404", f"the network never uses layer '{name}'{inside}", layer.span,
                "name it in the network, or delete it",
            )  # fmt: skip
    return steps


def refuse_time(draft: Draft, steps: Sequence[Step], others: Sequence[Term]) -> None:
    """The steps of a network have an order and no time: ``t`` has no value in them."""
    couplings = draft.couplings.values()
    parts = [(c.kernel, c.weight, c.strength) for c in couplings]
    roots = [term for terms in parts for term in terms if term is not None]
    roots += [*others, *(law.rate for layer in draft.layers.values() for law in layer.laws)]
    for term in walk(*roots, *values_of(steps)):
        if term.op == "time":
            draft.not_yet("the time in a network", term.span)


def values_of(steps: Sequence[Step]) -> list[Term]:
    """What the steps assign and put out."""
    found: list[Term] = []
    for step in steps:
        if isinstance(step, AssignStep | OutputStep):
            found.append(step.value)
        elif isinstance(step, RepeatStep):
            found += values_of(step.steps)
    return found


def _layers_used(steps: Sequence[Step]) -> list[str]:
    found: list[str] = []
    for step in steps:
        if isinstance(step, LayerStep):
            found.append(step.layer)
        elif isinstance(step, RepeatStep):
            found += _layers_used(step.steps)
    return found


def _statements(context: Context, body: Sequence[tree.Statement]) -> tuple[Step, ...]:
    steps = [_statement(context, statement) for statement in body]
    return tuple(step for step in steps if step is not None)


def _statement(context: Context, statement: tree.Statement) -> Step | None:
    draft = context.draft
    match statement:
        case tree.Assign():
            return _assign(context, statement)
        case tree.Output():
            return _output(context, statement)
        case tree.Apply(name=name):
            symbol = draft.scope.find(name)
            if symbol is not None and symbol.kind == "layer":
                return LayerStep(name)
            fix = did_you_mean(name, draft.layers, "declare it: layer NAME { ... }")
            draft.errors.add("E215", f"there is no layer '{name}'", statement.span, fix)
            return None
        case tree.Repeat():
            count = constants.size(draft, statement.count)
            steps = _statements(context, statement.body)
            return None if count is None else RepeatStep(count, statement.tied, steps)


def _assign(context: Context, statement: tree.Assign) -> AssignStep | None:
    symbol = find(context, statement.name, statement.span) if _known(context, statement) else None
    draft = context.draft
    if symbol is None or symbol.kind != "state":
        draft.not_yet("a network variable", statement.span, "assign to a state", declares=True)
        return None
    state = draft.states.get(symbol.name)
    if state is None:
        return None
    owner = replace(context, owner=statement.name, names_used=set())
    value = _embedded(owner, statement.value, state) or translate(owner, statement.value)
    if typing.is_unknown(value):
        return None
    if value.type.shape != state.shape or value.type.place.name != state.population:
        draft.errors.add(
            "E301",
            f"'{statement.name}' needs {typing.spell_shape(state.shape)} at population "
            f"'{state.population}', and this value is {typing.spell_value(value)}",
            statement.value.span,
            "let the two agree",
        )
        return None
    return AssignStep(state.name, True, value)


def _known(context: Context, statement: tree.Assign) -> bool:
    scopes = context.draft.population_scopes.values()
    known = context.scope.find(statement.name) is not None
    return known or any(statement.name in scope.symbols for scope in scopes)


def _embedded(context: Context, expr: tree.Expr, state: State) -> Term | None:
    """``theta = embed(text)``: a learned point of the state's manifold per class."""
    match expr:
        case tree.Call(function=tree.Name(name="embed"), arguments=(argument,), keywords=()):
            pass
        case _:
            return None
    text = translate(context, argument)
    if text.type.classes is None:
        return None
    name = f"{context.owner}.{unused_name(context, 'embed')}.weight"
    shape = (text.type.classes, *state.shape)
    context.draft.parameters[name] = Parameter(
        name, GLOBAL, shape, Draw("on_manifold", (), expr.span), expr.span, learned=True,
        manifold=state.manifold, role="table",
    )  # fmt: skip
    table = Term("parameter", (), Type(GLOBAL, shape), expr.span, name)
    kind = Type(text.type.place, state.shape, manifold=state.manifold)
    return Term("lookup", (table, text), kind, expr.span)


def _output(context: Context, statement: tree.Output) -> OutputStep | None:
    draft = context.draft
    if statement.name is None:
        draft.errors.add(
            "E403",
            "an output of the network needs a name",
            statement.span,
            "write output NAME = ...",
        )
        return None
    value = translate(replace(context, owner=statement.name, names_used=set()), statement.value)
    term = Term("output", (), value.type, statement.span, statement.name)
    symbol = Symbol("output", statement.name, statement.span, term)
    if not draft.scope.declare(symbol, draft.errors):
        return None
    draft.outputs[statement.name] = term
    return None if typing.is_unknown(value) else OutputStep(statement.name, value)
