"""The saturated equilibrium of states that stay above 0: what is absent could not grow.

With growth rates g(y) per head, it is the solution of the complementarity problem

    y >= 0,    g(y) <= 0,    y g(y) = 0.

For Lotka-Volterra, whose g is linear, it is where every community of positive abundances ends if
the interactions are weak enough (Hofbauer and Sigmund, *Evolutionary Games and Population
Dynamics*, 1998, chapter 15). Linear problems are solved exactly, by exchanging the species that
are there for those that are not, all that do not fit at once (block principal pivoting: Júdice and
Pires, Comput. Oper. Res. 21, 1994; it ends for every P-matrix), others by a sequence of linear
ones.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from dynattn.diagnostics.report import Diagnostic, NumericalError, Span
from dynattn.solve.equilibria import TOLERANCE, Rest
from dynattn.solve.jacobians import edges_of, jacobian
from dynattn.solve.packing import packing_of
from dynattn.solve.rest_problem import RestProblem
from dynattn.solve.settling import check_rests, relaxed
from dynattn.solve.symmetries import Symmetries

TINY = 1e-100
"""So much of what is absent tells how it would grow."""

PATIENCE = 10
"""Exchanges of all at once without fewer that do not fit; then of one at a time."""

EXCHANGES = 10
"""Exchanges at most, for each state."""

LINEARIZATIONS = 40

TIME = 200.0
"""Where that fails the model is let run so long, and it is tried from there."""

RARE = 1e-3
"""What is below this then, and falls, is taken for absent."""


def saturated_states(
    system: Any, span: Span | None = None,
    describe: Callable[[tuple[int, ...]], str] | None = None,
) -> dict[str, Tensor]:  # fmt: skip
    """The saturated equilibrium [batch..., nodes, ...] of a system with all states on ``positive``.

    SpecError E428, E621 and E636 where the laws are never at rest, NumericalError E681 where none
    was found.
    """
    check_rests(system, span)
    states = system.initial_states()
    packing = packing_of(states, len(system.batch_shape))
    problem = RestProblem(system, packing, Symmetries(packing), discrete=False)
    y = packing.pack(states)
    rest = saturated(problem, y)
    if not bool(rest.found.all()):
        rest = saturated(problem, _led(problem, y))
    if not bool(rest.found.all()):
        point = tuple(torch.nonzero(~rest.found)[0].tolist()) if rest.found.dim() else ()
        where = f" at {describe(point)}" if describe is not None else ""
        text = f"no saturated equilibrium was found{where}: interactions this strong may have none"
        fix = "let them be weaker, or let the model run: start init, until equilibrium"
        raise NumericalError(Diagnostic("E681", text, span, fix))
    return packing.unpack(rest.y)


def _led(problem: RestProblem, y: Tensor) -> Tensor:
    """Where the dynamics leads points, what is rare and falls taken away; y where numbers fail."""
    try:
        led = relaxed(problem, y, TIME)
    except NumericalError:
        return y
    with torch.no_grad():
        return torch.where((led < RARE) & (problem.field(led) < 0), 0.0, led)


def saturated(problem: RestProblem, y: Tensor) -> Rest:
    """The saturated equilibria [batch..., n] of states that are all on ``positive``, sought from
    points y: of what is above 0 there, and of growth as it is there. What was not found is not
    ``found``.
    """
    front, n = y.shape[:-1], y.shape[-1]
    problem = problem.alone(front)
    growth = _Growth(problem)
    with torch.no_grad():
        here = y.clamp(min=0.0)
        found = torch.zeros(front, dtype=torch.bool, device=y.device)
        count = torch.zeros(front, dtype=torch.long, device=y.device)
        for _ in range(LINEARIZATIONS):
            rates, slopes = growth.linearized(here)
            constant = rates - (slopes @ here[..., None])[..., 0]
            flat = _complementary(
                slopes.reshape(-1, n, n), constant.reshape(-1, n), (here > 0).reshape(-1, n)
            )
            there, solved, exchanges = (x.reshape((*front, *x.shape[1:])) for x in flat)
            count = count + exchanges * ~found
            here = torch.where(found[..., None], here, there)
            found = found | (growth.fits(here) & solved)
            if bool((found | ~solved).all()):
                break
        return _result(problem, here, found, count)


class _Growth:
    """Growth rates per head, of what is absent too."""

    def __init__(self, problem: RestProblem) -> None:
        self.problem = problem
        self.wide = edges_of(problem.system)

    def rates(self, y: Tensor) -> Tensor:
        """[batch..., n]: g(y)."""
        little = torch.where(y > TINY, y, TINY)
        return self.problem.field(little) / little

    def linearized(self, y: Tensor) -> tuple[Tensor, Tensor]:
        """g(y) [batch..., n] and its slopes [batch..., n, n]."""
        return jacobian(lambda there: self.problem.field(there) / there,
                        torch.where(y > TINY, y, TINY), self.wide)  # fmt: skip

    def fits(self, y: Tensor) -> Tensor:
        """[batch...]: whether nothing changes and nothing absent grows."""
        rates = self.rates(y)
        return torch.where(y > 0, rates.abs(), rates).amax(-1) <= TOLERANCE


def _result(problem: RestProblem, y: Tensor, found: Tensor, count: Tensor) -> Rest:
    residual = problem.field(y).abs().amax(-1)
    drift = y.new_zeros(*y.shape[:-1], len(problem.symmetries.labels))
    return Rest(y, drift, residual, count, found, torch.zeros_like(found))


def _complementary(
    slopes: Tensor, constant: Tensor, present: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """y >= 0 with slopes y + constant <= 0 and one of both 0, for [points, n, n] and [points, n],
    from those ``present`` [points, n]: (y, whether it was found [points], how many exchanges it
    took [points]).
    """
    exchange = _Exchange(slopes, constant, present)
    for _ in range(EXCHANGES * slopes.shape[-1]):
        if not exchange.step():
            break
    return exchange.y, exchange.fits, exchange.count


class _Exchange:
    """Which species are there, for many communities at once."""

    def __init__(self, slopes: Tensor, constant: Tensor, present: Tensor) -> None:
        points, n = constant.shape
        self.slopes, self.constant, self.present = slopes, constant, present.clone()
        self.y = torch.zeros_like(constant)
        self.fits = torch.zeros(points, dtype=torch.bool, device=slopes.device)
        self.count = torch.zeros(points, dtype=torch.long, device=slopes.device)
        self.least = torch.full_like(self.count, n + 1)
        self.patience = torch.full_like(self.count, PATIENCE)
        self.going = torch.ones_like(self.fits)

    def step(self) -> bool:
        """Solve those that go on, and exchange what does not fit; whether any goes on."""
        k = torch.nonzero(self.going)[:, 0]
        present, slopes, constant = self.present[k], self.slopes[k], self.constant[k]
        y, rates, regular = _with(present, slopes, constant)
        rounding = 1e-12 * torch.where(present, y, rates).abs().amax(-1, keepdim=True).clamp(min=1)
        wrong = torch.where(present, y < 0, rates > rounding)
        few = wrong.sum(-1)
        self.y[k] = y.clamp(min=0.0) * present
        self.fits[k] = regular & (few == 0)
        self.going[k] = regular & (few > 0)
        better = few < self.least[k]
        self.least[k] = torch.where(better, few, self.least[k])
        self.patience[k] = torch.where(better, PATIENCE, self.patience[k] - 1)
        alone = (self.patience[k] < 0)[:, None]
        self.present[k] = present ^ torch.where(alone, _last(wrong), wrong)
        self.count[k] += few > 0
        return bool(self.going.any())


def _with(present: Tensor, slopes: Tensor, constant: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """(abundances where no growth is left of those present, growth rates, whether regular)."""
    there = present.to(slopes.dtype)
    matrix = slopes * there[:, :, None] * there[:, None, :] + torch.diag_embed(1.0 - there)
    y, info = torch.linalg.solve_ex(matrix, -(constant * there)[..., None])
    rates = (slopes @ y)[..., 0] + constant
    return y[..., 0], rates, (info == 0) & torch.isfinite(y).all(-1).all(-1)


def _last(wrong: Tensor) -> Tensor:
    """Of each row the last that is true: exchanged alone, no set of species comes twice (Murty)."""
    behind = wrong.flip(-1).cumsum(-1).flip(-1)
    return wrong & (behind == 1)
