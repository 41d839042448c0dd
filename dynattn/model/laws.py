"""The law of a state: inertia, dissipation, forces and noise, or what it writes itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from dynattn.diagnostics.report import Span
from dynattn.diagnostics.suggest import did_you_mean
from dynattn.model import groups, typing
from dynattn.model.draft import Draft
from dynattn.model.expressions import Context, translate
from dynattn.model.functions import formula
from dynattn.model.parts import Law, State
from dynattn.model.populations import fits_state, initial_value, inside
from dynattn.model.scope import Symbol
from dynattn.model.terms import ManifoldUse, Term, Type, walk
from dynattn.syntax import tree
from dynattn.vocabulary.manifolds import MANIFOLDS

Equations = Mapping[str, tuple[Term, tree.Equation]]
"""Of each state that writes its own law: the value, and where it stands."""

T = TypeVar("T", bound=Term | None)

NOISE = "W'"
"""The placeholder of white noise: the derivative of a Wiener process."""


# ── velocities ─────────────────────────────────────────────────────────────────────────────────


def declare_velocities(outer: Context, declaration: tree.Population) -> None:
    """A second state ``theta'`` beside every state with inertia, from its own initial value."""
    context, draft = inside(outer, declaration), outer.draft
    if context is None:
        return
    name = context.owner
    own = [s for s in draft.states.values() if s.population == name]
    velocities_of(context, declaration.body, own)
    states = tuple(state for state in draft.states.values() if state.population == name)
    draft.populations[name] = replace(draft.populations[name], states=states)


def velocities_of(context: Context, body: Sequence[tree.Item], own: Sequence[State]) -> None:
    """The same for the states of a population or of a coupling's edges, in the order of ``own``."""
    draft = context.draft
    heavy = {id(s): s for item in _inertias(body) for s in own if _is_of(item, s, own)}
    entries = {entry.name: entry for entry in _initial_velocities(body)}
    for state in heavy.values():
        _declare_velocity(context, state, entries.pop(state.name.rsplit(".", 1)[-1], None))
    if not draft.names_missing:
        for entry in entries.values():
            draft.errors.add(
                "E421", f"the state '{entry.name}' has no velocity to start with",
                entry.name_span, "give the state inertia",
            )  # fmt: skip


def _inertias(body: Sequence[tree.Item]) -> Iterator[tree.Clause]:
    for item in body:
        if isinstance(item, tree.Clause) and item.word == "inertia":
            yield item


def _is_of(item: tree.Clause, state: State, own: Sequence[State]) -> bool:
    return state.name.endswith(f".{item.target}") or (item.target is None and len(own) == 1)


def _initial_velocities(body: Sequence[tree.Item]) -> Iterator[tree.Quantity]:
    for item in body:
        if isinstance(item, tree.Quantities) and item.keyword == "state":
            yield from (entry for entry in item.entries if entry.prime)


def _declare_velocity(context: Context, state: State, entry: tree.Quantity | None) -> None:
    draft, manifold = context.draft, state.manifold
    if MANIFOLDS[manifold.name].projection != "F" or manifold.dtype == "complex":
        draft.errors.add(
            "E422", f"a state on {manifold} has no inertia", state.span,
            "put it on circle, torus(d) or real, or leave inertia out",
        )  # fmt: skip
        return
    name, use = f"{state.name}'", ManifoldUse("real", manifold.arguments, manifold.shape)
    init = typing.number(0.0, state.span)
    span = state.span
    if entry is not None:
        span = entry.name_span
        init = initial_value(context, entry, use) or typing.unknown(entry.span)
    draft.states[name] = State(
        name, state.population, use, state.axes, init, span, state.name, state.coupling
    )


# ── equations ──────────────────────────────────────────────────────────────────────────────────


def declare_equations(outer: Context, declaration: tree.Population) -> None:
    """The equations of a population, when every coupling is known."""
    context = inside(outer, declaration)
    for item in declaration.body if context is not None else ():
        if context is not None and isinstance(item, tree.Equation):
            declare_equation(context, item)


def declare_equation(context: Context, item: tree.Equation) -> None:
    """One equation of a population, or of the edges of a coupling."""
    own = [s for s in context.draft.states.values() if s.place.name == context.owner]
    symbol = context.scope.symbols.get(item.state)
    declare_equation_of(context, item, symbol, own, context.draft.equations)


