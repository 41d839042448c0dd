"""The step in which a solve of fixed steps fails, and the line: its last stretch once more."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch

from dynattn.diagnostics.report import Span
from dynattn.solve.failures import Scene, line_of, non_finite, refuse_non_finite
from dynattn.solve.fixed import States, advance, trajectory
from dynattn.solve.methods import Method

Refuse = Callable[[int, States, States], None]
"""refuses(k, the states at time k, those at time k - 1): NumericalError E603 if not finite."""


def refusal(
    scene: Scene, times: Sequence[float], method: Method, step: float, ends: Iterable[float]
) -> Refuse:
    """What looks at the states of every saved time.

    The steps of an explicit method without noise or past are taken again from the saved time
    before, to tell the one that fails, and the line of the first rate in it that is not finite.
    """
    again = _repeatable(scene.system, method)
    stops = {*ends}

    def refuse(k: int, point: States, earlier: States) -> None:
        if again and not all(bool(torch.isfinite(x).all()) for x in point.values()):
            _tell(scene, method, step, times[k - 1 : k + 1], stops, earlier)
        refuse_non_finite(scene, times[k], point, times[k - 1], earlier)

    return refuse


def _repeatable(system: Any, method: Method) -> bool:
    plain = method.tableau is not None and method.splitting is None
    return plain and not getattr(system, "noisy", ()) and not getattr(system, "late", ())


@torch.no_grad()
def _tell(
    scene: Scene,
    method: Method,
    step: float,
    stretch: Sequence[float],
    ends: set[float],
    start: States,
) -> None:
    watched = _Watched(scene)

    def taken(t: float, states: States, h: float, end: float | None) -> dict[str, torch.Tensor]:
        assert method.tableau is not None
        found = advance(watched, t, states, h, method.tableau, end)
        if not all(bool(torch.isfinite(x).all()) for x in found.values()):
            packed = [scene.packing.pack(x) for x in (found, states)]
            raise non_finite(scene, t + h, packed[0], t, packed[1], watched.span)
        return found

    for _ in trajectory(taken, start, stretch, step, ends):
        pass


class _Watched:
    """The field of a scene, which keeps the line of its first rate that is not finite."""

    def __init__(self, scene: Scene) -> None:
        self.scene, self.system = scene, scene.system
        self.span: Span | None = None

    def rates(self, t: torch.Tensor, states: States) -> dict[str, torch.Tensor]:
        """The rates of the field."""
        found = self.system.rates(t, states)
        if self.span is None and not all(bool(torch.isfinite(x).all()) for x in found.values()):
            self.span = line_of(self.scene, float(t), self.scene.packing.pack(states))
        return found

    def retract(self, states: States, steps: States) -> dict[str, torch.Tensor]:
        """The points where the steps lead."""
        return self.system.retract(states, steps)
