"""Spoken digits: softmax attention and oscillators that lock to fixed queries, without positions,
with sines and cosines of the place, and with a learned vector for each place.

As the keywords of arXiv 2606.12059 (one layer, two heads, 32 wide, 30 epochs in batches of 64,
Adam), on the Free Spoken Digit Dataset: 2000 recordings to train on, and the 250 of index 0 to 4.
Shuffled: the frames of each recording in a random order, the same for both.

    python benchmarks/papers/keywords.py --data spoken_digits.npz --out DIR [--seeds N] [--show]

What DIR has is not trained again: stop it and go on whenever you like.
"""

from __future__ import annotations

from pathlib import Path

import numpy
import torch
from records import Arm, Record, Trained, arguments, difference, fill, show, spread

CODES = ("none", "sinusoidal", "learned")
PUBLISHED = {
    "softmax": ("87.64 +- 0.66", "89.80 +- 0.14", "90.16 +- 0.25"),
    "oscillator": ("88.75 +- 0.32", "90.52 +- 0.28", "90.00 +- 0.44"),
}
SIZES = {
    "keywords": (49, 2, 2, False), "agreement": (9, 1, 2, False), "stories": (128, 4, 8, True)
}  # fmt: skip
"""Tokens, heads, D, whether tokens see only those before them."""


def arms(data: Path) -> tuple[Arm, ...]:
    """The six of them, on this file of recordings."""
    source = f'audio("{data.resolve()}", features=logmel(40, 49), rate=8000, '
    source += "label=digit, held=index, below=5)"
    return tuple(
        Arm(f"{kind}_{code}", f"digits_{kind}{'_places' if code == 'learned' else ''}",
            {} if code == "learned" else {"code": CODES.index(code)}, source)
        for kind in PUBLISHED for code in CODES
    )  # fmt: skip


def figures(found: Trained) -> dict[str, float]:
    """Per cent of the recordings, as they are and with their frames shuffled."""
    part, rng = found.plan.data.validation, numpy.random.default_rng(0)
    right = 0
    with torch.no_grad():
        for group in part.batch(numpy.arange(part.count)):
            frames = numpy.stack([row[rng.permutation(len(row))] for row in group["frames"]])
            guess = found.system.eval()(torch.from_numpy(frames)).argmax(-1)
            right += int((guess == torch.from_numpy(group["label"])).sum())
    every = 100 * found.last["accuracy(logits, label)"]
    return {"all": every, "shuffled": 100 * right / part.count}


def table(record: Record, steps: int | None) -> None:
    """Print the figures of every position code."""
    rows = []
    for place, code in enumerate(CODES):
        found = {kind: record.of(arm=f"{kind}_{code}", asked=steps) for kind in PUBLISHED}
        if not all(found.values()):
            continue
        every, shuffled = (
            {kind: {line["seed"]: line[of] for line in lines} for kind, lines in found.items()}
            for of in ("all", "shuffled")
        )
        row = [code, str(min(map(len, found.values())))]
        for kind in PUBLISHED:
            row += [spread(list(every[kind].values())), PUBLISHED[kind][place]]
        row.append(difference(every["softmax"], every["oscillator"], 2))
        row += [spread(list(shuffled[kind].values())) for kind in PUBLISHED]
        rows.append(row)
    head = ["positions", "seeds", "softmax, %", "published", "oscillator, %", "published",
            "oscillator - softmax", "softmax, shuffled", "oscillator, shuffled"]  # fmt: skip
    show(head, rows)


def costs(tokens: int, heads: int, D: int, causal: bool) -> dict[str, int]:
    """Multiply-adds of the weights of one layer, an exponential counted as 10, relu couplings.

    Of a pair: the softmax its exponential; the equilibrium D, a cosine D, a share 1. Of a row and
    head: 2 for its sum and one division, 2 more for the norm of the equilibrium. The formulas give
    the twelve published numbers.
    """
    pairs = heads * tokens * (tokens + 1) // 2 if causal else heads * tokens**2
    rows = heads * tokens
    return {
        "softmax": 10 * pairs + 2 * rows,
        "all digital": (2 * D + 1) * pairs + 4 * rows,
        "equilibrium by oscillators": (D + 1) * pairs + 2 * rows,
        "and read-out": pairs + 2 * rows,
    }


def main() -> None:
    """Train what is missing and print the tables."""
    given = arguments(__doc__, "keywords", arms(Path()), data="FILE")
    record = Record(given.out / "keywords.jsonl")
    if not given.show:
        if given.data is None or not given.data.is_file():
            raise SystemExit("name the file of recordings: --data spoken_digits.npz")
        fill(record, arms(given.data), given, figures)
    table(record, given.steps)
    print()
    show(["", *costs(1, 1, 1, False)], [
        [name, *(f"{value:,}" for value in costs(*sizes).values())]
        for name, sizes in SIZES.items()
    ])  # fmt: skip


if __name__ == "__main__":
    main()
