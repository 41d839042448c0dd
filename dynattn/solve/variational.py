"""Tangent vectors carried along trajectories: the variational equations, by exact slopes.

A vector v at y moves by v' = Df(y) v. The maps that this makes from one time to the next do not
know of each other once the trajectory is known, so those of many stretches of time are solved side
by side.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from torch import Tensor
from torch.func import jvp

from dynattn.diagnostics.report import Span
from dynattn.model.parts import Law, State
from dynattn.model.terms import ManifoldUse
from dynattn.solve.adaptive import Demand, integrate_adaptively
from dynattn.solve.failures import Scene
from dynattn.solve.fixed import States
from dynattn.solve.methods import METHODS
from dynattn.solve.packing import Packing, packing_of
from dynattn.solve.rosenbrock import integrate_implicitly

VECTORS = "tangent vectors"
"""A name that no state has."""

MAX_STEPS = 200_000


@dataclass(frozen=True)
class Seen:
    """What solvers look at of a model."""

    states: Mapping[str, Any]
    laws: tuple[Law, ...]


class Variational:
    """A system's field beside that of tangent vectors [batch..., columns, n].

    Each point of the batch goes from a time of its own through a length of its own while the clock
    runs from 0 to 1.
    """

    def __init__(self, system: Any, packing: Packing, starts: Tensor, lengths: Tensor) -> None:
        self.system, self.packing = system, packing
        self.starts, self.lengths = starts, lengths
        some = next(iter(system.model.states.values()))
        plain = ManifoldUse("real", (), ())
        vectors = replace(some, name=VECTORS, manifold=plain, axes=(), velocity_of=None)
        states: dict[str, State] = {n: system.model.states[n] for n in packing.shapes}
        self.model = Seen({**states, VECTORS: vectors}, system.model.laws)

    def rates(self, t: Tensor, states: States) -> dict[str, Tensor]:
        """Of the states, and of the tangent vectors."""
        vectors = states[VECTORS].movedim(-2, 0)
        y = self.packing.pack({name: states[name] for name in self.packing.shapes})
        times = (self.starts + t * self.lengths).expand(vectors.shape[:-1])
        wide = replace(self.packing, batch=tuple(vectors.shape[:-1]))

        def field(points: Tensor) -> Tensor:
            return wide.pack(self.system.rates(times, wide.unpack(points)))

        points = y.expand(vectors.shape).contiguous()
        here, slopes = jvp(field, (points,), (vectors.contiguous(),))[:2]
        scale = self.lengths[..., None]
        found = self.packing.unpack(here[0] * scale)
        return {**found, VECTORS: (slopes * scale).movedim(0, -2)}

    def retract(self, states: States, steps: States) -> dict[str, Tensor]:
        """Tangent vectors are in no need of it."""
        own = {name: states[name] for name in self.packing.shapes}
        found = self.system.retract(own, {name: steps[name] for name in own})
        return {**found, VECTORS: states[VECTORS] + steps[VECTORS]}


def carried(
    system: Any,
    packing: Packing,
    y: Tensor,
    vectors: Tensor,
    times: tuple[Tensor, Tensor],
    tolerances: tuple[float, float],
    span: Span | None = None,
    stiff: bool = False,
) -> Tensor:
    """Where the flow carries tangent vectors [batch..., columns, n] at points y [batch..., n] from
    the first of the times [batch...] to the second, by tsit5, or rodas5p where it is ``stiff``.

    NumericalError E603 and E604, SpecError E632 of very many, as of ``solve``.
    """
    starts, ends = times
    here = replace(packing, batch=tuple(y.shape[:-1]))
    field: Any = Variational(system, here, starts, ends - starts)
    states = {**here.unpack(y), VECTORS: vectors}
    scene = Scene(field, packing_of(states, y.dim() - 1), None, span)
    method = METHODS["rodas5p" if stiff else "tsit5"]
    pair = method.implicit or method.tableau
    assert pair is not None
    demand = Demand(method.name, pair, method.order, *tolerances, MAX_STEPS, {})
    integrate = integrate_implicitly if stiff else integrate_adaptively
    found, _ = integrate(scene, states, (0.0, 1.0), demand)
    return found[VECTORS][-1]
