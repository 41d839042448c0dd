"""A grid of settings, each point repeated: points side by side, chunk after chunk, resumable."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dynattn.model.plans import Measurement, Plan, Simulation
from dynattn.run.clock import check_experiment
from dynattn.run.labelled import Result, in_parts
from dynattn.vocabulary.measurements import MEASUREMENTS

if TYPE_CHECKING:
    from dynattn.compilation import Compilation
    from dynattn.run.chunks import Failure
    from dynattn.run.results import ResultFolder
    from dynattn.run.signals import Given
    from dynattn.solve.compiler import Compiler

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Sweep(Result):
    """A sweep, finished or as far as it came. ``sweep["average(r) after 50"]`` finds a record.

    Every record has the axes of the grid in front (``K``, then ``repeat`` where there are several).
    """

    done: NDArray[np.bool_] = field(repr=False)
    """[grid...]: which points are finished; the others hold NaN."""
    failures: tuple[Failure, ...] = ()
    """Why there are no numbers at the points that failed."""

    @property
    def times(self) -> Array:
        """The saved times; KeyError where no series was recorded."""
        return self.labelled.times

    @property
    def series(self) -> dict[str, Array]:
        """What is one number over time, [repeat, time], of a simulation that is only repeated."""
        variables = self.labelled.variables.items()
        return in_parts({n: v.values for n, v in variables if v.axes == ("repeat", "time")})

    @property
    def swept(self) -> list[str]:
        """Names of the swept parameters: the axes of the grid but for the repeats."""
        grid = next(iter(self.labelled.variables.values())).axes[: self.done.ndim]
        return [axis for axis in grid if axis != "repeat"]

    @property
    def measured(self) -> dict[str, Array]:
        """What is one number for each point of the grid, [grid...]; complex ones in two parts."""
        variables = self.labelled.variables.items()
        return in_parts({n: v.values for n, v in variables if v.values.ndim == self.done.ndim})


def sweep(
    compilation: Compilation,
    simulation: Simulation,
    *,
    seed: int | None = None,
    device: str = "cpu",
    progress: Callable[[float], None] | None = None,
    folder: ResultFolder | None = None,
    signals: Given | None = None,
    compiled: bool | Compiler = False,
    workers: int | None = None,
    cluster: str | None = None,
) -> Sweep:
    """Solve every point of the grid ``repeat`` times; the numbers do not depend on who does.

    All points of a repeat share their draws. ``workers`` processes solve chunks of points, one
    thread each; None: as many as there are processors, where that pays. ``cluster`` is the address
    of a Dask scheduler, whose workers solve them instead. With ``folder`` every finished chunk is
    kept there, and what it holds already is not solved again.

    SpecError where the experiment cannot be run. Where the numbers fail at some points the others
    are still solved; then a NumericalError names those points, and its ``partial`` is the sweep
    without them.
    """
    check_experiment(compilation.model, simulation)
    from dynattn.run.collection import Collection
    from dynattn.run.points import with_points
    from dynattn.run.teams import team_for

    team = team_for(workers, cluster)
    simulation = with_points(compilation, simulation, seed=seed, device=device)
    work = Collection(
        compilation, simulation, seed=seed, device=device, signals=signals, compiled=compiled
    )
    found = work.run(folder, progress, team)
    assert isinstance(found, Sweep), "a collection of simulations"
    return found


def as_sweep(plan: Plan) -> bool:
    """Whether an experiment has more than one point, which may be shared out."""
    if isinstance(plan, Measurement):
        return bool(plan.settings) and not MEASUREMENTS[plan.kind].moves
    if not isinstance(plan, Simulation):
        return False
    return bool(plan.settings or plan.awaited) or plan.repeat > 1
