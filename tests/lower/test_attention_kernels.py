"""Softmax attention in blocks of receivers, and by fused kernels, against plain sums."""

from __future__ import annotations

import pytest
import torch

from dynattn.lower import attention_kernels as kernels
from dynattn.lower.kernels import later_nodes

WIDTHS = ((3, 7), (4, 4), (5, 2))


def arrays(length: int, keys: int, values: int, batch: tuple[int, ...] = (2,)):
    generator = torch.Generator().manual_seed(length + values)
    shapes = [(*batch, length, 3, width) for width in (keys, keys, values)]
    made = [torch.randn(s, generator=generator, dtype=torch.float64) for s in shapes]
    return [a.requires_grad_() for a in made]


def plain(q, k, v, causal, places):
    """The same with all weights at once."""
    scores = torch.einsum("...ihc,...jhc->...hij", q, k)
    i, j = (torch.arange(q.shape[-3]).view(shape) for shape in ((-1, 1), (1, -1)))
    scores = scores.masked_fill(j > i, -torch.inf) if causal else scores
    weights = scores.softmax(-1)
    padded = torch.nn.functional.pad(weights, (places, 0))
    near = [padded.diagonal(places - s, -2, -1).movedim(-2, -1) for s in range(places)]
    far = weights.masked_fill(j > i - places, 0.0) if places else weights
    mixed = torch.einsum("...hij,...jhc->...ihc", far, v)
    return mixed, torch.stack(near, -1) if near else q[..., :0]


def slopes(found, inputs):
    generator = torch.Generator().manual_seed(1)
    pushes = [torch.randn(a.shape, generator=generator, dtype=a.dtype) for a in found]
    used = [(a, p) for a, p in zip(found, pushes, strict=True) if a.numel()]
    return torch.autograd.grad([a for a, _ in used], inputs, [p for _, p in used])


def in_blocks(q, k, v, causal, places):
    return kernels.by_heads(kernels.BlockAttention.apply, q, k, v, causal, places)


@pytest.mark.parametrize("length", [1, 2, 63, 64, 65, 150])
@pytest.mark.parametrize(("causal", "places"), [(True, 0), (True, 1), (True, 3), (False, 0)])
@pytest.mark.parametrize("form", ["blocks", "fused"])
def test_values_and_slopes_are_those_of_all_weights_at_once(length, causal, places, form):
    for widths in WIDTHS:
        q, k, v = arrays(length, *widths)
        if form == "blocks":
            found = in_blocks(q, k, v, causal, places)
        elif places:
            found = kernels.attend_apart(q, k, v, places)
        else:
            found = (kernels.attend_fused(q, k, v, causal),)
        expected = plain(q, k, v, causal, places)[: len(found)]
        for one, other in zip(found, expected, strict=True):
            torch.testing.assert_close(one, other, rtol=0, atol=1e-12)
        pairs = zip(slopes(found, (q, k, v)), slopes(expected, (q, k, v)), strict=True)
        for one, other in pairs:
            torch.testing.assert_close(one, other, rtol=0, atol=1e-11)


@pytest.mark.parametrize("form", ["blocks", "fused"])
def test_what_is_not_seen_changes_no_digit(form):
    """Not even huge values do, of senders that come later or are weighed apart."""
    q, k, v = (a.detach() for a in arrays(100, 3, 7))
    attend = in_blocks if form == "blocks" else None
    for u in (0, 40, 99):
        changed = v.clone()
        changed[:, u:] = 1e300
        one, other = (
            kernels.attend_apart(q, k, a, 2) if attend is None else attend(q, k, a, True, 2)
            for a in (v, changed)
        )
        assert (one[0][:, : u + 2] == other[0][:, : u + 2]).all()
        assert (one[1] == other[1]).all()


def test_samples_in_groups(monkeypatch):
    q, k, v = arrays(70, 3, 5, (5,))
    expected = plain(q, k, v, True, 1)
    monkeypatch.setattr(kernels.BlockAttention, "CACHED", 2 * 64 * 70)
    found = in_blocks(q, k, v, True, 1)
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-12)


def test_wide_values_of_whole_numbers_go_in_blocks():
    q, k, v = arrays(9, 3, 7)
    assert kernels.in_own_blocks(q, k, v) and not kernels.in_own_blocks(v, v, q)
    assert not kernels.in_own_blocks(q.float(), k, v)
    assert not kernels.in_own_blocks(*(a.bfloat16() for a in (q, k, v)))
    with torch.autocast("cpu"):
        assert not kernels.in_own_blocks(q, k, v)


def test_many_senders_go_in_blocks_on_one_thread(monkeypatch):
    q, k, v = arrays(kernels.BlockAttention.LONG, 4, 4)
    short = [a[:, 1:] for a in (q, k, v)]
    assert kernels.in_own_blocks(q, k, v) and not kernels.in_own_blocks(*short)
    found, expected = kernels.attend(q, k, v, True), plain(q, k, v, True, 0)[0]
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)
    assert not kernels.in_own_blocks(q, k, v)


def test_many_samples_at_once():
    q, k, v = (a.detach() for a in arrays(6, 3, 7))

    def joined(q, k, v):
        return torch.cat(kernels.attend_near(q, k, v, True, 1), -1)

    mapped = torch.vmap(joined)(q, k, v)
    torch.testing.assert_close(mapped, joined(q, k, v), rtol=0, atol=1e-12)


def test_second_derivatives():
    q, k, v = arrays(5, 2, 3, (1,))

    def joined(q, k, v):
        return torch.cat(kernels.attend_near(q, k, v, True, 1), -1)

    assert torch.autograd.gradgradcheck(joined, (q, k, v))


def test_later_nodes():
    values = torch.arange(5.0).unsqueeze(-1)
    for places, expected in ((2, [2, 3, 4, 4, 4]), (7, [4] * 5)):
        assert later_nodes(values, places, 1).squeeze(-1).tolist() == expected


def test_shifted_nodes():
    values = torch.arange(1.0, 4.0).view(3, 1, 1)
    for places, expected in ((1, [0, 1, 2]), (-1, [2, 3, 0]), (9, [0] * 3), (-9, [0] * 3)):
        assert kernels.shift_nodes(values, places).flatten().tolist() == expected
