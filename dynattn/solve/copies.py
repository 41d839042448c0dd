"""Exact Jacobians of packed fields by reverse differentiation, every row at a copy of the points.

One pass forwards and one back over [rows, points.., n] cost little more than the rates do, where
forward differentiation through torch.func costs twenty times as much. Nothing of it is recorded.
"""

from __future__ import annotations

from dataclasses import replace
from math import prod

import torch
from torch import Tensor
from torch._C._functorch import peek_interpreter_stack  # pyright: ignore  # no stubs

from dynattn.lower.module import System
from dynattn.solve.discrete import gradients_wanted
from dynattn.solve.fixed import States
from dynattn.solve.packed import PackedField

WIDTH = 2**19
"""Numbers, of all rows together, that one pass may hold for each intermediate result."""


class Copies:
    """The field of some points, taken at copies of all of them.

    ``wide``: numbers that one evaluation holds of a point at most, if more than its states.
    """

    def __init__(self, field: PackedField, wide: int = 0) -> None:
        self.field, self.wide = field, wide
        self.batch = tuple(field.packing.batch)
        self.fields: dict[int, PackedField] = {}

    def linearized(self, t: Tensor, y: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Rates [batch.., n], their Jacobian [batch.., n, n], their derivative by time
        [batch.., n] at t [batch..] or one time, y [batch.., n].
        """
        n, front = y.shape[-1], [1] * len(self.batch)
        with torch.inference_mode(False), torch.enable_grad():
            t, y = (x.detach().clone() for x in (t, y))
            count = max(1, min(n, WIDTH // (prod(self.batch) * max(n, self.wide))))
            unit = torch.eye(n, dtype=y.dtype, device=y.device).reshape(n, *front, n)
            parts = [self._rows(t, y, rows) for rows in unit.split(count)]
        rates, slopes, clocks = zip(*parts, strict=True)
        return rates[0], torch.cat(slopes).movedim(0, -2), torch.cat(clocks).movedim(0, -1)

    def _rows(self, t: Tensor, y: Tensor, rows: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Rates, and [rows, ..] of the Jacobian and of the derivative by time."""
        count = len(rows)
        times = t.expand(count, *self.batch).clone().requires_grad_()
        points = y.expand(count, *y.shape).clone().requires_grad_()
        rates = self._copied(count).rates(times, points)
        if not rates.requires_grad:
            return rates[0], torch.zeros_like(points), torch.zeros_like(times)
        slopes, clocks = torch.autograd.grad(
            rates, (points, times), rows.expand(points.shape), allow_unused=True
        )
        slopes = torch.zeros_like(points) if slopes is None else slopes
        clocks = torch.zeros_like(times) if clocks is None else clocks
        return rates[0].detach(), slopes, clocks

    def _copied(self, count: int) -> PackedField:
        if count not in self.fields:
            scene = self.field.scene
            packing = replace(scene.packing, batch=(count, *self.batch))
            self.fields[count] = PackedField(replace(scene, packing=packing))
        return self.fields[count]


def copies_of(field: PackedField, states: States, wide: int) -> Copies | None:
    """None where the way back is not to be had: gradients of the solve are wanted, torch.func
    differentiates it, or parameters were made in inference mode.
    """
    system = field.system
    if not isinstance(system, System) or gradients_wanted(system, states):
        return None
    mapped = peek_interpreter_stack() is not None
    if mapped or torch.autograd.forward_ad._current_level >= 0 or torch.compiler.is_compiling():
        return None
    assert system._field is not None
    tables = [table[key] for table, key in system._field.tables]
    tables += [signal.values for signal in system.signals.values()]
    frozen = any(isinstance(x, Tensor) and x.is_inference() for x in tables)
    return None if frozen else Copies(field, wide)
