"""The network unrolled: which copy of each layer acts when."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from dynattn.program.nodes import Apply, Call, Evolve, Loop, ProgramStep


@dataclass(frozen=True)
class Use:
    """One step at work; ``copy`` is the number of the layer's copy (None where it has none)."""

    step: Call | Apply | Evolve
    copy: int | None = None


def unroll(steps: Sequence[ProgramStep], sizes: Mapping[str, int]) -> tuple[Use, ...]:
    """Every step in the order of execution; a tied loop takes the same copies each round."""
    return tuple(_unrolled(steps, sizes, Counter()))


def copies_of(steps: Sequence[ProgramStep], sizes: Mapping[str, int]) -> Counter[str]:
    """How many copies each layer has."""
    used: Counter[str] = Counter()
    for _ in _unrolled(steps, sizes, used):
        pass
    return used


def _unrolled(
    steps: Sequence[ProgramStep], sizes: Mapping[str, int], used: Counter[str]
) -> Iterator[Use]:
    for step in steps:
        match step:
            case Call(owner=None):
                yield Use(step)
            case Call() | Apply() | Evolve():
                name = step.owner if isinstance(step, Call) else step.layer
                yield Use(step, used[str(name)])
                used[str(name)] += 1
            case Loop(count, tied, inner):
                rounds = count.value(sizes)
                if tied:
                    yield from list(_unrolled(inner, sizes, used)) * rounds
                    continue
                for _ in range(rounds):
                    yield from _unrolled(inner, sizes, used)
