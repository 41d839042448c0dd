"""A long spec is checked in time that grows as its length does: counted in calls, not seconds."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

CALLS = 2500
"""Most calls of functions for a line of a spec."""


def benchmark() -> ModuleType:
    path = Path(__file__).parents[1] / "benchmarks" / "long_spec.py"
    spec = importlib.util.spec_from_file_location("long_spec", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_calls_grow_as_the_lines_do() -> None:
    long_spec = benchmark()
    short, long = long_spec.long_spec(100), long_spec.long_spec(400)
    counts = [long_spec.calls_for(text) for text in (short, long)]
    lines = [text.count("\n") for text in (short, long)]
    assert counts[1] < CALLS * lines[1]
    assert counts[1] / counts[0] < 1.15 * lines[1] / lines[0]
