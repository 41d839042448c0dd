"""``evolve { steps n; method geodesic }``: every step goes along the geodesic of its tangent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from dynattn.model.laws import retraction
from dynattn.model.parts import Law
from dynattn.syntax import tree
from dynattn.vocabulary.manifolds import MANIFOLDS

if TYPE_CHECKING:
    from dynattn.model.layer_dynamics import Dynamics

WORD = "geodesic"


def clause_of(declaration: tree.Layer) -> tree.Clause | None:
    """The clause ``method geodesic`` of a layer that evolves by steps."""
    for item in declaration.body:
        if isinstance(item, tree.Evolve) and not item.name:
            clauses = {c.word: c for c in item.clauses if isinstance(c, tree.Clause)}
            if "steps" in clauses and "method" in clauses and names_it(clauses["method"]):
                return clauses["method"]
    return None


def names_it(clause: tree.Clause) -> bool:
    """Whether a clause ``method`` says geodesic."""
    values = [value.value for value in clause.values]
    return len(values) == 1 and isinstance(values[0], tree.Name) and values[0].name == WORD


def along_geodesics(
    dynamics: Dynamics, declaration: tree.Layer, laws: Sequence[Law]
) -> tuple[Law, ...]:
    """The laws, their steps along geodesics where the layer says so; E341 for maps."""
    clause, draft = clause_of(declaration), dynamics.context.draft
    if clause is None:
        return tuple(laws)
    found = []
    for law in laws:
        state = draft.states[law.state]
        if law.discrete:
            fact = f"'{law.state}' is a map, which takes its values as they are"
            draft.errors.add("E341", fact, clause.span, "leave it out")
        inside = replace(dynamics.context, population=state.population, beside_points=True)
        along = retraction(inside, state, MANIFOLDS[state.manifold.name].exponential)
        found.append(law if law.discrete else replace(law, retraction=along))
    return tuple(found)
