"""Arrays that no machine holds are refused before anything is made."""

from __future__ import annotations

from collections.abc import Sequence

from dynattn.diagnostics.report import Span
from dynattn.model import constants
from dynattn.model.draft import Draft
from dynattn.vocabulary.sizes import Size

MOST = 2**40
"""Bytes: 1 TiB."""
BYTES = 8


def refuse_too_large(draft: Draft) -> None:
    """E328 for every state and parameter of more than 1 TiB, with the memory it would take."""
    for state in draft.states.values():
        if state.coupling:
            continue  # edges are counted where they are declared
        size = draft.populations[state.population].size
        if state.population not in draft.unsized and state.velocity_of is None:
            _refuse(draft, f"the state '{state.name}'", (size, *state.shape), state.span)
    for parameter in draft.parameters.values():
        nodes = draft.populations.get(parameter.place.name)
        if parameter.place.kind == "edges" or (nodes and nodes.name in draft.unsized):
            continue
        front = () if nodes is None else (nodes.size,)
        _refuse(draft, f"'{parameter.name}'", (*front, *parameter.shape), parameter.span)


def _refuse(draft: Draft, what: str, shape: Sequence[Size], span: Span) -> None:
    count = 1
    for size in shape:
        count *= constants.count(draft, size) or 1
    if count * BYTES > MOST:
        gib = count * BYTES / 2**30
        text = f"{what} has {count:.3g} numbers, which take {gib:,.0f} GiB"
        fix = "choose smaller sizes: an array has at most 1,024 GiB"
        draft.errors.add("E328", text, span, fix)
