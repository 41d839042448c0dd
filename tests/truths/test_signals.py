"""Signals against SciPy's solutions with numpy's interpolation, and what is wrong with samples."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.integrate import solve_ivp

from dynattn.compilation import Compilation
from dynattn.diagnostics.report import Diagnostic, Source, SpecError
from dynattn.lower.certify import certify
from dynattn.lower.emit import emit
from dynattn.run.experiment import run_experiment
from dynattn.run.simulate import Trajectory
from dynattn.run.sweep import Sweep

TIMES = np.linspace(0, 10, 21)
DRIVE = np.random.default_rng(4).normal(size=21)

ONE = """
model driven
param k = 1.5
input drive: signal
population p[2] {{ state x on real = 0.5; drift -k*x^3 + drive }}
observe heard = drive
{experiment}
"""
FILE = 'data table("drive.csv")'


def compiled(text: str, folder: Path, **overrides: Any) -> Compilation:
    return Compilation(Source(str(folder / "driven.dyn"), text), overrides)


def run(text: str, folder: Path, **options: Any) -> Trajectory:
    found = run_experiment(compiled(text, folder), **options)
    assert isinstance(found, Trajectory)
    return found


def saved(folder: Path, **columns: np.ndarray) -> None:
    """drive.csv with a first line of names."""
    lines = [", ".join(name.replace("_", "[") + ("]" if "_" in name else "") for name in columns)]
    lines += [", ".join(map(repr, map(float, row))) for row in zip(*columns.values(), strict=True)]
    (folder / "drive.csv").write_text("\n".join(lines), encoding="utf-8")


def solved(
    rate: Callable[[float, np.ndarray], np.ndarray], start: np.ndarray, times: np.ndarray,
    samples: np.ndarray,
) -> np.ndarray:  # fmt: skip
    """[times, components] by SciPy, begun anew at every sample."""
    stops = np.unique(np.concatenate([times, samples[(samples > 0) & (samples < times[-1])]]))
    found = {0.0: start}
    for left, right in pairwise(stops):
        part = solve_ivp(rate, (left, right), found[left], rtol=1e-11, atol=1e-12, method="DOP853")
        found[right] = part.y[:, -1]
    return np.array([found[t] for t in times])


def expected(times: np.ndarray) -> np.ndarray:
    def rate(t: float, x: np.ndarray) -> np.ndarray:
        return -1.5 * x**3 + np.interp(t, TIMES, DRIVE)

    return solved(rate, np.array([0.5]), times, TIMES)[:, 0]


@pytest.mark.parametrize(
    ("method", "tolerance"),
    [
        ("rtol 1e-8", 1e-6), ("method rk4; step 0.025", 1e-6), ("method heun; step 0.01", 2e-4),
        ("method torchdiffeq.rk4; step 0.05", 1e-5), ("method scipy_solver; rtol 1e-8", 1e-6),
    ],
)  # fmt: skip
def test_a_signal_drives_a_flow(method: str, tolerance: float, tmp_path: Path) -> None:
    saved(tmp_path, t=TIMES, drive=DRIVE)
    text = ONE.format(experiment=f"simulate {{ t 0 .. 10 every 0.4; {method}; {FILE} }}")
    found = run(text, tmp_path)
    np.testing.assert_allclose(found["p.x"][:, 1], expected(found.times), atol=tolerance)
    np.testing.assert_allclose(found["heard"], np.interp(found.times, TIMES, DRIVE), atol=1e-13)


def test_a_burst_is_not_stepped_over(tmp_path: Path) -> None:
    """Adaptive steps see every sample, however long there was rest before it."""
    burst = np.zeros(1001)
    burst[900:903] = 50.0
    text = ONE.replace("-k*x^3 + drive", "drive")
    text = text.format(experiment="simulate { t 0 .. 100 every 50; rtol 1e-6 }")
    signals = {"drive": (np.linspace(0, 100, 1001), burst)}
    found = run(text, tmp_path, signals=signals)
    np.testing.assert_allclose(found["p.x"][:, 0], [0.5, 0.5, 15.5], rtol=1e-4)


def test_the_order_of_rk4_is_kept_where_the_signal_bends(tmp_path: Path) -> None:
    text = ONE.format(experiment="simulate { t 0 .. 9.3 every 3.1; method rk4; step STEP }")
    errors = []
    for step in ("0.05", "0.025"):
        signals = {"drive": (TIMES, DRIVE)}
        found = run(text.replace("STEP", step), tmp_path, signals=signals)
        errors.append(np.abs(found["p.x"][:, 0] - expected(found.times)).max())
    assert errors[1] < 1e-6
    assert np.log2(errors[0] / errors[1]) > 3.4


CHANNELS = """
model channels
param N = 3
input both: signal[2]
input each: signal[N]
population p[N] { state x on real; drift both[0] * x + both[1] + each }
coupling c: p -> p { kernel each[j] * x[i]; strength 0.1 }
simulate { t 0 .. 4 every 1; rtol 1e-9; data arrays("drive.npz") }
"""


def test_channels_and_signals_of_nodes(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    both, each = rng.normal(size=(9, 2)), rng.normal(size=(9, 3))
    times = np.linspace(0, 4, 9)
    np.savez(tmp_path / "drive.npz", t=times, both=both, each=each)
    compilation = compiled(CHANNELS, tmp_path)
    assert certify(compilation).passed
    found = run_experiment(compilation)
    assert isinstance(found, Trajectory)

    def rate(t: float, x: np.ndarray) -> np.ndarray:
        a, b = (np.interp(t, times, both[:, k]) for k in range(2))
        own = np.array([np.interp(t, times, each[:, k]) for k in range(3)])
        return a * x + b + own + 0.1 * x * (own.sum() - own)

    true = solved(rate, np.zeros(3), found.times, times)
    np.testing.assert_allclose(found["p.x"], true, atol=1e-6)
    table = {"t": times} | {f"both_{k}": both[:, k] for k in range(2)}
    saved(tmp_path, **table, **{f"each_{k}": each[:, k] for k in range(3)})
    again = run(CHANNELS.replace('arrays("drive.npz")', 'table("drive.csv")'), tmp_path)
    np.testing.assert_allclose(again["p.x"], found["p.x"], rtol=1e-12)


MAP = """
model stepped
input drive: signal
population p[2] { state h on real = 0.1; h <- 0.5 * h + drive }
simulate { steps 6; data table("drive.csv") }
"""


def test_a_map_reads_one_sample_per_step(tmp_path: Path) -> None:
    drive = np.array([1.0, -2.0, 0.5, 3.0, 0.25, 7.0])
    saved(tmp_path, drive=drive)
    found = run(MAP, tmp_path)["p.h"][:, 0]
    for k in range(6):
        assert found[k + 1] == pytest.approx(0.5 * found[k] + drive[k], rel=1e-14)


def test_a_sweep_shares_its_signal(tmp_path: Path) -> None:
    saved(tmp_path, t=TIMES, drive=DRIVE)
    text = "sweep s { t 0 .. 10 every 5; rtol 1e-8; k = [0.5, 1.5]; record mean(x), heard; DATA }"
    found = run_experiment(compiled(ONE.format(experiment=text.replace("DATA", FILE)), tmp_path))
    assert isinstance(found, Sweep)
    np.testing.assert_allclose(found["mean(x)"][1], expected(np.array([0, 5, 10])), atol=1e-6)
    np.testing.assert_allclose(found["heard"][0], np.interp([0, 5, 10], TIMES, DRIVE), atol=1e-13)


def test_a_late_coupling_beside_a_signal(tmp_path: Path) -> None:
    """The signal is read at the present, the state at t - 0.5: by 1000 plain Euler steps."""
    text = """
