"""Where a layer's states are at rest: in closed form, or nowhere that can be computed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from dynattn.diagnostics.report import Span
from dynattn.model import noises, typing
from dynattn.model.composition import Rest
from dynattn.model.functions import formula
from dynattn.model.parts import Law, State
from dynattn.model.readouts import reached
from dynattn.model.terms import Place, Term
from dynattn.model.weight_reads import DRAWN_ANEW
from dynattn.vocabulary.manifolds import MANIFOLDS
from dynattn.vocabulary.sizes import ONE

if TYPE_CHECKING:
    from dynattn.model.layer_dynamics import Dynamics

ELSE = "write evolve {{ t 0 .. 30; method {}; step 0.1 }}"

LENGTH = "norm(F) + (norm(F) == 0)"
"""|h|, and 1 where h is 0: x' = P_x(h) is at rest at h/|h|, to which all points but -h/|h| go.

Without a field, where every point is at rest, the quotient is 0: no direction, with finite slopes.
"""


def closed_form(
    dynamics: Dynamics, state: State, moved: Sequence[State], span: Span
) -> Rest | None:
    """Where the state is at rest while the layer evolves; None where no closed form is known."""
    if not _is_apart(dynamics, state, moved):
        return None
    inside = replace(dynamics.context, population=state.population)
    field = _field(dynamics, state)
    length = formula(inside, LENGTH, {"F": field}, span)
    if length.type.shape:
        kind = replace(length.type, shape=(*length.type.shape, ONE))
        length = Term("column", (length,), kind, span)
    return Rest(state.name, typing.combine(dynamics.context.draft.errors, "div",
                                           [field, length], span))  # fmt: skip


def _has_noise(dynamics: Dynamics, state: State) -> bool:
    own = dynamics.context.draft.parts.get(state.name, {})
    return "noise" in own or state.name in dynamics.noises


def _field(dynamics: Dynamics, state: State) -> Term:
    forces = dynamics.forces(state)
    total = forces[0]
    for force in forces[1:]:
        total = typing.combine(dynamics.context.draft.errors, "add", [total, force], force.span)
    return total


def _is_apart(dynamics: Dynamics, state: State, moved: Sequence[State]) -> bool:
    """Whether it lives on a sphere, in a field that depends on nothing that moves."""
    draft = dynamics.context.draft
    equation = dynamics.equations.get(state.name) or draft.equations.get(state.name)
    if state.manifold.name != "sphere" or _has_noise(dynamics, state):
        return False
    if equation is not None and equation[1].operator == "<-":
        return False
    if "dissipation" in draft.parts.get(state.name, {}):
        return False
    field = _field(dynamics, state)
    if field.type.shape != state.shape or field.type.place != Place("nodes", state.population):
        return False
    names = {other.name for other in moved}
    return not any(
        term.op == "time" or (term.op == "state" and term.payload in names)
        for term in reached(draft, [field])
    )


# ── layers that are never at rest ──────────────────────────────────────────────────────────────


def refuse_restless(dynamics: Dynamics, laws: Sequence[Law], span: Span) -> None:
    """A diagnostic for every law that lets no rest be computed."""
    draft = dynamics.context.draft
    kinds = {law.discrete for law in laws}
    for law in laws:
        state = draft.states[law.state]
        problem, fix = _restless(dynamics, state, law), ELSE.format("rk4")
        if not problem and len(kinds) == 2 and law.discrete:
            problem, fix = "its law is a map, and others are flows", "write all laws alike"
        if problem:
            if _has_noise(dynamics, state):
                fix = ELSE.format(noises.method_for(state.manifold))
            text = f"no equilibrium of '{state.name.rsplit('.', 1)[-1]}' is computed: {problem}"
            draft.errors.add("E445", text, span, fix, [(state.span, "declared here")])


def _restless(dynamics: Dynamics, state: State, law: Law) -> str:
    """Why no rest is computed, or ''."""
    if law.noise is not None or _has_noise(dynamics, state):
        return "its law has noise"
    if state.coupling:
        return "it has a value at every edge"
    if MANIFOLDS[state.manifold.name].logarithmic:
        return f"on {state.manifold} what dies out is never quite gone"
    for term in reached(dynamics.context.draft, law.terms):
        if term.op == "time":
            return "its law depends on the time"
        if term.op in DRAWN_ANEW:
            return f"its law has {DRAWN_ANEW[term.op]}, which is another at each moment"
    return ""
