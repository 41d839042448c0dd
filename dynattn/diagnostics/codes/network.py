"""Codes of graphs: E450 to E499."""

from __future__ import annotations

from dynattn.diagnostics.entry import Entry

CODES: dict[str, Entry] = {
    "E451": Entry(
        "a graph cannot be made",
        "The generator has no graph for these arguments: more neighbours than nodes, a degree "
        "sequence that no graph has, a ring that reaches round and over itself. For networkx "
        "generators the reason is networkx's own.",
        "graph net = watts_strogatz_graph(n=5, k=10, p=0.1)",
        "graph net = watts_strogatz_graph(n=50, k=10, p=0.1)",
    ),
    "E452": Entry(
        "graph and population differ in size",
        "A coupling joins nodes of its populations over the edges of its graph: node 0 of the "
        "graph is node 0 of the population, and so on. So the graph has as many nodes as the "
        "population. Some generators count otherwise than by n: grid_2d_graph(m, n) has m*n nodes, "
        "star_graph(n) has n + 1.",
        "population unit[10] { state x on circle }\n"
        "coupling pull: unit -> unit over star_graph(10)",
        "population unit[11] { state x on circle }\n"
        "coupling pull: unit -> unit over star_graph(10)",
    ),
    "E453": Entry(
        "a list of edges over nodes whose number is not fixed",
        "The nodes of a population over a dim are as many as the sample has places. A graph that "
        "is a list of edges needs a fixed number of nodes; everyone(T) and causal(T) do not.",
        "dim T\npopulation token[T] { state x on circle }\n"
        "coupling pull: token -> token over ring(T)",
        "dim T\npopulation token[T] { state x on circle }\n"
        "coupling pull: token -> token over causal(T)",
    ),
}
