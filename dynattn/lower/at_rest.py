"""A layer that runs until it is at rest: it is let run, and Newton's method goes the last way.

Samples of a batch are problems of their own. The way is not recorded: at rest f(y, p) = 0, so a
gradient g by the states is -g A^-1 df/dp by everything else, with A = df/dy, one linear system a
sample. On curved manifolds A is the derivative of G(v) = f(y + v) + (y + v) - y - v at v = 0, the
first two sums retracted: on tangent vectors df/dy, on those that the retraction undoes -1.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import prod
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from dynattn.diagnostics.report import Diagnostic, NumericalError, Span
from dynattn.lower.inspection import first_not_finite
from dynattn.lower.krylov import gmres
from dynattn.lower.relaxation import Relaxation
from dynattn.lower.routine import Routine

Evaluate = Callable[[Routine, dict[str, Any]], dict[str, Any]]

NEAR = 1e-3
"""Newton begins where no rate is larger than this part of the states, or of 1."""

ITERATIONS = 20
FORCING = 1e-4
"""Of a Newton step, relative to the residual."""

TOUCHING = 1e-9
"""Nobody asks whether a point this near to an equilibrium is on its way there."""


@dataclass(frozen=True)
class RestOfLayer:
    """One use of a layer on samples [batch...], its states packed [batch..., n] as real numbers."""

    layer: str
    rate: Routine
    retraction: Routine
    environment: Mapping[str, Any]
    ranks: Mapping[str, int]
    """Axes of each state behind the batch."""
    discrete: bool
    rtol: float
    span: Span | None

    def states(self) -> dict[str, Tensor]:
        """The states [batch..., own axes] that the layer begins with."""
        found = {name: self.environment[f"state {name}"] for name in self.ranks}
        rates = self.rate(self.environment)
        fronts = [
            x.shape[: x.dim() - self.ranks[name]]
            for values in (found, rates) for name, x in values.items()
        ]  # fmt: skip
        batch = torch.broadcast_shapes(self.environment.get("batch", ()), *fronts)
        return {
            name: x.expand(*batch, *x.shape[x.dim() - self.ranks[name] :])
            for name, x in found.items()
        }

    def problem(self, states: Mapping[str, Tensor]) -> Problem:
        """Where the rates of the layer are 0, for states of these shapes."""
        shapes = {n: tuple(x.shape[x.dim() - self.ranks[n] :]) for n, x in states.items()}
        whole = frozenset(n for n, x in states.items() if x.is_complex())
        return Problem(self, shapes, whole)

    def settle(self, evaluate: Evaluate) -> dict[str, Tensor]:
        """The states at rest, as functions of all that the rates read.

        NumericalError E638 where they do not come to rest; backwards E639 where the equilibrium is
        not alone.
        """
        with torch.no_grad():
            begun = self.states()
            problem = self.problem(begun)
            y = self._found(problem, problem.pack(begun))
        rates = evaluate(self.rate, {**self.environment, **problem.named(y)})
        if torch.is_grad_enabled():
            left = problem.residual(rates, y)
            y = _Implicit.apply(left, y, self._adjoint(problem, y))
        return problem.unpack(y)  # type: ignore[arg-type]

    def _found(self, problem: Problem, y: Tensor) -> Tensor:
        """Where points lead that the layer begins with."""
        moving = Relaxation(problem.field, problem.moved, y, self.discrete, self.rtol)
        bound = problem.tolerance(y, moving.rates)
        found = torch.zeros(y.shape[:-1], dtype=torch.bool, device=y.device)
        ends, near = y, NEAR
        while True:
            moving.run(near, ~found)
            rest, size = newton(problem, moving.y)
            still = moving.size <= bound
            reached = (size <= bound) & self._leads_there(problem, moving, rest)
            fresh = (reached | still) & ~found
            where = torch.where((size < moving.size)[..., None], rest, moving.y)
            ends = torch.where(fresh[..., None], where, ends)
            found = found | fresh
            if bool(found.all()):
                return ends
            if bool((moving.spent | found).all()):
                raise self._restless(problem, moving, found)
            near *= 0.1

    def _leads_there(self, problem: Problem, moving: Relaxation, rest: Tensor) -> Tensor:
        """Whether the layer is on its way to these points, and does not just pass by."""
        way, rates = rest - moving.y, moving.rates
        apart = way.norm(dim=-1)
        if self.discrete:
            return ((way - rates).norm(dim=-1) < apart) | (apart <= TOUCHING)
        return ((rates * way).sum(-1) > 0) | (apart <= TOUCHING)

    def _adjoint(self, problem: Problem, y: Tensor) -> Callable[[Tensor], Tensor]:
        """What solves with the transposed matrix, exactly."""
        accuracy = 100 * torch.finfo(y.dtype).eps

        def solved(right: Tensor) -> Tensor:
            with torch.enable_grad():
                v = torch.zeros_like(y).requires_grad_()
                left = problem.local(y, v)
            if left.requires_grad:
                product = lambda u: torch.autograd.grad(left, v, u, retain_graph=True)[0]  # noqa: E731
                found, rest = gmres(product, right, accuracy)
            else:
                found, rest = right, right.norm(dim=-1)
            if not bool((rest <= torch.finfo(y.dtype).eps ** 0.4).all()):
                raise self._free(rest)
            return found

        return solved

    # ── what goes wrong ────────────────────────────────────────────────────────────────────────

    def _restless(
        self, problem: Problem, moving: Relaxation, found: Tensor
    ) -> NumericalError:  # fmt: skip
        point = tuple(torch.nonzero(~found)[0].tolist())
        where = f" in sample {', '.join(map(str, point))}" if point else ""
        notes = []
        if bool(torch.isfinite(moving.rates[point]).all()) and not bool(moving.lost[point]):
            size, time = float(moving.size[point]), float(moving.time[point])
            passed = f"after {time:.0f} updates" if self.discrete else f"at t = {time:.4g}"
            text = f"layer '{self.layer}' does not come to rest{where}: {passed} "
            text += f"it still changes by {size:.3g}" if self.discrete else f"a rate is {size:.3g}"
            fix = "phases that drift together are not at rest: anchor them; or evolve so far: t"
        else:
            text = f"the numbers of layer '{self.layer}' are lost on the way to rest{where}"
            _, slots = self.rate.watched({**self.environment, **problem.named(moving.y)})
            node = first_not_finite(self.rate, slots)
            if node is not None and node.span is not None:
                notes = [(node.span, "the first that is not finite")]
            fix = "let something hold the states back, a drift -x for one"
        return NumericalError(Diagnostic("E638", text, self.span, fix, tuple(notes)))

    def _free(self, rest: Tensor) -> NumericalError:
        point = torch.nonzero(~(rest <= torch.finfo(rest.dtype).eps ** 0.4))[0].tolist()
        where = f" in sample {', '.join(map(str, point))}" if point else ""
        text = (
            f"where layer '{self.layer}' is at rest has no gradient{where}: it is not alone there"
        )
        fix = "hold the states with a force of their own, an anchor for phases"
        return NumericalError(Diagnostic("E639", text, self.span, fix))


@dataclass(frozen=True)
class Problem:
    """f(y) = 0 for packed states y [..., n]; of a map, f is what an update changes."""

    layer: RestOfLayer
    shapes: Mapping[str, tuple[int, ...]]
    whole: frozenset[str]
    """The complex states: their real and imaginary parts are packed."""

    def pack(self, states: Mapping[str, Tensor]) -> Tensor:
        """One row of real numbers for each sample."""
        parts = []
        for name, shape in self.shapes.items():
            x = states[name]
            front = x.shape[: x.dim() - len(shape)]
            if name in self.whole:
                x = torch.view_as_real(x.resolve_conj())
            parts.append(x.reshape(*front, -1))
        batch = torch.broadcast_shapes(*(part.shape[:-1] for part in parts))
        return torch.cat([part.expand(*batch, part.shape[-1]) for part in parts], dim=-1)

    def unpack(self, y: Tensor) -> dict[str, Tensor]:
        """The states again."""
        sizes = [prod(shape) * (2 if n in self.whole else 1) for n, shape in self.shapes.items()]
        found = {}
        for (name, shape), part in zip(self.shapes.items(), y.split(sizes, dim=-1), strict=True):
            if name in self.whole:
                part = torch.view_as_complex(part.reshape(*part.shape[:-1], -1, 2).contiguous())
            found[name] = part.reshape(*part.shape[:-1], *shape)
        return found

    def named(self, y: Tensor) -> dict[str, Tensor]:
        """Them by their keys in an environment."""
        return {f"state {name}": x for name, x in self.unpack(y).items()}

    def residual(self, rates: Mapping[str, Tensor], y: Tensor) -> Tensor:
        """f at y, from what the layer's routine gives there."""
        wide = {}
        for name, x in self.unpack(y).items():
            wide[name] = rates[name].expand(x.shape)
            if name in self.whole:
                wide[name] = wide[name].to(x.dtype)
        packed = self.pack(wide)
        return packed - y if self.layer.discrete else packed

    def field(self, y: Tensor) -> Tensor:
        """f at y."""
        environment = {**self.layer.environment, **self.named(y)}
        return self.residual(self.layer.rate(environment), y)

    def moved(self, y: Tensor, v: Tensor) -> Tensor:
        """Where tangent vectors lead."""
        if self.layer.discrete:
            return y + v
        steps = {f"placeholder v {name}": x for name, x in self.unpack(v).items()}
        found = self.layer.retraction({**self.layer.environment, **self.named(y), **steps})
        states = self.unpack(y)
        return self.pack({name: found[name].expand(x.shape) for name, x in states.items()})

    def local(self, y: Tensor, v: Tensor) -> Tensor:
        """G(v) at y."""
        there = self.moved(y, v)
        return self.field(there) + (there - y - v)

    def tolerance(self, y: Tensor, rates: Tensor) -> Tensor:
        """[batch...]: at rest, no rate is larger; of states and rates of size 1, 1e-10."""
        size = torch.stack([y.abs().amax(-1), rates.abs().amax(-1)]).amax(0).clamp(min=1.0)
        return torch.finfo(y.dtype).eps ** 0.64 * torch.nan_to_num(size, nan=1.0, posinf=1.0)


