"""``delay gamma(mean, order)``: a coupling reads averages over the past of the sender's states.

The average of x over the Erlang density of this mean and order n is the end of a chain of n equal
exponential stages: z_1' = (n/mean) (x - z_1), z_k' = (n/mean) (z_k-1 - z_k), which begins with all
of them at the initial value of x (the linear chain trick; MacDonald 1978). A mean of all edges
leaves the chain one of the nodes; a mean of each edge makes it one of the edges.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from dynattn.diagnostics.report import Span
from dynattn.model import constants, edge_items, typing
from dynattn.model.arguments import Arguments
from dynattn.model.delays import Past, is_delay, of_the_past
from dynattn.model.draft import Draft, value_of
from dynattn.model.endpoints import Endpoints
from dynattn.model.expressions import Context
from dynattn.model.parts import Coupling, State
from dynattn.model.scope import Symbol
from dynattn.model.terms import GLOBAL, ManifoldUse, Place, Term, walk
from dynattn.syntax import tree
from dynattn.vocabulary.manifolds import MANIFOLDS
from dynattn.vocabulary.sizes import fixed

NAMES = ("mean", "order")
MOST_STAGES = 64
"""A chain is written out stage by stage, and its density is then as narrow as 1/8 of the mean."""

REAL = ("circle", "torus", "positive", "simplex")
"""Manifolds whose averages are numbers that need not lie on them."""


def is_spread(clauses: Mapping[str, tree.Clause]) -> bool:
    """Whether the delay of a coupling is a distribution."""
    return "delay" in clauses and _call(clauses["delay"]) is not None


def _call(clause: tree.Clause) -> tree.Call | None:
    match value_of(clause):
        case tree.Call(function=tree.Name(name="gamma")) as call:
            return call
    return None


def averaged(
    context: Context, coupling: Coupling, clauses: Mapping[str, tree.Clause], ends: Endpoints
) -> Coupling | None:
    """The coupling with the averages of its senders' states; None with a diagnostic."""
    clause, draft = clauses["delay"], context.draft
    call = _call(clause)
    assert call is not None
    order = _order(context, call)
    if order is None:
        return None
    mean = Arguments(context, call, NAMES).term("mean")
    if typing.is_unknown(mean) or not is_delay(context, mean, clause) or _is_0(draft, mean):
        return None
    if mean.type.place != GLOBAL and not edge_items.can_be_stored(draft, ends, [clause]):
        return None
    past = _Averages(context, coupling.name, mean, order=order, clause=clause)
    found = of_the_past(coupling, past, clause)
    if found is None:
        return None
    names = [term.args[0].payload for term in past.ends_with.values()]
    laws = [draft.equations[name][0] for name in names]
    states = tuple(draft.states[name] for name in names)
    return replace(found, averages=states, reads=(*found.reads, *laws))


def _order(context: Context, call: tree.Call) -> int | None:
    """The number of stages; None with a diagnostic."""
    draft, expr = context.draft, Arguments(context, call, NAMES).expr
    given = len(call.arguments) + len(call.keywords)
    if given != len(NAMES) or set(expr) != set(NAMES):
        text = "a gamma delay has a mean and an order"
        _refuse(draft, text, call.span, "write delay gamma(mean, order), such as gamma(0.5, 3)")
        return None
    value = constants.number_or_none(draft, expr["order"])
    if value is None:
        return None
    if not float(value).is_integer() or not 1 <= value <= MOST_STAGES:
        text = f"the order of a gamma delay is a number of stages, and this is {value:g}"
        _refuse(draft, text, expr["order"].span, f"write a whole number from 1 to {MOST_STAGES}")
        return None
    return int(value)


def _is_0(draft: Draft, mean: Term) -> bool:
    """Whether no time passes in the chain; with a diagnostic."""
    if constants.of_term(draft, mean) != 0:
        return False
    _refuse(draft, "the mean of a gamma delay is 0", mean.span, "leave the delay out")
    return True


def _refuse(draft: Draft, text: str, span: Span, fix: str) -> None:
    draft.errors.add("E336", text, span, fix)