model both
input drive: signal
population p[2] { state x on real; drift drive }
coupling c: p -> p { kernel -x[j]; delay 0.5 }
simulate { t 0 .. 1 every 0.5; method rk4; step 0.1 }
"""
    signals = {"drive": (np.array([0.0, 1.0]), np.array([1.0, 2.0]))}
    found = run(text, tmp_path, signals=signals)["p.x"][:, 0]
    t = 0.5  # x = t + t^2/2 up to 0.5; then its own past is subtracted
    late = t + t**2 / 2
    after = 1.5 - (0.5**2 / 2 + 0.5**3 / 6)
    np.testing.assert_allclose(found, [0, late, after], atol=1e-12)


# ── what is wrong ──────────────────────────────────────────────────────────────────────────────


def refused(text: str, folder: Path, **options: Any) -> Diagnostic:
    with pytest.raises(SpecError) as caught:
        run_experiment(compiled(text, folder), **options)
    (only,) = caught.value.diagnostics
    assert only.span is not None and only.fix
    return only


LONG = ONE.format(experiment=f"simulate {{ t 0 .. 10; {FILE} }}")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("t, drive\n0, 1\n5, 1\n5, 2\n10, 1", "do not ascend: 5 follows 5"),
        ("t, drive\n0, 1\n5, nan\n10, 1", "sample 2 of 'drive', at t = 5, is not a finite number"),
        ("t, drve\n0, 1\n10, 1", "there is no column 'drive' in the samples"),
        ("drive\n0\n10", "the samples of 'drive' have no times"),
        ("0, 1\n10, 1", "a table has a line of names"),
        ("t, drive\n0, 1\n10", "line 3 has 1 entries for 2 names"),
        ("t, drive\n0, 1\n5,\n10, 1", "line 3 has no number under 'drive'"),
        ("t, drive\n0, 1\n10, much", "line 3 holds 'much', which is no number"),
    ],
)
def test_samples_that_are_none(content: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "drive.csv").write_text(content, encoding="utf-8")
    found = refused(LONG, tmp_path)
    assert found.code == "E618"
    assert message in found.message
    gap = "no number under" in message or "finite" in message
    assert ("fill the gap, or leave the sample out" in found.fix) == gap


def test_signals_without_samples(tmp_path: Path) -> None:
    bare = ONE.format(experiment="simulate { t 0 .. 10 }")
    found = refused(bare, tmp_path)
    assert (found.code, found.fix) == ("E619", 'write data table("drive.csv") in it')
    assert found.message == "the experiment 'simulate' has no samples of its signals"
    saved(tmp_path, t=TIMES[:-1], drive=DRIVE[:-1])
    short = refused(LONG, tmp_path)
    assert short.code == "E619"
    assert short.message == (
        "the samples of 'drive' go from t = 0 to 9.5, and 'simulate' needs them from 0 to 10"
    )
    other = refused(bare, tmp_path, signals={"drve": (TIMES, DRIVE)})
    assert (other.code, other.message) == ("E619", "there is no signal 'drve'")
    wide = refused(bare, tmp_path, signals={"drive": (TIMES, np.ones((21, 2)))})
    assert "a sample of 'drive' is 1 number, and there it is 2" in wide.message
    many = refused(bare, tmp_path, signals={"drive": (TIMES[:-1], DRIVE)})
    assert "'drive' has 21 samples and 20 times" in many.message


def test_arrays_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "drive.npz").write_text("no arrays", encoding="utf-8")
    found = refused(CHANNELS, tmp_path)
    assert found.code == "E618"
    assert found.message.startswith("'drive.npz' cannot be read: ")


def test_updates_are_whole(tmp_path: Path) -> None:
    saved(tmp_path, t=np.array([0.0, 2.5, 6.0]), drive=np.ones(3))
    assert "are no whole numbers, and steps count updates" in refused(MAP, tmp_path).message
    saved(tmp_path, drive=np.ones(5))
    assert "from t = 0 to 4, and 'simulate' needs them from 0 to 5" in (
        refused(MAP, tmp_path).message
    )


def test_the_field_alone_asks_for_samples_and_no_file_holds_them(tmp_path: Path) -> None:
    parts = compiled(ONE.format(experiment="simulate { t 0 .. 10 }"), tmp_path)
    system = parts.build()
    with pytest.raises(TypeError, match="the signal 'drive' has no samples"):
        system.rates(torch.tensor(0.0), system.initial_states())
    with pytest.raises(SpecError, match="a signal in an emitted file"):
        emit(parts.model, parts.network, parts.program)
