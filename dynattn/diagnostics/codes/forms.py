"""Codes of the forms of sums: E345, E346, E467."""

from __future__ import annotations

from dynattn.diagnostics.entry import Entry

CODES: dict[str, Entry] = {
    "E345": Entry(
        "an unknown form",
        "The compiler chooses how the sum of a coupling is computed, and 'dynattn explain' prints "
        "it. 'form' asks for another one: mean_field, blocks, low_rank, prefix, window, roll, "
        "fft, dense, sparse, attention or edges. The result is the same but for rounding.",
        "coupling pull: osc -> osc over net { form csr }",
        "coupling pull: osc -> osc over net { form sparse }",
    ),
    "E346": Entry(
        "a form that does not fit",
        "Which forms a sum can take follows from its graph and kernel: mean_field is for everyone, "
        "prefix for causal, window, roll and fft for nodes on a ring that hear the same "
        "neighbours, blocks for edges that are the same between all nodes of two classes, "
        "low_rank for weights of a file that are a product of thin matrices, "
        "attention for softmax weights of an inner product. 'edges' always fits.",
        "coupling pull: osc -> osc over gnp_random_graph(n=N, p=0.1) { form fft }",
        "coupling pull: osc -> osc over gnp_random_graph(n=N, p=0.1) { form dense }",
    ),
    "E467": Entry(
        "pairs larger than memory",
        "A number for every pair of nodes, drawn or in a dense matrix, takes N * N numbers over "
        "everyone and causal. Kernels and weights that are computed take no such arrays: their "
        "sums are made for some receivers at a time.",
        "coupling c: p -> p { weight ~ normal(0, 1) }    # p[1000000]",
        "coupling c: p -> p over ring(N, reach=5) { weight ~ normal(0, 1) }",
    ),
}
