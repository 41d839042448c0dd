"""Blocks of the attention papers' specs against plain PyTorch blocks of equal parameters.

A block is a layer of attention and the one behind it, forward and backward, float32, one thread.
The plain one is written by hand here: one product for queries, keys and values, torch's fused
attention, rotary positions and SwiGLU; or, beside oscillator_attention, softmax attention and GELU.
*ratio* is tokens per second in parts of those of the plain block, *to the twin* in parts of those
of softmax_transformer.dyn, or softmax_attention.dyn, compiled like ours and as large.

    python benchmarks/blocks.py [--rounds N] [--width N] [--json]
"""

from __future__ import annotations

import json
import statistics
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from measure import SPECS, interleaved, options, ratio, run_python, show

if TYPE_CHECKING:
    from torch import Tensor, nn

HEADS, WIDTH = 4, 96
TOKENS, LEAST = 1024, 4
"""Of a batch: so many tokens, and at least so many samples."""
LONG = (256, 1024, 4096)
MOVED = "theta = given; attend; mix; output moved = theta"
MIXED = "x = given; x = attend(x); x = mix(x); output moved = x"
FED = "x = given; x = attend(x); x = feed(x); output moved = x"


@dataclass(frozen=True)
class Kind:
    """A spec's block: what it is set against, and the tokens per second asked of it."""

    spec: str
    network: str
    width: str
    """The name of the width in the spec."""
    twin: str
    asked: Mapping[int, float | None]
    """By number of tokens."""


KINDS = (
    Kind("kuramoto_attention", MOVED, "C", "softmax_transformer", {256: 0.8, 1024: 0.75}),
    Kind("frustrated_synchronization", MOVED, "C", "softmax_transformer", {256: 0.25, 1024: 0.18}),
    Kind("collective_modes", MOVED, "C", "softmax_transformer", {256: None, 1024: None}),
    Kind("oscillator_attention", FED, "d", "softmax_attention", {50: 0.8, 128: 0.8, 256: 0.8}),
)
TWINS = {
    "softmax_transformer": Kind("softmax_transformer", MIXED, "d", "", {}),
    "softmax_attention": Kind("softmax_attention", FED, "d", "", {}),
}


def our_block(kind: Kind, width: int, length: int, **sizes: int) -> nn.Module:
    """The compiled block: ``given=`` array [batch, T, width] to the same one moved on."""
    import torch

    from dynattn.compilation import Compilation
    from dynattn.diagnostics.report import Source

    limit = f"dim T <= {length}\n" if kind.network == FED else ""
    text = f"model block extends {kind.spec}\n{limit}input given: real[T, {kind.width}]\n"
    text += f"network {{ {kind.network} }}\ndrop train, text\n"
    compilation = Compilation(Source(str(SPECS / "block.dyn"), text), {kind.width: width, **sizes})
    return compilation.build(dtype=torch.float32).eval()


def plain_block(width: int, rotary: bool, parameters: int) -> nn.Module:
    """The block in plain PyTorch, its feed-forward so wide that it has as many parameters."""
    import torch
    from torch import nn
    from torch.nn import functional as F

    class Attention(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.norm = nn.RMSNorm(width, eps=1e-6) if rotary else nn.LayerNorm(width)
            self.qkv = nn.Linear(width, 3 * width, bias=False)
            self.out = nn.Linear(width, width, bias=not rotary)
            half = width // HEADS // 2
            angles = torch.outer(torch.arange(max(LONG)), 10_000.0 ** (-torch.arange(half) / half))
            self.cos, self.sin = angles.cos()[:, None], angles.sin()[:, None]

        def turned(self, x: Tensor) -> Tensor:
            (a, b), length = x.chunk(2, -1), x.shape[1]
            cos, sin = self.cos[:length], self.sin[:length]
            return torch.cat([a * cos - b * sin, a * sin + b * cos], -1)

        def forward(self, x: Tensor) -> Tensor:
            q, k, v = (
                part.unflatten(-1, (HEADS, -1)) for part in self.qkv(self.norm(x)).chunk(3, -1)
            )
            if rotary:
                q, k = self.turned(q), self.turned(k)
            mixed = F.scaled_dot_product_attention(
                q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2), is_causal=True
            )
            return x + self.out(mixed.transpose(1, 2).flatten(-2))

    class Feed(nn.Module):
        def __init__(self, hidden: int) -> None:
            super().__init__()
            self.norm = nn.RMSNorm(width, eps=1e-6) if rotary else nn.LayerNorm(width)
            self.up = nn.Linear(width, 2 * hidden if rotary else hidden, bias=not rotary)
            self.down = nn.Linear(hidden, width, bias=not rotary)

        def forward(self, x: Tensor) -> Tensor:
            wide = self.up(self.norm(x))
            if not rotary:
                return x + self.down(F.gelu(wide))
            gate, up = wide.chunk(2, -1)
            return x + self.down(F.silu(gate) * up)

    left = parameters - count(Attention())
    return nn.Sequential(Attention(), Feed(round(left / width / (3 if rotary else 2))))


