"""``delay tau``: what a coupling reads of the sender's states, it reads at t - tau.

One delay for all edges leaves the past a quantity of the nodes (every form of a sum stays
possible); a delay of each edge makes it one of the edges.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from dynattn.diagnostics.report import Span
from dynattn.model import constants, typing
from dynattn.model.draft import Draft, value_of
from dynattn.model.expressions import Context, translate
from dynattn.model.gathered import gathered
from dynattn.model.model import Model
from dynattn.model.parts import Coupling
from dynattn.model.plans import Runs
from dynattn.model.terms import Place, Term, walk
from dynattn.syntax import tree
from dynattn.vocabulary.functions import ELEMENTWISE, MATRIX_FUNCTIONS

MOVING = {"state": "the state", "time": "the time", "input": "the input", "coupling": "the sum"}
"""What changes while time runs, and so cannot stand in a delay."""

NODEWISE = frozenset(
    {
        *ELEMENTWISE,
        "dot",
        "norm",
        "concat",
        "split",
        "merge",
        "part",
        "entry",
        "column",
        "spread",
        "called",
        "array",
        "linear",
        "matmul",
        *MATRIX_FUNCTIONS,
    }
)
"""Operations that make a node's quantity from quantities of the same node."""


# ── the clause ─────────────────────────────────────────────────────────────────────────────────


def delayed(
    context: Context, coupling: Coupling, clauses: Mapping[str, tree.Clause]
) -> Coupling | None:
    """The coupling with its senders' states at t - tau; None with a diagnostic."""
    if "delay" not in clauses:
        return coupling
    clause = clauses["delay"]
    delay = translate(context, value_of(clause))
    if typing.is_unknown(delay) or not is_delay(context, delay, clause):
        return None
    found = of_the_past(coupling, Past(context, coupling.name, delay), clause)
    return None if found is None else replace(found, delay=delay)


def of_the_past(coupling: Coupling, past: Past, clause: tree.Clause) -> Coupling | None:
    """The coupling with what its kernels and weights read of the senders taken from the past; None
    with a diagnostic.
    """
    errors = past.context.draft.errors
    before = len(errors.found)
    changed = replace(
        coupling,
        kernel=past.of(coupling.kernel),
        weight=past.of(coupling.weight) if coupling.weight is not None else None,
        parts=tuple(replace(part, kernel=past.of(part.kernel)) for part in coupling.parts),
    )
    if len(errors.found) > before or typing.is_unknown(*_read(coupling)):
        return None
    if not past.found:
        text = f"the delay has no effect: coupling '{clause_owner(coupling)}' reads no state with j"
        _refuse(past.context.draft, text, clause.span, "use the sender's state in kernel or weight")
        return None
    return changed


def _read(coupling: Coupling) -> tuple[Term, ...]:
    """What the sums of a coupling are made of."""
    weight = () if coupling.weight is None else (coupling.weight,)
    return (coupling.kernel, *weight, *(part.kernel for part in coupling.parts))


def clause_owner(coupling: Coupling) -> str:
    """A coupling's name as the spec wrote it."""
    return coupling.name.rsplit(".", 1)[-1]


def _refuse(draft: Draft, text: str, span: Span, fix: str) -> None:
    draft.errors.add("E425", text, span, fix)


def is_delay(context: Context, delay: Term, clause: tree.Clause) -> bool:
    """Whether a term can be a delay; with a diagnostic."""
    draft, span = context.draft, value_of(clause).span
    if context.layer is not None:
        text = "a layer is a step of a network, which has an order and no time to be late in"
        _refuse(draft, text, clause.span, "for earlier places of a sequence write successors")
        return False
    if delay.type.shape:
        text = f"a delay is one number, for all edges or per edge; this is {_spelled(delay)}"
        _refuse(draft, text, span, "write one number: each coupling has one delay")
        return False
    moving = next((item for item in walk(delay) if item.op in MOVING), None)
    if moving is not None:
        text = f"a delay stays as it is while time runs, and this one holds {MOVING[moving.op]}"
        name = f" '{moving.payload.rsplit('.', 1)[-1]}'" if moving.payload else " t"
        _refuse(draft, text + name, span, "make it of numbers, parameters and edge attributes")
        return False
    value = constants.of_term(draft, delay)
    if value is not None and not 0 <= value < math.inf:
        text = f"the delay is {value:g}: nothing is known of the future"
        text = text if value < 0 else f"the delay is {value:g}, which is no time"
        _refuse(draft, text, span, "write a number from 0 on")
        return False
    return True


