"""Writes specs/data/mackey_glass.csv: a chaotic series, a sample per unit of time.

x'(t) = 0.2 x(t - 17) / (1 + x(t - 17)^10) - 0.1 x(t), Mackey and Glass 1977, by Heun steps of 0.1,
less its mean of about 0.93; the first 500 units of time, on the way to the attractor, are left out.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

TARGET = Path(__file__).parents[2] / "specs" / "data" / "mackey_glass.csv"
DELAY, PER_UNIT, LEFT_OUT, KEPT = 17, 10, 500, 1000


def series() -> np.ndarray:
    """[KEPT]: the samples."""
    lag = DELAY * PER_UNIT
    x = np.full(lag + (LEFT_OUT + KEPT) * PER_UNIT, 1.2)

    def rate(now: float, late: float) -> float:
        return 0.2 * late / (1 + late**10) - 0.1 * now

    for k in range(lag, len(x) - 1):
        first = rate(x[k], x[k - lag])
        ahead = x[k] + first / PER_UNIT
        x[k + 1] = x[k] + (first + rate(ahead, x[k - lag + 1])) / 2 / PER_UNIT
    return x[lag + LEFT_OUT * PER_UNIT :: PER_UNIT]


def main() -> None:
    """Write the table."""
    found = series()
    TARGET.write_text("u\n" + "".join(f"{value:.5f}\n" for value in found - found.mean()))


if __name__ == "__main__":
    main()
