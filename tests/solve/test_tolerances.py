"""Adaptive methods follow an angle as exactly after many turns as in the first."""

from __future__ import annotations

import math
import runpy
from pathlib import Path

import numpy as np
import pytest
import torch

from dynattn.diagnostics.report import Source
from dynattn.interface import Spec
from dynattn.lower.emit import emit_files
from dynattn.lower.tolerances import tolerances

PAIR = """
model pair "Two oscillators, locked, that have turned for long"
population osc[2] { state theta on circle = 0.5 * index + far; drift 40 + index }
param far = 0
coupling pull: osc -> osc { kernel sin(theta[j] - theta[i]) + 0.5 * sin(3 * (theta[j] - theta[i])) }
simulate { t 0 .. 5 every 0.5; method METHOD; rtol 1e-6 }
"""


@pytest.mark.parametrize("method", ["dopri5", "tsit5", "bosh3", "scipy_solver"])
def test_the_error_does_not_grow_with_the_turns(method: str) -> None:
    found = []
    for far in (0.0, 2e4 * np.pi):
        theta = Spec(Source("pair.dyn", PAIR.replace("METHOD", method)), {"far": far}).run()
        found.append(np.diff(theta["osc.theta"], axis=1))
    assert np.abs(found[1] - found[0]).max() < 1e-5


def test_an_emitted_file_has_the_same_tolerances(tmp_path: Path) -> None:
    text = """
    model mixed "An angle and a number"
    population p[3] { state theta on circle; state x on real = 1; drift theta: 1; drift x: -x }
    simulate { t 0 .. 1 every 0.5; rtol 1e-5; atol 1e-7 }
    """
    spec = Spec(Source("mixed.dyn", text))
    assert tolerances(spec.model, 1e-5, 1e-7) == {
        "p.theta": (1e-13, 1e-5 + 1e-7), "p.x": (1e-5, 1e-7)
    }  # fmt: skip
    path = tmp_path / "model.py"
    emit_files(path, spec.model, spec.network, spec.program)
    emitted = runpy.run_path(str(path))
    path_of = emitted["solve"](emitted["Mixed"](), torch.linspace(0, 1, 3, dtype=torch.float64))
    written = " ".join(path.read_text().split())
    assert f"rtol=(1e-13, 1e-05), atol=({1e-5 + 1e-7!r}, 1e-07)" in written
    assert path_of[1][-1].tolist() == pytest.approx([math.exp(-1)] * 3, rel=1e-4)