def twin_block(kind: Kind, width: int, length: int, parameters: int) -> nn.Module:
    """The compiled twin of equal parameters."""
    twin = TWINS[kind.twin]
    if kind.network == FED:
        return our_block(twin, width, length)
    least = count(our_block(twin, width, length, hidden=1))
    hidden = 1 + round((parameters - least) / width / 3)
    return our_block(twin, width, length, hidden=hidden)


def count(module: nn.Module) -> int:
    """How many numbers are learned."""
    return sum(parameter.numel() for parameter in module.parameters())


def update(module: nn.Module, forward: Callable[[Tensor], Any], x: Tensor) -> None:
    """Forward, and backward to the input and every weight."""
    made = forward(x)
    made = made["moved"] if isinstance(made, dict) else made
    made.backward(x)
    x.grad = None
    module.zero_grad(set_to_none=True)


Pair = tuple[Any, Callable[..., Any]]
"""A module and its forward."""


def blocks_of(kind: Kind, width: int, length: int) -> dict[str, Pair]:
    """Ours, the plain one and the twin."""
    ours = our_block(kind, width, length)
    softmax = kind.network == FED
    twin = twin_block(kind, width, length, count(ours))
    # the anchors, a row for every place, are no part of what is made equal
    plain = plain_block(width, not softmax, count(twin if softmax else ours))
    modules = {"ours": ours, "plain": plain, "twin": twin}
    return {name: (module, _forward(module)) for name, module in modules.items()}


def _forward(module: nn.Module) -> Callable[[Tensor], Any]:
    return (lambda x: module(given=x)) if hasattr(module, "model") else module


def compare(kind: Kind, width: int, length: int, rounds: int) -> dict[str, Any]:
    """One row: milliseconds of each, and tokens per second in parts of the others'."""
    import torch

    x = torch.randn(max(LEAST, TOKENS // length), length, width, requires_grad=True)
    blocks = blocks_of(kind, width, length)
    calls = {name: partial(update, *pair, x) for name, pair in blocks.items()}
    seconds = interleaved(calls, rounds)
    return {
        "spec": kind.spec,
        "width": width,
        "T": length,
        **{f"{name} parameters": count(pair[0]) for name, pair in blocks.items()},
        **{f"{name} ms": 1e3 * statistics.median(seconds[name]) for name in calls},
        "asked": kind.asked[length],
        "ratio": ratio(seconds["plain"], seconds["ours"]),
        "to the twin": ratio(seconds["twin"], seconds["ours"]),
    }


def peak(spec: str, name: str, width: int, length: int) -> float:
    """MiB that a forward and backward adds to a process of its own, after one of 64 tokens."""
    arguments = ("--peak", spec, name, str(width), str(length))
    return float(json.loads(run_python(__file__, *arguments).out))


def measure_peak(spec: str, name: str, width: int, length: int) -> None:
    """In the process of its own: print the MiB."""
    import resource

    import torch

    torch.set_num_threads(1)
    kind = next(kind for kind in KINDS if kind.spec == spec)
    module, forward = blocks_of(kind, width, length)[name]
    x = torch.randn(1, length, width, requires_grad=True)
    update(module, forward, x[:, :64].detach().requires_grad_())  # loads what torch loads late
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    update(module, forward, x)
    print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)


def main() -> None:
    """Times of every block, then memory of one sample by its length."""
    if sys.argv[1:2] == ["--peak"]:
        spec, name, width, length = sys.argv[2:]
        return measure_peak(spec, name, int(width), int(length))
    chosen = options(__doc__, rounds=9, width=WIDTH)
    # before torch is loaded here: a process starts with the peak of the one it comes from
    memory = [
        {"spec": kind.spec, "block": name,
         **{f"MiB, T = {t}": peak(kind.spec, name, chosen.width, t) for t in LONG}}
        for kind in KINDS[:2] for name in ("ours", "plain")
    ]  # fmt: skip
    import torch

    torch.set_num_threads(1)
    rows = [
        compare(kind, chosen.width, length, chosen.rounds)
        for kind in KINDS
        for length in kind.asked
    ]
    title = "blocks against plain ones of equal parameters, forward and backward"
    if chosen.json:
        return show(title, rows, True, memory=memory)
    show(title, rows, False)
    print()
    show("memory of one sample, forward and backward", memory, False)


if __name__ == "__main__":
    main()
