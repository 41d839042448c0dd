"""z = g(z): Anderson's acceleration, then Newton's method, and the gradient of the solution.

Anderson, Journal of the ACM 12 (1965) 547; Walker and Ni, SIAM Journal on Numerical Analysis 49
(2011) 1715. The gradient is that of the implicit function: it costs one linear equation, and
nothing of the search is kept.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from dynattn.diagnostics.report import Diagnostic, NumericalError
from dynattn.solve.newton_krylov import newton_step, solve_linear

Map = Callable[[Tensor], Tensor]
"""[points, coordinates] to the same."""

MOST = 25
"""Evaluations before Newton's method goes on: what takes longer is stiff."""
NEWTON = 40
"""Its steps before a search is given up."""
DEPTH = 6
"""Earlier steps that the next one is made of."""
FINE, COARSE = 4.0, 4000.0
"""In rounding errors of the largest coordinate: where a search ends, and where it may end when
nothing more is gained."""
PATIENCE = 4
"""Evaluations without gain before a search may end short of FINE."""


@dataclass(frozen=True)
class Found:
    """The end of a search."""

    value: Tensor
    left: Tensor
    """[points, coordinates]: g(z) - z."""
    converged: Tensor
    """[points]."""
    evaluations: int


def fixed_point(g: Map, start: Tensor) -> Found:
    """z = g(z) near ``start`` [points, coordinates], without gradients."""
    with torch.no_grad():
        found = _Search(g, start.detach()).run()
        if bool(found.converged.all()):
            return found
        again = fixed_point_by_newton(g, start)
    return replace(again, evaluations=again.evaluations + found.evaluations)


def fixed_point_by_newton(g: Map, start: Tensor) -> Found:
    """The same, for maps that do not contract."""
    with torch.no_grad():
        return _Search(g, start.detach()).run_newton()


def with_gradient(g: Map, found: Tensor) -> Tensor:
    """g(z) at the solution z, with the gradient of the solution in all that g is made of."""
    value = g(found)
    if not (torch.is_grad_enabled() and value.requires_grad):
        return value
    point = found.detach().requires_grad_()
    with torch.enable_grad():
        image = g(point)

    def back(u: Tensor) -> Tensor:
        (pulled,) = torch.autograd.grad(image, point, u, retain_graph=True)
        return u - pulled

    def through(above: Tensor) -> Tensor:
        solved, known = solve_linear(back, above)
        if not known:
            message = "the gradient through an implicit step was not found"
            raise NumericalError(Diagnostic("E630", message, fix="take smaller steps"))
        return solved

    value.register_hook(through)
    return value


class _Search:
    def __init__(self, g: Map, start: Tensor) -> None:
        self.g, self.z = g, start
        self.depth = min(DEPTH, start.shape[-1])
        self.moves: list[Tensor] = []
        self.changes: list[Tensor] = []
        self.best = start.new_full(start.shape[:1], torch.inf)
        self.stuck = torch.zeros_like(self.best)
        self.done = torch.zeros_like(self.best, dtype=torch.bool)
        self.left, self.over, self.evaluations = start, False, 0

    def run(self) -> Found:
        last = None
        for _ in range(MOST):
            left = self._left()
            if self.over:
                break
            if last is not None:
                self.changes = [left - last, *self.changes][: self.depth]
            move = torch.where(self.done[:, None], 0.0, self._accelerated(left))
            self.moves = [move, *self.moves][: self.depth]
            self.z, last = self.z + move, left
        return self._found()

    def run_newton(self) -> Found:
        for _ in range(NEWTON):
            left = self._left()
            if self.over:
                break
            after = newton_step(self._counted, self.z, left)
            self.z = torch.where(self.done[:, None], self.z, after)
        return self._found()

    def _counted(self, z: Tensor) -> Tensor:
        self.evaluations += 1
        return self.g(z)

    def _left(self) -> Tensor:
        self.left = self._counted(self.z) - self.z
        self.done = self.done | self._ended(self.left)
        lost = not bool(torch.isfinite(self.left).all())
        self.over = lost or bool(self.done.all())
        return self.left

    def _found(self) -> Found:
        return Found(self.z, self.left, self.done, self.evaluations)

    def _ended(self, left: Tensor) -> Tensor:
        size = left.abs().amax(-1)
        gained = size < 0.5 * self.best
        self.stuck = torch.where(gained, 0.0, self.stuck + 1)
        self.best = torch.where(gained, size, self.best)
        rounding = torch.finfo(size.dtype).eps * self.z.abs().amax(-1)
        idle = (self.stuck >= PATIENCE) & (size <= COARSE * rounding)
        return (size <= FINE * rounding) | idle

    def _accelerated(self, left: Tensor) -> Tensor:
        """g(z) - z less what earlier moves make of it: the newest first, so that it stays."""
        if not self.changes:
            return left
        changes = torch.stack(self.changes, dim=-1)
        moves = torch.stack(self.moves[: len(self.changes)], dim=-1)
        q, r = torch.linalg.qr(changes)
        own = r.diagonal(dim1=-2, dim2=-1)
        used = own.abs() > 1e-9 * own.abs().amax(-1, keepdim=True)
        r = r + torch.diag_embed((~used).to(r) * torch.finfo(r.dtype).max)
        weights = torch.linalg.solve_triangular(r, q.mT @ left[..., None], upper=True)
        return left - ((moves + changes) @ weights)[..., 0]
