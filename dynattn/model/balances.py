"""``balance``: the energy that is followed, and the power of every force of the model.

By the law of a state, inertia x'' + dissipation x' = P(drift - grad energy + couplings), what is
neither a gradient of the energy nor friction does the work force x', and friction takes away
dissipation x'^2; on manifolds on which P is no plain projection, what a state without inertia
loses is the work of all its forces.
"""

from __future__ import annotations

from collections.abc import Iterator

from dynattn.diagnostics.report import Span
from dynattn.model import typing
from dynattn.model.clauses import only_value
from dynattn.model.differentiate import times
from dynattn.model.draft import Draft
from dynattn.model.energies import in_all, states_in, total_energy
from dynattn.model.expressions import Context, translate
from dynattn.model.groups import sum_at
from dynattn.model.laws import rate_of, type_of
from dynattn.model.layer_dynamics import forces_on
from dynattn.model.parts import Coupling, State
from dynattn.model.plans import Record
from dynattn.model.structure import is_zero
from dynattn.model.terms import GLOBAL, Term, walk
from dynattn.syntax import tree
from dynattn.syntax.unparse import spell
from dynattn.vocabulary.manifolds import MANIFOLDS

TOTAL = "total_energy()"
"""What is followed where nothing else is named."""

LOSS = "dissipated by "
GAIN = "supplied by "
"""How labels of powers begin."""


def balance_records(
    draft: Draft, clause: tree.Clause | None, name: str, span: Span
) -> tuple[str, tuple[Record, ...]]:
    """How the energy is spelled; its record, then the power of each part where all are known. None
    of them with a diagnostic.
    """
    context = Context(draft, draft.scope, sums="")
    if clause is None:
        energy = _total(context, name, span)
        if energy is None:
            return TOTAL, ()
        return TOTAL, (Record("series", TOTAL, energy), *_powers(context, span))
    expr = only_value(draft, clause, "write of E, of an observable E")
    energy = None if expr is None else translate(context, expr)
    if expr is None or energy is None or typing.is_unknown(energy):
        return "", ()
    text = spell(expr)
    if (
        energy.type.place != GLOBAL
        or energy.type.shape
        or energy.type.dtype in ("complex", "truth")
    ):
        fact = f"an energy is one real number of the whole model, and '{text}' is not"
        draft.errors.add("E321", fact, clause.span, "take the sum over the nodes: of sum(x^2)")
        return text, ()
    whole = _parts_of_total(energy, context, span)
    return text, (Record("series", text, energy), *whole)


def _total(context: Context, name: str, span: Span) -> Term | None:
    """total_energy(); None with E403 where the model has none."""
    draft = context.draft
    paired = any(c.energy is not None and c.layer is None for c in draft.couplings.values())
    heavy = any(state.velocity_of is not None for state in draft.states.values())
    if not (paired or heavy or draft.energies):
        if not draft.names_missing:
            text = f"'{name}' follows an energy, and the model declares none"
            fix = "give a population an energy, or name a number: of sum(x^2)"
            draft.errors.add("E403", text, span, fix)
        return None
    found = total_energy(context, span)
    return None if typing.is_unknown(found) else found


def _parts_of_total(energy: Term, context: Context, span: Span) -> tuple[Record, ...]:
    """The powers where an observable is total_energy() itself."""
    while energy.op == "let":
        energy = energy.args[0]
    draft = context.draft
    if not any(item.op == "pair_energy" for item in walk(energy)) and not draft.energies:
        return ()
    same = _spelled(energy) == _spelled(total_energy(context, span))
    return _powers(context, span) if same else ()


def _spelled(term: Term) -> object:
    """A term without its places."""
    return term.op, str(term.payload), tuple(_spelled(part) for part in term.args)


def _powers(context: Context, span: Span) -> tuple[Record, ...]:
    """The power of each force, and of friction; () where a law that the energy depends on is an
    equation, whose terms are not told apart, or where a delay has to be refused.
    """
    draft = context.draft
    moving = _moving(draft)
    late = any(coupling.delay is not None for coupling in draft.couplings.values())
    if late or any(not _is_plain(draft, state) for state in moving):
        return ()
    found: list[Record] = []
    for state in moving:
        for label, power in _of_state(context, state, span):
            found.append(Record("series", label, power))
    return tuple(found)


def _moving(draft: Draft) -> list[State]:
    """The states that the energy is made of, but for their velocities."""
    paired = [c for c in draft.couplings.values() if c.energy is not None and c.layer is None]
    names = {str(state.velocity_of) for state in draft.states.values()}
    names |= {name for _, energy in draft.energies for name in states_in(energy)}
    names |= {name for coupling in paired for name in coupling.moves}
    return [state for name, state in draft.states.items() if name in names]


def _is_plain(draft: Draft, state: State) -> bool:
    """Whether a law adds up forces on real coordinates."""
    law = draft.laws.get(state.name)
    discrete = law is not None and law.discrete
    return state.name not in draft.equations and state.manifold.dtype != "complex" and not discrete


def _of_state(context: Context, state: State, span: Span) -> Iterator[tuple[str, Term]]:
    draft = context.draft
    point = Term("state", (), type_of(state), span, state.name)
    speed = rate_of(context, point, span)
    if speed is None:
        return

    def power(force: Term) -> Term:
        return in_all(context, times(context, force, speed), span)

    short = state.name if _is_ambiguous(draft, state) else state.name.rsplit(".", 1)[-1]
    parts = draft.parts.get(state.name, {})
    friction = parts.get("dissipation")
    if state.manifold.name in MANIFOLDS and MANIFOLDS[state.manifold.name].projection == "F":
        drag = speed if friction is None else times(context, friction, speed)
        if not is_zero(friction):
            yield f"{LOSS}{short}", power(drag)
    else:
        total = None
        for force in forces_on(context, state, [], {}):
            total = force if total is None else typing.combine(draft.errors, "add", [total, force],
                                                               span)  # fmt: skip
        if total is not None:
            yield f"{LOSS}{short}", power(total)
    if state.name in draft.drifts and not is_zero(draft.drifts[state.name]):
        yield f"{GAIN}drift of {short}", power(draft.drifts[state.name])
    for coupling in _working(draft, state):
        where = "" if len(coupling.moves) == 1 else f" on {short}"
        yield (
            f"{GAIN}{coupling.name}{where}",
            power(sum_at(draft, coupling, state.population, span)),
        )


def _working(draft: Draft, state: State) -> Iterator[Coupling]:
    """The couplings that act on a state and have no energy of their own."""
    for coupling in draft.couplings.values():
        if state.name in coupling.moves and coupling.layer is None and coupling.energy is None:
            yield coupling


def _is_ambiguous(draft: Draft, state: State) -> bool:
    own = state.name.rsplit(".", 1)[-1]
    return sum(other.rsplit(".", 1)[-1] == own for other in draft.states) > 1
