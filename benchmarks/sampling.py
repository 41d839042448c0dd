"""Tokens per second of text from a model: the past kept, or made again for every token.

The language models that ship, at their own sizes but vocabularies of 256, in float32 on one thread;
one text of 256 and of 1024 tokens. Kept, every token is made; the whole forwards, one per token,
are timed at eight lengths spread evenly, a text taking their mean times its length.

    python benchmarks/sampling.py [--rounds N] [--tokens N] [--json]
"""

from __future__ import annotations

from time import process_time
from typing import Any

from measure import options, ratio, show

MODELS = (
    "kuramoto_attention", "frustrated_synchronization", "collective_modes", "group_attention",
    "softmax_transformer", "softmax_attention", "oscillator_attention",
)  # fmt: skip


def system_of(name: str, tokens: int) -> Any:
    """The module, in float32, for texts of so many tokens."""
    import torch

    from dynattn.diagnostics.report import Source
    from dynattn.interface import Spec

    text = f'model long extends {name} "for long texts"\n'
    limited = name in ("softmax_attention", "oscillator_attention")
    text += f"dim T <= {tokens}\n" if limited else ""
    return Spec(Source("long.dyn", text), {"V": 256}, 0).build(dtype=torch.float32).eval()


def seconds_kept(system: Any, text: Any) -> float:
    """CPU seconds of a text, token by token."""
    from dynattn.lower.decoding import Decoder

    decoder = Decoder(system)
    start = process_time()
    for k in range(text.shape[1]):
        decoder(text[:, k : k + 1])
    return process_time() - start


def seconds_whole(system: Any, text: Any) -> float:
    """CPU seconds of a text by whole forwards."""
    import torch

    count, spent = text.shape[1], 0.0
    with torch.no_grad():
        for k in range(8):
            part = text[:, : (2 * k + 1) * count // 16]
            start = process_time()
            system(part)
            spent += process_time() - start
    return spent / 8 * count


def compare(name: str, tokens: int, rounds: int) -> dict[str, Any]:
    """One row of the table."""
    import torch

    system = system_of(name, tokens)
    text = torch.randint(0, 256, (1, tokens), generator=torch.Generator().manual_seed(0))
    seconds_kept(system, text[:, :16])
    seconds_whole(system, text[:, :32])
    pairs = [(seconds_whole(system, text), seconds_kept(system, text)) for _ in range(rounds)]
    before, after = zip(*pairs, strict=True)
    return {
        "model": name, "tokens": tokens, "whole forwards, per second": round(tokens / min(before)),
        "kept, per second": round(tokens / min(after)), "times": ratio(before, after),
    }  # fmt: skip


def main() -> None:
    """Print the table."""
    given = options(__doc__, rounds=3, tokens=1024)
    import torch

    torch.set_num_threads(1)
    lengths = sorted({256, given.tokens})
    rows = [compare(name, tokens, given.rounds) for name in MODELS for tokens in lengths]
    show("Tokens per second of a text", rows, given.json)


if __name__ == "__main__":
    main()
