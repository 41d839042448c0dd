"""Which models the methods that keep a structure are for, and why another is none of them.

Nothing here imports torch.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from dynattn.diagnostics.report import Diagnostic, Span
from dynattn.model.model import Model
from dynattn.model.parts import State
from dynattn.model.readouts import terms_of
from dynattn.model.structure import (
    FACTORS,
    first_order,
    is_constant,
    is_straight,
    reached,
    velocities,
)
from dynattn.model.terms import Term

if TYPE_CHECKING:
    from dynattn.solve.methods import Method

AVF = "avf"
"""The method that keeps the energy."""


def structure_mistakes(method: Method, model: Model, span: Span | None) -> Iterator[Diagnostic]:
    """E624 and E625 of the symplectic methods, E631 of the averaged vector field."""
    if not model.laws:
        return
    if method.splitting is not None:
        yield from _symplectic(method, model, span)
    elif method.name == AVF:
        yield from _energetic(model, span)


# ── symplectic methods ─────────────────────────────────────────────────────────────────────────


def _symplectic(method: Method, model: Model, span: Span | None) -> Iterator[Diagnostic]:
    moving = velocities(model)
    if not moving:
        message = f"no state has inertia, and the method '{method.name}' moves those that have"
        fix = "use 'method tsit5'; or write a pair x' = v, v' = F as one state with inertia"
        yield Diagnostic("E624", message, span, fix)
        return
    others = first_order(model)
    if method.order > 2 and others:
        message = f"'{others[0]}' has no inertia, and the method '{method.name}' is for those with"
        where = ((model.states[others[0]].span, "the state without inertia"),)
        yield Diagnostic("E625", message, span, "use 'method leapfrog', or 'method rk4'", where)
    for state in moving.values():
        yield from _reading_velocities(method, model, state, moving, span)


def _reading_velocities(
    method: Method, model: Model, state: State, moving: Mapping[str, State], span: Span | None
) -> Iterator[Diagnostic]:
    for word, term in _forces(model, str(state.velocity_of)):
        read = next((t for t in reached(model, term) if _is_one_of(t, moving)), None)
        if read is not None:
            message = (
                f"the {word} of '{state.velocity_of}' reads a velocity, and '{method.name}' "
                "kicks velocities by forces of the positions"
            )
            fix = "write friction as dissipation, or use 'method rk4' or 'method tsit5'"
            yield Diagnostic("E625", message, span, fix, ((read.span, "the velocity"),))
            return


def _forces(model: Model, state: str) -> Iterator[tuple[str, Term]]:
    yield from model.clauses[state].items()
    for coupling in model.couplings:
        if coupling.acts and coupling.layer is None and state in coupling.moves:
            yield from ((f"coupling '{coupling.name}'", term) for term in terms_of(coupling))


def _is_one_of(term: Term, moving: Mapping[str, State]) -> bool:
    return term.op == "state" and term.payload in moving


# ── the averaged vector field ──────────────────────────────────────────────────────────────────


def _energetic(model: Model, span: Span | None) -> Iterator[Diagnostic]:
    for law in model.laws:
        state = model.states[law.state]
        if not is_straight(state.manifold):
            message = f"'{AVF}' averages rates along a straight line, and {state.manifold} has none"
            where = ((state.span, "the state"),)
            yield Diagnostic("E631", message, span, "use 'method rk4' or 'method tsit5'", where)
        for word in FACTORS:
            term = model.clauses.get(law.state, {}).get(word)
            if term is not None and not is_constant(term):
                message = (
                    f"the {word} of '{law.state}' changes, and '{AVF}' keeps the energy only where "
                    "it is constant"
                )
                where = ((term.span, f"the {word}"),)
                yield Diagnostic("E631", message, span, "use 'method rk4' or 'method tsit5'", where)
