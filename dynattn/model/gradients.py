"""``gradient checkpointed``: how the gradients of what evolves are made."""

from __future__ import annotations

from collections.abc import Sequence

from dynattn.diagnostics.suggest import did_you_mean
from dynattn.model.clauses import only_value
from dynattn.model.draft import Draft
from dynattn.model.parts import Law
from dynattn.model.readouts import reached
from dynattn.model.weight_reads import drawn_anew
from dynattn.syntax import tree
from dynattn.vocabulary.solvers import GRADIENT_HABITS, GRADIENTS


def gradient_word(draft: Draft, clause: tree.Clause) -> str | None:
    """The word of the clause; None with a diagnostic."""
    value = only_value(draft, clause, "write gradient checkpointed")
    if value is None:
        return None
    word = value.name if isinstance(value, tree.Name) else clause.values[0].span.text
    if word in GRADIENTS:
        return word
    listed = f"there are {', '.join(GRADIENTS)}; without the clause it is exact, and cheapest"
    fix = did_you_mean(word, GRADIENTS, listed, GRADIENT_HABITS)
    draft.errors.add("E648", f"there is no gradient '{word}'", clause.span, fix)
    return None


def gradient_of_layer(
    draft: Draft, clause: tree.Clause, way: str, laws: Sequence[Law]
) -> str | None:
    """The word of ``evolve``, where it fits how the layer evolves; None with a diagnostic."""
    word = gradient_word(draft, clause)
    if word is None:
        return None
    text, fix = "", "leave it out, or write gradient checkpointed"
    if way == "until":
        text = "an equilibrium has the gradient of an implicit function, whatever led there"
        fix = "leave it out"
    elif word == "adjoint":
        text = "a layer takes steps of a fixed size, and these have exact gradients, no adjoint"
    elif word == "checkpointed" and (random := _random(draft, laws)):
        text = f"steps with {random} are not taken again from checkpoints"
        fix = "leave it out: all that the steps make is kept"
    if text:
        draft.errors.add("E648", text, clause.span, fix)
    return None if text else word


def _random(draft: Draft, laws: Sequence[Law]) -> str:
    """What another call of the same steps would draw anew, or ''."""
    if any(law.noise is not None for law in laws):
        return "noise"
    return drawn_anew(reached(draft, [term for law in laws for term in law.terms]))
