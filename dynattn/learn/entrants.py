"""The specs of a comparison: named, and refused where a comparison of them would mean nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch

from dynattn.compilation import Compilation
from dynattn.diagnostics.report import Collector, Diagnostic, SpecError, UsageError
from dynattn.learn.budget import Budget
from dynattn.learn.measures import measures_of
from dynattn.learn.plan import Plan, make_plan
from dynattn.lower.pairs import real_numbers
from dynattn.model.terms import Term, walk

TOLERANCE = 0.01
"""Numbers of parameters that differ by more of the first one's are told."""


@dataclass(frozen=True)
class Entrant:
    """One spec under the name it has in the comparison."""

    label: str
    compilation: Compilation = field(repr=False)
    plan: Plan = field(repr=False)
    parameters: int
    """How many numbers it learns."""

    @property
    def samples(self) -> int:
        """How many samples it is trained on, repeats counted."""
        return self.plan.steps * self.plan.training.batch


def read_entrants(specs: Mapping[str, Compilation], budget: Budget | None) -> tuple[Entrant, ...]:
    """The specs by name, each with its plan; SpecError with what is wrong in any of them, and
    E721 to E723 where they cannot be compared.
    """
    if len(specs) < 2:
        message = f"a comparison needs two specs or more, and there is {len(specs)}"
        raise UsageError(
            Diagnostic("E721", message, fix="name another: dynattn compare A.dyn B.dyn")
        )
    found = Collector()
    entrants = []
    for label, compilation in specs.items():
        _check_label(label, compilation)
        try:
            plan = make_plan(compilation.model, budget)
            entrants.append(Entrant(label, compilation, plan, count_parameters(compilation)))
        except SpecError as error:
            for item in error.diagnostics:
                found.add(item.code, item.message, item.span, item.fix, item.notes)
    found.raise_if_any()
    for one, other in pairwise(entrants):
        _check_data(one, other)
        _check_loss(one, other)
        _check_budget(one, other, budget)
    return tuple(entrants)


def _check_label(label: str, compilation: Compilation) -> None:
    if compilation.values:
        message = f"'{label}' is trained already, and a comparison trains every spec from its start"
        fix = "name the spec, not the folder of a run"
        raise UsageError(Diagnostic("E721", message, fix=fix))
    if not label or Path(label).name != label or label.startswith("."):
        message = f"'{label}' is no name for a spec: a folder is called like it"
        raise UsageError(Diagnostic("E721", message, fix="write letters, digits, _ and -"))


def count_parameters(compilation: Compilation) -> int:
    """How many numbers a spec learns."""
    system = compilation.build(dtype=torch.float32)
    return real_numbers(system.parameters())


def _check_data(one: Entrant, other: Entrant) -> None:
    """SpecError E722 where the two do not see the same samples."""
    first, second = (json_facts(item) for item in (one, other))
    names = dict.fromkeys((*first, *second))
    different = [name for name in names if first.get(name) != second.get(name)]
    if not different:
        return
    name = next((key for key in different if key != "sha256"), "sha256")
    before, now = (facts.get(name, "none") for facts in (first, second))
    if name == "sha256":
        paths = [item.plan.data.facts["path"] for item in (one, other)]
        text = f"{paths[0]} and {paths[1]} have other bytes"
    elif isinstance(before, str | int | float) and isinstance(now, str | int | float):
        text = f"{name} is {_short(before)} in one, {_short(now)} in the other"
    else:
        text = f"their {name} differ"
    message = f"'{one.label}' and '{other.label}' have different data: {text}"
    span = other.plan.training.data.span
    fix = "let both name the same data with the same options, or set what the options are made of"
    raise SpecError(Diagnostic("E722", message, span, fix))


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 24 else f"{text[:20]}.. ({len(text)} characters)"


def json_facts(entrant: Entrant) -> dict[str, Any]:
    """What the data is, wherever its file lies."""
    return {name: value for name, value in entrant.plan.data.facts.items() if name != "path"}


def _check_loss(one: Entrant, other: Entrant) -> None:
    """SpecError E722 where the two losses are not the same number of their outputs."""
    first, second = (item.plan.training.loss for item in (one, other))
    if _form(first) != _form(second):
        message = (
            f"'{one.label}' and '{other.label}' have different losses: '{first.span.text}' and "
            f"'{second.span.text}'"
        )
        fix = "give both the same loss; what else is to be compared is a record"
        raise SpecError(Diagnostic("E722", message, second.span, fix))


_OWN = ("output", "parameter", "state", "variable", "coupling", "let", "called")
"""Terms whose names are a spec's own choice."""


def _form(loss: Term) -> list[tuple[str, str]]:
    """What a loss computes, without the names that a spec chooses for itself."""
    return [
        (term.op, "" if term.op in _OWN else repr(term.payload))
        for term in walk(loss)
        if term.op not in ("let", "called")
    ]


def _check_budget(one: Entrant, other: Entrant, budget: Budget | None) -> None:
    """UsageError E723 where one of the two is trained on more samples, and nobody asked for it."""
    matched = budget is not None and budget.unit != "steps"
    if matched or one.samples == other.samples:
        return
    texts = [
        f"'{item.label}' {item.plan.steps} steps of {item.plan.training.batch}"
        for item in (one, other)
    ]
    message = f"the specs have different budgets: {texts[0]}, {texts[1]}"
    fix = f"give one for both: --samples {min(one.samples, other.samples)}"
    raise UsageError(Diagnostic("E723", message, fix=fix))


def remarks(entrants: Sequence[Entrant]) -> tuple[str, ...]:
    """What is not matched between specs that may be compared all the same."""
    first = entrants[0]
    found = []
    for other in entrants[1:]:
        share = other.parameters / first.parameters - 1
        if abs(share) > TOLERANCE:
            found.append(
                f"'{other.label}' learns {other.parameters:,} numbers, {share:+.1%} of the "
                f"{first.parameters:,} of '{first.label}'"
            )
        batches = [item.plan.training.batch for item in (first, other)]
        if batches[0] != batches[1]:
            found.append(
                f"the batches of '{first.label}' and '{other.label}' are not the same samples: "
                f"{batches[0]} and {batches[1]} each"
            )
    return tuple(found)


def common_measures(entrants: Sequence[Entrant]) -> tuple[str, ...]:
    """What all specs are measured by, in the order of the first."""
    others = [set(measures_of(item.plan)) for item in entrants[1:]]
    return tuple(
        name for name in measures_of(entrants[0].plan) if all(name in known for known in others)
    )
