"""How large a graph of networkx is at the least, told from its arguments before it is made."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from typing import Any

MOST_GENERATED = 2 * 10**7
"""Nodes and edges of one graph."""
BYTES_EACH = 300
"""What networkx keeps of a node or an edge, about."""

PAIRS = ("erdos_renyi_graph", "gnp_random_graph", "binomial_graph", "fast_gnp_random_graph")
"""Generators that try every pair of nodes with the probability ``p``."""
GRIDS = ("grid_2d_graph", "triangular_lattice_graph", "hexagonal_lattice_graph")
COUNTS = ("n", "m", "n1", "n2", "m1", "m2")


def least_size(name: str, arguments: Mapping[str, Any]) -> float:
    """About how many nodes and edges there are at least; 0 where the arguments do not tell."""
    if arguments.get("periodic") or (name == "complete_graph" and _is_plain(arguments)):
        return 0.0  # which are made without a list of edges
    sides = arguments.get("dim")
    if isinstance(sides, list | tuple):
        return prod(float(side) for side in sides if isinstance(side, int | float))
    number = {w: float(v) for w, v in arguments.items() if isinstance(v, int | float)}
    n = number.get("n", 0.0)
    match name:
        case "complete_graph":
            return n**2 / 2
        case "hypercube_graph":
            return 2.0 ** min(n, 1000)
        case "balanced_tree":
            return max(number.get("r", 1.0), 1.0) ** min(number.get("h", 1.0), 100)
        case _ if name in GRIDS:
            return number.get("m", 1.0) * n
        case _ if name in PAIRS:
            return max(n, number.get("p", 0.0) * n**2 / 2)
    degree = {
        "watts_strogatz_graph": "k",
        "random_regular_graph": "d",
        "barabasi_albert_graph": "m",
    }
    edges = n * number.get(degree[name], 0.0) / 2 if name in degree else 0.0
    return max(edges, *(number.get(word, 0.0) for word in COUNTS))


def _is_plain(arguments: Mapping[str, Any]) -> bool:
    return list(arguments) == ["n"] and isinstance(arguments["n"], int)
