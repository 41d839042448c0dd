"""What a fit gives: numbers with errors, the series beside what the model does, and doubts."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dynattn.learn.estimates import Estimates, estimates_of
from dynattn.learn.series import Array
from dynattn.run.labelled import Labelled, Result, Variable, numbered
from dynattn.run.provenance import origin_of, versions

if TYPE_CHECKING:
    from dynattn.learn.fits import Work
    from dynattn.solve.fit_course import Course
    from dynattn.solve.multiple_shooting import Fitting


STATUS = {"settled": "finished", "stuck": "failed", "spent": "failed", "": "interrupted"}
"""Of a result, by how a fit ended."""


@dataclass(frozen=True)
class FitResult(Result):
    """``result["osc.theta"]`` is what the fitted model does [time, ...], ``"measured osc.theta"``
    the data, ``"K"`` and ``"K error"`` a number and its standard error.
    """

    estimates: Estimates
    notes: tuple[str, ...]
    """What a reader of the numbers has to know."""


def result_of(work: Work, fitting: Fitting, course: Course) -> FitResult:
    """Numbers, errors, series and residuals, wherever it stands."""
    series, model = work.series, work.compilation.model
    path = fitting.shot.measured[work.grid.real].cpu().numpy()
    turns = _turns(work, fitting)
    found = estimates_of(fitting, work.unknown, work.start, model, work.compilation.network)
    variables: dict[str, Variable] = {}
    place, sigma, lag = 0, {}, {}
    for name, values in series.measured.items():
        target = series.targets[name]
        fitted = path[:, place : place + target.count]
        fitted = fitted + turns[name] if target.phase and name in turns else fitted
        place += target.count
        apart = _apart(values, fitted, target.phase)
        axes = ("time", *(f"{name}.{k}" for k in range(len(target.shape))))
        for label, array in ((name, fitted), (f"measured {name}", fitted + apart),
                             (f"residual {name}", apart)):  # fmt: skip
            variables[label] = Variable(axes, array.reshape(-1, *target.shape))
        sigma[name] = float(np.sqrt(np.nanmean(apart**2)) * found.inflation)
        lag[name] = _correlation(apart)
    variables |= found.variables()
    count = int(np.isfinite(series.values).sum())
    notes = (*series.notes, *found.notes(), *_doubts(lag, sigma, count))
    return FitResult(
        name=work.plan.name,
        labelled=Labelled(numbered({"time": series.times}, variables), variables),
        settings={
            "model": model.name, "overrides": dict(work.compilation.overrides),
            "data": work.plan.data.span.text, "free": list(work.plan.free),
            "segments": len(work.grid.first), "method": work.clock.method,
            "step": work.clock.step, "rtol": work.clock.rtol,
        },
        seed=work.seed,
        versions=versions(),
        origin=origin_of(work.compilation),
        statistics={
            "steps": course.taken, "measurements": fitting.record.count,
            "unknowns": len(found.labels) + work.y.shape[1], "sigma": sigma,
            "autocorrelation": lag, "estimates": found.facts(),
            "undetermined": list(found.undetermined), "notes": list(notes),
        },
        status=STATUS[course.ended],
        parameters=found.arrays(),
        estimates=found,
        notes=notes,
    )  # fmt: skip


def _turns(work: Work, fitting: Fitting) -> dict[str, Array]:
    """By state [times, numbers]: whole turns that make its angles go on from segment to segment."""
    import torch

    ends, y = fitting.shot.ends[:-1], fitting.y
    jumps = 2 * math.pi * torch.round((ends - y[1:]) / (2 * math.pi)) * fitting.turning
    whole = torch.cat([torch.zeros_like(y[:1]), jumps.cumsum(0)])
    segment = work.grid.real.nonzero()[:, 0]
    return {
        name: turns[segment].reshape(len(segment), -1).cpu().numpy()
        for name, turns in work.packing.unpack(whole).items()
    }


def _apart(left: Array, right: Array, phase: bool) -> Array:
    plain = left - right
    return plain - 2 * np.pi * np.round(plain / (2 * np.pi)) if phase else plain


def _correlation(residuals: Array) -> float:
    """Of residuals with those one measurement later."""
    pair = np.isfinite(residuals[1:]) & np.isfinite(residuals[:-1])
    squares = np.nansum(residuals**2) / max(1, np.isfinite(residuals).sum())
    if not pair.any() or squares == 0:
        return 0.0
    return float((residuals[1:] * residuals[:-1])[pair].mean() / squares)


CORRELATED = 0.1


EXACT = 1e-6
"""Residuals below this are those of steps and rounding."""


def _doubts(lag: Mapping[str, float], sigma: Mapping[str, float], count: int) -> list[str]:
    """What speaks against the errors."""
    return [
        f"residuals of '{name}' go on from one measurement to the next (correlation {value:.2f}): "
        "the model misses something, and the errors are too small"
        for name, value in lag.items()
        if value > max(CORRELATED, 4 / math.sqrt(count)) and sigma[name] > EXACT
    ]
