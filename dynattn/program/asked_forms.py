"""Whether sums take the forms that a spec asks for, and whether the memory holds them."""

from __future__ import annotations

import os
from collections.abc import Iterator

from dynattn.diagnostics.report import Diagnostic, SpecError
from dynattn.model.model import Model
from dynattn.network.build import Network
from dynattn.program.nodes import CLASSES, GIVEN_WEIGHTS, PLAIN_SUMS, WHOLE, Node, Program
from dynattn.program.passes.choose_forms import forms_of
from dynattn.program.row_blocks import in_row_blocks
from dynattn.vocabulary.forms import FORMS, word_of
from dynattn.vocabulary.graphs import memory_text

ARRAYS = 2
"""Arrays of all pairs that are there at a time, at least, where pairs are summed one by one."""


def refuse_unfitting(program: Program, model: Model, network: Network) -> None:
    """SpecError E346 for every coupling whose sum cannot take the form asked for."""
    wrong = []
    for coupling in model.couplings:
        found = list(dict.fromkeys(_forms(program, network, coupling.name)))
        if not coupling.form or not found or FORMS[coupling.form] & {form for form, _ in found}:
            continue
        fitting = dict.fromkeys(word_of(form) for _, forms in found for form in forms)
        wrong.append(
            Diagnostic(
                "E346",
                f"the sum of coupling '{coupling.name}' has no form {coupling.form}",
                coupling.span,
                f"it may be {' or '.join(_listed([*fitting, 'edges']))}",
            )
        )
    if wrong:
        raise SpecError(wrong)


def _listed(words: list[str]) -> list[str]:
    *front, last = dict.fromkeys(words)
    return [", ".join(front), last] if front else [last]


def _forms(
    program: Program, network: Network, coupling: str
) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The form of each sum of a coupling, and the forms that it could have."""
    fused = ("attention", "successor_attention")
    for block in program.blocks:
        for node in block.nodes:
            if node.op == "graph_sum" and node.payload[0] == coupling:
                _, form, weight = node.payload
                connections = network.connections[coupling]
                own = form == "weighted" or weight in (CLASSES, WHOLE)
                yield form, (form,) if own else forms_of(connections, weight)
            elif node.op in PLAIN_SUMS and node.payload == coupling:
                yield "edges", ("edges",)
            elif node.op in fused and coupling in (node.payload, node.payload[0]):
                yield "attention", ("attention",)


def refuse_huge(program: Program, model: Model, network: Network) -> None:
    """SpecError E467 for couplings whose arrays of all pairs are larger than the memory."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    wrong: dict[str, Diagnostic] = {}
    for block in program.blocks:
        for node in in_row_blocks(block, network.connections, model.sizes).nodes:
            size, name, what = _bytes(node, network)
            if size > memory:
                text = (
                    f"the sum of coupling '{name}' needs {memory_text(size)} of memory for {what}, "
                    f"and this machine has {memory_text(memory)}"
                )
                fix = (
                    "couple over a graph of fewer edges, leave the form to the compiler, and have "
                )
                fix += "no number of its own for every pair"
                span = model.coupling[name].span
                wrong.setdefault(name, Diagnostic("E467", text, span, fix))
    if wrong:
        raise SpecError(wrong.values())


def _bytes(node: Node, network: Network) -> tuple[float, str, str]:
    """What the numbers of all pairs, or of those of one receiver, take; and their coupling."""
    dense = node.op == "graph_sum" and node.payload[1] == "dense"
    whole = node.type.place.kind == "pairs" and node.op not in ("receiver", "sender", "unsqueeze")
    if node.op == "row_blocks":
        edges = network.connections[node.payload.coupling]
        senders = 0 if edges.kind == "edges" else edges.senders_count or 0
        size = 8.0 * node.payload.width * senders
        return size, node.payload.coupling, "the pairs of one receiver"
    name = node.payload[0] if dense else node.type.place.name
    if not dense and not whole:
        return 0.0, "", ""
    connections = network.connections[name]
    pairs = (connections.receivers_count or 0) * (connections.senders_count or 0)
    matrices = 1 if dense and node.payload[2] not in GIVEN_WEIGHTS else ARRAYS
    return 8.0 * pairs * matrices, name, "arrays of all pairs"
