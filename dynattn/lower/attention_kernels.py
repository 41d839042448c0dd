"""Sums over senders with softmax weights, without an array of all pairs.

Arrays are ``[.., nodes, heads, width]``. Emitted files carry copies of what stands here; each
function needs nothing else but ``in_transform``.
"""

from __future__ import annotations

import torch
from torch.nn import functional as F

from dynattn.lower.kernels import in_transform


def attend(q, k, v, causal):
    """softmax(q k^T) v."""
    return attend_near(q, k, v, causal, 0)[0]


def attend_one_head(q, k, v, causal):
    """The same for arrays [.., T, width]."""
    return attend(q.unsqueeze(-2), k.unsqueeze(-2), v.unsqueeze(-2), causal).squeeze(-2)


def attend_near(q, k, v, causal, places):
    """softmax(q k^T) v without the ``places`` nearest senders, the receiver itself and those right
    before it, and their weights; causal unless ``places`` is 0.

    Returns [.., T, heads, width] and [.., T, heads, places]; weights of senders before the first
    are 0.
    """
    batch = torch.broadcast_shapes(q.shape[:-3], k.shape[:-3], v.shape[:-3])
    q, k, v = (a.expand(*batch, *a.shape[-3:]).reshape(-1, *a.shape[-3:]) for a in (q, k, v))
    if v.shape[-1] > q.shape[-1] and in_transform(q):
        mixed, near = by_heads(attend_at_once, q, k, v, causal, places)
    elif in_own_blocks(q, k, v):
        mixed, near = by_heads(BlockAttention.apply, q, k, v, causal, places)
    elif places:
        mixed, near = attend_apart(q, k, v, places)
    else:
        mixed, near = attend_fused(q, k, v, causal), q[..., :0]
    return mixed.reshape(*batch, *mixed.shape[-3:]), near.reshape(*batch, *near.shape[-3:])


def by_heads(form, q, k, v, causal, places):
    """``form`` of arrays [batch * heads, T, width], for arrays [batch, T, heads, width]."""
    batch, heads = q.shape[0], q.shape[2]
    found = form(*(a.transpose(1, 2).flatten(0, 1) for a in (q, k, v)), causal, places)
    return tuple(a.unflatten(0, (batch, heads)).transpose(1, 2) for a in found)


def in_own_blocks(q, k, v):
    """Whether BlockAttention is to do it: on a processor, for whole numbers.

    No fused kernel of the processor takes values wider than keys. Others it takes heads by heads,
    which is slower from ``BlockAttention.LONG`` senders on, but on threads of their own.
    """
    if q.device.type != "cpu" or torch.compiler.is_compiling():
        return False
    if v.shape[-1] <= q.shape[-1]:
        alone = torch.get_num_threads() == 1 and k.shape[-3] >= BlockAttention.LONG
        if not alone or in_transform(q):
            return False
    whole = q.dtype == v.dtype and q.dtype in (torch.float32, torch.float64)
    return whole and not torch.is_autocast_enabled("cpu")


def attend_at_once(q, k, v, causal, places):
    """``attend_near`` of arrays [samples, T, width] with an array of all weights: derivatives of
    every kind and order.
    """
    scores = q @ k.mT
    if causal:
        later = torch.ones(scores.shape[-2:], dtype=torch.bool, device=q.device).triu(1)
        scores = scores.masked_fill(later, -torch.inf)
    weights = scores.softmax(-1)
    padded = F.pad(weights, (places, 0))
    near = [padded.diagonal(places - s, -2, -1) for s in range(places)]
    far = weights.tril(-places) if places else weights
    return far @ v, torch.stack(near, -1) if places else q[..., :0]


