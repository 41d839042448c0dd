"""What depends on the parameters of a system alone is computed once a solve.

Where gradients are wanted it is not: the ways to them follow the parameters on their own. Nor is it
in what torch compiles, which folds such things itself.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import torch

from dynattn.solve.discrete import gradients_wanted

P = ParamSpec("P")
R = TypeVar("R")


def held(solves: Callable[P, R]) -> Callable[P, R]:
    """The same function of (system, states), within ``held()`` of the system if it has that."""

    @wraps(solves)
    def holding(*arguments: P.args, **named: P.kwargs) -> R:
        system: Any = arguments[0] if arguments else named["system"]
        states: Any = arguments[1] if len(arguments) > 1 else named["states"]
        hold = getattr(system, "held", None)
        compiled = named.get("compiled") or torch.compiler.is_compiling()
        if hold is None or compiled or gradients_wanted(system, states):
            return solves(*arguments, **named)
        with hold():
            return solves(*arguments, **named)

    return holding
