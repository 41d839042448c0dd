"""Codes of pictures and graph files: E560 to E569."""

from __future__ import annotations

from dynattn.diagnostics.entry import Entry

CODES: dict[str, Entry] = {
    "E560": Entry(
        title="unknown picture format",
        text="The ending of the file name says what is written: a picture (.svg, .png, .pdf), the "
        "text that Graphviz reads (.dot), a page to pan and zoom (.html), or a graph for other "
        "tools (.graphml, .json).",
        wrong="dynattn graph spec.dyn -o net.bmp",
        right="dynattn graph spec.dyn -o net.png",
    ),
    "E563": Entry(
        title="there is nothing to draw at this level",
        text="The level 'population' always exists. 'nodes' and 'adjacency' need couplings between "
        "populations with a known number of nodes; 'attention' needs a trained run.",
        wrong="dynattn graph specs/kuramoto_attention.dyn --level nodes",
        right="dynattn graph specs/kuramoto_attention.dyn --level population",
    ),
    "E564": Entry(
        title="a format that cannot show this level",
        text="Adjacency matrices are pictures: .svg, .png or .pdf. Attention is a picture or a "
        "weighted graph in .graphml or .json.",
        wrong="dynattn graph spec.dyn --level adjacency -o net.dot",
        right="dynattn graph spec.dyn --level adjacency -o net.png",
    ),
    "E565": Entry(
        title="too many edges for a file",
        text="A graph file lists every edge. A coupling between all pairs of many nodes has more "
        "of them than any tool reads; the spec itself is the short description.",
        wrong="dynattn graph spec.dyn --level nodes -o net.json --set N=100000",
        right="dynattn graph spec.dyn --level nodes -o net.json --set N=500",
    ),
    "E566": Entry(
        title="Graphviz failed",
        text="The Graphviz that was found stopped with an error. Another one, or none on the path, "
        "draws the same picture.",
        wrong="PATH=/broken/graphviz/bin:$PATH dynattn graph spec.dyn",
        right="dynattn graph spec.dyn",
    ),
}
