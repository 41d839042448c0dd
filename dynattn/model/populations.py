"""Populations: their size, their states, and what moves them by themselves."""

from __future__ import annotations

from dataclasses import replace

from dynattn.diagnostics.report import Span
from dynattn.model import constants, membership, points, typing
from dynattn.model.attributes import declare_nodes
from dynattn.model.axes import axes_of, with_counters
from dynattn.model.complex_numbers import must_be_real
from dynattn.model.definitions import Definition
from dynattn.model.draft import Draft, head, value_of
from dynattn.model.expressions import Context, translate
from dynattn.model.graph_facts import from_graph, is_graph, refuse_condition
from dynattn.model.made_points import must_be_point
from dynattn.model.node_values import of_nodes
from dynattn.model.parts import Draw, Population, State
from dynattn.model.quantities import at_start, axes, declare_parameter, manifold
from dynattn.model.ranges import refuse_range
from dynattn.model.scope import Scope, Symbol
from dynattn.model.terms import ManifoldUse, Place, Term
from dynattn.syntax import tree
from dynattn.vocabulary.manifolds import MANIFOLDS
from dynattn.vocabulary.sizes import ONE, Size

PARTS = ("inertia", "dissipation", "noise")
"""Clauses of the law beside the forces."""


def full_name(context: Context, declaration: tree.Population) -> str:
    """``attend.token`` for a population of a layer."""
    return f"{context.layer}.{declaration.name}" if context.layer else declaration.name


def declare_population(outer: Context, declaration: tree.Population) -> None:
    """A population's name, size, states and parameters; its drifts come in a later pass."""
    draft = outer.draft
    span = head(declaration.span)
    assert declaration.size is not None, "a change of an inherited population is merged"
    made = None
    if is_graph(draft, declaration.size):
        made = from_graph(draft, declaration)
        size = made.size if made is not None else None
    else:
        refuse_condition(draft, declaration)
        size = constants.size(draft, declaration.size)
    name = full_name(outer, declaration)
    if not outer.scope.declare(Symbol("population", name, span), draft.errors):
        draft.names_missing = True  # its own, and those of its body
        return
    if size is None:  # the body is checked all the same
        draft.unsized.add(name)
        size = ONE
    scope = Scope(f"population '{declaration.name}'", outer.scope)
    draft.population_scopes[name] = scope
    draft.populations[name] = Population(name, size, (), span, layer=outer.layer)
    if made is not None:
        attributes = declare_nodes(draft, name, made)
        draft.populations[name] = Population(
            name, size, (), span, made.nodes, attributes, layer=outer.layer
        )
    context = Context(draft, scope, owner=name, layer=outer.layer, population=name)
    for item in declaration.body:
        _declare_item(context, item, name)
    states = tuple(state for state in draft.states.values() if state.population == name)
    draft.populations[name] = replace(draft.populations[name], states=states)


def _declare_item(context: Context, item: tree.Item, name: str) -> None:
    place = Place("nodes", name)
    match item:
        case tree.Quantities(keyword="state"):
            for entry in item.entries:
                declare_state(context, entry, place)
        case tree.Quantities(keyword="param" | "learn" as keyword):
            for entry in item.entries:
                declare_parameter(context, entry, keyword == "learn", place)
        case tree.Let():
            owner = replace(context, owner=f"{name}.{item.name}", names_used=set())
            announce_let(owner, item)
        case tree.Clause() | tree.Equation():
            pass  # the law comes when every name is known


def declare_let(context: Context, item: tree.Let) -> None:
    """``let q = EXPR``: its name stands for the expression from here on."""
    announced(context, item).value.term()


def announce_let(context: Context, item: tree.Let) -> None:
    """The name alone: the expression is translated when something reads it, or later."""
    context.draft.definitions.append(announced(context, item))


def announced(context: Context, item: tree.Let) -> Symbol:
    """The name of a definition, whose expression nothing has read so far."""
    symbol = Symbol("definition", item.name, item.span, Definition(context, item))
    context.scope.declare(symbol, context.draft.errors)
    return symbol


