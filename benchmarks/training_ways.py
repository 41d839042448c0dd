"""Tokens per second of an update, as it is, with products in bfloat16, compiled, and both; and of
one whose statistics of layers are taken, which is once in a hundredth of a run.

Language-model specs as shipped, with random tokens: forward, backward, clipping and optimiser, CPU
time of one thread, the ways taking turns; their ratio is that of each round, the median of all.

    python benchmarks/training_ways.py [--rounds N] [--only SPEC] [--way WAY] [--json]
"""

from __future__ import annotations

import argparse
import resource
import statistics
from collections.abc import Callable, Mapping
from typing import Any

import torch
from measure import SPECS, interleaved, ratio, show

import dynattn
from dynattn.diagnostics.report import Collector, SpecError
from dynattn.learn.compiled import CompiledLoss
from dynattn.learn.evaluate import batch_loss
from dynattn.learn.layer_statistics import after_update, before_update
from dynattn.learn.optimizers import make_optimizer, read_optimizer
from dynattn.learn.retraction import kept_on_manifolds
from dynattn.lower.precision import round_products
from dynattn.solve.compiler import Compiler

NAMES = (
    "kuramoto_attention",
    "frustrated_synchronization",
    "collective_modes",
    "softmax_transformer",
    "softmax_attention",
    "oscillator_attention",
    "group_attention",
    "akorn",
)
WAYS = {
    "float32": {},
    "bfloat16": {"rounded": True},
    "compiled": {"compiled": True},
    "compiled bfloat16": {"rounded": True, "compiled": True},
    "statistics": {"told": True},
}
"""Whether products are rounded, the step is compiled, and statistics of layers are taken."""
SENTENCE = 30
"""Tokens of a sample where the spec does not say."""


def make_update(
    name: str, rounded: bool = False, compiled: bool = False, told: bool = False
) -> tuple[int, Callable[[], None]]:
    """The tokens of an update, and the update."""
    spec = dynattn.load(str(SPECS / f"{name}.dyn"))
    training = spec.model.training
    assert training is not None
    system = spec.build(dtype=torch.float32)
    if rounded:
        round_products(system, torch.bfloat16)
    parameters = list(system.parameters())
    chosen = read_optimizer(training.optimizer, Collector())
    optimizer = make_optimizer(chosen, system.named_parameters(), spec.model.parameter)
    size = (training.batch, training.data.options.get("context") or SENTENCE)
    draw = torch.Generator().manual_seed(0)
    text = torch.randint(system.sizes["V"], size, generator=draw)
    rest = {use.name: torch.randint(2, size[:1], generator=draw)
            for use in spec.model.inputs if use.name != "text"}  # fmt: skip
    sample = {"text": text, **rest}
    loss = (
        CompiledLoss(system, Compiler()) if compiled else lambda groups: batch_loss(system, groups)
    )

    def update() -> None:
        optimizer.zero_grad(set_to_none=True)
        loss([sample]).backward()
        before = before_update(system) if told else None
        torch.nn.utils.clip_grad_norm_(parameters, training.clip or float("inf"))
        with kept_on_manifolds(system, spec.model.parameter):
            optimizer.step()
        if before is not None:
            after_update(system, before, [sample])

    return text.numel(), update


def own_time() -> float:
    """CPU seconds of this process and of the compilers that it has started."""
    return sum(sum(resource.getrusage(who)[:2])
               for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))  # fmt: skip


def measured(
    name: str, rounds: int, ways: Mapping[str, Mapping[str, bool]]
) -> list[dict[str, Any]]:
    """The rows of one spec."""
    updates: dict[str, Callable[[], None]] = {}
    first: dict[str, float] = {}
    refused: dict[str, str] = {}
    tokens = 0
    for way, options in ways.items():
        try:
            tokens, update = make_update(name, **options)
            began = own_time()
            update()
            first[way], updates[way] = own_time() - began, update
        except SpecError as error:
            refused[way] = error.diagnostics[0].code
    seconds = interleaved(updates, rounds)
    return [
        {
            "spec": name,
            "way": way,
            "tokens per s": tokens / statistics.median(seconds[way]),
            "times as fast": ratio(seconds["float32"], seconds[way]),
            "first update, CPU s": first[way],
        }
        if way in updates
        else {"spec": name, "way": way, "refused": refused[way]}
        for way in ways
    ]


def main() -> None:
    """Every spec in every way."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7, metavar="N")
    parser.add_argument("--only", choices=NAMES)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--way", choices=list(WAYS), help="this one beside float32 alone")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    names = (chosen.only,) if chosen.only else NAMES
    ways = {way: WAYS[way] for way in ("float32", chosen.way)} if chosen.way else WAYS
    rows = [row for name in names for row in measured(name, chosen.rounds, ways)]
    show("an update of each spec, one thread", rows, chosen.json)


if __name__ == "__main__":
    main()
