"""Where a layer's states are at rest, in closed form."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from dynattn.diagnostics.report import Span
from dynattn.model import noises, typing
from dynattn.model.composition import Rest
from dynattn.model.functions import formula
from dynattn.model.parts import State
from dynattn.model.readouts import reached
from dynattn.model.terms import Place, Term
from dynattn.vocabulary.sizes import ONE

if TYPE_CHECKING:
    from dynattn.model.layer_dynamics import Dynamics

ELSE = "write evolve {{ t 0 .. 30; method {}; step 0.1 }}"

LENGTH = "norm(F) + (norm(F) == 0)"
"""|h|, and 1 where h is 0: x' = P_x(h) is at rest at h/|h|, to which all points but -h/|h| go.

Without a field, where every point is at rest, the quotient is 0: no direction, with finite slopes.
"""


def rest_of(dynamics: Dynamics, state: State, moved: Sequence[State], span: Span) -> Rest | None:
    """Where the state is at rest while the layer evolves; None with a diagnostic."""
    draft = dynamics.context.draft
    problem = _problem(dynamics, state, moved)
    if problem:
        bare = state.name.rsplit(".", 1)[-1]
        text = f"no closed form is known of where '{bare}' is at rest: {problem}"
        method = noises.method_for(state.manifold) if _has_noise(dynamics, state) else "rk4"
        notes = [(state.span, "declared here")]
        draft.errors.add("E445", text, span, ELSE.format(method), notes)
        return None
    inside = replace(dynamics.context, population=state.population)
    field = _field(dynamics, state)
    length = formula(inside, LENGTH, {"F": field}, span)
    if length.type.shape:
        kind = replace(length.type, shape=(*length.type.shape, ONE))
        length = Term("column", (length,), kind, span)
    return Rest(state.name, typing.combine(draft.errors, "div", [field, length], span))


def _has_noise(dynamics: Dynamics, state: State) -> bool:
    own = dynamics.context.draft.parts.get(state.name, {})
    return "noise" in own or state.name in dynamics.noises


def _field(dynamics: Dynamics, state: State) -> Term:
    forces = dynamics.forces(state)
    total = forces[0]
    for force in forces[1:]:
        total = typing.combine(dynamics.context.draft.errors, "add", [total, force], force.span)
    return total


def _problem(dynamics: Dynamics, state: State, moved: Sequence[State]) -> str:
    """Why there is no closed form, or ''."""
    draft = dynamics.context.draft
    equation = dynamics.equations.get(state.name) or draft.equations.get(state.name)
    if state.manifold.name != "sphere":
        return f"one is known on sphere(D), and it lives on {state.manifold}"
    if equation is not None and equation[1].operator == "<-":
        return "its law is a map"
    if _has_noise(dynamics, state):
        return "its law has noise"
    if "dissipation" in draft.parts.get(state.name, {}):
        return "its law has dissipation"
    field = _field(dynamics, state)
    if field.type.shape != state.shape or field.type.place != Place("nodes", state.population):
        return "its field is not a vector at each of its nodes"
    names = {other.name for other in moved}
    for term in reached(draft, [field]):
        if term.op == "state" and term.payload in names:
            other = term.payload.rsplit(".", 1)[-1]
            itself = "itself" if term.payload == state.name else f"'{other}', which moves too"
            return f"the field it moves in depends on {itself}"
        if term.op == "time":
            return "the field it moves in depends on the time"
    return ""
