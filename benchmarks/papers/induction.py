"""Induction, property P3-9 of the notes on arXiv 2606.18694: what one attention layer copies.

A string of 10 to 24 different symbols out of 32, drawn anew for every sample, is repeated until 48
places are full. Its second copy can be told by whoever finds the symbol in the first one and sees
what followed; distances differ, so that places alone say nothing. One layer of frustrated
synchronisation, 64 phases wide and with its feed-forward part, with the term of successors and
without it; two layers without; and one of plain Kuramoto attention. Updates by AdamW on batches of
64 fresh samples, the loss being that of the second copy; measured on 512 other samples.

    python benchmarks/papers/induction.py --out DIR [--seeds N] [--steps N] [--arms ...] [--show]

What DIR has is not trained again.
"""

from __future__ import annotations

import json
import time

import torch
from records import Arm, Record, arguments, show, spread
from torch import Tensor

import dynattn

SIZES = {"V": 32, "C": 64, "H": 4}
ARMS = (
    Arm("delay", "frustrated_synchronization", {"depth": 1}),
    Arm("no_delay", "frustrated_synchronization", {"depth": 1, "delay": 0}),
    Arm("plain", "kuramoto_attention", {"depth": 1}),
    Arm("no_delay_two_layers", "frustrated_synchronization", {"depth": 2, "delay": 0}),
)
PLACES, SHORTEST, LONGEST = 48, 10, 24
BATCH, MEASURED, RATE, STEPS = 64, 512, 6e-3, 400


def samples(count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Texts [count, T], and the places whose next symbol is one of the second copy."""
    period = torch.randint(SHORTEST, LONGEST + 1, (count, 1), generator=generator)
    string = torch.rand(count, SIZES["V"], generator=generator).argsort(-1)
    place = torch.arange(PLACES)[None]
    text = string.gather(1, place % period)
    place = place[:, :-1]
    return text, (place >= period) & (place < 2 * period - 1)


def accuracy(system: torch.nn.Module, generator: torch.Generator) -> float:
    """Per cent of the symbols of second copies that are told."""
    text, known = samples(MEASURED, generator)
    with torch.no_grad():
        told = system(text)[:, :-1].argmax(-1) == text[:, 1:]
    return 100 * float(told[known].double().mean())


def trained(arm: Arm, seed: int, steps: int) -> torch.nn.Module:
    """The arm after so many updates."""
    spec = dynattn.load(f"specs/{arm.spec}.dyn", seed=seed, **SIZES, **arm.settings)
    system = spec.build().to(torch.float32)
    optimizer = torch.optim.AdamW(system.parameters(), lr=RATE, betas=(0.9, 0.95), weight_decay=0)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, steps + 1, pct_start=0.1)
    generator = torch.Generator().manual_seed(seed)
    for _ in range(steps):
        text, known = samples(BATCH, generator)
        logits = system(text)[:, :-1]
        loss = torch.nn.functional.cross_entropy(logits[known], text[:, 1:][known])
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(system.parameters(), 1.0)
        optimizer.step()
        schedule.step()
    return system


def fill(record: Record, seeds: int, steps: int, names: list[str]) -> None:
    """Train what is missing."""
    for seed in range(seeds):
        for arm in (arm for arm in ARMS if arm.name in names):
            key = {"arm": arm.name, "seed": seed, "steps": steps}
            if record.of(**key):
                continue
            began = time.process_time()
            system = trained(arm, seed, steps)
            found = accuracy(system, torch.Generator().manual_seed(10_000 + seed))
            seconds = round(time.process_time() - began, 1)
            learned = sum(value.numel() for value in system.parameters())
            record.add({**key, "accuracy": found, "learned": learned, "seconds": seconds})
            print(json.dumps(record.lines[-1]), flush=True)


def main() -> None:
    """Train what is missing and print the table."""
    given = arguments(__doc__, "induction", ARMS)
    torch.set_num_threads(1)
    record, steps = Record(given.out / "induction.jsonl"), given.steps or STEPS
    if not given.show:
        fill(record, given.seeds, steps, given.arms)
    rows = []
    for arm in ARMS:
        for count in sorted({line["steps"] for line in record.of(arm=arm.name)} | {steps}):
            lines = record.of(arm=arm.name, steps=count)
            cells = [spread([line["accuracy"] for line in lines], 2)]
            cells += [spread([line["seconds"] for line in lines], 0)]
            learned = f"{lines[0]['learned']:,}" if lines else "-"
            if lines:
                rows.append([arm.name, learned, str(count), str(len(lines)), *cells])
    head = ["", "learned numbers", "updates", "seeds", "second copies told, %", "CPU, s"]
    show(head, rows)


if __name__ == "__main__":
    main()