def declare_equation_of(
    context: Context, item: tree.Equation, symbol: Symbol | None, states: Sequence[State],
    known: dict[str, tuple[Term, tree.Equation]],
) -> None:  # fmt: skip
    """One equation, of the state that ``symbol`` stands for, into ``known``; else diagnostics.

    ``states``: those it may be of.
    """
    draft = context.draft
    state = draft.states.get(symbol.name) if symbol and symbol.kind == "state" else None
    full = state.name if state is not None else ""
    sums = full if context.ends is None else None
    value = translate(replace(context, owner=full or context.owner, sums=sums), item.value)
    if state is None:
        draft.moved |= {s.name for s in states}
        if symbol is None or symbol.kind != "state":
            names = [s.name.rsplit(".", 1)[-1] for s in states]
            draft.errors.add(
                "E206", f"there is no state '{item.state}' here", item.span,
                did_you_mean(item.state, names, "declare it with state"),
            )  # fmt: skip
        return
    draft.moved.add(full)
    if _says_more(draft, item, full, known) or typing.is_unknown(value):
        return
    curved = MANIFOLDS[state.manifold.name].projection != "F"
    if item.operator == "<-" and curved:
        draft.not_yet(f"a map on {state.manifold}", item.span)
    elif fits_state(draft, value, state, "value of the equation", item.value.span):
        known[full] = (value, item)
        draft.rates.append((item.operator, state, value))
        _names_all(context, item, value, full)


def _says_more(draft: Draft, item: tree.Equation, state: str, known: Equations) -> bool:
    """Whether the state has another law; with a diagnostic."""
    others = {word: term for word, term in draft.parts.get(state, {}).items() if word != "noise"}
    others |= {"drift": draft.drifts[state]} if state in draft.drifts else {}
    equations = {**draft.equations, **known}
    if state in equations:
        first = equations[state][1].span
    elif others:
        first = next(iter(others.values())).span
    else:
        return False
    draft.errors.add(
        "E402", f"the law of '{item.state}' is given twice", item.span,
        "keep the equation alone, or leave it out", [(first, "the other law")],
    )  # fmt: skip
    return True


def _names_all(context: Context, item: tree.Equation, value: Term, state: str) -> None:
    named, draft, seen = couplings_in(value), context.draft, (None, context.layer)
    for coupling in draft.couplings.values():
        if state in coupling.moves and coupling.layer in seen and coupling.name not in named:
            draft.errors.add(
                "E423", f"the equation of '{item.state}' does not name coupling '{coupling.name}', "
                "which acts on it", item.span, f"write {coupling.name} where its sum belongs",
                [(coupling.span, "declared here")],
            )  # fmt: skip


def couplings_in(term: Term) -> set[str]:
    """Names of the couplings whose sums a term reads."""
    return {item.payload for item in walk(term) if item.op == "coupling"}


# ── the laws that come out ─────────────────────────────────────────────────────────────────────


def laws_of(
    context: Context, state: State, forces: Sequence[Term], equations: Equations | None = None,
    noises: Mapping[str, Term] | None = None,
) -> tuple[Law, ...]:  # fmt: skip
    """x' = P_x(sum of forces)/dissipation; with inertia x' = v and the law of v.

    ``equations`` and ``noises``: those of a layer, beside the ones of the populations.
    """
    draft = context.draft
    written = {**draft.equations, **(equations or {})}
    parts = draft.parts.get(state.name, {})
    inside = replace(context, population=state.population, beside_points=True)
    noise = _noise(inside, state, parts.get("noise", (noises or {}).get(state.name)))
    if state.name in written:
        value, item = written[state.name]
        if item.operator == "<-":
            return (_map(inside, state, value, noise),)
        manifold = MANIFOLDS[state.manifold.name]
        text = manifold.projection if manifold.tangent is None else manifold.tangent
        return (_law(inside, state, _projected(inside, state, value, text), noise),)
    total = _total(inside, state, forces)
    velocity = draft.states.get(f"{state.name}'")
    if velocity is None:
        rate = _projected(inside, state, total)
        friction = parts.get("dissipation")
        return (_law(inside, state, _over(inside, rate, friction), _over(inside, noise, friction)),)
    if "inertia" not in parts:
        return ()  # refused already
    speed = Term("state", (), type_of(velocity), velocity.span, velocity.name)
    rate = _over(inside, _damped(inside, total, parts.get("dissipation"), speed), parts["inertia"])
    noise = _over(inside, noise, parts["inertia"])
    return _law(inside, state, speed, None), _law(inside, velocity, rate, noise)


def type_of(state: State) -> Type:
    """The type of a state's points."""
    return state.manifold.points(state.place, state.shape)


def _total(context: Context, state: State, forces: Sequence[Term]) -> Term:
    total = forces[0] if forces else typing.number(0.0, state.span)
    for force in forces[1:]:
        total = typing.combine(context.draft.errors, "add", [total, force], force.span)
    return total


def _projected(context: Context, state: State, force: Term, text: str = "") -> Term:
    """The projection of a force, or what ``text`` makes of it."""
    manifold = MANIFOLDS[state.manifold.name]
    text = text or manifold.projection
    if text == "F":
        return force
    point = Term("state", (), type_of(state), state.span, state.name)
    if len(state.manifold.shape) == 2 and not force.type.shape:
        errors = context.draft.errors
        nothing = typing.combine(errors, "mul", [point, typing.number(0.0, force.span)], force.span)
        force = typing.combine(errors, "add", [force, nothing], force.span)
    holes = {"x": point, "F": force, **_sizes(state)}
    return formula(context, text, holes, force.span)


