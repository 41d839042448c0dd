"""``row_blocks`` nodes at work: receivers by receivers, and for slopes each part once more."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy
import torch
from torch import Tensor

from dynattn.lower import kernels, row_kernels
from dynattn.lower.context import Context, Need, width_of
from dynattn.lower.operation import Operation
from dynattn.program.nodes import Node
from dynattn.program.row_blocks import Rows

if TYPE_CHECKING:
    from dynattn.lower.routine import Plan
    from dynattn.network.connections import Connections

Maker = Callable[[Node, Context], Operation]
Cut = tuple[int, int, int, int]
"""The first receiver and the one behind the last; the same of their edges."""


# ── the operations of some receivers ───────────────────────────────────────────────────────────


def _among(of_edges: Callable[..., Any], of_rows: Callable[..., Any]) -> Maker:
    """An operation among the edges of each receiver."""

    def make(node: Node, context: Context) -> Operation:
        coupling, rank = node.payload, width_of(node.inputs[0])
        edges = context.edges(coupling)
        if edges.kind == "edges":
            return plain(lambda a, ends, count: of_edges(a, ends, count, rank))
        fixed = (rank, edges.kind == "causal", edges.include_self)
        run = lambda a, index, senders: of_rows(a, index, senders, *fixed)  # noqa: E731
        return plain(run, context.senders(coupling))

    return make


def _edge_sum(node: Node, context: Context) -> Operation:
    """Behind the inputs are the marks: of pairs, the index of the receivers."""
    if node.inputs[0].type.place.kind == "edges" or len(node.inputs) == 2:
        return _among(kernels.sum_edges, row_kernels.sum_rows)(node, context)
    rank, edges = width_of(node.inputs[0]), context.edges(node.payload)
    run = partial(
        row_kernels.sum_product_rows,
        rank=rank,
        causal=edges.kind == "causal",
        include_self=edges.include_self,
        mean=node.op == "edge_mean",
    )
    return plain(run, context.senders(node.payload))


def plain(function: Callable[..., Any], *needs: Need) -> Operation:
    """An operation that is run, not written."""
    return Operation(function, no_text, needs)


def no_text(*texts: Any) -> Any:
    """Has no text: ValueError."""
    raise ValueError("sums in blocks of receivers are run, not written")


def _end(position: int) -> Maker:
    def make(node: Node, context: Context) -> Operation:
        rank = width_of(node.inputs[0])
        if node.type.place.kind == "pairs":
            return plain(lambda a: a.unsqueeze(-rank - 1 - position))
        return plain(lambda a, ends: a.index_select(-rank - 1, ends))

    return make


def _reach(node: Node, context: Context) -> Operation:
    (coupling, places), rank = node.payload, width_of(node)
    edges = context.edges(coupling)
    fixed = (rank, edges.kind == "causal", edges.include_self, places)
    return plain(
        lambda a, index, senders: row_kernels.reach_rows(a, index, senders, *fixed),
        context.senders(coupling),
    )


def _apart(node: Node, context: Context) -> Operation:
    rank = width_of(node.inputs[0])
    return plain(
        lambda a, index, senders: row_kernels.apart_rows(a, index, senders, rank),
        context.senders(node.payload),
    )


def _weighted(node: Node, context: Context) -> Operation:
    """The weights are the last input but one, behind them is the index."""
    *features, weights, _ = node.inputs
    ranks, edges = tuple(map(width_of, features)), context.edges(node.payload[0])
    shares = weights.op in ("edge_softmax", "edge_normalize")  # 0 where no edge is
    fixed = (ranks, edges.kind == "causal" and not shares, edges.include_self or shares)
    return plain(lambda *a: row_kernels.weigh_rows(a[:-2], a[-2], a[-1], *fixed))


MAKERS: Mapping[str, Maker] = {
    "receiver": _end(0), "sender": _end(1), "reach": _reach, "apart": _apart,
    "graph_sum": _weighted,
    "edge_sum": _edge_sum, "edge_mean": _edge_sum,
    "edge_softmax": _among(kernels.softmax_edges, row_kernels.softmax_rows),
    "edge_normalize": _among(kernels.normalize_edges, row_kernels.normalize_rows),
}  # fmt: skip


# ── some receivers at a time ───────────────────────────────────────────────────────────────────


FUSED = frozenset({"edge_sum"})
"""Sums whose pairs torch's compiler never puts into memory."""


