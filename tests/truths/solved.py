"""Specs of the truths, compiled and run, and what SciPy makes of the same equations."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.integrate import solve_ivp

from dynattn.compilation import Compilation
from dynattn.diagnostics.report import Source
from dynattn.run.experiment import run_experiment
from dynattn.run.simulate import Trajectory


def compiled(text: str, **overrides: Any) -> Compilation:
    return Compilation(Source("law.dyn", text), overrides)


def run(text: str, **overrides: Any) -> Trajectory:
    found = run_experiment(compiled(text, **overrides))
    assert isinstance(found, Trajectory)
    return found


def solved(rate, start, times) -> np.ndarray:
    """[time, components] by SciPy, far more exact than what it is compared with."""
    found = solve_ivp(
        rate, (times[0], times[-1]), start, t_eval=times, rtol=1e-11, atol=1e-12, method="DOP853"
    )
    return found.y.T
