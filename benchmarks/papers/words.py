"""Words of WikiText-2 and TinyStories by softmax attention and by oscillators that lock to fixed
queries (arXiv 2606.12059): two layers, four heads, 128 wide; oscillators with 2, 8 and 32
coordinates, read out by the powers 1, 2 and 4 of 1 + cosine. Perplexity of the validation part by
the weights after the last update.

    python benchmarks/papers/words.py --corpus tinystories --data tinystories_lower.txt.xz --out DIR
    python benchmarks/papers/words.py --corpus wikitext2 --data wikitext2 --out DIR --device cuda

The budget is the paper's, 5 epochs in batches of 256 windows of 128 words at rate 5e-4, and 30 in
batches of 64 of 50, unless --steps, --batch or --rate say otherwise. The text of WikiText-2 is the
one with <unk>, not the raw one. What DIR has is not trained again, and what was stopped goes on.
"""

from __future__ import annotations

import argparse
import math
from dataclasses import dataclass
from typing import Any

from records import Arm, Record, Trained, arguments, fill, learned, lines_of, show, spread

KINDS: dict[str, dict[str, float]] = {
    "softmax": {}, "D2": {"D": 2}, "D8": {"D": 8}, "D32": {"D": 32}, "D2_p4": {"D": 2, "p": 4},
    "D8_p4": {"D": 8, "p": 4}, "D2_p2": {"D": 2, "p": 2}, "D8_p2": {"D": 8, "p": 2},
}  # fmt: skip


@dataclass(frozen=True)
class Corpus:
    """A text, its specs and what was published of them."""

    softmax: str
    oscillator: str
    vocabulary: int
    data: str
    batch: int
    published: dict[str, str]


CORPORA = {
    "tinystories": Corpus(
        "tinystories_softmax", "tinystories", 8004,
        "context=128, letters=lower, marks=dropped, split=[0.95, 0.05], checksum="
        '"6f2678dff5b1262330323a027178b18defdeca9e1bb298180ce10d8fb6fcc1e6"',
        256,
        {"softmax": "8.671 +- 0.044", "D2": "10.911 +- 0.070", "D8": "9.784 +- 0.061",
         "D32": "9.105 +- 0.021", "D2_p2": "10.36", "D2_p4": "10.01", "D8_p2": "9.17",
         "D8_p4": "8.96"},
    ),
    "wikitext2": Corpus(
        "softmax_attention", "oscillator_attention", 10000, "context=50, letters=lower", 64,
        {"softmax": "99.00 +- 0.48", "D2": "110.67 +- 0.51", "D8": "105.23 +- 0.32",
         "D32": "102.56 +- 0.37"},
    ),
}  # fmt: skip
OPTIONS = {
    "corpus": ("tinystories", "tinystories or wikitext2"),
    "batch": (0, "windows of an update, 0 for the paper's"),
    "rate": (5e-4, "learning rate"),
}


def arms(given: argparse.Namespace) -> tuple[Arm, ...]:
    """Every kind on the corpus that is asked for."""
    corpus = CORPORA[given.corpus]
    batch = given.batch or corpus.batch
    path = given.data.resolve() if given.data else ""
    data = f'words("{path}", vocabulary={corpus.vocabulary}, {corpus.data})'
    clauses = (f"batch {batch}", f"optimizer adamw(lr={given.rate}, weight_decay=1e-4)")
    asked = {"corpus": given.corpus, "batch": batch, "rate": given.rate}
    return tuple(
        Arm(name, corpus.oscillator if own else corpus.softmax, own, data, clauses, asked)
        for name, own in KINDS.items()
    )


def figures(found: Trained) -> dict[str, Any]:
    """Perplexity of the validation part."""
    return {"learned": learned(found.system), "perplexity": math.exp(found.last["loss"])}


def table(record: Record, chosen: tuple[Arm, ...], corpus: Corpus, steps: int | None) -> None:
    """Print perplexities, and how much more than those of softmax attention."""
    found = {arm.name: lines_of(record, arm, steps) for arm in chosen}
    twin = {line["seed"]: line["perplexity"] for line in found["softmax"]}
    rows = []
    for name, lines in found.items():
        if lines:
            gaps = [ln["perplexity"] - twin[ln["seed"]] for ln in lines if ln["seed"] in twin]
            row = [name, f"{lines[0]['learned']:,}", str(lines[0]["steps"]), str(len(lines))]
            row += [spread([line["perplexity"] for line in lines], 2), spread(gaps, 2)]
            row += [corpus.published.get(name, ""), spread([line["seconds"] for line in lines], 0)]
            rows.append(row)
    head = ["", "learned numbers", "updates", "seeds", "perplexity", "minus softmax", "published",
            "CPU, s"]  # fmt: skip
    show(head, rows)


def main() -> None:
    """Train what is missing and print the table."""
    named = [Arm(name, "") for name in KINDS]
    given = arguments(__doc__, "words", named, data="FILE", more=OPTIONS)
    if given.corpus not in CORPORA:
        raise SystemExit("--corpus is tinystories or wikitext2")
    record, chosen = Record(given.out / "words.jsonl"), arms(given)
    if not given.show:
        if given.data is None or not given.data.exists():
            raise SystemExit("name the text: --data tinystories_lower.txt.xz, or wikitext2")
        fill(record, chosen, given, figures)
    table(record, chosen, CORPORA[given.corpus], given.steps)


if __name__ == "__main__":
    main()
