"""Codes of points, of draws that belong together, and of edges: E313, E314, E430 to E434."""

from __future__ import annotations

from dynattn.diagnostics.entry import Entry

CODES: dict[str, Entry] = {
    "E313": Entry(
        "an initial value off its manifold",
        "A state on positive starts above 0. On simplex(d) it starts with d shares of 0 or more "
        "that sum to 1.",
        "population game[1] { state x on simplex(3) = [0.5, 0.3, 0.3]; drift [1, 2, 3] }",
        "population game[1] { state x on simplex(3) = [0.5, 0.3, 0.2]; drift [1, 2, 3] }",
    ),
    "E430": Entry(
        "a draw out of its place",
        "multinomial(n) spreads n over the nodes of a population. paired_normal(mean, sd, rho) "
        "correlates what an edge from j to i has with what the edge from i to j has, so it stands "
        "in a coupling of a population with itself.",
        "param w ~ paired_normal(0, 1, 0.5)",
        "coupling web: p -> p { weight ~ paired_normal(0, 1, 0.5); kernel x[j] }",
    ),
}
