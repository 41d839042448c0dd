"""Parameters of a built system as unknowns: set for a while, and derivatives with respect to them.

What a spec computes once from a parameter when the system is built, draws among it, stays as it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from dynattn.lower.binding import table_of
from dynattn.solve.jacobians import pulled_back
from dynattn.solve.rest_problem import Local, RestProblem


@contextmanager
def parameters_set(system: Any, values: Mapping[str, Tensor | float]) -> Iterator[None]:
    """Parameters of a system, by full name, at other values inside the block: one number fills a
    whole parameter. KeyError where there is none of a name.
    """
    places = {name: table_of(system, name) for name in values}
    before = {name: table[key] for name, (table, key) in places.items()}
    try:
        for name, (table, key) in places.items():
            value = values[name]
            if not isinstance(value, Tensor):
                value = torch.full_like(before[name], value)
            table[key] = value.expand_as(before[name]) if value.dim() == 0 else value
        yield
    finally:
        for name, (table, key) in places.items():
            table[key] = before[name]


def slopes_by(problem: RestProblem, y: Tensor, names: Sequence[str]) -> Tensor:
    """[parameters, batch..., n]: how the packed rates at points y [batch..., n] change with each
    parameter; of one that nodes differ by, with what is added to all of them.
    """
    found = []
    for name in names:
        table, key = table_of(problem.system, name)
        value = table[key].detach().requires_grad_()
        with torch.enable_grad(), parameters_set(problem.system, {name: value}):
            rates = problem.field(y.detach())
            if not rates.requires_grad:
                found.append(torch.zeros_like(y))
                continue
            # what a covector pulls back is linear in it: its slope is that of the rates
            covector = torch.zeros_like(rates, requires_grad=True)
            (pulled,) = torch.autograd.grad(rates, value, covector, create_graph=True)
            found.append(torch.autograd.grad(pulled.sum(), covector)[0].detach())
    return torch.stack(found)


def slopes_at(local: Local, names: Sequence[str], values: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """(rates [n], the rows [m, n] of their Jacobian in tangent coordinates, how these change with
    each parameter [parameters, m]) at one point, where the parameters have these values.
    """
    problem = local.problem

    def rates(y: Tensor, *numbers: Tensor) -> Tensor:
        with parameters_set(problem.system, dict(zip(names, numbers, strict=True))):
            return problem.field(y)

    numbers = [number.to(local.y) for number in values]
    field, (rows, *slopes) = pulled_back(rates, (local.y, *numbers), local.covectors())
    return field, rows, torch.stack(slopes)
