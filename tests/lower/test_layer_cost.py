"""What a layer costs, counted: operations of torch and the largest array, never seconds."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from dynattn.compilation import Compilation
from dynattn.diagnostics.report import Source
from dynattn.lower.attention_kernels import BlockAttention

SPEC = Path(__file__).parents[2] / "specs" / "kuramoto_attention.dyn"
STATE = "token.theta"
WIDTH, LENGTH = 16, 300


class Watch(TorchDispatchMode):
    """Counts the operations of torch, and keeps the size of the largest array they make."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: Counter[str] = Counter()
        self.largest = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        made = func(*args, **(kwargs or {}))
        self.calls[func.overloadpacket.__name__] += 1
        sizes = [item.numel() for item in tree_leaves(made) if isinstance(item, torch.Tensor)]
        self.largest = max(self.largest, *sizes, 0)
        return made


def attention(**settings):
    source = Source(str(SPEC), SPEC.read_text())
    compilation = Compilation(source, {"C": WIDTH, "H": 2, "depth": 2, **settings})
    return compilation.build(dtype=torch.float32)


def watched(**settings):
    """One forward and backward of the layer ``attend``, counted apart."""
    system = attention(**settings)
    x = torch.randn(1, LENGTH, WIDTH, requires_grad=True)
    with Watch() as forward:
        rate = system.layer_rates("attend", {STATE: x})[STATE]
    with Watch() as backward:
        rate.sum().backward()
    assert x.grad is not None and x.grad.abs().max() > 0
    return forward, backward


def test_no_array_of_all_pairs_is_made_forward_or_backward():
    for seen in watched():
        assert 0 < seen.largest < LENGTH**2


def test_one_fused_attention_and_one_product_a_gate(monkeypatch):
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)
    forward, backward = watched()
    assert forward.calls["_scaled_dot_product_flash_attention_for_cpu"] == 1
    assert backward.calls["_scaled_dot_product_flash_attention_for_cpu_backward"] == 1
    assert forward.calls["addmm"] == 2 and forward.calls["mm"] == forward.calls["bmm"] == 0
    assert forward.calls["sin"] == forward.calls["cos"] == 2


def test_on_one_thread_blocks_of_receivers_in_place_of_fused_attention():
    forward, backward = watched()
    blocks = -(-LENGTH // BlockAttention.ROWS)
    for seen in (forward, backward):
        assert not any("scaled_dot_product" in name for name in seen.calls)
    assert forward.calls["bmm"] == forward.calls["baddbmm_"] == blocks
    assert backward.calls["bmm"] == 2 * blocks and backward.calls["baddbmm_"] == 3 * blocks


def test_static_gates_need_no_product():
    forward, _ = watched(content=0)
    assert forward.calls["addmm"] == forward.calls["mm"] == 0


def test_the_two_sums_of_attention_are_cut_apart_once():
    """A cut per part would fill an array with zeros for each of them on the way back."""
    forward, _ = watched()
    assert forward.calls["split"] == 1


def test_a_layer_gives_the_rates_that_the_network_applies():
    system = attention()
    text = torch.randint(0, 256, (3, 7))
    theta = system.get_parameter("theta.embed.weight")[text]
    for copy in (0, 1):
        theta = theta + system.layer_rates("attend", {STATE: theta}, copy)[STATE]
        theta = theta + system.layer_rates("mix", {STATE: theta}, copy=copy)[STATE]
    features = torch.cat([theta.cos(), theta.sin()], -1)
    weight, bias = (system.get_parameter(f"logits.linear.{k}") for k in ("weight", "bias"))
    torch.testing.assert_close(system(text), features @ weight.T + bias, rtol=1e-5, atol=1e-5)


def test_a_layer_or_copy_that_is_not_there():
    x = torch.zeros(1, 3, WIDTH)
    for layer, copy in (("attend", 2), ("embed", 0)):
        with pytest.raises(ValueError, match=f"kuramoto_attention has no {layer}.{copy}"):
            attention().layer_rates(layer, {STATE: x}, copy)
