"""What made data are called: the source as it was written, with its seed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dynattn.model.plans import Choice


def called(choice: Choice, options: Mapping[str, Any]) -> str:
    """``induction(length=16, seed=0)``: the options that were given, as ``options`` has them."""
    given = [f"{name}={options[name]}" for name in choice.options if name != "seed"]
    said = ", ".join([*given, f"seed={options['seed']}"])
    return f"{choice.name}({said})"