def newton(problem: Problem, y: Tensor) -> tuple[Tensor, Tensor]:
    """(points near y [batch..., n] at rest, the largest rate there [batch...]).

    Slopes are differences, which the steps forgive; the rates are exact.
    """
    rates = problem.field(y)
    size = rates.abs().amax(-1)
    going = torch.isfinite(size)
    epsilon = torch.finfo(y.dtype).eps ** 0.5
    for _ in range(ITERATIONS):
        scale = epsilon * y.abs().amax(-1, keepdim=True).clamp(min=1.0)

        def product(
            u: Tensor, y: Tensor = y, rates: Tensor = rates, scale: Tensor = scale
        ) -> Tensor:
            length = u.norm(dim=-1, keepdim=True)
            unit = u / torch.where(length > 0, length, 1.0)
            return (problem.local(y, scale * unit) - rates) / scale * length

        step, _ = gmres(product, torch.where(going[..., None], -rates, 0.0), FORCING)
        there = problem.moved(y, step)
        after = problem.field(there)
        better = going & (after.abs().amax(-1) < 0.5 * size)
        y = torch.where(better[..., None], there, y)
        rates = torch.where(better[..., None], after, rates)
        size, going = rates.abs().amax(-1), better
        if not bool(going.any()):
            break
    return y, size


class _Implicit(torch.autograd.Function):
    """y, with -A^-1 for its derivative by what is left of the rates there."""

    @staticmethod
    def forward(ctx: Any, left: Tensor, y: Tensor, adjoint: Callable[[Tensor], Tensor]) -> Tensor:
        ctx.adjoint = adjoint
        return y.clone()

    @staticmethod
    def backward(ctx: Any, *pushes: Any) -> Any:
        return _backward(ctx, *pushes), None, None


@once_differentiable
def _backward(ctx: Any, push: Tensor) -> Tensor:
    return -ctx.adjoint(push)
