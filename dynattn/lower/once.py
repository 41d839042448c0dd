"""``row_blocks`` nodes of which each undirected edge is computed once, for both of its ends."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from dynattn.lower.context import Context, width_of
from dynattn.lower.kernels import over_edges
from dynattn.lower.operation import Operation
from dynattn.lower.row_blocks import Cut, Maker, Work, plain
from dynattn.program import row_blocks
from dynattn.program.nodes import Node

PAIRS_AT_A_TIME = 2**16
"""So many pairs a processor computes at a time at most: their arrays stay in its caches."""
FEWEST = 2
"""Receivers of a part: a pair of a node with itself is given another one's numbers (``apart``)."""


# ── the operations of a part ───────────────────────────────────────────────────────────────────


def sum_edges_once(
    values: Tensor, receivers: Tensor, senders: Tensor, count: int, rank: int, sign: int
) -> Tensor:
    """The sum over the edges of each node, at the senders with this sign."""
    values, axis = over_edges(values, receivers, rank), -rank - 1
    shape = list(values.shape)
    shape[axis] = count
    found = values.new_zeros(shape).index_add(axis, receivers, values)
    return found.index_add(axis, senders, values, alpha=sign)


def over_columns(values: Tensor, rows: int, columns: int, rank: int) -> Tensor:
    """The array at every pair, [.., rows, columns, *]."""
    shape = list(values.shape)
    shape[-rank - 2], shape[-rank - 1] = rows, columns
    return values.expand(shape)


def sum_pairs_once(
    values: Tensor, index: Tensor, count: int, rank: int, sign: int, include_self: bool
) -> Tensor:
    """Of receivers and the ``count`` senders from the first of them on: the sums over the senders,
    then behind the receivers those over the receivers, with this sign.
    """
    rows = len(index)
    values = over_columns(values, rows, count, rank)
    square, rest = values.split([rows, count - rows], -rank - 1)
    if not include_self:
        own = torch.eye(rows, dtype=torch.bool, device=values.device)
        square = square.masked_fill(own.view(rows, rows, *[1] * rank), 0.0)
    here = square.sum(-rank - 1) + rest.sum(-rank - 1)
    return torch.cat([here, sign * rest.sum(-rank - 2)], -rank - 1)


def apart_once(values: Tensor, index: Tensor, count: int, rank: int) -> Tensor:
    """The array at every pair; where j is i it is that of another receiver and i."""
    values = over_columns(values, len(index), count, rank)
    own = torch.eye(len(index), count, dtype=torch.bool, device=values.device)
    own = own.view(*own.shape, *[1] * rank)
    return torch.where(own, values.roll(1, -rank - 2), values)


def _sum(node: Node, context: Context) -> Operation:
    (coupling, sign), rank = node.payload, width_of(node.inputs[0])
    edges = context.edges(coupling)
    if edges.kind == "edges":
        return plain(lambda a, i, j, count: sum_edges_once(a, i, j, count, rank, sign))
    own = edges.include_self
    return plain(lambda a, index, count: sum_pairs_once(a, index, count, rank, sign, own))


def _apart(node: Node, context: Context) -> Operation:
    rank = width_of(node.inputs[0])
    return plain(lambda a, index, count: apart_once(a, index, count, rank))


ONCE: dict[str, Maker] = {"edge_sum": _sum, "apart": _apart}


# ── parts ──────────────────────────────────────────────────────────────────────────────────────


