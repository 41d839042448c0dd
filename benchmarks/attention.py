"""The layer ``attend`` of kuramoto_attention.dyn against a rotary softmax layer of the same width.

Forward and backward in float32 on one thread, B = 4, 4 heads: ours with its gates by content, the
other with its four projections, both in one process, taking turns.

    python benchmarks/attention.py [--rounds N] [--json]
"""

from __future__ import annotations

import json
import statistics
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from measure import SPECS, interleaved, options, ratio, run_python, show

if TYPE_CHECKING:
    from torch import Tensor, nn

BATCH, HEADS = 4, 4
WIDTHS, LENGTHS = (64, 96, 256), (256, 1024)
LIMIT = 1.9
"""Most that ours may take, in times of the other, at T = 1024."""


def rotary_layer(width: int, length: int) -> nn.Module:
    """Rotary softmax attention in plain PyTorch: q, k, v, out projections, causal, fused."""
    import torch
    from torch import nn
    from torch.nn import functional as F

    class RotaryAttention(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.q, self.k, self.v, self.out = (
                nn.Linear(width, width, bias=False) for _ in range(4)
            )
            half = width // HEADS // 2
            angles = torch.outer(torch.arange(length), 10_000.0 ** (-torch.arange(half) / half))
            self.cos, self.sin = angles.cos(), angles.sin()

        def turned(self, x: Tensor) -> Tensor:
            a, b = x.chunk(2, -1)
            return torch.cat([a * self.cos - b * self.sin, a * self.sin + b * self.cos], -1)

        def forward(self, x: Tensor) -> Tensor:
            q, k, v = (
                project(x).unflatten(-1, (HEADS, -1)).transpose(1, 2)
                for project in (self.q, self.k, self.v)
            )
            mixed = F.scaled_dot_product_attention(
                self.turned(q), self.turned(k), v, is_causal=True
            )
            return self.out(mixed.transpose(1, 2).flatten(-2))

    return RotaryAttention()


def our_layer(width: int) -> tuple[nn.Module, Callable[[Tensor], Tensor]]:
    """The shipped layer at this width: the module, and theta -> its rate of change."""
    import torch

    import dynattn

    spec = str(SPECS / "kuramoto_attention.dyn")
    system = dynattn.load(spec, C=width, H=HEADS, depth=1).build(dtype=torch.float32)
    state = "token.theta"
    return system, lambda x: system.layer_rates("attend", {state: x})[state]


def update(module: nn.Module, layer: Callable[[Tensor], Tensor], x: Tensor) -> None:
    """Forward, and backward to the input and every weight."""
    layer(x).sum().backward()
    x.grad = None
    module.zero_grad(set_to_none=True)


def compare(width: int, length: int, rounds: int, peaks: tuple[float, ...]) -> dict[str, Any]:
    """One row: milliseconds and memory of both, the ratio, the largest array of ours."""
    import torch

    x = torch.randn(BATCH, length, width, requires_grad=True)
    system, attend = our_layer(width)
    rotary = rotary_layer(width, length)
    calls = {
        "ours": lambda: update(system, attend, x),
        "rotary": lambda: update(rotary, rotary, x),
    }
    seconds = interleaved(calls, rounds)
    return {
        "C": width,
        "T": length,
        "ours ms": 1e3 * statistics.median(seconds["ours"]),
        "rotary ms": 1e3 * statistics.median(seconds["rotary"]),
        "ratio": ratio(seconds["ours"], seconds["rotary"]),
        "limit": LIMIT if length == 1024 else None,
        **{f"{name} MiB": held for name, held in zip(calls, peaks, strict=True)},
        "largest array": largest_array(calls["ours"]),
        "all weights": BATCH * HEADS * length**2,
    }


def largest_array(call: Callable[[], None]) -> int:
    """How many numbers the largest array holds that an operation of torch makes."""
    from torch import Tensor
    from torch.utils._python_dispatch import TorchDispatchMode
    from torch.utils._pytree import tree_leaves

    class Watch(TorchDispatchMode):
        largest = 0

        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            made = func(*args, **(kwargs or {}))
            sizes = [item.numel() for item in tree_leaves(made) if isinstance(item, Tensor)]
            self.largest = max(self.largest, *sizes, 0)
            return made

    with Watch() as watch:
        call()
    return watch.largest


def peak(name: str, width: int, length: int) -> float:
    """MiB that the first forward and backward of a layer add to a process of its own."""
    return float(json.loads(run_python(__file__, "--peak", name, str(width), str(length)).out))


def measure_peak(name: str, width: int, length: int) -> None:
    """In the process of its own: print the MiB."""
    import resource

    import torch

    torch.set_num_threads(1)
    module, layer = our_layer(width) if name == "ours" else (rotary_layer(width, length),) * 2
    x = torch.randn(BATCH, length, width, requires_grad=True)
    update(module, layer, x[:1].detach().requires_grad_())  # loads what torch loads late
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    update(module, layer, x)
    print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)


def main() -> None:
    """Every width and length."""
    if sys.argv[1:2] == ["--peak"]:
        name, width, length = sys.argv[2:]
        return measure_peak(name, int(width), int(length))
    chosen = options(__doc__, rounds=9)
    shapes = [(c, t) for t in LENGTHS for c in WIDTHS]
    # before torch is loaded here: a process starts with the peak of the one it comes from
    peaks = [tuple(peak(name, c, t) for name in ("ours", "rotary")) for c, t in shapes]
    import torch

    torch.set_num_threads(1)
    rows = [compare(*shape, chosen.rounds, held) for shape, held in zip(shapes, peaks, strict=True)]
    show("layer attend against a rotary softmax layer, forward and backward", rows, chosen.json)


if __name__ == "__main__":
    main()
