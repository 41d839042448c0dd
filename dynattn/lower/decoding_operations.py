"""How operations along a growing sequence work on its new rows: as ``operations``, with a memory.

Rows are the nodes of a population whose number is a dim. Arrays over them hold the new rows alone;
what senders say, and keys and values, is kept from pass to pass.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import torch

from dynattn.lower import decoding_kernels as rows
from dynattn.lower import edge_kernels, kernels
from dynattn.lower.context import ORIGIN, Context, Need, width_of
from dynattn.lower.decoding_memory import Memory, Rows, Total
from dynattn.lower.operation import Operation
from dynattn.lower.operations import OPERATIONS
from dynattn.model.terms import Place
from dynattn.program.nodes import Node, ordered
from dynattn.vocabulary.functions import ELEMENTWISE

FIRST = Need("dim", "first new row")
COUNT = Need("dim", "number of new rows")
"""Which rows are new: an environment has them as ``dim first new row``, ``dim number of ..``."""

WINDOW = (FIRST, COUNT)

Maker = Callable[[Node, Context], Operation]


def grows(context: Context, place: Place) -> bool:
    """Whether the place has rows: nodes whose number is a dim, or pairs of such receivers."""
    if place.kind == "nodes":
        return not context.model.population[place.name].size.names <= context.model.sizes.keys()
    if place.kind == "pairs":
        coupling = context.model.coupling[place.name]
        return any(grows(context, Place("nodes", n)) for n in (coupling.receiver, coupling.sender))
    return False


def senders_grow(context: Context, coupling: str) -> bool:
    """Whether the senders of a coupling are rows."""
    return grows(context, Place("nodes", context.model.coupling[coupling].sender))


def makers(memory: Memory) -> dict[str, Maker]:
    """The operations of ``OPERATIONS`` that look along rows, by name, for new rows."""
    found = {name: partial(make, memory) for name, make in ALONG_ROWS.items()}
    return {name: partial(_where_rows_grow, name, make) for name, make in found.items()}


def _where_rows_grow(name: str, make: Maker, node: Node, context: Context) -> Operation:
    places = [node.type.place, *(item.type.place for item in node.inputs)]
    if not any(grows(context, place) for place in places):
        return OPERATIONS[name](node, context)
    return make(node, context)


def _plain(function: Callable[..., Any], *needs: Need) -> Operation:
    return Operation(function, _no_text, needs)


def _no_text(*texts: Any) -> Any:
    raise AssertionError("operations on new rows are not written out")


# ── what a row is ──────────────────────────────────────────────────────────────────────────────


def _index(memory: Memory, node: Node, context: Context) -> Operation:
    real = node.type.dtype == "real"

    def run(origin: Any, first: int, count: int) -> Any:
        dtype = origin.dtype if real else torch.int64
        return torch.arange(first, first + count, dtype=dtype, device=origin.device)

    return _plain(run, ORIGIN, *WINDOW)


def _rows(memory: Memory, node: Node, context: Context) -> Operation:
    axis = -width_of(node) - 1
    return _plain(lambda a, first, count: a.narrow(axis, first, count), *WINDOW)


def _sinusoidal(memory: Memory, node: Node, context: Context) -> Operation:
    return _plain(rows.sinusoidal_rows, Need("size", node.payload[1]), ORIGIN, *WINDOW)


def _broadcast(memory: Memory, node: Node, context: Context) -> Operation:
    sizes = tuple(Need("size", size) for size in node.type.shape)
    return _plain(lambda a, n, *s: kernels.broadcast_to(a, n, *s), COUNT, *sizes)


def _degree(memory: Memory, node: Node, context: Context) -> Operation:
    coupling = node.payload if node.op == "degree" else node.payload[0]
    edges, lowest = context.edges(coupling), 1 if node.op == "degree" else 0
    missing = 0 if edges.include_self else 1
    if not senders_grow(context, coupling):
        number = max(lowest, edges.senders_count or 0)
        return _plain(lambda origin, count: origin.new_full((count,), number), ORIGIN, COUNT)

    def run(origin: Any, first: int, count: int) -> Any:
        counts = torch.arange(first + 1, first + count + 1, dtype=origin.dtype)
        return (counts.to(origin.device) - missing).clamp(min=lowest)

    return _plain(run, ORIGIN, *WINDOW)


# ── sums over the rows before ──────────────────────────────────────────────────────────────────


def _sender(memory: Memory, node: Node, context: Context) -> Operation:
    rank, (item,) = width_of(node.inputs[0]), node.inputs
    if item.op == "successor" or not grows(context, item.type.place):
        return OPERATIONS["sender"](node, context)

    def run(a: Any, first: int, count: int) -> Any:
        return memory.store(Rows).with_new(a, first, count, -rank - 1).unsqueeze(-rank - 2)

    return _plain(run, *WINDOW)


def _successor(memory: Memory, node: Node, context: Context) -> Operation:
    places, rank = node.payload, width_of(node)

    def run(a: Any, first: int, count: int) -> Any:
        known = memory.store(Rows).with_new(a, first, count, -rank - 1)
        return kernels.later_nodes(known, places, rank)

    return _plain(run, *WINDOW)


def _reach(memory: Memory, node: Node, context: Context) -> Operation:
    (coupling, places), rank = node.payload, width_of(node)
    own = context.edges(coupling).include_self
    return _plain(lambda e, first, n: rows.reach_rows(e, first, n, rank, own, places), *WINDOW)


def _per_row(
    of_rows: Callable[..., Any], of_pairs: Callable[..., Any],
    memory: Memory, node: Node, context: Context,
) -> Operation:  # fmt: skip
    coupling, rank = node.payload, width_of(node.inputs[0])
    own = context.edges(coupling).include_self
    if senders_grow(context, coupling):
        return _plain(lambda e, first, count: of_rows(e, first, count, rank, own), *WINDOW)
    needs = (COUNT, context.senders(coupling))
    return _plain(lambda e, n, senders: of_pairs(e, n, senders, rank, False, own), *needs)


def _edge_sum(memory: Memory, node: Node, context: Context) -> Operation:
    if len(node.inputs) == 1:
        return _per_row(rows.sum_rows, kernels.sum_pairs, memory, node, context)
    coupling, rank = node.payload, width_of(node.inputs[0])
    own, mean = context.edges(coupling).include_self, node.op == "edge_mean"
    if senders_grow(context, coupling):
        fixed = {"rank": rank, "include_self": own, "mean": mean}
        return _plain(partial(rows.sum_product_rows, **fixed), *WINDOW)
    fixed = {"rank": rank, "causal": False, "include_self": own, "mean": mean}
    needs = (COUNT, context.senders(coupling))
    return _plain(partial(edge_kernels.sum_products, **fixed), *needs)


def _graph_sum(memory: Memory, node: Node, context: Context) -> Operation:
    coupling, form, _ = node.payload
    edges = context.edges(coupling)
    if not senders_grow(context, coupling):
        return OPERATIONS["graph_sum"](node, context)
    if form == "prefix":
        ranks = [width_of(item) for item in node.inputs]

        def prefix(*arrays: Any) -> Any:
            *values, _, count = arrays
            pairs = zip(values, ranks, strict=True)
            own = edges.include_self
            return tuple(memory.store(Total).with_new(a, count, -r - 1, own) for a, r in pairs)

        return _plain(prefix, *WINDOW)
    ranks = [width_of(item) for item in node.inputs[:-1]]
    score = node.inputs[-1]
    hidden = None if score.op in ("edge_softmax", "edge_normalize") else 0
    if hidden is not None and not edges.include_self:
        hidden = 1

    def weighted(*arrays: Any) -> Any:
        *values, weights, first, count = arrays
        pairs = zip(values, ranks, strict=True)
        known = tuple(memory.store(Rows).with_new(a, first, count, -r - 1) for a, r in pairs)
        weights = kernels.over_pairs(weights, count, first + count, 0)
        return rows.weighted_rows(known, weights, first, tuple(ranks), hidden)

    return _plain(weighted, *WINDOW)


def _attention(memory: Memory, node: Node, context: Context) -> Operation:
    if not senders_grow(context, node.payload):
        return OPERATIONS["attention"](node, context)
    one_head, axis = len(node.type.shape) != 2, -width_of(node.inputs[1]) - 1

    def run(q: Any, k: Any, v: Any, first: int, count: int) -> Any:
        k, v = (memory.store(Rows).with_new(a, first, count, axis) for a in (k, v))
        return rows.attend_rows(_all_rows(q, count, axis), k, v, first, one_head)

    return _plain(run, *WINDOW)


def _successor_attention(memory: Memory, node: Node, context: Context) -> Operation:
    _, places = node.payload
    one_head, axis = len(node.type.shape) != 2, -width_of(node.inputs[1]) - 1

    def run(q: Any, *arrays: Any) -> Any:
        *given, first, count = arrays
        k, *values = (memory.store(Rows).with_new(a, first, count, axis) for a in given)
        q = _all_rows(q, count, axis)
        return rows.attend_successor_rows(q, k, values, first, places, one_head)

    return _plain(run, *WINDOW)


def _all_rows(values: Any, count: int, axis: int) -> Any:
    """The array with a row for each new one, where all share one."""
    shape = list(values.shape)
    shape[axis] = count
    return values.expand(shape)


ALONG_ROWS: Mapping[str, Callable[[Memory, Node, Context], Operation]] = {
    "index": _index,
    "rows": _rows,
    "sinusoidal": _sinusoidal,
    "broadcast": _broadcast,
    "degree": _degree,
    "total": _degree,
    "sender": _sender,
    "successor": _successor,
    "reach": _reach,
    "edge_sum": _edge_sum,
    "edge_mean": _edge_sum,
    "edge_softmax": partial(_per_row, rows.softmax_rows, kernels.softmax_pairs),
    "edge_normalize": partial(_per_row, rows.normalize_rows, kernels.normalize_pairs),
    "graph_sum": _graph_sum,
    "attention": _attention,
    "successor_attention": _successor_attention,
}


# ── what cannot be done row by row ─────────────────────────────────────────────────────────────

LOCAL = frozenset(
    {"state", "input", "variable", "output", "placeholder", "unsqueeze", "concat", "stack", "parts",
     "pick", "split", "entry", "aligned", "merge", "dot", "matmul", "transpose", "trace", "det",
     "inverse", "expm", "polar", "logm", "angles", "norm", "linear", "layer_norm", "dropout",
     "lookup", "receiver", "edge", "sine_cosine", "rounded"}
)  # fmt: skip
"""Operations, besides elementwise ones, that treat every row, or pair, alike and by itself."""


def obstacle(nodes: tuple[Node, ...], context: Context) -> tuple[str, Node] | None:
    """What keeps a block from being computed row by row, and where; None where nothing does."""
    early = _early(nodes)
    users: dict[int, set[str]] = {}
    for node in nodes:
        for item in node.inputs:
            users.setdefault(id(item), set()).add(node.op)
    for node in nodes:
        text = _obstacle(node, context, early, users.get(id(node), set()))
        if text is not None:
            return text, node
    return None


def _obstacle(
    node: Node, context: Context, early: Mapping[int, int], users: set[str]
) -> str | None:
    if node.op == "draw":
        return "its states begin at random"
    if node.op == "disturbed":
        return "its weights have noise"
    if node.op == "size" and context.number(node.payload) is None:
        return f"it reads the length {node.payload} of the whole sequence"
    places = [node.type.place, *(item.type.place for item in node.inputs)]
    if not any(grows(context, place) for place in places):
        return None
    if node.op in ("linear", "layer_norm", "lookup"):
        arrays = node.inputs[:1] if node.op == "lookup" else node.inputs[1:]
        if any(grows(context, item.type.place) for item in arrays):
            return "it has weights of their own for each token"
    if node.op == "successor" and users != {"sender"}:
        return "it reads the tokens that follow"
    if node.op in ("edge_sum", "edge_mean", "edge_softmax", "edge_normalize", "graph_sum") and any(
        early.get(id(item), 0) for item in node.inputs
    ):
        return "it reads the tokens that follow"
    if node.op == "parameter" and users <= {"rows"}:
        return None  # as many rows as a sequence may have
    if node.op in ELEMENTWISE or node.op in LOCAL:
        return None
    if node.op not in ALONG_ROWS:
        return OTHERS.get(node.op, f"it takes '{node.op}' over the whole sequence")
    return _uncausal(node, context)


OTHERS = {
    **dict.fromkeys(
        ("node_sum", "node_mean", "node_std", "node_min", "node_max", "flatten", "at"),
        "it reads a sum, a mean or one place of the whole sequence",
    ),
    "apart": "its kernel has no value at a pair of a token and itself",
    "listed": "it reads statistics of all pairs of tokens",
}
"""Why other operations need the whole sequence."""


def _uncausal(node: Node, context: Context) -> str | None:
    """Whether a sum over senders has all of them before its row; else why not."""
    if node.op in ("index", "rows", "sinusoidal", "broadcast", "successor"):
        return None
    coupling = node.payload[0] if isinstance(node.payload, tuple) else node.payload
    uses, edges = context.model.coupling[coupling], context.edges(coupling)
    if not grows(context, Place("nodes", uses.receiver)):
        return f"'{uses.sender}' of every token speak to '{uses.receiver}', which are few"
    if not senders_grow(context, coupling):
        return None if edges.include_self else f"'{coupling}' leaves out a sender for each token"
    if edges.kind != "causal":
        return f"the sum '{coupling}' reaches over everyone, not causal({uses.receiver})"
    if node.op == "graph_sum" and node.payload[1] not in ("prefix", "weighted"):
        return f"the sum '{coupling}' has the form {node.payload[1]}"
    return None


def _early(nodes: tuple[Node, ...]) -> dict[int, int]:
    """How many rows after its sender a pair looks, by id; 0 where ``reach`` has cut that off."""
    found: dict[int, int] = {}
    for node in ordered(nodes):
        ahead = max((found.get(id(item), 0) for item in node.inputs), default=0)
        if node.op == "successor":
            ahead += node.payload
        if node.op == "reach" and node.payload[1] >= ahead:
            ahead = 0
        found[id(node)] = ahead
    return found
