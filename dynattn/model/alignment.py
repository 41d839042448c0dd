"""Nodes of a layer and the places of a sequence: the same, in order, where they are as many."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from dynattn.model.terms import Place, Term

if TYPE_CHECKING:
    from dynattn.model.expressions import Context


def at_home(context: Context, term: Term) -> Term:
    """A quantity of a layer's own nodes as one of the places they stand for, or the other way.

    Inside a population of the layer, and at an end of a coupling, a quantity is one of its nodes;
    elsewhere in the layer it is one of the sequence.
    """
    draft, place = context.draft, term.type.place
    if context.layer is None or context.ends is not None or place.kind != "nodes":
        return term
    known = {**draft.populations, **draft.groups, **draft.places}
    size = known[place.name].size
    target = context.population
    if target is None or known[target].size != size:
        target = next((n for n, p in known.items() if p.layer is None and p.size == size), None)
    owners = {known[name].layer for name in (place.name, target) if name}
    if target in (None, place.name) or owners == {None} or None not in owners:
        return term
    kind = replace(term.type, place=Place("nodes", target))
    return Term("aligned", (term,), kind, term.span)
