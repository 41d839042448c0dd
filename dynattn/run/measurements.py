"""``lyapunov`` and its like: what is measured at each of the settings, as one labelled result."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dynattn.diagnostics.report import SpecError
from dynattn.model.parts import Draw
from dynattn.model.plans import Measurement
from dynattn.run.clock import saved_times
from dynattn.run.labelled import Result, Variable, in_parts
from dynattn.run.measurement_refusals import measurement_refusals

if TYPE_CHECKING:
    import torch

    from dynattn.compilation import Compilation
    from dynattn.lower.module import System
    from dynattn.run.chunks import Failure
    from dynattn.run.results import ResultFolder

STARTS = 100
"""Where an experiment does not say how many."""

Array = NDArray[Any]
Progress = Callable[[float], None]


@dataclass(frozen=True)
class Task:
    """Points of the settings that are measured side by side."""

    compilation: Compilation
    plan: Measurement
    system: System
    states: Mapping[str, torch.Tensor] = field(repr=False)
    """[points, nodes, ...]: where each begins."""
    points: tuple[Mapping[str, float], ...]
    progress: Progress | None = field(repr=False)

    @property
    def times(self) -> Array:
        """The saved times."""
        return saved_times(self.plan.clock)

    @property
    def options(self) -> dict[str, Any]:
        """What solves are asked for."""
        clock = self.plan.clock
        return {
            "method": clock.method, "step": clock.step, "rtol": clock.rtol, "atol": clock.atol,
            "span": self.plan.span,
        }  # fmt: skip

    @property
    def drawn(self) -> bool:
        """Whether starts differ: states are drawn, or noise moves them."""
        model, begins = self.compilation.model, self.plan.clock.begins
        free = begins is None or begins.kind == "init"
        draws = any(isinstance(state.init, Draw) for state in model.lasting.values())
        return bool(self.system.noisy) or (free and draws)

    @property
    def count(self) -> int:
        """How many starts there are."""
        asked = self.plan.options["starts"]
        return (STARTS if self.drawn else 1) if asked is None else asked

    def starts(self) -> dict[str, torch.Tensor]:
        """[starts, points, nodes, ...]: the initial states, then as further repeats draw them."""
        import torch

        count = self.count
        begins = self.plan.clock.begins
        if begins is not None and begins.kind != "init":
            return {n: x.expand(count, *x.shape).clone() for n, x in self.states.items()}
        drawn = [self.states]
        for number in range(1, count):
            fresh = self.system.redrawn_states(number)
            drawn.append({n: x.expand(self.states[n].shape) for n, x in fresh.items()})
        return {n: torch.stack([one[n] for one in drawn]) for n in self.states}

    def describe(self, point: tuple[int, ...]) -> str:
        """A point of the batch in messages."""
        settings = self.points[point[-1]] if point else {}
        return ", ".join(f"{name} = {value:g}" for name, value in settings.items())


Measure = Callable[[Task], Mapping[str, Variable]]
"""measure(task) -> arrays [points, ...] by name; the axes do not name the points."""


def measure_of(kind: str) -> Measure:
    """What measures a kind."""
    from dynattn.run.balance import measure_balance
    from dynattn.run.basins import measure_basins
    from dynattn.run.hysteresis import measure_hysteresis
    from dynattn.run.locking import measure_locking
    from dynattn.run.lyapunov import measure_lyapunov
    from dynattn.run.passages import measure_passages

    known: dict[str, Measure] = {
        "lyapunov": measure_lyapunov,
        "passage": measure_passages,
        "hysteresis": measure_hysteresis,
        "basins": measure_basins,
        "locking": measure_locking,
        "balance": measure_balance,
    }
    return known[kind]


@dataclass(frozen=True)
class MeasurementResult(Result):
    """``result["exponents"]`` is [settings..., exponent], say: what the kind measures."""

    kind: str
    done: NDArray[np.bool_] = field(repr=False)
    """[settings...]: which points are finished; the others hold NaN."""
    failures: tuple[Failure, ...] = ()
    """Why there are no numbers at the points that failed."""

    @property
    def swept(self) -> list[str]:
        """Parameters with axes of their own, in front of the others."""
        return list(self.settings["grid"])

    @property
    def measured(self) -> dict[str, Array]:
        """What is one number at each point of the settings."""
        axes, variables = tuple(self.swept), self.labelled.variables.items()
        return in_parts({name: v.values for name, v in variables if v.axes == axes})


def check_measurement(compilation: Compilation, plan: Measurement) -> None:
    """SpecError with every reason why it cannot be run; builds nothing."""
    if found := measurement_refusals(compilation.model, plan):
        raise SpecError(found)


def run_measurement(
    compilation: Compilation,
    plan: Measurement,
    *,
    seed: int | None = None,
    device: str = "cpu",
    progress: Progress | None = None,
    folder: ResultFolder | None = None,
    workers: int | None = 1,
    cluster: str | None = None,
) -> MeasurementResult:
    """Measure at every point of the settings; ``seed`` None is the compilation's, else the
    experiment's own. ``folder``, ``workers`` and ``cluster`` as in ``sweep``, whose errors there
    are, and those of ``check_measurement``: points that fail are told of, and the rest goes on.
    """
    from dynattn.run.measured import MeasuredCollection
    from dynattn.run.points import with_points
    from dynattn.run.systems import seed_of
    from dynattn.run.teams import team_for

    check_measurement(compilation, plan)
    team = team_for(workers, cluster)
    chosen = seed_of(compilation, plan.clock, seed)
    clock = with_points(compilation, plan.clock, seed=chosen, device=device)
    work = MeasuredCollection(compilation, replace(plan, clock=clock), seed=chosen, device=device)
    found = work.run(folder, progress, team)
    assert isinstance(found, MeasurementResult), "a collection of measurements"
    return found
