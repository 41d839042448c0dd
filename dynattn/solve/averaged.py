"""The averaged vector field: an implicit step that changes the energy by what is dissipated.

z1 = z0 + h integral of f over the straight line from z0 to z1 (Quispel and McLaren, Journal of
Physics A 41 (2008) 045206): for f = S grad H with constant S the energy changes by h times
grad H . S grad H, gradients averaged, whatever the step. With dissipation it falls by
sum dissipation (x1 - x0)^2 / h, without it stays. The integral is Gauss's with NODES points: exact
for forces that are polynomials, for others up to the power 2 NODES of the way in a step.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor

from dynattn.diagnostics.report import Diagnostic, NumericalError
from dynattn.solve.failures import Scene, non_finite
from dynattn.solve.fixed import States
from dynattn.solve.fixed_points import (
    Found,
    fixed_point,
    fixed_point_by_newton,
    with_gradient,
)

NODES = 8
SHARES = (1 / 256, 1 / 64, 1 / 16, 1 / 4)
"""Steps on the way to one whose end is not found from where it begins."""


class Averaged:
    """The steps of one system."""

    def __init__(self, scene: Scene) -> None:
        import numpy

        self.scene, self.packing = scene, scene.packing
        self.along = replace(self.packing, batch=(NODES, *self.packing.batch))
        places, weights = numpy.polynomial.legendre.leggauss(NODES)
        self.places, self.weights = 0.5 + 0.5 * places, 0.5 * weights
        self.evaluations = 0

    def __call__(
        self, t: float, states: States, h: float, end: float | None = None
    ) -> dict[str, Tensor]:
        """The states after a step of size h; ``end`` as in ``advance``: no place is at the end."""
        packed = self.packing.pack(states)
        before = packed.reshape(-1, packed.shape[-1])
        mapped = self._map(t, before, h)
        found = fixed_point(mapped, before)
        self.evaluations += NODES * found.evaluations
        if not bool(found.converged.all()):
            found = self._by_shorter_steps(t, before, h)
        if not bool(found.converged.all()):
            raise self._failure(t, before, h, found)
        after = with_gradient(mapped, found.value)
        return self.packing.unpack(after.reshape(packed.shape))

    def _by_shorter_steps(self, t: float, before: Tensor, h: float) -> Found:
        """The end of a step, looked for from the ends of shorter ones."""
        near = before
        for share in SHARES:
            found = self._newton(t, before, share * h, near)
            near = torch.where(found.converged[:, None], found.value, near)
        return self._newton(t, before, h, near)

    def _newton(self, t: float, before: Tensor, h: float, near: Tensor) -> Found:
        found = fixed_point_by_newton(self._map(t, before, h), near)
        self.evaluations += NODES * found.evaluations
        return found

    def _map(self, t: float, before: Tensor, h: float) -> Callable[[Tensor], Tensor]:
        """z to z0 + h times the mean of the rates from z0 to z, [points, coordinates]."""
        places = torch.as_tensor(self.places, dtype=before.dtype, device=before.device)
        weights = torch.as_tensor(self.weights, dtype=before.dtype, device=before.device)
        batch = self.packing.batch
        times = (t + h * places).reshape(-1, *[1] * len(batch))

        def mapped(z: Tensor) -> Tensor:
            line = before + places[:, None, None] * (z - before)
            states = self.along.unpack(line.reshape(NODES, *batch, -1))
            rates = self.along.pack(self.scene.system.rates(times, states))
            mean = torch.tensordot(weights, rates.reshape(NODES, *before.shape), 1)
            return torch.add(before, mean, alpha=h)

        return mapped

    def _failure(self, t: float, before: Tensor, h: float, found: Found) -> NumericalError:
        """E603 where a number is lost, else E630 with the number that is furthest off."""
        if not bool(torch.isfinite(found.left).all()):
            return non_finite(self.scene, t + h, found.left, t, before)
        off = torch.where(found.converged[:, None], 0.0, found.left).abs().flatten()
        name = self.scene.name(int(off.argmax()))
        message = (
            f"the implicit step of 'avf' from t = {t:.6g} to t = {t + h:.6g} was not found: "
            f"{name} is still off by {float(off.max()):.2g}"
        )
        fix = f"take smaller steps: step {abs(h) / 4:.2g}"
        return NumericalError(Diagnostic("E630", message, self.scene.span, fix))
