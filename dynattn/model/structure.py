"""What of a model a method can keep: states with inertia, and terms that stay as they are."""

from __future__ import annotations

from collections.abc import Iterator

from dynattn.model.model import Model
from dynattn.model.parts import State
from dynattn.model.readouts import terms_of
from dynattn.model.terms import ManifoldUse, Term, walk
from dynattn.vocabulary.manifolds import MANIFOLDS

CHANGING = ("state", "coupling", "time", "input")
"""What makes a term change along a trajectory."""

FACTORS = ("inertia", "dissipation")


def velocities(model: Model) -> dict[str, State]:
    """The velocities of the model's own states, by full name."""
    return {n: s for n, s in model.lasting.items() if s.velocity_of is not None}


def first_order(model: Model) -> tuple[str, ...]:
    """The states that move beside those with inertia."""
    moving = velocities(model)
    heavy = {state.velocity_of for state in moving.values()}
    return tuple(law.state for law in model.laws if law.state not in {*moving, *heavy})


def is_zero(term: Term | None) -> bool:
    """Whether it is the number 0."""
    return term is not None and term.op == "number" and term.payload == 0


def is_constant(term: Term | None) -> bool:
    """Whether a term is the same all along a trajectory; one that is not declared is."""
    return term is None or not any(item.op in CHANGING for item in walk(term))


def is_straight(manifold: ManifoldUse) -> bool:
    """Whether a step is a plain sum, along a line that is on the manifold."""
    entry = MANIFOLDS[manifold.name]
    return entry.retraction == "x + v" and entry.projection == "F"


def has_straight_balance(model: Model) -> bool:
    """Whether rates averaged along straight lines balance the energy: method avf."""
    factors = [model.clauses.get(law.state, {}).get(word) for law in model.laws for word in FACTORS]
    straight = all(is_straight(model.states[law.state].manifold) for law in model.laws)
    return straight and all(map(is_constant, factors))


def reached(model: Model, term: Term) -> Iterator[Term]:
    """Everything that a term is made from, the sums of couplings too."""
    done: set[str] = set()
    waiting = [term]
    while waiting:
        for item in walk(waiting.pop()):
            yield item
            if item.op == "coupling" and item.payload not in done:
                done.add(item.payload)
                waiting += terms_of(model.coupling[item.payload])
