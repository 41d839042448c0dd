"""The equations of an equilibrium near a point, as functions that can be differentiated again.

In tangent coordinates xi, with the drift c along symmetries and the slack of conserved sums (as in
``rest_problem``) and one parameter: E(xi, c, lambda) = 0, all 0 at the point itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from dynattn.solve.jacobians import along
from dynattn.solve.parameters import parameters_set
from dynattn.solve.sheets import Linearization


class Chart:
    """The equations near a point that may or may not be at rest."""

    def __init__(self, here: Linearization) -> None:
        self.here, self.local, self.problem = here, here.local, here.local.problem
        self.y, self.drift, self.m = here.point.y, here.drift, here.m
        self.border, self.size = here.local.border(), len(here.bordered)

    def rest(self, z: Tensor) -> Tensor:
        """E [m + k] at (xi [m], c [k], lambda, ...)."""
        xi, c = z[: self.m], z[self.m : self.size]
        point = self.here.point
        y = self.problem.moved(self.y, self.local.bases.lift(xi))
        settings = self.here.sheet.settings(point)
        name = self.here.sheet.names[0]
        with parameters_set(self.problem.system, settings | {name: point.values[0] + z[self.size]}):
            rates = self.problem.field(y)
        s = self.drift.shape[-1]
        if s:
            drift = self.drift + self.local.multiples @ c[:s]
            rates = rates - (self.problem.symmetries.generators(y) * drift[:, None]).sum(0)
        top = self.local.bases.drop(rates) + self.border.columns[:, s:] @ c[s:]
        return torch.cat([top, self.border.rows @ xi + self.border.corner() @ c])

    def zero(self) -> Tensor:
        """The point itself."""
        return self.y.new_zeros(self.size + 1)

    def slopes(self, *directions: Tensor) -> Tensor:
        """[.., m + k]: the derivatives along a direction of each of several sets [.., m + k]."""
        wide = [torch.nn.functional.pad(u, (0, 1)) for u in directions]
        return _slopes(self.rest, self.zero(), wide)


def _slopes(
    function: Callable[[Tensor], Tensor], z: Tensor, directions: Sequence[Tensor]
) -> Tensor:
    if not directions:
        return function(z)
    *others, last = directions
    return _slopes(lambda there: along(function, there, last), z, others)
