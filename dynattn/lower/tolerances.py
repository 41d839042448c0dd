"""How exactly adaptive methods follow each state."""

from __future__ import annotations

from dynattn.model.model import Model
from dynattn.vocabulary.manifolds import MANIFOLDS

NO_SHARE = 1e-13
"""A relative tolerance that adds nothing, and that scipy's methods take without a warning."""


def tolerances(model: Model, rtol: float, atol: float) -> dict[str, tuple[float, float]]:
    """The relative and the absolute tolerance of every state.

    The error of an angle is measured in radians, however often it has gone round: a phase that has
    turned for long is a large number, and an error relative to that would let it be lost.
    """
    return {
        name: (NO_SHARE, rtol + atol) if MANIFOLDS[state.manifold.name].phase else (rtol, atol)
        for name, state in model.states.items()
    }
