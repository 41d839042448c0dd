"""``train`` on measured series: numbers of the model are moved until it does what was measured.

``train fit { data series("phases.csv"); free K, omega; shoot 10 }``: columns of the file are named
like states and observables, and the sum of squared distances to them is made small.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from dynattn.model.clauses import by_word, positive
from dynattn.model.draft import Draft, head
from dynattn.model.plans import Fit
from dynattn.model.training import choice, free_parameters, refuse_setting
from dynattn.syntax import tree

SOURCE = "series"

CLAUSES = ("data", "free", "shoot", "steps", "seed")

ELSEWHERE = ("loss", "optimizer", "schedule", "clip", "batch", "epochs", "record", "accumulate")
"""Clauses of other trainings, whose place is taken by the sum of squares."""


def is_fit(declaration: tree.Experiment) -> bool:
    """Whether a ``train`` is one on measured series."""
    data = [i for i in declaration.clauses if isinstance(i, tree.Clause) and i.word == "data"]
    return declaration.kind == "train" and any(_is_series(item) for item in data)


def _is_series(clause: tree.Clause) -> bool:
    value = clause.values[0].value if clause.values else None
    function = value.function if isinstance(value, tree.Call) else value
    return isinstance(function, tree.Name) and function.name == SOURCE


def fit(draft: Draft, declaration: tree.Experiment) -> Fit | None:
    """One of them; None with diagnostics."""
    span = head(declaration.span)
    if draft.has_network:
        text = "a fit follows states through time, and this model is a network"
        fix = "leave the network out, or train it on samples: data arrays(..)"
        draft.errors.add("E690", text, span, fix)
        return None
    found = _clauses(draft, declaration)
    free = free_parameters(draft, found["free"]) if "free" in found else ()
    learned = any(p.learned and p.layer is None for p in draft.parameters.values())
    if not learned and "free" not in found:
        text = "nothing is there to be fitted"
        draft.errors.add("E690", text, span, "write free K, or declare what is fitted with learn")
    for name in free:
        if name in draft.whole:
            text = f"'{name}' multiplies an angle, and is a whole number: it cannot be fitted"
            notes = [(draft.whole[name], "here")]
            draft.errors.add("E690", text, found["free"].span, f"leave {name} out of free", notes)
    data = choice(draft, found["data"]) if "data" in found else None
    numbers = _numbers(draft, found)
    if data is None:
        return None
    return Fit(declaration.name or declaration.kind, span, data, free, **numbers)


def _clauses(draft: Draft, declaration: tree.Experiment) -> dict[str, tree.Clause]:
    kept = []
    for item in declaration.clauses:
        if isinstance(item, tree.Clause) and item.word in ELSEWHERE:
            text = f"{item.word} has no place in a fit, which makes the sum of squared distances "
            text += "to the series small"
            fix = f"leave out {item.word}; clauses are {', '.join(CLAUSES)}"
            draft.errors.add("E690", text, item.span, fix)
        else:
            kept.append(item)
    setting = partial(refuse_setting, draft)
    return by_word(draft, kept, CLAUSES, "{} has no place in train on series", setting)


def _numbers(draft: Draft, found: Mapping[str, tree.Clause]) -> dict[str, Any]:
    return {
        word: value
        for word in ("shoot", "steps", "seed")
        if word in found
        and (value := positive(draft, found[word], True, word == "seed")) is not None
    }
