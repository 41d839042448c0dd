"""Writes specs/data/metronomes.csv: phases of eight metronomes, with noise, and what was planted.

theta_i' = omega_i + K/N sum_j sin(theta_j - theta_i - alpha), solved by SciPy up to t = 15,
measured 100 times at unequal intervals, modulo 2 pi, with an error of 0.1;
one cell in twenty is empty.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from scipy.integrate import solve_ivp

TARGET = Path(__file__).parents[2] / "specs" / "data" / "metronomes.csv"
N, K, ALPHA, NOISE, STOP, TIMES, LOST = 8, 0.8, 0.4, 0.1, 15.0, 100, 0.05
OMEGA = 6.3 + np.array([-0.53, -0.31, -0.17, -0.04, 0.06, 0.19, 0.35, 0.58])


def phases() -> tuple[np.ndarray, np.ndarray]:
    """(times, phases [time, metronome], nan where nothing was measured)."""
    rng = np.random.default_rng(1)
    times = np.sort(rng.choice(round(100 * STOP), TIMES, replace=False)) / 100

    def rates(t: float, theta: np.ndarray) -> np.ndarray:
        away = theta[None] - theta[:, None] - ALPHA
        return OMEGA + K / N * (np.sin(away) - np.diag(np.sin(np.diag(away)))).sum(1)

    start = rng.uniform(0, 2 * np.pi, N)
    found = solve_ivp(rates, (times[0], STOP), start, t_eval=times, rtol=1e-10, atol=1e-10).y.T
    theta = np.mod(found + NOISE * rng.normal(size=found.shape), 2 * np.pi)
    return times, np.where(rng.random(theta.shape) < LOST, np.nan, theta)


def main() -> None:
    """Write the table."""
    times, theta = phases()
    lines = ["t," + ",".join(f"theta[{k}]" for k in range(N))]
    for t, row in zip(times, theta, strict=True):
        cells = ["" if np.isnan(value) else f"{value:.3f}" for value in row]
        lines.append(f"{t:.2f}," + ",".join(cells))
    TARGET.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