class Work:
    """Computes a ``row_blocks`` node from: its inputs (so many as are ``given``), the sizes of its
    coupling and in a list of edges their ends (``ends`` of them), and what its plan needs else.
    """

    def __init__(self, rows: Rows, plan: Plan, edges: Connections, given: int, ends: int) -> None:
        self.rows, self.plan, self.edges, self.given, self.ends = rows, plan, edges, given, ends
        leaves = {node.payload: node for node in rows.block.nodes if node.op == "variable"}
        self.leaves = tuple(leaves["given", k] for k in range(given))
        """By input: the leaf that it is in the block."""
        sums = [node for _, node in rows.block.outputs]
        self.counts = tuple(len(n.inputs) - 2 if n.op == "graph_sum" else 0 for n in sums)
        """By sum: of how many features; 0 for a plain one."""
        self.ranks: tuple[int, ...] = ()
        """The coordinate axes of every result."""
        for node, count in zip(sums, self.counts, strict=True):
            found = [width_of(n) for n in node.inputs[:count]] if count else [width_of(node)]
            self.ranks += tuple(found)
        pairs = zip(plan.instructions, plan.spent, strict=True)
        self.steps = tuple((i.operation.function, i.arguments, i.result, end) for i, end in pairs)
        """Function, arguments, result and slots that are spent, by instruction."""
        among = {node.op for node in rows.block.nodes if node.op in MAKERS}
        self.fused = among <= FUSED | {"receiver", "sender"} and ends == 2 and not rows.once

    def __call__(self, *arrays: Any) -> tuple[Any, ...]:
        whole = self.fused and torch.compiler.is_compiling()
        cuts = [(0, arrays[self.given], 0, 0)] if whole else self.cuts(arrays)
        if len(cuts) == 1:
            return self.part(arrays, cuts[0], arrays[: self.given])
        moving = any(a.requires_grad for a in arrays if isinstance(a, Tensor))
        again = torch.is_grad_enabled() and moving and not self.is_kept(arrays)
        if again and not torch.compiler.is_compiling() and not _is_followed(arrays):
            return self.nested(InParts.apply(self, cuts, *arrays))
        return self.all(arrays, cuts)

    def all(self, arrays: Sequence[Any], cuts: Sequence[Cut]) -> tuple[Any, ...]:
        """The results of all parts, one behind the other."""
        parts = [_flat(self.part(arrays, cut, self.pieces(arrays, cut))) for cut in cuts]
        results = zip(zip(*parts, strict=True), self.ranks, strict=True)
        return self.nested([self.joined(same, -rank - 1) for same, rank in results])

    def joined(self, parts: Sequence[Tensor], axis: int) -> Tensor:
        """A result of all parts."""
        return torch.cat(list(parts), axis)

    def is_kept(self, arrays: Sequence[Any]) -> bool:
        """Whether what several parts leave for slopes may stay."""
        return False

    def covered(self, arrays: Sequence[Any], cut: Cut) -> tuple[int, int]:
        """The first receiver that a part has a result for, and how many there are."""
        return cut[0], cut[1] - cut[0]

    def nested(self, results: Sequence[Tensor]) -> tuple[Any, ...]:
        """One array per plain sum, a tuple of them per sum of features."""
        left = iter(results)
        return tuple(tuple(islice(left, n)) if n else next(left) for n in self.counts)

    # --- parts ----------------------------------------------------------------------------------

    def cuts(self, arrays: Sequence[Any]) -> list[Cut]:
        """The parts that the budget allows; one where it allows all."""
        receivers, senders = arrays[self.given : self.given + 2]
        points, number = self._points(arrays)
        if self.ends == 2:
            step = self.rows.at_a_time(senders, points, number)
            firsts = range(0, receivers, step) if receivers else range(1)
            return [(k, min(k + step, receivers), 0, 0) for k in firsts]
        edges = arrays[self.given + 2].shape[0]
        most = self.rows.at_a_time(1, points, number)
        return [(0, receivers, 0, edges)] if edges <= most else list(self._of_edges(most))

    def _points(self, arrays: Sequence[Any]) -> tuple[int, int]:
        """How many points a batch has, and the bytes of a number."""
        points = number = 1
        for a, leaf in zip(arrays, self.leaves, strict=False):
            if isinstance(a, Tensor) and a.is_floating_point() | a.is_complex():
                batch = a.shape[: max(0, a.dim() - width_of(leaf) - leaf.type.place_axes)]
                points, number = max(points, batch.numel()), max(number, a.element_size())
        return points, number

    def _of_edges(self, most: int) -> Iterator[Cut]:
        """Receivers of at most so many edges, one receiver at least."""
        starts = self.edges.rows()
        first, count = 0, len(starts) - 1
        while first < count:
            last = int(numpy.searchsorted(starts, starts[first] + most, "right")) - 1
            last = min(max(last, first + 1), count)
            yield first, last, int(starts[first]), int(starts[last])
            first = last

    def pieces(self, arrays: Sequence[Any], cut: Cut) -> list[Any]:
        """What the receivers of a part are given."""
        return [self._piece(arrays, k, cut) for k in range(self.given)]

    def _piece(self, arrays: Sequence[Any], k: int, cut: Cut) -> Any:
        if not self.is_cut(arrays, k):
            return arrays[k]
        a, axis = arrays[k], self.axis(k)
        if self.leaves[k].type.place.kind == "edges":
            return a.narrow(axis, cut[2], cut[3] - cut[2])
        if self.rows.apart:
            return a.index_select(axis, self.index(arrays, cut))
        return a.narrow(axis, cut[0], cut[1] - cut[0])

    def is_cut(self, arrays: Sequence[Any], k: int) -> bool:
        """Whether an input has numbers of its own for every receiver or edge."""
        whole = self.rows.cut[k] == "whole" or not isinstance(arrays[k], Tensor)
        return not whole and arrays[k].shape[self.axis(k)] > 1

    def add(self, arrays: Sequence[Any], k: int, cut: Cut, total: Tensor, slope: Tensor) -> None:
        """Slopes of a part of an input, to where they belong."""
        if not self.is_cut(arrays, k):
            total.add_(slope)
        elif self.leaves[k].type.place.kind == "edges":
            total.narrow(self.axis(k), cut[2], cut[3] - cut[2]).add_(slope)
        elif self.rows.apart:
            total.index_add_(self.axis(k), self.index(arrays, cut), slope)
        else:
            total.narrow(self.axis(k), cut[0], cut[1] - cut[0]).add_(slope)

    def axis(self, k: int) -> int:
        """The axis along which an input is cut."""
        leaf = self.leaves[k]
        return -width_of(leaf) - (2 if leaf.type.place.kind == "pairs" else 1)

    def index(self, arrays: Sequence[Any], cut: Cut) -> Tensor:
        """The receivers of a part, the one before them first where pairs are kept apart."""
        receivers, before = arrays[self.given], self.before(arrays, cut)
        device = next(a.device for a in arrays if isinstance(a, Tensor))
        return torch.arange(cut[0] - before, cut[1], device=device) % receivers

    def before(self, arrays: Sequence[Any], cut: Cut) -> int:
        """How many receivers are computed for others alone."""
        return int(self.rows.apart and cut[1] - cut[0] < arrays[self.given])

    def marks(self, arrays: Sequence[Any], cut: Cut) -> dict[Any, Any]:
        """What the variables of a part are."""
        if self.ends == 2:
            return {("mark", "index"): self.index(arrays, cut)}
        receivers, senders = (a[cut[2] : cut[3]] for a in arrays[self.given + 2 : self.given + 4])
        found = {"receivers": receivers - cut[0], "senders": senders, "count": cut[1] - cut[0]}
        return {("mark", name): value for name, value in found.items()}

    def part(self, arrays: Sequence[Any], cut: Cut, pieces: Sequence[Any]) -> tuple[Any, ...]:
        """The results of some receivers."""
        values, rows = self.marks(arrays, cut), cut[1] - cut[0]
        values |= {("given", k): piece for k, piece in enumerate(pieces)}
        rest = iter(arrays[self.given + self.ends :])
        slots = [values[f.name] if f.kind == "variable" else next(rest) for f in self.plan.leaves]
        slots += [*self.plan.numbers, *[None] * len(self.steps)]
        for function, inputs, result, spent in self.steps:
            slots[result] = function(*[slots[k] for k in inputs])
            for k in spent:
                slots[k] = None
        found = tuple(slots[slot] for _, slot in self.plan.outputs)
        before = self.before(arrays, cut)
        if not before:
            return found
        flat = zip(_flat(found), self.ranks, strict=True)
        return self.nested([a.narrow(-rank - 1, before, rows) for a, rank in flat])


