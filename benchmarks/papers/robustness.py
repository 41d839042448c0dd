"""Spoken digits on disturbed oscillators (section 1.7 of the notes on arXiv 2606.12059): trained as
in keywords.py without positions, by the equilibrium; then measured with disturbances that training
has not seen.

unequal: couplings times e^(s x), x normal. shaken: s x on each coordinate before the read-out. Each
is drawn three times, the same for all recordings. own: oscillators begin at random places, turn
besides by (M - M')/2, entries of M normal with deviation s, and are read at time 10. stop: they are
read at that time.

    python benchmarks/papers/robustness.py --data spoken_digits.npz --out DIR [--seeds N] [--show]

What DIR has is not trained again.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from keywords import arms
from records import SPECS, Arm, Record, Trained, arguments, device_of, fill, lines_of, show, spread

import dynattn
from dynattn.learn.evaluate import measure

SIZES = {
    "unequal": ("digits_disturbed", 3, (0.1, 0.2, 0.5, 1)),
    "shaken": ("digits_disturbed", 3, (0.1, 0.2, 0.5, 1)),
    "own": ("digits_turning", 1, (0.1, 0.5, 1)),
    "stop": ("digits_turning", 1, (0.5, 1, 2, 5, 10)),
}
"""Spec of a disturbance, how often it is drawn, and its sizes."""
PUBLISHED = {"unequal 0.5": "-0.3", "shaken 0.5": "-0.8", "own 0.5": "0.0"}
"""Change of the percentage; the last against the 512 clips that it was measured on."""


def disturbed(found: Trained, name: str, size: float, draw: int) -> float:
    """Per cent of the recordings, by the trained weights on oscillators with this disturbance."""
    spec = dynattn.load(SPECS / f"{SIZES[name][0]}.dyn", seed=1000 + draw, **{name: size})
    device = device_of(found.system)
    system = spec.build(dtype=torch.float32).to(device)
    system.load_state_dict(dict(found.system.named_parameters()), strict=False)
    right = measure(system, found.plan.training, found.plan.data, device)
    return 100 * right.records["accuracy(logits, label)"]


def figures(found: Trained) -> dict[str, Any]:
    """Per cent of the recordings, undisturbed and with every disturbance, mean over its draws."""
    shares = {"none": 100 * found.last["accuracy(logits, label)"]}
    for name, (_, draws, sizes) in SIZES.items():
        for size in sizes:
            drawn = [disturbed(found, name, size, draw) for draw in range(draws)]
            shares[f"{name} {size:g}"] = sum(drawn) / draws
    return {"right": shares}


def table(record: Record, arm: Arm, steps: int | None) -> None:
    """Print what each disturbance costs."""
    lines = lines_of(record, arm, steps)
    if not lines:
        return
    rows = []
    for name in lines[0]["right"]:
        shares = [line["right"][name] for line in lines]
        gaps = [line["right"][name] - line["right"]["none"] for line in lines]
        rows.append([name, str(len(lines)), spread(shares), spread(gaps), PUBLISHED.get(name, "")])
    show(["disturbance", "seeds", "told, %", "minus undisturbed", "published"], rows)


def main() -> None:
    """Train what is missing and print the table."""
    (arm,) = (arm for arm in arms(Path()) if arm.name == "oscillator_none")
    given = arguments(__doc__, "robustness", [arm], data="FILE")
    record = Record(given.out / "robustness.jsonl")
    if not given.show:
        if given.data is None or not given.data.is_file():
            raise SystemExit("name the file of recordings: --data spoken_digits.npz")
        fill(record, [one for one in arms(given.data) if one.name == arm.name], given, figures)
    table(record, arm, given.steps)


if __name__ == "__main__":
    main()
