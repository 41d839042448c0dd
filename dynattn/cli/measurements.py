"""Words for what is measured of a model as it moves."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from dynattn.cli.screen import print_line

if TYPE_CHECKING:
    from dynattn.run.measurements import MeasurementResult

MOST_ROWS = 50
"""Points of a sweep, or rows of one point, up to which all are printed."""

COLUMNS = 4
"""Exponents of a point of the settings that stand in its row."""

Rows = list[tuple[str, ...]]


def measurement_rows(result: MeasurementResult) -> Rows:
    """Titles, then what was measured; nothing of several parameters, or of very many points."""
    if len(result.swept) > 1:
        return []
    rows = ROWS[result.kind](result)
    return rows if len(rows) <= MOST_ROWS + 1 else []


def tell_measurement(result: MeasurementResult) -> None:
    """What is worth a line besides."""
    lines = LINES[result.kind](result) if not result.swept else []
    for line in lines:
        print_line(f"  {line}")


def measurement_facts(result: MeasurementResult) -> dict[str, Any]:
    """What is one number at each point as a JSON object; the arrays themselves are in the files."""
    axes = {name: result.axes[name].tolist() for name in result.swept}
    found = {name: values.tolist() for name, values in result.measured.items()}
    return {"axes": axes, "measured": found}


def _lyapunov_rows(result: MeasurementResult) -> Rows:
    if not result.swept:
        pairs = zip(result["exponents"], result["errors"], strict=True)
        rows = [(str(k + 1), f"{x:.5g}", f"{e:.1g}") for k, (x, e) in enumerate(pairs)]
        return [("exponent", "value", "error"), *rows[:MOST_ROWS]]
    (parameter,) = result.swept
    count = min(COLUMNS, result["exponents"].shape[-1])
    titles = (parameter, *(f"exponent {k + 1}" for k in range(count)), "error", "dimension")
    rows = [
        (f"{at:.6g}", *(f"{x:.4g}" for x in values[:count]), f"{errors[:count].max():.1g}",
         f"{dimension:.4g}")
        for at, values, errors, dimension in zip(
            result.axes[parameter], result["exponents"], result["errors"], result["dimension"],
            strict=True,
        )
    ]  # fmt: skip
    return [titles, *rows]


def _lyapunov_lines(result: MeasurementResult) -> list[str]:
    dimension, zeros = float(result["dimension"]), int(result["zeros"])
    words = f"{zeros} of {len(result['exponents'])} are 0 within their errors"
    words += f"; their sum is {result['exponents'].sum():.5g}"
    return [words] if dimension != dimension else [
        words, f"dimension by Kaplan and Yorke: {dimension:.5g}"
    ]  # fmt: skip


def _passage_rows(result: MeasurementResult) -> Rows:
    titles = ("passed", "mean time", "error", "earliest", "latest")
    names = result.swept
    times = np.where(np.isfinite(result["times"]), result["times"], np.nan)
    rows = []
    for place in np.ndindex(result["share"].shape):
        own = times[place][~np.isnan(times[place])]
        ends = [f"{own.min():.6g}", f"{own.max():.6g}"] if len(own) else ["", ""]
        mean, error = (float(result[name][place]) for name in ("mean", "error"))
        rows.append((
            *(f"{result.axes[n][k]:.6g}" for n, k in zip(names, place, strict=True)),
            f"{len(own)} of {times.shape[-1]}", f"{mean:.8g}" if len(own) else "",
            f"{error:.2g}" if len(own) > 1 else "", *ends,
        ))  # fmt: skip
    return [(*names, *titles), *rows]


def _passage_lines(result: MeasurementResult) -> list[str]:
    missing = int((~np.isfinite(result["times"])).sum())
    if not missing:
        return []
    stop = result.settings["t"][1]
    if missing == result["times"].size:
        return [f"nothing passed up to t = {stop:g}, so there is no mean time"]
    text = f"{missing} of {result['times'].size} did not pass up to t = {stop:g}; "
    return [text + "the mean is that of the others"]


WAYS = "there", "back"
"""How a parameter goes that moves up and down."""


def _jump_rows(result: MeasurementResult) -> Rows:
    moved = next(iter(result.settings["moved"]))
    names = ("jump direction", "jump at", "jump error", "jump from", "jump to")
    rows = [
        (WAYS[int(way)], f"{at:.6g}", f"{error:.1g}", f"{a:.4g}", f"{b:.4g}")
        for way, at, error, a, b in zip(*(result[name] for name in names), strict=True)
    ]
    return [("on the way", moved, "error", "from", "to"), *rows] if rows else []


def _jump_lines(result: MeasurementResult) -> list[str]:
    variables = result.labelled.variables.values()
    if not any(v.axes[:1] == ("direction",) and len(v.axes) == 2 for v in variables):
        return ["jumps are told of what is one number only: record mean(x), say"]
    quiet = [way for k, way in enumerate(WAYS) if k not in result["jump direction"]]
    if len(quiet) == len(WAYS):
        return ["nothing jumps"]
    return [f"on the way {way} nothing jumps" for way in quiet]


def _basin_rows(result: MeasurementResult) -> Rows:
    if result.swept:
        (parameter,) = result.swept
        titles = (parameter, "attractors", "largest share", "error")
        counts = (~np.isnan(result["share"])).sum(-1)
        columns = result.axes[parameter], counts, result["share"], result["share error"]
        return [titles, *((f"{at:.6g}", str(n), f"{s[0]:.4g}", f"{e[0]:.1g}")
                          for at, n, s, e in zip(*columns, strict=True))]  # fmt: skip
    variables = result.labelled.variables.items()
    own = ("share", "share error", "at rest")
    names = [n for n, v in variables if v.axes == ("attractor",) and n not in own][:COLUMNS]
    rows = [
        (str(k), f"{result['share'][k]:.4g}", f"{result['share error'][k]:.1g}",
         "at rest" if result["at rest"][k] else "moves", *(f"{result[n][k]:.4g}" for n in names))
        for k in range(min(MOST_ROWS, len(result["share"])))
    ]  # fmt: skip
    return [("attractor", "share", "error", "", *names), *rows]


def _basin_lines(result: MeasurementResult) -> list[str]:
    count = len(result["share"])
    found = f"{count} attractors" if count > 1 else "1 attractor"
    return [f"{found}, from {len(result['attractor of'])} starts"]


def _locking_rows(result: MeasurementResult) -> Rows:
    if result.swept:
        (parameter,) = result.swept
        names = ("clusters", "largest share", "spread")
        rows = zip(result.axes[parameter], *(result[name] for name in names), strict=True)
        return [(parameter, *names), *(tuple(f"{x:.5g}" for x in row) for row in rows)]
    numbers, omega = result["cluster"].astype(int), result["frequencies"]
    rows = [
        (str(k), str(int((numbers == k).sum())), f"{omega[numbers == k].mean():.6g}")
        for k in range(min(MOST_ROWS, int(result["clusters"])))
    ]
    return [("cluster", "nodes", "mean frequency"), *rows]


def _locking_lines(result: MeasurementResult) -> list[str]:
    found = [f"frequencies differ by {float(result['spread']):.4g} at most"]
    if "mean locking" in result.labelled:
        found[0] += f"; mean locking value of pairs {float(result['mean locking']):.4g}"
    return found


def _balance_rows(result: MeasurementResult) -> Rows:
    variables = result.labelled.variables.items()
    sums = [name for name, v in variables if name.endswith(" in all")]
    if result.swept:
        (parameter,) = result.swept
        names = ("change", *sums, "fastest rise", "largest discrepancy")
        rows = zip(result.axes[parameter], *(result[name] for name in names), strict=True)
        return [(parameter, *names), *(tuple(f"{x:.5g}" for x in row) for row in rows)]
    parts = [n for n, v in variables if v.axes == ("time",) and " by " in n]
    rows = [("change of the energy", f"{float(result['change']):.8g}")]
    rows += [(name, f"{float(result[name]):.8g}") for name in sums]
    rows += [(name, f"{result[name][-1]:.8g}") for name in parts]
    return [("up to the end", "energy"), *rows]


def _balance_lines(result: MeasurementResult) -> list[str]:
    rise, most = float(result["fastest rise"]), float(abs(result["rate"]).max())
    off = float(result["largest discrepancy"])
    words = "the energy never rises" if rise <= 1e-9 * most else (
        f"the energy rises by at most {rise:.4g} in a unit of time"
    )  # fmt: skip
    return [words, f"{off:.2g} at most are left over: what the steps of the method lose or gain"]


ROWS: dict[str, Callable[[MeasurementResult], Rows]] = {
    "lyapunov": _lyapunov_rows,
    "passage": _passage_rows,
    "hysteresis": _jump_rows,
    "basins": _basin_rows,
    "locking": _locking_rows,
    "balance": _balance_rows,
}
"""By kind: titles, then rows."""

LINES: dict[str, Callable[[MeasurementResult], list[str]]] = {
    "lyapunov": _lyapunov_lines,
    "passage": _passage_lines,
    "hysteresis": _jump_lines,
    "basins": _basin_lines,
    "locking": _locking_lines,
    "balance": _balance_lines,
}
"""By kind: what is said of a single point."""
