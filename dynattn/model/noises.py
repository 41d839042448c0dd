"""Noise: in which sense it is meant, and which methods are of that sense."""

from __future__ import annotations

from dynattn.model.parts import Law
from dynattn.model.terms import ManifoldUse, Term, walk
from dynattn.vocabulary.manifolds import MANIFOLDS

METHODS = ("euler", "heun")
"""Euler-Maruyama (Itô, on flat manifolds) and Heun's (Stratonovich, on the others)."""


def method_for(manifold: ManifoldUse) -> str:
    """The method of the sense in which noise on a manifold is meant."""
    return METHODS[0] if _is_flat(manifold) else METHODS[1]


def sense_problem(method: str, law: Law, manifold: ManifoldUse) -> str:
    """Why the noise of a law is not what a method of ``METHODS`` integrates, or ''."""
    assert law.noise is not None
    if _is_flat(manifold) and method == "heun" and _mentions_state(law.noise):
        text = f"the noise of '{law.state}' depends on the state, and is meant in Itô's sense"
        return f"{text}; 'heun' is Stratonovich's"
    if not _is_flat(manifold) and method == "euler":
        return f"noise on {manifold} is meant in Stratonovich's sense; 'euler' is Itô's"
    return ""


def _is_flat(manifold: ManifoldUse) -> bool:
    return MANIFOLDS[manifold.name].projection == "F"


def _mentions_state(noise: Term) -> bool:
    return any(term.op in ("state", "coupling") for term in walk(noise))