def _spelled(term: Term) -> str:
    return typing.spell_shape(term.type.shape)


def refuse_in_network(draft: Draft) -> None:
    """Couplings of the model act in the layers of its network too, where there is no time."""
    for coupling in draft.couplings.values():
        late = coupling.delay.span if coupling.delay is not None else None
        late = coupling.averages[0].span if coupling.averages else late
        if late is not None:
            text = "in a model with a network time is a number of steps, and nothing is late"
            _refuse(draft, text, late, "leave the delay out, or the network")


# ── the past in kernels and weights ────────────────────────────────────────────────────────────


@dataclass
class Past:
    """Rewrites what stands on the edges of a coupling; ``found``: whether a state was there."""

    context: Context
    name: str
    delay: Term
    found: bool = False
    done: dict[int, Term] = field(default_factory=dict)
    kept: list[Term] = field(default_factory=list)

    def of(self, term: Term) -> Term:
        """A term of the edges, the sender's states taken from the past."""
        if id(term) not in self.done:
            self.kept.append(term)  # keeps the id from being given to another Term
            self.done[id(term)] = self._fresh(term)
        return self.done[id(term)]

    def _fresh(self, term: Term) -> Term:
        if term.op == "sender" and (_holds(term, "state") or _holds(term, "coupling")):
            return self._sent(term)
        return term if term.op == "receiver" else _with_args(term, tuple(map(self.of, term.args)))

    def _sent(self, sender: Term) -> Term:
        self.found = True
        if _holds(sender, "coupling"):
            text = f"'{sender.span.text}' is a sum over edges, of which no past is kept"
            return self._refused(sender, text, "let the kernel read states")
        for op in ("time", "input"):
            if _holds(sender, op):
                text = f"'{sender.span.text}' depends on a state, which is late, and on the time"
                fix = "a delay is of states alone: put what depends on the time beside it"
                return self._refused(sender, text, fix)
        if self.delay.type.place.kind == "global":
            return _with_args(sender, (self._at_nodes(sender.args[0]),))
        if sender.payload:
            text = "successors are read at one time, and here every edge has another"
            return self._refused(sender, text, "let the delay be one number")
        return self._at_edges(sender.args[0], sender)

    def _refused(self, sender: Term, text: str, fix: str) -> Term:
        known = [(self.delay.span, "the delay")]
        self.context.draft.errors.add("E426", text, sender.span, fix, known)
        return sender

    def _leaf(self, state: Term, place: Place) -> Term:
        """A state of the past, at the nodes or the edges."""
        kind = replace(state.type, place=place)
        return Term("delayed", (self.delay,), kind, state.span, (state.payload, self.name))

    def _at_nodes(self, term: Term) -> Term:
        """A quantity of the nodes as a whole at t - tau."""
        if not _holds(term, "state"):
            return term
        if term.op == "state":
            return self._leaf(term, term.type.place)
        args = tuple(map(self._at_nodes, term.args))
        # A definition seen in the past is another one: it is written out.
        return args[0] if term.op == "let" else _with_args(term, args)

    def _at_edges(self, term: Term, sender: Term) -> Term:
        """The same for each edge at its own t - tau_ij."""
        edges = Place("edges", self.name)
        if not _holds(term, "state"):
            if term.type.place.kind != "nodes":
                return term
            return Term("sender", (term,), replace(term.type, place=edges), term.span)
        if term.op == "state":
            return self._leaf(term, edges)
        if term.op == "let":
            return self._at_edges(term.args[0], sender)
        if term.op == "joined":
            return self._of_group(term, sender)
        if term.op not in NODEWISE:
            text = f"'{term.span.text}' is made of all nodes, and every edge has another delay"
            return self._refused(sender, text, "let the delay be one number, or leave this out")
        args = tuple(self._at_edges(argument, sender) for argument in term.args)
        return replace(term, args=args, type=replace(term.type, place=edges))

    def _of_group(self, joined: Term, sender: Term) -> Term:
        """What nodes of a group send: their states share one past, and what they make of them must
        be one formula.
        """
        found = gathered(joined)
        if found is None:
            name, bare = joined.type.place.name, joined.payload.rsplit(".", 1)[-1]
            text = (
                f"the members of '{name}' make '{bare}' in different ways, and every edge has "
                "another delay"
            )
            fix = "give all members one formula, with parameters of their own; or couple them apart"
            return self._refused(sender, text, fix)
        if found.op == "joined":
            return self._leaf(found, Place("edges", self.name))
        return self._at_edges(found, sender)


