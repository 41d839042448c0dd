"""Codes of points, of draws that belong together, and of edges: E313, E314, E430 to E434."""

from __future__ import annotations

from dynattn.diagnostics.entry import Entry

CODES: dict[str, Entry] = {
    "E313": Entry(
        "an initial value off its manifold",
        "A state or parameter on positive is above 0. On simplex(d) it is d shares of 0 or more "
        "that sum to 1, and on sphere(D) D numbers whose squares sum to 1.",
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
    "E431": Entry(
        "an edge without the edge back",
        "paired_normal draws a number for the edge from j to i and one for that from i to j, so "
        "the graph needs both. An undirected graph has them.",
        "coupling web: p -> p over gnp_random_graph(n=N, p=0.1, directed=true) { "
        "weight ~ paired_normal(0, 1, 0.5) }",
        "coupling web: p -> p over gnp_random_graph(n=N, p=0.1) { "
        "weight ~ paired_normal(0, 1, 0.5) }",
    ),
    "E432": Entry(
        "more edges than memory",
        "What is drawn, learned or moves on the edges of everyone needs a number for each pair of "
        "nodes.",
        "coupling web: p -> p { weight ~ normal(0, 1) }    # p[1000000]",
        "coupling web: p -> p over gnp_random_graph(n=1000000, p=1e-5) { weight ~ normal(0, 1) }",
    ),
    "E433": Entry(
        "edges of a sample's own number",
        "A population over a dim has as many nodes as the sample is long. Its edges cannot have "
        "numbers that stay from one sample to the next; what is computed from the nodes can, and a "
        "state of the edges, which begins anew with each sample.",
        "coupling c: word -> word over causal(T) { learn w ~ normal(0, 1); weight w }",
        "coupling c: word -> word over causal(T) { weight softmax(dot(q[i], k[j])) }",
    ),
}