class InParts(torch.autograd.Function):
    """The results of a Work in parts, of which nothing is kept: slopes compute each part again."""

    @staticmethod
    def forward(ctx: Any, work: Work, cuts: Sequence[Cut], *arrays: Any) -> tuple[Tensor, ...]:
        ctx.work, ctx.cuts = work, cuts
        ctx.others = [None if isinstance(a, Tensor) else a for a in arrays]
        ctx.save_for_backward(*[a if isinstance(a, Tensor) else None for a in arrays])
        return _flat(work.all(arrays, cuts))

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Any, ...]:
        saved = zip(ctx.saved_tensors, ctx.others, strict=True)
        arrays = [other if a is None else a for a, other in saved]
        moving = [k for k in range(ctx.work.given) if ctx.needs_input_grad[k + 2]]
        twice = torch.is_grad_enabled()
        if twice or _is_followed(gradients):  # slopes of slopes, many slopes: everything is kept
            with torch.enable_grad():
                for k in moving:  # one tensor may be given twice
                    own = arrays[k] if twice else arrays[k].detach().requires_grad_()
                    arrays[k] = own.view_as(own)
                wanted = [arrays[k] for k in moving]
                found = _flat(ctx.work.all(arrays, ctx.cuts))
            slopes = torch.autograd.grad(
                found, wanted, gradients, create_graph=twice, allow_unused=True
            )
            by_input = dict(zip(moving, slopes, strict=True))
        else:
            by_input = _slopes(ctx.work, ctx.cuts, arrays, moving, gradients)
        return (None, None, *[by_input.get(k) for k in range(len(arrays))])


