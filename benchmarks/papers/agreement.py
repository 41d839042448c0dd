"""Subject-verb agreement, "config G" of arXiv 2606.12059: one layer, one head, 32 wide.

Softmax attention, and oscillators that lock to fixed queries: with places that fill up a sentence
left out of the read-out, and with the weight they keep in the authors' release. 40 000 sentences,
20 epochs in batches of 64, AdamW; measured on 4000 others after the last update. Hard: a noun of
the other number stands between subject and verb. Failed: below 85 % there.

    python benchmarks/papers/agreement.py --out DIR [--seeds N] [--arms ...] [--show]

What DIR has is not trained again: stop it and go on whenever you like.
"""

from __future__ import annotations

from records import Arm, Record, Trained, arguments, difference, fill, show, spread

ARMS = (
    Arm("softmax", "agreement_softmax"),
    Arm("oscillator", "agreement_oscillator", {"leak": 0}),
    Arm("oscillator_leak", "agreement_oscillator", {"leak": 1}),
)
PUBLISHED = {"softmax": "92.1 +- 7.9", "oscillator": "-", "oscillator_leak": "97.4 +- 0.3"}
FAILED = 85.0


def figures(found: Trained) -> dict[str, float]:
    """Per cent of the sentences, and of the hard ones."""
    every = found.last["accuracy(logit, label)"]
    (hard,) = (value for name, value in found.last.items() if name.startswith("mean(hard"))
    return {"all": 100 * every, "hard": 100 * hard}


def table(record: Record, steps: int | None) -> None:
    """Print the figures of every arm."""
    found = {arm.name: record.of(arm=arm.name, asked=steps) for arm in ARMS}
    hard = {name: {line["seed"]: line["hard"] for line in lines} for name, lines in found.items()}
    rows = [
        [
            name, str(len(lines)), spread([line["all"] for line in lines]),
            spread(list(hard[name].values())), PUBLISHED[name],
            str(sum(value < FAILED for value in hard[name].values())),
            "" if name == "softmax" else difference(hard["softmax"], hard[name]),
            spread([line["seconds"] for line in lines], 0),
        ]
        for name, lines in found.items() if lines
    ]  # fmt: skip
    head = ["", "seeds", "all, %", "hard, %", "published", "failed", "minus softmax", "CPU, s"]
    show(head, rows)


def main() -> None:
    """Train what is missing and print the table."""
    given = arguments(__doc__, "agreement", ARMS)
    record = Record(given.out / "agreement.jsonl")
    if not given.show:
        fill(record, ARMS, given, figures)
    table(record, given.steps)


if __name__ == "__main__":
    main()
