"""``row_blocks`` nodes of one sum_j f(a_i . b_j) v_j, receivers by receivers on a processor.

The value of softplus, relu, elu or exp tells its slope: it is all that is kept of a pair, or it is
made again. Blocks of pairs that a causal sum does not have are left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch._C._functorch import is_legacy_batchedtensor  # pyright: ignore  # no stubs
from torch.nn import functional as F

from dynattn.lower.kernels import in_transform
from dynattn.lower.row_blocks import Work
from dynattn.program import row_blocks
from dynattn.program.scored import Scored, Step

if TYPE_CHECKING:
    from dynattn.lower.routine import Plan
    from dynattn.network.connections import Connections
    from dynattn.program.row_blocks import Rows

ROWS = 32
CACHED = 2**17
"""So many pairs at a time: their arrays stay in the caches."""
KEPT = frozenset({"softplus", "elu", "exp"})
"""What takes longer to make again than to keep, within the budget of row blocks."""

Fixed = tuple[tuple[str, float], ...]
"""Steps with plain numbers."""
Block = tuple[slice, slice, int]
"""Some matrices, some receivers of theirs, and how many senders these have."""


# ── functions of a score ───────────────────────────────────────────────────────────────────────


def _by_softplus(y: Tensor, slopes: Tensor) -> Tensor:
    return slopes.mul_(torch.neg(y).expm1_().neg_())  # 1 - exp(-softplus x) is the slope at x


def _by_relu(y: Tensor, slopes: Tensor) -> Tensor:
    return torch.ops.aten.threshold_backward.grad_input(slopes, y, 0, grad_input=slopes)


def _by_elu(y: Tensor, slopes: Tensor) -> Tensor:
    return slopes.mul_(y.clamp(max=0).add_(1))


Bend = tuple[Callable[[Tensor], Tensor], Callable[[Tensor, Tensor], Tensor]]

BENDS: Mapping[str, Bend] = {
    "softplus": (F.softplus, _by_softplus),
    "relu": (torch.relu_, _by_relu),
    "elu": (lambda x: F.elu(x, inplace=True), _by_elu),
    "exp": (torch.exp_, lambda y, slopes: slopes.mul_(y)),
}
"""A function, in place, and from its value and the slopes by it those by its argument."""
BENT: Mapping[str, Callable[[Tensor], Tensor]] = {
    "softplus": F.softplus, "relu": torch.relu, "elu": F.elu, "exp": torch.exp,
}  # fmt: skip


def stepped(x: Tensor, steps: Fixed) -> Tensor:
    """The steps, in a new array if there are any."""
    for op, number in steps:
        x = x + number if op == "add" else x * number if op == "mul" else power(x, number)
    return x


def power(x: Tensor, exponent: float) -> Tensor:
    """x to a power."""
    return x if exponent == 1 else x * x if exponent == 2 else x**exponent


def slopes_before(x: Tensor, steps: Fixed, slopes: Tensor) -> Tensor:
    """From slopes by the steps of x those by x, in place."""
    if not steps:
        return slopes
    (op, number), rest = steps[0], steps[1:]
    slopes = slopes_before(stepped(x, steps[:1]), rest, slopes)
    if op == "mul":
        return slopes.mul_(number)
    if op == "add" or number == 1:
        return slopes
    if number == 0:
        return slopes.zero_()
    return slopes.mul_(power(x, number - 1)).mul_(number)


# ── the sum ────────────────────────────────────────────────────────────────────────────────────


class Sum:
    """A ``Scored`` sum with its numbers, and which pairs are edges."""

    def __init__(self, scored: Scored, before: Fixed, behind: Fixed, edges: Connections) -> None:
        self.name, (self.bend, self.by_bend) = scored.bent, BENDS[scored.bent]
        self.before, self.mean = before, scored.mean
        self.behind = tuple(step for step in behind if step != ("pow", 1))
        self.causal, self.include_self = edges.kind == "causal", edges.include_self

    def blocks(self, matrices: int, receivers: int, senders: int) -> Iterator[Block]:
        """Receivers by receivers, for so many matrices that they stay in the caches."""
        for first in range(0, receivers, ROWS):
            last = min(first + ROWS, receivers)
            seen = min(last, senders) if self.causal else senders
            count = max(1, CACHED // (ROWS * max(1, seen)))
            for n in range(0, matrices, count):
                yield slice(n, min(n + count, matrices)), slice(first, last), seen

    def masked(self, pairs: Tensor, first: int) -> Tensor:
        """The same, 0 at pairs that are no edge, of the receivers from the first on."""
        if self.causal:
            pairs[..., first:].tril_(0 if self.include_self else -1)
        elif not self.include_self:
            pairs.diagonal(first, -2, -1).zero_()
        return pairs

    def bent(self, a: Tensor, b: Tensor, first: int) -> Tensor:
        """What the steps behind are of, or the weights, [matrices, receivers, senders]."""
        score = torch.bmm(a, b.mT)
        for op, number in self.before:
            score = score.add_(number) if op == "add" else score.mul_(number)
        score = self.bend(score)
        return score if self.behind else self.masked(score, first)

    def weights(self, bent: Tensor, first: int) -> Tensor:
        """What the sum is over, 0 at pairs that are no edge."""
        return self.masked(stepped(bent, self.behind), first) if self.behind else bent

    def scores(self, bent: Tensor, slopes: Tensor, first: int) -> Tensor:
        """From slopes by the weights those by the scores, in place."""
        slopes = self.by_bend(bent, slopes_before(bent, self.behind, slopes))
        for op, number in self.before:
            slopes = slopes.mul_(number) if op == "mul" else slopes
        return self.masked(slopes, first)

    def at_once(self, a: Tensor, b: Tensor, v: Tensor) -> Tensor:
        """The sum with an array of all pairs: derivatives of every kind and order."""
        weights = stepped(BENT[self.name](stepped(a @ b.mT, self.before)), self.behind)
        there = weights.new_ones(weights.shape[-2:], dtype=torch.bool)
        if self.causal:
            weights = weights.masked_fill(~there.tril(0 if self.include_self else -1), 0.0)
        elif not self.include_self:
            weights = weights.masked_fill(there.triu().tril(), 0.0)
        total = weights @ v
        return total / weights.sum(-1, keepdim=True) if self.mean else total


class BlockSum(torch.autograd.Function):
    """A sum of ``made``: a, b, v [.., nodes, heads, width] to [.., receivers, heads, width].

    Narrow products are several times as fast with the nodes along the last axis.
    """

    @staticmethod
    def forward(ctx: Any, made: Sum, keep: bool, a: Tensor, b: Tensor, v: Tensor) -> Tensor:
        ctx.made, ctx.batch = made, batch_of(a, b, v)
        fa, fb, fv = (flat(x, ctx.batch) for x in (a, b, v))
        total = fv.new_empty(fv.shape[0], fv.shape[2], fa.shape[1])
        share = fv.new_empty(fv.shape[0], 1, fa.shape[1]) if made.mean else None
        kept: list[Tensor] = []
        for some, own, seen in made.blocks(fa.shape[0], fa.shape[1], fb.shape[1]):
            bent = made.bent(fa[some, own], fb[some, :seen], own.start)
            weights = made.weights(bent, own.start)
            if keep:
                kept.append(bent)
            total[some, :, own] = torch.bmm(fv[some, :seen].mT, weights.mT)
            if share is not None:
                share[some, 0, own] = weights.sum(-1)
        if share is not None:
            total.div_(share)
        found = nested(total.mT, ctx.batch).contiguous()
        ctx.save_for_backward(a, b, v, found if made.mean else None, share, *kept)
        return found

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Any, ...]:
        a, b, v, found, share, *kept = ctx.saved_tensors
        made, push = ctx.made, gradients[0]
        if torch.is_grad_enabled() or in_transform(push) or is_legacy_batchedtensor(push):
            return None, None, *_at_once(made, (a, b, v), push)
        fa, fb, fv = (flat(x, ctx.batch) for x in (a, b, v))
        by_share = None
        if share is not None:
            by_share = flat((push * found).sum(-1, keepdim=True), ctx.batch).div_(share.mT).neg_()
            push = flat(push, ctx.batch).mT / share
        else:
            push = flat(push, ctx.batch).mT.contiguous()
        by_a = fa.new_empty(fa.mT.shape)
        by_b, by_v = (x.new_zeros(x.mT.shape) for x in (fb, fv))
        blocks = made.blocks(fa.shape[0], fa.shape[1], fb.shape[1])
        for k, (some, own, seen) in enumerate(blocks):
            bent = kept[k] if kept else made.bent(fa[some, own], fb[some, :seen], own.start)
            weights, here = made.weights(bent, own.start), push[some, :, own]
            slopes = torch.bmm(here.mT, fv[some, :seen].mT)
            if by_share is not None:
                slopes.add_(by_share[some, own])
            by_v[some, :, :seen] += torch.bmm(here, weights)
            slopes = made.scores(bent, slopes, own.start)
            by_a[some, :, own] = torch.bmm(fb[some, :seen].mT, slopes.mT)
            by_b[some, :, :seen] += torch.bmm(fa[some, own].mT, slopes)
        pairs = ((by_a, a), (by_b, b), (by_v, v))
        return None, None, *[nested(by.mT, ctx.batch).sum_to_size(x.shape) for by, x in pairs]


def batch_of(*arrays: Tensor) -> Sequence[int]:
    """The batch axes of arrays [.., nodes, heads, width] together."""
    shapes = {x.shape[:-3] for x in arrays} - {torch.Size()}
    return shapes.pop() if len(shapes) == 1 else torch.broadcast_shapes(*shapes)


def flat(x: Tensor, batch: Sequence[int]) -> Tensor:
    """[.., nodes, heads, width] -> [matrices, nodes, width]."""
    x = x.expand(*batch, *x.shape[-3:]).transpose(-3, -2)
    return x.reshape(-1, *x.shape[-2:])


def nested(flat: Tensor, batch: Sequence[int]) -> Tensor:
    """[matrices, nodes, width] -> [.., nodes, heads, width]."""
    return flat.view(*batch, -1, *flat.shape[-2:]).transpose(-3, -2)


def _at_once(made: Sum, given: Sequence[Tensor], push: Tensor) -> Sequence[Tensor]:
    """Slopes that have slopes themselves, or many at once."""

    def total(*arrays: Tensor) -> Tensor:
        a, b, v = (x.transpose(-3, -2) for x in arrays)
        return made.at_once(a, b, v).transpose(-3, -2)

    if in_transform(push):
        return torch.func.vjp(total, *given)[1](push)
    twice = torch.is_grad_enabled()
    with torch.enable_grad():
        own = [x.view_as(x) if twice else x.detach().requires_grad_() for x in given]
        found = total(*own)
    return torch.autograd.grad(found, own, push, create_graph=twice)


class WorkScored(Work):
    """One ``Scored`` sum, by ``BlockSum`` where that can be."""

    def __init__(
        self, rows: Rows, plan: Plan, edges: Connections, given: int, ends: int, scored: Scored
    ) -> None:
        super().__init__(rows, plan, edges, given, ends)
        self.scored = scored
        parts = (scored.receiver, scored.sender, scored.values)
        self.parts = tuple(part.payload[1] for part in parts)
        """Where a, b and v are among what is given."""
        self.heads = len(scored.values.type.shape) == 2

    def __call__(self, *arrays: Any) -> tuple[Any, ...]:
        a, b, v = (arrays[k] for k in self.parts)
        before, behind = (self.fixed(s, arrays) for s in (self.scored.before, self.scored.behind))
        if before is None or behind is None or not self.is_for_blocks((a, b, v)):
            return super().__call__(*arrays)
        ends = arrays[self.given : self.given + 2]
        counts = zip((a, b, v), (ends[0], ends[1], ends[1]), strict=True)
        given = [self.with_heads(x, nodes) for x, nodes in counts]
        made = Sum(self.scored, before, behind, self.edges)
        pairs = a.numel() // max(1, a.shape[-1]) * ends[1]
        keep = self.scored.bent in KEPT and pairs * a.element_size() <= row_blocks.BUDGET
        total = BlockSum.apply(made, keep and torch.is_grad_enabled(), *given)
        assert isinstance(total, Tensor)
        return (total if self.heads else total.squeeze(-2),)

    def with_heads(self, x: Tensor, nodes: int) -> Tensor:
        """[.., nodes, heads, width], of every node and with an axis for one head."""
        x = x if self.heads else x.unsqueeze(-2)
        return x.expand(*x.shape[:-3], nodes, *x.shape[-2:])

    @staticmethod
    def is_for_blocks(arrays: Sequence[Tensor]) -> bool:
        """Whether they are whole numbers' arrays of a processor, and nothing else follows them."""
        if torch.compiler.is_compiling() or torch.is_autocast_enabled("cpu"):
            return False
        kinds = {x.dtype for x in arrays}
        plain = len(kinds) == 1 and kinds <= {torch.float32, torch.float64}
        return plain and all(x.device.type == "cpu" and not in_transform(x) for x in arrays)

    def fixed(self, steps: Sequence[Step], arrays: Sequence[Any]) -> Fixed | None:
        """The steps with plain numbers; None where one has slopes or is one for each point."""
        found = []
        for op, number in steps:
            if not isinstance(number, int | float):
                number = arrays[number.payload[1]]
            if isinstance(number, Tensor):
                if number.requires_grad or number.dim() or number.device.type != "cpu":
                    return None
                if in_transform(number):
                    return None
                number = number.item()
            found.append((op, float(number)))
        return tuple(found)