def _slopes(
    work: Work,
    cuts: Sequence[Cut],
    arrays: Sequence[Any],
    moving: Sequence[int],
    gradients: Sequence[Tensor],
) -> dict[int, Tensor]:
    """By input: the slopes of all parts, added up."""
    total = {k: torch.zeros_like(arrays[k]) for k in moving}
    for cut in cuts:
        pieces = [a.detach() if isinstance(a, Tensor) else a for a in work.pieces(arrays, cut)]
        with torch.enable_grad():
            for k in moving:
                pieces[k].requires_grad_()
            found = _flat(work.part(arrays, cut, pieces))
        here = [
            (a, g.narrow(-rank - 1, *work.covered(arrays, cut)))
            for a, g, rank in zip(found, gradients, work.ranks, strict=True) if a.requires_grad
        ]  # fmt: skip
        results, theirs = zip(*here, strict=True)
        wanted = [pieces[k] for k in moving]
        slopes = torch.autograd.grad(results, wanted, theirs, allow_unused=True)
        for k, slope in zip(moving, slopes, strict=True):
            if slope is not None:
                work.add(arrays, k, cut, total[k], slope)
    return total


def _flat(results: Sequence[Any]) -> tuple[Tensor, ...]:
    found: list[Tensor] = []
    for result in results:
        found += result if isinstance(result, tuple) else [result]
    return tuple(found)


def _is_followed(arrays: Sequence[Any]) -> bool:
    """Whether torch.func maps over some of the arrays or moves along them."""
    return any(torch.func.debug_unwrap(a) is not a for a in arrays if isinstance(a, Tensor))
