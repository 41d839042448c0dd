"""One update of kuramoto_attention.dyn as shipped: tokens per second, and where the time goes.

Forward, backward, clipping and optimiser, float32; wall clock is the least of the rounds.

    python benchmarks/training.py [--rounds N] [--profile N] [--json]
"""

from __future__ import annotations

import statistics
from collections.abc import Callable
from time import perf_counter, process_time
from typing import Any

import torch
from measure import SPECS, options, show

import dynattn
from dynattn.compilation import Compilation
from dynattn.learn.evaluate import batch_loss, move
from dynattn.learn.optimizers import make_optimizer
from dynattn.learn.plan import Plan, make_plan
from dynattn.learn.retraction import kept_on_manifolds
from dynattn.vocabulary.distributions import stream


def make_update(compilation: Compilation) -> tuple[Plan, int, Callable[[], None]]:
    """The plan, the characters of one update, and the update."""
    plan = make_plan(compilation.model)
    system = compilation.build(dtype=torch.float32)
    named, parameters = system.named_parameters(), list(system.parameters())
    optimizer = make_optimizer(plan.optimizer, named, compilation.model.parameter)
    drawn = plan.data.draw(stream(0, "train.data"), plan.training.batch)
    inputs = move(drawn, torch.device("cpu"))

    def update() -> None:
        optimizer.zero_grad(set_to_none=True)
        batch_loss(system, inputs).backward()
        torch.nn.utils.clip_grad_norm_(parameters, plan.training.clip or float("inf"))
        with kept_on_manifolds(system, compilation.model.parameter):
            optimizer.step()

    return plan, sum(array.numel() for group in inputs for array in group.values()), update


def paced(update: Callable[[], None], threads: int, rounds: int) -> tuple[float, float]:
    """(median CPU seconds, least wall clock seconds) of an update."""
    torch.set_num_threads(threads)
    cpu, wall = [], []
    for _ in range(rounds + 2):
        began, clock = process_time(), perf_counter()
        update()
        cpu.append(process_time() - began)
        wall.append(perf_counter() - clock)
    return statistics.median(cpu[2:]), min(wall[2:])


def shares(update: Callable[[], None], count: int) -> list[dict[str, Any]]:
    """The operations of torch that take most of an update."""
    from torch.profiler import ProfilerActivity, profile

    torch.set_num_threads(1)
    with profile(activities=[ProfilerActivity.CPU]) as found:
        for _ in range(3):
            update()
    events = sorted(found.key_averages(), key=lambda event: -event.self_cpu_time_total)
    total = sum(event.self_cpu_time_total for event in events)
    return [
        {
            "operation": event.key,
            "calls": event.count // 3,
            "share %": 100 * event.self_cpu_time_total / total,
            "ms": event.self_cpu_time_total / 3e3,
        }
        for event in events[:count]
    ]


def main() -> None:
    """One thread, two threads, and the operations."""
    chosen = options(__doc__, rounds=10, profile=12)
    plan, tokens, update = make_update(dynattn.load(str(SPECS / "kuramoto_attention.dyn")))
    rows = []
    for threads in (1, 2):
        cpu, wall = paced(update, threads, chosen.rounds)
        rows.append(
            {
                "threads": threads,
                "CPU s": cpu,
                "wall s": wall,
                "tokens per s (CPU)": tokens / cpu,
                "tokens per s (wall)": tokens / wall,
                f"minutes for {plan.steps} steps (wall)": wall * plan.steps / 60,
            }
        )
    operations = shares(update, chosen.profile)
    if chosen.json:
        return show("training", rows, True, operations=operations)
    show(f"one update of kuramoto_attention.dyn: {tokens} characters", rows, False)
    print()
    show("operations of an update, one thread", operations, False)


if __name__ == "__main__":
    main()
