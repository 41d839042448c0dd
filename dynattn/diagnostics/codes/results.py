"""Codes of results on disk and of sweeps over several processes: E739 to E745."""

from __future__ import annotations

from dynattn.diagnostics.entry import Entry

CODES: dict[str, Entry] = {
    "E739": Entry(
        "xarray is not installed",
        'Results are written as NetCDF without it, and `result["r"]` and `result.axes` are plain '
        "arrays. An xarray.Dataset with names, attributes and pictures of its own needs xarray.",
        'dynattn.load("kuramoto.dyn").run().to_xarray()',
        "pip install 'dynattn[xarray]'",
    ),
}