def _sizes(state: State) -> dict[str, Term]:
    """The arguments of a state's manifold by their names."""
    use = state.manifold
    sizes = [Term("size", (), Type(dtype="integer"), state.span, size) for size in use.arguments]
    return dict(zip(MANIFOLDS[use.name].parameters, sizes, strict=False))


def _noise(context: Context, state: State, size: Term | None) -> Term | None:
    if size is None:
        return None
    kind = replace(type_of(state), manifold=None)
    white = Term("placeholder", (), kind, size.span, NOISE)
    product = typing.combine(context.draft.errors, "mul", [size, white], size.span)
    return _projected(context, state, product)


def _damped(context: Context, force: Term, friction: Term | None, speed: Term) -> Term:
    """F - dissipation v; the dissipation is 1 where none is declared."""
    errors = context.draft.errors
    if friction is not None and friction.op == "number" and friction.payload == 0:
        return force
    drag = speed if friction is None else typing.combine(errors, "mul", [friction, speed],
                                                         friction.span)  # fmt: skip
    if force.op == "number" and force.payload == 0:
        return typing.combine(errors, "neg", [drag], drag.span)
    return typing.combine(errors, "sub", [force, drag], force.span)


def _over(context: Context, value: T, by: Term | None) -> T | Term:
    if value is None or by is None or (by.op == "number" and by.payload == 1):
        return value
    return typing.combine(context.draft.errors, "div", [value, by], by.span)


def _law(context: Context, state: State, rate: Term, noise: Term | None) -> Law:
    text = MANIFOLDS[state.manifold.name].retraction
    return Law(state.name, rate, retraction(context, state, text), noise)


def retraction(context: Context, state: State, text: str) -> Term:
    """Where a step v leads from x, by a manifold's formula in the two."""
    kind = type_of(state)
    x = Term("placeholder", (), kind, state.span, "x")
    v = Term("placeholder", (), replace(kind, manifold=None), state.span, "v")
    return formula(context, text, {"x": x, "v": v, **_sizes(state)}, state.span)


def _map(context: Context, state: State, value: Term, noise: Term | None) -> Law:
    v = Term("placeholder", (), replace(type_of(state), manifold=None), state.span, "v")
    return Law(state.name, value, v, noise, discrete=True)


# ── rates in observables ───────────────────────────────────────────────────────────────────────


def read_rate(context: Context, expr: tree.Prime) -> Term:
    """``theta'``: the velocity of a state with inertia; in observables the rate of any state."""
    draft, span = context.draft, expr.span
    match expr.value:
        case tree.Index(value=value, items=items):
            return translate(context, tree.Index(span, tree.Prime(span, value), items))
    point = translate(replace(context, ends=None), expr.value)
    while point.op == "let":
        point = point.args[0]
    if typing.is_unknown(point):
        return point
    found = rate_of(context, point, span)
    if found is not None:
        return found
    if draft.names_missing:
        return typing.unknown(span)
    draft.errors.add(
        "E421", f"{span.text} is no velocity: only states with inertia have one in expressions",
        span, "give the state inertia, or read the rate in observe",
    )  # fmt: skip
    return typing.unknown(span)


def rate_of(context: Context, point: Term, span: Span) -> Term | None:
    """The rate of a state; None where it has none that may be read here."""
    draft = context.draft
    if point.op == "joined":
        parts = [rate_of(context, part, span) for part in point.args]
        known = [part for part in parts if part is not None]
        bare = f"{point.payload.rsplit('.', 1)[-1]}'"
        whole = len(known) == len(parts)
        return groups.joined(context, point.type.place.name, bare, known, span) if whole else None
    if point.op != "state":
        return None
    velocity = draft.states.get(f"{point.payload}'")
    if velocity is not None:
        return Term("state", (), type_of(velocity), span, velocity.name)
    law = draft.laws.get(point.payload) if context.sums == "" else None
    return None if law is None or law.discrete else _as_state(context, point, law.rate, span)


def _as_state(context: Context, point: Term, rate: Term, span: Span) -> Term:
    """A rate in the place and shape of its state."""
    if (rate.type.place, rate.type.shape) != (point.type.place, point.type.shape):
        errors = context.draft.errors
        nothing = typing.combine(errors, "mul", [point, typing.number(0.0, span)], span)
        rate = typing.combine(errors, "add", [rate, nothing], span)
    name = f"{point.payload.rsplit('.', 1)[-1]}'"
    return Term("let", (rate,), rate.type, span, name)


def read_sum(context: Context, symbol: Symbol, span: Span) -> Term:
    """The sum of a coupling: in the equation of the state it acts on, and in observables."""
    draft = context.draft
    coupling = draft.couplings.get(symbol.name)
    if coupling is None:
        return typing.unknown(span)
    if context.sums not in ("", *coupling.moves):
        draft.errors.add(
            "E423", f"coupling '{symbol.name}' acts on '{coupling.state}', not on this state",
            span, "name the couplings that act on the state of the equation",
        )  # fmt: skip
        return typing.unknown(span)
    return groups.sum_at(draft, coupling, context.population or "", span)
