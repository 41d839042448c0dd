"""What a run is measured by, each under one name, and the conditions of failure."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dynattn.diagnostics.report import Diagnostic, UsageError
from dynattn.diagnostics.suggest import did_you_mean
from dynattn.learn.evaluate import bits
from dynattn.learn.plan import Plan
from dynattn.learn.text import Alphabet, TextData

BITS, LOSS = "bits per character", "loss"

_TESTS: Mapping[str, Callable[[float, float], bool]] = {
    "<=": operator.le, ">=": operator.ge, "<": operator.lt, ">": operator.gt,
}  # fmt: skip


@dataclass(frozen=True)
class Failure:
    """``accuracy<0.85``: a run of which this is true has failed."""

    text: str
    measure: str
    sign: str
    bound: float

    def holds(self, values: Mapping[str, float]) -> bool:
        """Whether the run of these measurements has failed."""
        return _TESTS[self.sign](values[self.measure], self.bound)


def measures_of(plan: Plan) -> tuple[str, ...]:
    """The names of what is measured, the one to look at first: bits per character, else the first
    ``record`` that is not the loss, else the loss.
    """
    characters = isinstance(plan.data, TextData) and isinstance(plan.data.alphabet, Alphabet)
    first = (BITS,) if characters and bits(plan.training, 1.0) is not None else ()
    records = (record.label for record in plan.training.records if record.label != LOSS)
    return tuple(dict.fromkeys((*first, *records, LOSS)))


def measured_values(line: Mapping[str, Any]) -> dict[str, float]:
    """The measurements by name that a line of a log, or a result, holds."""
    values = {**line["records"], LOSS: line["loss"]}
    if line["bits_per_character"] is not None:
        values[BITS] = line["bits_per_character"]
    return {name: float(value) for name, value in values.items()}


def find_measure(name: str, known: Sequence[str], option: str) -> str:
    """The measure of this name, or the one that begins with it: ``accuracy`` for ``accuracy(logits,
    label)``; UsageError E725 where none or several do.
    """
    if name in known:
        return name
    found = [measure for measure in known if measure.startswith(name)] if name else []
    if len(found) == 1:
        return found[0]
    about = "nothing that is measured has" if not found else f"{', '.join(found)} all begin with"
    message = f"{option}: {about} the name '{name}'"
    fix = did_you_mean(name, known, f"there are: {', '.join(known)}; record it in train")
    raise UsageError(Diagnostic("E725", message, fix=fix))


def read_failure(text: str, known: Sequence[str]) -> Failure:
    """``NAME<NUMBER``, with ``<``, ``<=``, ``>`` or ``>=``; UsageError E725."""
    parts = re.fullmatch(r"\s*(.*\S)\s*(<=|>=|<|>)\s*(\S+)\s*", text)
    try:
        bound = float(parts[3]) if parts else math.nan
    except ValueError:
        bound = math.nan
    if parts is None or math.isnan(bound):
        message = f"--fail {text}: a condition is a measure, a sign and a number"
        raise UsageError(Diagnostic("E725", message, fix='write one as in --fail "accuracy<0.85"'))
    measure = find_measure(parts[1], known, f"--fail {text}")
    return Failure(text.strip(), measure, parts[2], bound)
