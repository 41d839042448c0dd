"""``in 0 .. 10``: a range is for numbers that the text sets."""

from __future__ import annotations

from collections.abc import Iterator

from dynattn.model.draft import Draft
from dynattn.model.parts import Draw
from dynattn.model.terms import Term
from dynattn.syntax import tree

FIXES = {
    "a state": "put it on a manifold: positive, sphere(3), ..",
    "what is learned": "put it on a manifold, or use softplus or sigmoid of it",
    "what is drawn": "draw from uniform(LOW, HIGH), or leave the range out",
}
"""What to do about a range of something that no range can hold."""


def check_range(
    draft: Draft, entry: tree.Quantity, init: Term | Draw, learned: bool, inner: bool
) -> None:
    """E326 for a range of what is drawn or learned; E306 for an array with a number outside, and
    for a number outside of ``inner`` declarations: that of the model is checked when it is set.
    """
    if learned:
        refuse_range(draft, entry, "what is learned")
    elif isinstance(init, Draw):
        refuse_range(draft, entry, "what is drawn")
    elif (entry.axes or inner) and isinstance(entry.limits, tree.Range):
        _check_numbers(draft, entry, entry.limits, init)


def refuse_range(draft: Draft, entry: tree.Quantity, what: str) -> None:
    """E326 where a range is written that would hold nothing."""
    if entry.limits is not None:
        draft.errors.add("E326", f"{what} has no range", entry.limits.span, FIXES[what])


def _check_numbers(draft: Draft, entry: tree.Quantity, limits: tree.Range, init: Term) -> None:
    from dynattn.model.constants import NotConstant, number

    try:
        low, high = number(draft, limits.first), number(draft, limits.last)
    except NotConstant:
        return  # told where the range is read
    try:
        whole = None if entry.init is None else number(draft, entry.init.value)
    except NotConstant:
        whole = None
    for value, term in _numbers(init) if whole is None else ((whole, init),):
        if not low <= value <= high:
            text = f"{value:g} in '{entry.name}' is outside its range {low:g} .. {high:g}"
            fix = "choose a value inside, or widen the range"
            draft.errors.add("E306", text, term.span, fix)


def _numbers(term: Term) -> Iterator[tuple[float, Term]]:
    """The constants that a value is made of, if it is nothing else."""
    if term.op == "number":
        yield term.payload, term
    elif term.op == "neg" and term.args[0].op == "number":
        yield -term.args[0].payload, term
    elif term.op == "array":
        for item in term.args:
            yield from _numbers(item)