class WorkOnce(Work):
    """A part of pairs are some receivers with all senders from the first of them on; of a list,
    some of the edges that are computed.
    """

    def joined(self, parts: Sequence[Tensor], axis: int) -> Tensor:
        """Parts end where the receivers end; their sums are added up."""
        axes = (0, 0) * (-axis - 1)
        most = max(part.shape[axis] for part in parts)
        found = [F.pad(part, (*axes, most - part.shape[axis], 0)) for part in parts]
        total = found[0]
        for part in found[1:]:
            total = total + part
        return total

    def is_kept(self, arrays: Sequence[Any]) -> bool:
        """Where all parts together are within the budget."""
        points, number = self._points(arrays)
        count = len(arrays[self.given + 2]) if self.ends == 4 else arrays[self.given] ** 2 // 2
        return number * self.rows.width * count * points <= row_blocks.BUDGET

    def covered(self, arrays: Sequence[Any], cut: Cut) -> tuple[int, int]:
        """From its first receiver on all."""
        return cut[0], arrays[self.given] - cut[0]

    def before(self, arrays: Sequence[Any], cut: Cut) -> int:
        """None."""
        return 0

    def cuts(self, arrays: Sequence[Any]) -> list[Cut]:
        """The parts that the budget and the caches allow."""
        points, number = self._points(arrays)
        nodes = arrays[self.given]
        if self.ends == 4:
            edges, step = len(arrays[self.given + 2]), self.rows.at_a_time(1, points, number)
            firsts = range(0, edges, step) if edges else range(1)
            return [(0, nodes, first, min(first + step, edges)) for first in firsts]
        fitting = self.rows.at_a_time(nodes, points, number)
        if all(a.device.type == "cpu" for a in arrays if isinstance(a, Tensor)):
            fitting = min(fitting, PAIRS_AT_A_TIME // max(1, nodes * points))
        step = max(FEWEST, fitting)
        firsts = [*range(0, nodes - FEWEST + 1, step)] or [0]
        return [(first, last, 0, 0) for first, last in pairwise([*firsts, nodes])]

    def marks(self, arrays: Sequence[Any], cut: Cut) -> dict[Any, Any]:
        """What the variables of a part are."""
        nodes = arrays[self.given]
        if self.ends == 2:
            found = {"index": self.index(arrays, cut), "count": nodes - cut[0]}
        else:
            ends = [a[cut[2] : cut[3]] for a in arrays[self.given + 2 : self.given + 4]]
            found = {"receivers": ends[0], "senders": ends[1], "count": nodes}
        return {("mark", name): value for name, value in found.items()}

    def ranges(self, arrays: Sequence[Any], k: int, cut: Cut) -> Iterator[tuple[int, int, int]]:
        """(axis, where a part begins, how long it is) of what a part is given of an input: of an
        array at every pair some receivers, and the senders from the first of them on.
        """
        axis, side, nodes = self.axis(k), self.rows.cut[k], arrays[self.given]
        if side == "edges" and self.ends == 4:
            yield axis, cut[2], cut[3] - cut[2]
            return
        columns = nodes - cut[0]
        if side != "edges":
            yield axis, cut[0], cut[1] - cut[0] if side == "rows" else columns
            return
        for pair_axis, length in ((axis, cut[1] - cut[0]), (axis + 1, columns)):
            if arrays[k].shape[pair_axis] > 1:
                yield pair_axis, cut[0], length

    def is_cut(self, arrays: Sequence[Any], k: int) -> bool:
        """Nodes of a list of edges are looked up, and arrays at pairs may be the same for all
        receivers and yet differ among senders.
        """
        if self.ends == 4 and self.rows.cut[k] != "edges":
            return False
        pairs = self.ends == 2 and self.rows.cut[k] == "edges" and isinstance(arrays[k], Tensor)
        return super().is_cut(arrays, k) or (pairs and arrays[k].shape[self.axis(k) + 1] > 1)

    def _piece(self, arrays: Sequence[Any], k: int, cut: Cut) -> Any:
        piece = arrays[k]
        for axis, first, length in self.ranges(arrays, k, cut) if self.is_cut(arrays, k) else ():
            piece = piece.narrow(axis, first, length)
        return piece

    def add(self, arrays: Sequence[Any], k: int, cut: Cut, total: Tensor, slope: Tensor) -> None:
        """Slopes of a part of an input, to where they belong."""
        for axis, first, length in self.ranges(arrays, k, cut) if self.is_cut(arrays, k) else ():
            total = total.narrow(axis, first, length)
        total.add_(slope)