def attend_fused(q, k, v, causal):
    """softmax(q k^T) v by torch's fused attention; arrays [batch, T, heads, width].

    On a processor it takes one width alone, and makes an array of all pairs of others.
    """
    q, k, v = (a.transpose(1, 2) for a in (q, k, v))
    width = v.shape[-1]
    wide = max(width, q.shape[-1])
    q, k, v = (F.pad(a, (0, wide - a.shape[-1])) if a.shape[-1] < wide else a for a in (q, k, v))
    mixed = F.scaled_dot_product_attention(q, k, v, is_causal=causal, scale=1.0)
    return mixed[..., :width].transpose(1, 2)


def attend_apart(q, k, v, places):
    """``attend_near`` by fused attention.

    Each of the ``places`` nearest senders has a slot in front, with its score as a coordinate of
    the query, and the others stand as many places later. So the softmax is over the same scores,
    and the slots' weights come out as values of their own.
    """
    length, width = v.shape[-3], v.shape[-1]
    shifted = [shift_nodes(k, s) for s in range(places)]
    q, k = with_slots(q, k, shifted)
    own = torch.eye(places, dtype=v.dtype, device=v.device).view(1, places, 1, places)
    own = own.expand(v.shape[0], places, v.shape[2], places)[:, :length]
    later = F.pad(v[:, : max(0, length - places)], (0, places))
    far = torch.cat([F.pad(own, (width, 0)), later], 1)
    return attend_fused(q, k, far, True).split([width, places], -1)


class BlockAttention(torch.autograd.Function):
    """``attend_near``, receivers by receivers.

    q, k, v [samples, T, width], the values of any width. Scores are made for ``ROWS`` receivers at
    a time, or half as many, and again for the slopes, for so many samples that they stay in the
    cache, in arrays that are made once.
    """

    ROWS = 64
    CACHED = 2**17
    LONG = 128

    @staticmethod
    def forward(ctx, q, k, v, causal, places):
        ctx.save_for_backward(q, k, v)
        ctx.causal, ctx.places = causal, places
        mixed, near = v.new_empty(*q.shape[:-1], v.shape[-1]), q.new_zeros(*q.shape[:-1], places)
        later, room = later_scores(q, causal), block_room(q, k)
        for own, seen, first in attention_blocks(q, k, causal):
            weights = block_weights(q[own], k[seen], later, room)
            for s in range(places):
                near[own][:, max(0, s - first) :, s] = weights.diagonal(first - s, 1, 2)
                weights.diagonal(first - s, 1, 2).zero_()
            mixed[own].baddbmm_(weights, v[seen], beta=0)
        return mixed, near

    @staticmethod
    def backward(ctx, *gradients):
        (q, k, v), (by_mixed, by_near) = ctx.saved_tensors, gradients
        if torch.is_grad_enabled():  # derivatives of the slopes are wanted
            q, k, v = (a.view_as(a) for a in (q, k, v))
            found = attend_at_once(q, k, v, ctx.causal, ctx.places)
            pushes = (by_mixed, by_near)
            return *torch.autograd.grad(found, (q, k, v), pushes, create_graph=True), None, None
        by_q, by_k, by_v = torch.empty_like(q), torch.zeros_like(k), torch.zeros_like(v)
        later, room, space = later_scores(q, ctx.causal), block_room(q, k), block_room(q, k)
        for own, seen, first in attention_blocks(q, k, ctx.causal):
            pushed, received, sent = by_mixed[own], q[own], k[seen]
            weights = block_weights(received, sent, later, room)
            slopes = torch.bmm(pushed, v[seen].mT, out=part_of(space, weights.shape))
            for s in range(ctx.places):
                slopes.diagonal(first - s, 1, 2).copy_(by_near[own][:, max(0, s - first) :, s])
            slopes_back = torch.ops.aten._softmax_backward_data.out
            by_score = slopes_back(slopes, weights, -1, weights.dtype, grad_input=slopes)
            for s in range(ctx.places):
                weights.diagonal(first - s, 1, 2).zero_()
            by_v[seen].baddbmm_(weights.mT, pushed)
            by_q[own].baddbmm_(by_score, sent, beta=0)
            by_k[seen].baddbmm_(by_score.mT, received)
        return by_q, by_k, by_v, None, None


