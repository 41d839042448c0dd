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
    "E454": Entry(
        "a graph file is not there",
        "The path of a graph's or a matrix's file counts from the folder of the spec, or is the "
        "bare name of a file that ships: new_england.graphml. It names an ordinary file that can "
        "be read, not a folder.",
        'graph net = file("nett.graphml")',
        'graph net = file("net.graphml")',
    ),
    "E455": Entry(
        "the ending of a graph file says nothing",
        "How a file is read follows from the ending of its name. A graph: .graphml, .gexf, .gml, "
        ".edges, .edgelist, .txt and .tsv (edge lists), .csv (a table of edges or a matrix), .mtx "
        "(Matrix Market), .npz. A matrix: .csv, .txt, .tsv, .mtx, .npz, .npy.",
        'graph net = file("net.dat")',
        'graph net = file("net.edges")',
    ),
    "E456": Entry(
        "a graph file is broken",
        "The file is not what the ending of its name says, or it is empty: a mark in GraphML that "
        "is never closed, a line of an edge list without its second node, an entry of a matrix "
        "that is no number. A CSV of two or three lines that are as wide as it is long may be a "
        'matrix or a list of edges: matrix("w.csv") reads it as a matrix, and a first line '
        "source,target,weight makes it a list of edges.",
        'graph net = file("net.csv")          # its third line: a,',
        'graph net = file("net.csv")          # its third line: a,b',
    ),
    "E457": Entry(
        "a graph lacks an attribute",
        "A name in a coupling stands for an attribute that every edge of the graph has as a "
        "number, a name in a population made from a graph for one that each of its nodes has. An "
        "NPZ file has its matrix in an array called weights. Parallel edges are made one: their "
        "weights are added up, what else they carry is not kept.",
        "coupling line: bus -> bus over grid { weight suceptance; kernel x[j] - x[i] }",
        "coupling line: bus -> bus over grid { weight susceptance; kernel x[j] - x[i] }",
    ),
    "E458": Entry(
        "a graph file is too large",
        "Files are weighed before they are read: GraphML, GEXF and GML up to 64 MiB, edge lists "
        "and CSV up to 256 MiB, Matrix Market up to 1 GiB, NPZ and NPY up to 2 GiB unpacked; and a "
        "graph has at most 10 million nodes and 100 million edges.",
        'graph net = file("all_of_it.graphml")',
        'graph net = file("all_of_it.npz")',
    ),
    "E459": Entry(
        "a matrix is no matrix of weights",
        "A matrix of weights is square, one row and one column for every node, and its entries are "
        "finite real numbers; entry [a, b] is the effect of b on a, and 0 is no edge. A further "
        "matrix, such as that of the lengths, has the same size and a finite number at every edge.",
        'graph net = matrix("w.csv")          # entry [2, 5] is nan',
        'graph net = matrix("w.csv")          # entry [2, 5] is 0',
    ),
    "E460": Entry(
        "a condition that chooses no node",
        "A population made from a graph has the nodes for which the condition holds, in the order "
        "of the graph. A comparison with an attribute that a node does not have is false.",
        'population load[grid where kind == "laod"] { state theta on circle; drift P }',
        'population load[grid where kind == "load"] { state theta on circle; drift P }',
    ),
    "E461": Entry(
        "no condition on the nodes of a graph",
        "After where stands a condition on the attributes of the nodes of a declared graph: "
        "comparisons of attributes with numbers, parameters and texts in quotes, joined by and, "
        "or, not.",
        'population load[100 where kind == "load"] { state theta on circle; drift 1 }',
        'population load[grid where kind == "load"] { state theta on circle; drift 1 }',
    ),
    "E462": Entry(
        "a population twice in a group",
        "A group counts through the nodes of its members, one population after the other; each "
        "node is in it once.",
        "group all = left + right + left",
        "group all = left + right",
    ),
    "E463": Entry(
        "what the members of a group do not share",
        "A group has what all of its members have: states of one name on one manifold, parameters, "
        "definitions and node attributes of one name and shape.",
        "population a[5] { state x on circle; param w = 1; drift w }\n"
        "population b[5] { state x on circle; drift 1 }\n"
        "group all = a + b\ncoupling pull: all -> all { weight w[j] }",
        "population a[5] { state x on circle; param w = 1; drift w }\n"
        "population b[5] { state x on circle; param w = 2; drift 1 }\n"
        "group all = a + b\ncoupling pull: all -> all { weight w[j] }",
    ),
    "E464": Entry(
        "ends of a coupling that share nodes",
        "Without a graph everyone sends to everyone, a node itself excepted. Between a group and "
        "one of its members, or two groups with members in common, some nodes stand on both sides: "
        "the spec says over which graph they are coupled.",
        "group all = left + right\ncoupling pull: left -> all { kernel x[j] }",
        "group all = left + right\ncoupling pull: all -> all { kernel x[j] }",
    ),
    "E465": Entry(
        "a group of nodes over a dim",
        "A group counts through its members, which have a fixed number of nodes each.",
        "dim T\npopulation token[T] { state x on circle; drift 1 }\ngroup all = token + other",
        "param T = 20\npopulation token[T] { state x on circle; drift 1 }\n"
        "group all = token + other",
    ),
    "E466": Entry(
        "a node of a graph twice in a group",
        "Populations made from one graph may choose the same nodes; joined in a group that is "
        "coupled over this graph, each node must belong to one of them.",
        "population heavy[grid where M > 1] { state theta on circle; drift P }\n"
        "population all_of_them[grid] { state theta on circle; drift P }\n"
        "group bus = heavy + all_of_them",
        "population heavy[grid where M > 1] { state theta on circle; drift P }\n"
        "population light[grid where M <= 1] { state theta on circle; drift P }\n"
        "group bus = heavy + light",
    ),
    "E475": Entry(
        "no edges to run over",
        "A mean, a spread, a least and a largest value are those of at least one edge; sum and "
        "count are 0 without any.",
        "coupling c: p -> p over empty_graph(n=N) { let gap = x[j] - x[i]; kernel gap }\n"
        "observe m = mean(c.gap)",
        "coupling c: p -> p over ring(N) { let gap = x[j] - x[i]; kernel gap }\n"
        "observe m = mean(c.gap)",
    ),
}
