"""Make ``specs/data/new_england.graphml`` from the tables of the IEEE 39-bus test case.

``python benchmarks/data/new_england.py buses.csv edges.csv``: the buses (bus, load_p_mw, gen_p_mw)
and branches (type, from_bus, to_bus, r, x) of pandapower's ``case39``. All powers are in units of
100 MW, times in seconds.
"""

from __future__ import annotations

import csv
import math
import sys
from pathlib import Path

import networkx

BASE = 100.0
"""Of all powers: MVA."""

KILOVOLTS = 345.0

INERTIA = {
    29: 42.0, 30: 30.3, 31: 35.8, 32: 28.6, 33: 26.0, 34: 34.8, 35: 26.4, 36: 24.3, 37: 34.5,
    38: 500.0,
}  # fmt: skip
"""H of the generators, in seconds on 100 MVA: Athay, Podmore and Virmani 1979; Pai 1989."""

RATING = {(5, 30): 1800.0, (28, 37): 1200.0, (11, 10): 500.0, (11, 12): 500.0}
"""MVA of the transformers that have not 900, on which their reactances are told in percent."""

SLACK = 30
"""The generator that makes up the balance; lines are taken to lose nothing."""


def reactance(row: dict[str, str]) -> float:
    """Of a branch, per unit."""
    r, x = float(row["r"]), float(row["x"])
    if row["type"] == "line":
        return x * BASE / KILOVOLTS**2
    rating = RATING.get((int(row["from_bus"]), int(row["to_bus"])), 900.0)
    return math.sqrt(x**2 - r**2) / 100 * BASE / rating


def grid(buses: Path, edges: Path) -> networkx.Graph:
    """Nodes: kind, P (fed in less drawn), M = 2 H / (2 pi 60 Hz); edges: b = 1/x."""
    with buses.open() as file:
        rows = sorted(csv.DictReader(file), key=lambda row: int(row["bus"]))
    fed = {int(row["bus"]): float(row["gen_p_mw"] or 0) for row in rows}
    load = {int(row["bus"]): float(row["load_p_mw"]) for row in rows}
    fed[SLACK] = sum(load.values()) - sum(fed.values())
    made = networkx.Graph()
    for bus in load:
        power = round((fed[bus] - load[bus]) / BASE, 6)
        kind = "generator" if bus in INERTIA else "load"
        inertia = round(2 * INERTIA.get(bus, 0.0) / (2 * math.pi * 60), 6)
        made.add_node(bus, kind=kind, P=power, M=inertia)
    with edges.open() as file:
        for row in csv.DictReader(file):
            made.add_edge(int(row["from_bus"]), int(row["to_bus"]), b=round(1 / reactance(row), 4))
    return made


if __name__ == "__main__":
    target = Path(__file__).parents[2] / "specs" / "data" / "new_england.graphml"
    networkx.write_graphml(grid(Path(sys.argv[1]), Path(sys.argv[2])), target)