def attention_blocks(q, k, causal):
    """Indices of some receivers and of what they see, and the number of the first one."""
    rows = block_rows(k)
    for first in range(0, q.shape[1], rows):
        last = min(first + rows, q.shape[1])
        senders = last if causal else k.shape[1]
        count = max(1, BlockAttention.CACHED // (rows * senders))
        for n in range(0, q.shape[0], count):
            some = slice(n, n + count)
            yield (some, slice(first, last)), (some, slice(0, senders)), first


def block_rows(k):
    """Receivers of a block: fewer where there are few senders, as less of what is later is made."""
    return BlockAttention.ROWS if k.shape[1] > 256 else BlockAttention.ROWS // 2


def block_room(q, k):
    """Where the scores of any one of these blocks find room."""
    most = min(block_rows(k), q.shape[1]) * k.shape[1]
    return q.new_empty(min(q.shape[0] * most, max(most, BlockAttention.CACHED)))


def part_of(room, shape):
    """The first numbers of a room, as an array."""
    return room[: shape.numel()].view(shape)


def later_scores(q, causal):
    """What scores of a block with its own receivers get added, so that none sees later ones; None
    where all are seen.
    """
    if not causal:
        return None
    rows = BlockAttention.ROWS
    return q.new_full((rows, rows), -torch.inf).triu_(1)


def block_weights(q, k, later, room):
    """[samples, receivers, senders], in ``room``: the weights of receivers that see no more than
    themselves; ``later`` None: everyone.
    """
    rows, senders = q.shape[1], k.shape[1]
    shape = torch.Size((q.shape[0], rows, senders))
    scores = torch.bmm(q, k.mT, out=part_of(room, shape))
    if later is not None:
        scores[..., senders - rows :].add_(later[:rows, :rows])
    return torch.softmax(scores, -1, out=scores)


def shift_nodes(values, places):
    """At every node the value ``places`` before it, or after it if negative; 0 past the ends."""
    if places == 0:
        return values
    places = max(-values.shape[-3], min(places, values.shape[-3]))
    return F.pad(values, (0, 0, 0, 0, places, -places))


def with_slots(q, k, shifted):
    """Queries and keys with slots in front, one for each of the keys ``shifted``: their scores
    stand in the query, and each slot is a coordinate of its own.
    """
    places, length, width = len(shifted), k.shape[-3], k.shape[-1]
    q = torch.cat([q, *[(q * a).sum(-1, keepdim=True) for a in shifted]], -1)
    slots = torch.eye(places, width + places, dtype=k.dtype, device=k.device).roll(width, -1)
    slots = slots.unsqueeze(-2).expand(*k.shape[:-3], places, k.shape[-2], width + places)
    kept = k.narrow(-3, 0, max(0, length - places))
    return q, torch.cat([slots, F.pad(kept, (0, places))], -3).narrow(-3, 0, length)


def attend_successors(q, k, values, causal, places, one_head):
    """sum_j softmax_j(q_i k_j) v_{j + l}, for each of the ``values`` v its l of the ``places``;
    without the j whose successor i does not see.
    """
    if one_head:
        q, k, *values = (a.unsqueeze(-2) for a in (q, k, *values))
    pairs = list(zip(values, places, strict=True))
    furthest = max(places) if causal else 0
    mixed, near = attend_near(q, k, sum_shifted(pairs, 0), causal, furthest)
    for s in range(min(places), furthest):
        seen = [(v, later) for v, later in pairs if later <= s]
        mixed = mixed + near[..., s : s + 1] * sum_shifted(seen, s)
    return mixed.squeeze(-2) if one_head else mixed


def sum_shifted(pairs, places):
    """The sum of values that are so much later each, at the node ``places`` before every node."""
    parts = [shift_nodes(v, places - later) for v, later in pairs]
    return sum(parts[1:], parts[0])