@dataclass
class _Averages(Past):
    """Rewrites a coupling's kernels; every state that they read of a sender gets a chain."""

    order: int = 1
    clause: tree.Clause = field(kw_only=True)
    ends_with: dict[str, Term] = field(default_factory=dict)
    """The average, by the full name of the sender's state."""

    def _leaf(self, state: Term, place: Place) -> Term:
        """The average of a state over the past, at the nodes or the edges."""
        if state.payload not in self.ends_with:
            self.ends_with[state.payload] = self._chain(state, place)
        return self.ends_with[state.payload]

    def _chain(self, source: Term, place: Place) -> Term:
        """A new state with a law of its own; what it ends with."""
        draft, span = self.context.draft, self.clause.span
        use, word = _kept_on(draft, source, span), self._called(source)
        name = f"{self.name}.{word}"
        if use is None:
            return typing.unknown(span)
        shape = (fixed(self.order), *source.type.shape)
        z = Term("state", (), use.points(place, shape), span, name)
        if not self.context.scope.declare(Symbol("state", name, span, z), draft.errors):
            return typing.unknown(span)
        inner = replace(source.type, place=place)
        stages = [
            Term("entry", (z,), replace(inner, manifold=None), span, ((k,), (str(k + 1),)))
            for k in range(self.order)
        ]
        ahead = (_at(source, place), *stages[:-1])
        value = self._rate(Term("array", ahead, replace(z.type, manifold=None), span), z)
        axes = shape[: len(shape) - len(use.shape)]
        on_edges = place.name if place.kind == "edges" else ""
        draft.states[name] = State(
            name, "" if on_edges else place.name, use, axes, _at(_started(source), place), span,
            coupling=on_edges, averaged=True,
        )  # fmt: skip
        draft.moved.add(name)
        draft.equations[name] = (
            value, tree.Equation(span, word, "'", value_of(self.clause)),
        )  # fmt: skip
        return replace(stages[-1], type=inner)

    def _rate(self, ahead: Term, z: Term) -> Term:
        """n / mean times what each stage is behind the one ahead of it."""
        errors, span = self.context.draft.errors, self.clause.span
        count = typing.number(float(self.order), span)
        speed = typing.combine(errors, "div", [count, self.delay], span)
        behind = typing.combine(errors, "sub", [ahead, z], span)
        return typing.combine(errors, "mul", [speed, behind], span)

    def _called(self, source: Term) -> str:
        """``late_x``; of a group's member ``late_left_x``."""
        population, bare = source.payload.rsplit(".", 1)
        groups = self.context.draft.groups
        of_member = population not in groups and self._sender in groups
        bare = bare.replace("'", "_velocity")
        return f"late_{population}_{bare}" if of_member else f"late_{bare}"

    @property
    def _sender(self) -> str:
        assert self.context.ends is not None
        return self.context.ends.sender


def _kept_on(draft: Draft, source: Term, span: Span) -> ManifoldUse | None:
    """Where the averages of a state lie; None with a diagnostic."""
    use = source.type.manifold
    assert use is not None, "states are points"
    if use.name in REAL:
        return ManifoldUse("real", use.arguments, use.shape)
    if MANIFOLDS[use.name].retraction == "x + v":
        return use
    text = f"the average of points of {use} is no point of it, and '{source.payload}' lies there"
    fix = "give the delay one time, or one per edge: delay 0.5"
    draft.errors.add("E337", text, span, fix)
    return None


def _at(term: Term, place: Place) -> Term:
    """A quantity of the nodes; at edges that of the sender."""
    if place.kind != "edges" or term.type.place.kind != "nodes":
        return term
    return Term("sender", (term,), replace(term.type, place=place), term.span)


def _started(source: Term) -> Term:
    """What a state is at the start."""
    if source.op == "joined":
        return replace(source, args=tuple(map(_started, source.args)))
    return replace(source, op="start")


def refuse_maps(draft: Draft) -> None:
    """E338 where the state of a map is averaged: it knows no time in which a chain could run."""
    for coupling in draft.couplings.values():
        for state in coupling.averages:
            value, item = draft.equations[state.name]
            read = {t.payload for t in walk(value) if t.op == "state"} & draft.equations.keys()
            mapped = sorted(n for n in read if draft.equations[n][1].operator == "<-")
            if mapped:
                text = f"'{mapped[0]}' is a map, which knows whole updates and no averages of time"
                fix = "write the number of updates: delay 3"
                draft.errors.add("E338", text, item.span, fix)