def declare_state(context: Context, entry: tree.Quantity, place: Place) -> None:
    """One state of a population's nodes, or of a coupling's edges."""
    draft = context.draft
    full = f"{place.name}.{entry.name}"
    if entry.prime:
        return  # declared with the inertia of its state
    if entry.manifold is None:
        draft.errors.add(
            "E403", f"the state '{entry.name}' lives on no manifold", entry.name_span,
            f"write state {entry.name} on real, or on circle, sphere(3), ..",
        )  # fmt: skip
    use = manifold(draft, entry.manifold) if entry.manifold is not None else None
    extra = axes(draft, entry.axes)
    shape = ((extra or ()) + use.shape) if use else ()
    kind = typing.UNKNOWN
    if use is not None and extra is not None:
        kind = use.points(place, shape)
    term = Term("state", (), kind, entry.name_span, full)
    if entry.axes and extra is not None:
        draft.axes[full] = axes_of(draft, entry.axes) or ()
    if not context.scope.declare(Symbol("state", full, entry.name_span, term), draft.errors):
        return
    refuse_range(draft, entry, "a state")
    if use is None or extra is None:
        return
    # A refused initial value is no reason to complain about what moves the state.
    named = draft.axes.get(full, ())
    init = initial_value(with_counters(context, entry.axes, named, shape), entry, use, shape)
    init = init or typing.unknown(entry.span)
    at_edges = place.name if place.kind == "edges" else ""
    population = "" if at_edges else place.name
    draft.states[full] = State(
        full, population, use, extra, init, entry.name_span, coupling=at_edges
    )  # fmt: skip


def initial_value(
    context: Context, entry: tree.Quantity, use: ManifoldUse, shape: tuple[Size, ...] = ()
) -> Term | Draw | None:
    """Where a state of this shape per node starts; None with a diagnostic."""
    return at_start(context.draft, _initial_state(context, entry, use, shape), entry.name)


def _initial_state(
    context: Context, entry: tree.Quantity, use: ManifoldUse, shape: tuple[Size, ...]
) -> Term | Draw | None:
    errors, flat = context.draft.errors, MANIFOLDS[use.name].constraint is None
    if entry.init is None:
        return points.default(context, use, entry.span)
    if entry.init.drawn:
        return points.drawn_on(context, entry.init, use)
    rows = shape or use.shape
    listed = of_nodes(context, entry, rows, lambda row: _initial_state(context, row, use, shape))
    if listed is not None:
        return listed[0]
    term = translate(context, entry.init.value)
    what = f"the initial value of '{entry.name}'"
    if typing.is_unknown(term):
        return None
    if use.dtype != "complex" and not must_be_real(errors, term, what):
        return None
    if term.type.shape not in ((), use.shape, shape) or (not flat and not term.type.shape):
        errors.add(
            "E301",
            f"a point of {use} is {typing.spell_shape(use.shape)}, and this value is "
            f"{typing.spell_shape(term.type.shape)}",
            term.span,
            f"write one number per coordinate{typing.literal_hint(term.type.shape, use.shape)}",
        )
        return None
    span = entry.init.value.span
    if context.layer and not must_be_point(context.draft, term, use, entry.name, span):
        return None  # where a layer starts is computed at each use, and nobody looks at it
    return term if membership.lies_on(context.draft, term, use) else None


def inside(outer: Context, declaration: tree.Population) -> Context | None:
    """The context of a population's law; None where the population has been refused."""
    name = full_name(outer, declaration)
    if name not in outer.draft.populations:
        return None
    scope = outer.draft.population_scopes[name]
    return replace(outer, scope=scope, owner=name, population=name, names_used=set())


def declare_drifts(outer: Context, declaration: tree.Population) -> None:
    """``drift``, ``inertia``, ``dissipation`` and ``noise``, when every name is known."""
    context = inside(outer, declaration)
    if context is None:
        return
    name = context.owner
    for item in declaration.body:
        if isinstance(item, tree.Clause) and item.word in ("drift", *PARTS):
            declare_part(context, item, name)


def declare_part(context: Context, item: tree.Clause, place: str) -> None:
    """One clause of the law of a state of this population or coupling."""
    found = drift(context, item, place)
    if found is not None and _is_sound(context.draft, *found, item):
        _add_part(context.draft, *found, item)


def _is_sound(draft: Draft, state: str, term: Term, item: tree.Clause) -> bool:
    """Whether the law can be solved for the rate; with a diagnostic."""
    value = constants.of_term(draft, term)
    if value is None or item.word in ("drift", "noise"):
        return True
    if item.word == "inertia" and value <= 0:
        text = f"the inertia is {value:g}"
        draft.errors.add("E306", text, item.span, "write a number above 0, or leave it out")
    elif value == 0 and f"{state}'" not in draft.states:
        text = "without inertia and dissipation there is no law"
        draft.errors.add("E306", text, item.span, "give the state inertia")
    else:
        return True
    return False


