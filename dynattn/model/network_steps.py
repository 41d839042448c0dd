"""The network: layers and functions composed, read top to bottom like a program."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace

from dynattn.diagnostics.suggest import did_you_mean
from dynattn.model import constants, typing
from dynattn.model.complex_numbers import must_be_real
from dynattn.model.composition import (
    AssignStep,
    Calls,
    CallStep,
    LayerStep,
    OutputStep,
    RepeatStep,
    Step,
)
from dynattn.model.draft import Draft, head
from dynattn.model.expressions import Context, find, translate
from dynattn.model.learned import unused_name
from dynattn.model.made_points import must_be_point, note_sign
from dynattn.model.network_reads import refuse_unread
from dynattn.model.parts import Draw, Parameter, State
from dynattn.model.quantities import may_be_learned
from dynattn.model.readouts import reached
from dynattn.model.scope import Scope, Symbol
from dynattn.model.terms import GLOBAL, Term
from dynattn.syntax import tree

MOST_ROUNDS = 100_000
"""Of one repeat: a network of more is a slip of the pen."""


@dataclass
class Reading:
    """The network as far as it has been read."""

    context: Context
    owners: set[str] = field(default_factory=set)
    """Statements whose weights have names already."""
    repeats: int = 0
    """How many repeats stand around the statement at hand."""

    @property
    def draft(self) -> Draft:
        """The model while it is being checked."""
        return self.context.draft


def declare_network(draft: Draft, declaration: tree.Network) -> tuple[Step, ...]:
    """The steps of the network, top to bottom."""
    reading = Reading(Context(draft, Scope("the network", draft.scope)))
    before = len(draft.errors.found)
    _declare_variables(reading, declaration.body)
    steps = _statements(reading, declaration.body)
    used = set(_layers_used(steps))
    _forget_parts(draft, draft.layers_inside - used)
    if not used and len(draft.errors.found) == before:
        for name, coupling in draft.couplings.items():
            if coupling.layer is None and coupling.acts:
                text = f"coupling '{name}' never acts: the network has no layer"
                fix = "write layer step { evolve { steps 1 } }, and step in the network"
                draft.errors.add("E404", text, coupling.span, fix)
    for name, layer in draft.layers.items():
        if name not in used and name not in draft.layers_named:
            inside = " and its couplings" if layer.couplings else ""
            draft.errors.add(
                "E404", f"the network never uses layer '{name}'{inside}", layer.span,
                "name it in the network, or delete it",
            )  # fmt: skip
    if not draft.errors.found:
        refuse_unread(draft, steps)
    return steps


def _forget_parts(draft: Draft, names: Collection[str]) -> None:
    """Layers that only others call are parts of those: they have no weights of their own."""
    for name in names:
        draft.layers.pop(name, None)
    kept = {name: item for name, item in draft.parameters.items() if item.layer not in names}
    draft.parameters = kept


def _layers_used(steps: Sequence[Step]) -> list[str]:
    found: list[str] = []
    for step in steps:
        if isinstance(step, LayerStep | CallStep):
            found.append(step.layer)
        elif isinstance(step, RepeatStep):
            found += _layers_used(step.steps)
    return found


def refuse_time(draft: Draft, steps: Sequence[Step], others: Sequence[Term]) -> None:
    """The steps of a network have an order and no time: ``t`` has no value in them."""
    roots = [layer.output for layer in draft.layers.values() if layer.output is not None]
    for term in reached(draft, [*roots, *others, *values_of(steps)]):
        if term.op == "time":
            draft.not_yet("the time in a network", term.span)


def values_of(steps: Sequence[Step]) -> list[Term]:
    """Every expression of the steps."""
    found: list[Term] = []
    for step in steps:
        match step:
            case AssignStep() | OutputStep():
                found.append(step.value)
            case CallStep():
                found += [value for _, value in step.arguments]
            case RepeatStep():
                found += values_of(step.steps)
    return found


# ── statements ─────────────────────────────────────────────────────────────────────────────────


def _statements(reading: Reading, body: Sequence[tree.Statement]) -> tuple[Step, ...]:
    return tuple(step for statement in body for step in _statement(reading, statement))


def _statement(reading: Reading, statement: tree.Statement) -> tuple[Step, ...]:
    draft = reading.draft
    match statement:
        case tree.Assign():
            return _assign(reading, statement)
        case tree.Output():
            return _output(reading, statement)
        case tree.Apply():
            return _apply(draft, statement)
        case tree.Repeat():
            count = constants.size(draft, statement.count)
            rounds = constants.count(draft, count) if count is not None else None
            if rounds is not None and rounds > MOST_ROUNDS:
                text = f"{rounds:.4g} rounds are over the {MOST_ROUNDS:,} of one repeat"
                draft.errors.add("E306", text, statement.count.span, "repeat fewer times")
            steps = _repeated(reading, statement)
            return () if count is None else (RepeatStep(count, statement.tied, steps),)


def _apply(draft: Draft, statement: tree.Apply) -> tuple[Step, ...]:
    name, symbol = statement.name, draft.scope.find(statement.name)
    if symbol is None or symbol.kind != "layer":
        fix = did_you_mean(name, draft.layer_trees, "declare it: layer NAME { ... }")
        draft.errors.add("E215", f"there is no layer '{name}'", statement.span, fix)
        return ()
    draft.layers_named.add(name)
    if draft.layer_trees[name].arguments is not None:
        text = f"layer '{name}' has arguments, and is named here without any"
        fix = f"give them and keep what comes out: x = {name}(x)"
        draft.errors.add("E440", text, statement.span, fix)
        return ()
    return (LayerStep(name),)


def _repeated(reading: Reading, statement: tree.Repeat) -> tuple[Step, ...]:
    """The steps of one round; a variable must have the same type before each."""
    symbols = reading.context.scope.symbols
    before = {name: symbol.value for name, symbol in symbols.items()}
    _forget_points(reading, statement.body)
    inside = replace(reading, repeats=reading.repeats + 1)
    steps = _statements(inside, statement.body)
    for name, was in before.items():
        now = symbols[name].value
        if not isinstance(was, Term) or not isinstance(now, Term) or typing.is_unknown(was, now):
            continue
        if (was.type.place, was.type.shape) != (now.type.place, now.type.shape):
            text = f"'{name}' is {typing.spell_value(was)} before the first round of this repeat"
            fix = "let the two agree, or give what comes out another name"
            text += f", and {typing.spell_value(now)} after it"
            reading.draft.errors.add("E444", text, head(statement.span), fix)
    return steps


def _forget_points(reading: Reading, body: Sequence[tree.Statement]) -> None:
    """In a later round a variable that the body assigns to need be no point of a manifold."""
    for statement in body:
        if isinstance(statement, tree.Repeat):
            _forget_points(reading, statement.body)
        elif isinstance(statement, tree.Assign):
            symbol = reading.context.scope.symbols.get(statement.name)
            if symbol is not None and isinstance(symbol.value, Term):
                plain = replace(symbol.value.type, manifold=None)
                value = replace(symbol.value, type=plain)
                reading.draft.signs.pop(symbol.name, None)
                reading.context.scope.symbols[symbol.name] = replace(symbol, value=value)


# ── variables ──────────────────────────────────────────────────────────────────────────────────


def _declare_variables(reading: Reading, body: Sequence[tree.Statement]) -> None:
    """Every name that is assigned to and is no state, still without a value."""
    context, draft = reading.context, reading.draft
    for statement in body:
        if isinstance(statement, tree.Repeat):
            _declare_variables(reading, statement.body)
        elif isinstance(statement, tree.Assign) and statement.name not in context.scope.symbols:
            scopes = [draft.population_scopes[name] for name in draft.seen_from(None)]
            if not any(statement.name in scope.symbols for scope in scopes):
                symbol = Symbol("variable", statement.name, statement.span)
                context.scope.declare(symbol, draft.errors)


def _assign(reading: Reading, statement: tree.Assign) -> tuple[Step, ...]:
    name, symbols = statement.name, reading.context.scope.symbols
    if name in symbols:
        return _assign_variable(reading, statement)
    if reading.draft.scope.find(name) is not None:
        return ()  # refused where the variables are declared
    symbol = find(reading.context, name, statement.span)
    if symbol is None:
        return ()
    if symbol.kind != "state":
        text = f"'{name}' is a {symbol.kind}, and a network sets states and variables"
        fix = "choose another name"
        reading.draft.errors.add(
            "E310", text, statement.span, fix, [(symbol.span, "declared here")]
        )
        return ()
    state = reading.draft.states.get(symbol.name)
    return _assign_state(reading, statement, state) if state is not None else ()


def _assign_variable(reading: Reading, statement: tree.Assign) -> tuple[Step, ...]:
    name, symbols = statement.name, reading.context.scope.symbols
    reading.draft.variables.add(name)
    work = _Statement(reading, name)
    value = translate(work.context, statement.value)
    kind = typing.UNKNOWN if typing.is_unknown(value) else typing.held(value)
    term = Term("variable", (), kind, statement.span, name)
    symbols[name] = Symbol("variable", name, statement.span, term)
    if typing.is_unknown(value):
        return ()
    note_sign(reading.draft, name, value)
    calls = work.calls.steps
    if calls and value.op == "variable" and value.payload == calls[-1].target:
        return (*calls[:-1], replace(calls[-1], target=name))
    return (*calls, AssignStep(name, False, value, work.owner()))


def _assign_state(reading: Reading, statement: tree.Assign, state: State) -> tuple[Step, ...]:
    work = _Statement(reading, statement.name)
    value = _embedded(work.context, statement.value, state)
    value = value or translate(work.context, statement.value)
    if typing.is_unknown(value):
        return ()
    if value.type.shape != state.shape or value.type.place.name != state.population:
        reading.draft.errors.add(
            "E301",
            f"'{statement.name}' needs {typing.spell_shape(state.shape)} at population "
            f"'{state.population}', and this value is {typing.spell_value(value)}",
            statement.value.span,
            "let the two agree",
        )
        return ()
    if state.manifold.dtype == "real":
        must_be_real(reading.draft.errors, value, f"'{statement.name}'")
    must_be_point(reading.draft, value, state.manifold, statement.name, statement.value.span)
    return (*work.calls.steps, AssignStep(state.name, True, value, work.owner()))


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
    if not may_be_learned(context.draft, state.manifold, expr.span):
        return typing.unknown(expr.span)
    name = f"{context.owner}.{unused_name(context, 'embed')}.weight"
    shape = (text.type.classes, *state.shape)
    context.draft.parameters[name] = Parameter(
        name, GLOBAL, shape, Draw("on_manifold", (), expr.span), expr.span, learned=True,
        manifold=state.manifold, layer=context.layer, role="table", dtype=state.manifold.dtype,
    )  # fmt: skip
    numbers = replace(state.manifold.points(GLOBAL, shape), manifold=None)
    table = Term("parameter", (), numbers, expr.span, name)
    kind = state.manifold.points(text.type.place, state.shape)
    return Term("lookup", (table, text), kind, expr.span)


# ── outputs ────────────────────────────────────────────────────────────────────────────────────


def _output(reading: Reading, statement: tree.Output) -> tuple[Step, ...]:
    draft, name = reading.draft, statement.name
    if name is None:
        draft.errors.add(
            "E403", "an output of the network needs a name", statement.span,
            "write output NAME = ...",
        )  # fmt: skip
        return ()
    work = _Statement(reading, name)
    value = translate(work.context, statement.value)
    term = Term("output", (), value.type, statement.span, name)
    if not _declare_output(reading, Symbol("output", name, statement.span, term)):
        return ()
    draft.outputs[name] = term
    if typing.is_unknown(value):
        return ()
    return (*work.calls.steps, OutputStep(name, value, work.owner()))


def _declare_output(reading: Reading, symbol: Symbol) -> bool:
    variable = reading.context.scope.symbols.get(symbol.name)
    if variable is None:
        return reading.draft.scope.declare(symbol, reading.draft.errors)
    text = f"'{symbol.name}' is a variable of the network, and an output needs a name of its own"
    notes = [(variable.span, "assigned here")]
    reading.draft.errors.add("E203", text, symbol.span, "rename one of the two", notes)
    return False


# ── one statement ──────────────────────────────────────────────────────────────────────────────


class _Statement:
    """The names of the weights of one statement, and the layers it calls."""

    def __init__(self, reading: Reading, name: str):
        self.reading = reading
        self.name = self._free(name)
        self.calls = Calls(reading.repeats > 0, self._free, self._take)
        self.context = replace(
            reading.context, owner=self.name, layer=self.name if reading.repeats else None,
            names_used=set(), calls=self.calls,
        )  # fmt: skip

    def _free(self, name: str) -> str:
        """The name, numbered where an earlier statement or a declaration has it."""
        found, count = name, 1
        while found in self.reading.owners or (count > 1 and self.reading.draft.scope.find(found)):
            count += 1
            found = f"{name}_{count}"
        return found

    def owner(self) -> str | None:
        """The name under which a repeat copies the weights of the statement, where it has some."""
        self._take(self.name)
        parameters = self.reading.draft.parameters.values()
        return self.name if any(item.layer == self.name for item in parameters) else None

    def _take(self, name: str) -> None:
        """Keep the name for these weights, where there are some."""
        if any(full.startswith(f"{name}.") for full in self.reading.draft.parameters):
            self.reading.owners.add(name)
