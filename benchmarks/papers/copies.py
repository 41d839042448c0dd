"""How far a symbol of a text could have been copied from what stands before it in its window."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy
import torch
from records import Trained, device_of

DEPTHS = ("new", *map(str, range(8)), "8+")
"""Symbols that a window has not had yet; copies by the length of what agrees before them."""
DISTANCES = {"near": (1, 32), "middle": (32, 129), "far": (129, 1 << 30)}
"""Places from the copy to what it copies, of copies of depth 4 and more."""


def depths(windows: Any) -> tuple[Any, Any]:
    """Copy depth and distance of the symbols 1 .. T-1 of windows [W, T], each [W, T-1].

    The depth is the largest k for which the k symbols before have stood earlier in the window, with
    the same symbol behind them: 0 where only the symbol itself was there, -1 where not even that.
    The distance is that to the last place of such depth, 0 at depth -1.
    """
    count, length = windows.shape
    deep = numpy.full((count, length - 1), -1)
    away = numpy.zeros((count, length - 1), int)
    run = numpy.zeros((count, length), int)  # symbols that agree, back from t and from each place
    for t in range(length - 1):
        run[:, 1:] = run[:, :-1] + 1
        run[:, 0] = 1
        run *= windows == windows[:, t, None]
        before = numpy.concatenate([numpy.zeros((count, 1), int), run[:, :t]], 1)
        copied = windows[:, : t + 1] == windows[:, t + 1, None]
        found = numpy.where(copied, before, -1)[:, ::-1]
        nearest = found.argmax(1)
        deep[:, t] = found[numpy.arange(count), nearest]
        away[:, t] = numpy.where(deep[:, t] >= 0, nearest + 1, 0)
    return deep, away


def bits_by_depth(found: Trained, most: int, size: int) -> Mapping[str, Any]:
    """Numbers and mean bits of the symbols of ``most`` validation windows, by kind of copy."""
    device, data = device_of(found.system), found.plan.data
    sums: dict[str, list[float]] = {name: [0, 0.0] for name in (*DEPTHS, *DISTANCES)}
    system = found.system.eval()
    for (group,), _ in data.validation_batches(size, most):
        text = torch.from_numpy(group["text"]).to(device)
        with torch.no_grad():
            logits = system(text)[:, :-1].transpose(1, 2)
        lost = torch.nn.functional.cross_entropy(logits, text[:, 1:], reduction="none")
        _add(sums, *depths(group["text"]), lost.cpu().numpy() / numpy.log(2))
    return {name: [count, total / max(count, 1)] for name, (count, total) in sums.items()}


def _add(sums: Mapping[str, list[float]], deep: Any, away: Any, lost: Any) -> None:
    """Add the symbols of some windows to the numbers and sums of each kind."""
    chosen = {name: numpy.minimum(deep, 8) == place - 1 for place, name in enumerate(DEPTHS)}
    for name, (least, end) in DISTANCES.items():
        chosen[name] = (deep >= 4) & (away >= least) & (away < end)
    for name, these in chosen.items():
        sums[name][0] += int(these.sum())
        sums[name][1] += float(lost[these].sum())