def _add_part(draft: Draft, state: str, term: Term, item: tree.Clause) -> None:
    parts = draft.parts.setdefault(state, {})
    known = draft.drifts if item.word == "drift" else parts
    key = state if item.word == "drift" else item.word
    if key in known:
        draft.errors.add(
            "E402", f"the {item.word} of '{state}' is given twice", head(item.span),
            "join the two by +", [(known[key].span, "first given here")],
        )  # fmt: skip
        return
    known[key] = term


def drift(context: Context, item: tree.Clause, population: str | None) -> tuple[str, Term] | None:
    """``drift EXPR``, ``drift x: EXPR`` and alike: the state's full name and the value."""
    draft = context.draft
    state = _drifting_state(context, item, population)
    if state is None:
        translate(context, value_of(item))  # its own mistakes count all the same
        return None
    if item.word != "dissipation":
        draft.moved.add(state.name)
    bare = state.name.rsplit(".", 1)[-1]
    owner = f"{context.owner}.{bare}" if context.layer else state.name
    owner = owner if item.word == "drift" else f"{owner}.{item.word}"
    inside = replace(context, owner=owner, population=state.population, names_used=set())
    term = translate(inside, value_of(item))
    if typing.is_unknown(term):
        return None
    if not fits_state(draft, term, state, f"{item.word} of '{bare}'", value_of(item).span):
        return None
    draft.rates.append((item.word, state, term))
    return state.name, term


def fits_state(draft: Draft, term: Term, state: State, what: str, span: Span) -> bool:
    """Whether a value can be one of the state's law: of its nodes, and its shape or a number."""
    place = state.place
    if term.type.shape in ((), state.shape) and term.type.place.name in ("", place.name):
        return is_complex_state(state) or must_be_real(draft.errors, term, f"the {what}", span)
    draft.errors.add(
        "E301",
        f"the {what} needs {typing.spell_shape(state.shape)} at "
        f"{typing.describe(place)}, and this is {typing.spell_value(term)}",
        span,
        _mended(term, state),
    )
    return False


def _mended(term: Term, state: State) -> str:
    """What to write for a value of the wrong shape, or of other nodes."""
    wanted = state.shape
    if term.type.place.name not in ("", state.place.name):
        return "what belongs to other nodes comes here by a coupling or a readout"
    shapes = [part.type.shape for part in term.args]
    if term.op == "mul" and wanted and wanted in shapes and (*wanted, *wanted) in shapes:
        matrix = next(part for part in term.args if part.type.shape != wanted)
        vector = next(part for part in term.args if part.type.shape == wanted)
        return f"the product of a matrix and a vector is {matrix.span.text} @ {vector.span.text}"
    hint = typing.literal_hint(term.type.shape, wanted)
    return f"give one number per coordinate of the state{hint}"


def is_complex_state(state: State) -> bool:
    """Whether the coordinates of a state are complex numbers."""
    return state.manifold.dtype == "complex"


def _drifting_state(context: Context, item: tree.Clause, population: str | None) -> State | None:
    draft = context.draft
    names = [
        s for s in draft.states_seen(context.layer)
        if population in (None, s.place.name) and s.velocity_of is None and not s.averaged
    ]  # fmt: skip
    if item.target is None and len(names) == 1:
        return names[0]
    scopes = {**draft.population_scopes, **draft.coupling_scopes}
    members = [s for p in scopes if population in (None, p) for s in scopes[p].symbols.values()]
    if any(s.kind == "state" and s.value.type == typing.UNKNOWN for s in members):
        return None
    if item.target is None:
        which = ", ".join(s.name.rsplit(".", 1)[-1] for s in names) or "none"
        fix = f"write {item.word} x: EXPR" if names else "declare one: state x on real"
        draft.errors.add(
            "E403", f"this {item.word} does not say of which state (there are: {which})",
            head(item.span), fix,
        )  # fmt: skip
        return None
    found = [s for s in names if s.name.rsplit(".", 1)[-1] == item.target]
    if len(found) == 1:
        return found[0]
    from dynattn.diagnostics.suggest import did_you_mean

    known = [s.name.rsplit(".", 1)[-1] for s in names]
    draft.errors.add(
        "E206", f"there is no state '{item.target}' here", head(item.span),
        did_you_mean(item.target, known, "declare it with state"),
    )  # fmt: skip
    return None