def _with_args(term: Term, args: tuple[Term, ...]) -> Term:
    same = all(a is b for a, b in zip(args, term.args, strict=True))
    return term if same else replace(term, args=args)


def _holds(term: Term, op: str) -> bool:
    return any(item.op == op for item in walk(term))


# ── who reads a delayed sum ────────────────────────────────────────────────────────────────────


def refuse_readers(draft: Draft, runs: Runs) -> None:
    """Observables and records know the present alone: E427 where one holds a delayed sum.

    E428 where an experiment asks for an equilibrium.
    """
    values = [item.value for item in draft.observables.values()]
    values += [record.value for group in runs for item in group for record in item.records]
    ends = [item.until for item in runs.simulations if item.until is not None]
    values += [item.condition for item in ends if item.condition is not None]
    for value in dict.fromkeys(values):
        coupling = _late_sum(draft, value)
        if coupling is not None and coupling.delay is not None:
            name = clause_owner(coupling)
            draft.errors.add(
                "E427", f"the sum of coupling '{name}' is made of the past, and what is "
                "observed of the present", value.span,
                "observe the states, and compute it from the recorded series",
                [(coupling.delay.span, "its delay")],
            )  # fmt: skip

    late = next((c.delay for c in draft.couplings.values() if c.delay is not None), None)
    if late is not None:
        for span in _equilibria(runs):
            text = (
                "an equilibrium is found by the present rates, and here they are made of the past"
            )
            fix = "let the time run on, and look at what is recorded"
            draft.errors.add("E428", text, span, fix, [(late.span, "a delay")])


def _equilibria(runs: Runs) -> Iterator[Span]:
    """Where experiments ask for an equilibrium."""
    for item in runs.simulations:
        if item.until is not None and item.until.condition is None:
            yield item.until.span
        if item.begins is not None and item.begins.kind in ("equilibrium", "point"):
            yield item.begins.span
    yield from (item.span for item in (*runs.continuations, *runs.searches, *runs.placements))


def _late_sum(draft: Draft, *values: Term) -> Coupling | None:
    """The first coupling with a delay whose sum stands in the terms, or in sums they hold."""
    for item in walk(*values):
        coupling = draft.couplings.get(item.payload) if item.op == "coupling" else None
        if coupling is None:
            continue
        inside = (coupling.kernel, coupling.weight, coupling.strength)
        found = _late_sum(draft, *(term for term in inside if term is not None))
        if coupling.delay is not None or found is not None:
            return coupling if coupling.delay is not None else found
    return None


# ── of a checked model ─────────────────────────────────────────────────────────────────────────


def past_states(coupling: Coupling) -> tuple[Term, ...]:
    """One ``delayed`` Term for each state that a coupling reads from the past."""
    if coupling.delay is None:
        return ()
    roots = [coupling.kernel, *(part.kernel for part in coupling.parts)]
    roots += [] if coupling.weight is None else [coupling.weight]
    found = {item.payload: item for item in walk(*roots) if item.op == "delayed"}
    return tuple(found[key] for key in sorted(found))


def all_past(model: Model) -> tuple[Term, ...]:
    """Those of every coupling of a model."""
    return tuple(term for coupling in model.couplings for term in past_states(coupling))


def past_name(payload: tuple[str, str]) -> str:
    """``osc.theta in pull``: what a state is called as a coupling sees it."""
    return " in ".join(payload)
