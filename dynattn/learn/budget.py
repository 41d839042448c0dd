"""How long to train: a number of steps, epochs, samples or tokens, instead of what a spec says."""

from __future__ import annotations

import math
from dataclasses import dataclass

from dynattn.diagnostics.report import Diagnostic, UsageError
from dynattn.learn.parts import SamplesData
from dynattn.learn.text import TextData

UNITS = ("steps", "epochs", "samples", "tokens")


@dataclass(frozen=True)
class Budget:
    """So many of a unit: one of ``UNITS``."""

    unit: str
    amount: float

    def steps(self, batch: int, data: TextData | SamplesData) -> int:
        """Updates of ``batch`` samples each; UsageError E723 where tokens have no meaning."""
        if self.unit == "steps":
            return math.ceil(self.amount)
        samples = self.amount * (data.samples if self.unit == "epochs" else 1)
        if self.unit == "tokens":
            if not isinstance(data, TextData):
                message = "a number of tokens is a budget for windows of running text alone"
                fix = "give --steps, --epochs or --samples"
                raise UsageError(Diagnostic("E723", message, fix=fix))
            samples = self.amount / data.context
        return math.ceil(samples / batch)


def chosen_budget(**amounts: float | None) -> Budget | None:
    """The one that is given, of ``UNITS``; UsageError E723 for several, or for none above 0."""
    given = {unit: amount for unit, amount in amounts.items() if amount is not None}
    if not given:
        return None
    if len(given) > 1:
        named = " and ".join(f"--{unit}" for unit in given)
        message = f"{named} are given, and a budget is one of them"
        raise UsageError(Diagnostic("E723", message, fix="keep one"))
    ((unit, amount),) = given.items()
    if not (math.isfinite(amount) and amount > 0):
        message = f"--{unit} {amount:g} is no budget: nothing would be trained"
        raise UsageError(Diagnostic("E723", message, fix=f"give a number above 0: --{unit} 1000"))
    if unit in ("steps", "samples", "tokens") and amount != int(amount):
        message = f"--{unit} {amount:g}: there are no parts of one"
        fix = f"give a whole number: --{unit} {math.ceil(amount)}"
        raise UsageError(Diagnostic("E723", message, fix=fix))
    return Budget(unit, amount)
