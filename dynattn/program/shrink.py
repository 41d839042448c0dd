"""Which named sizes to shrink, and to what, so that plain loops and dual numbers can check a model.

Populations to at most 12 nodes, sequences to 6, widths and classes to 8, repeats to 3, such that
every size of the model (``C/H``, ``2*C``) stays a whole number, and stays above 1 where it was.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import product

from dynattn.model.composition import Evolution, RepeatStep, Step
from dynattn.model.model import Model
from dynattn.vocabulary.sizes import Size, SizeError

NODES, LENGTH, WIDTH, REPEATS = 12, 6, 8, 3
GROWTH = (1.0, 1.5, 2.0, 3.0, 4.0, 8.0, 16.0)
"""Factors on the limits, tried in turn where a spec or its graph refuses smaller sizes."""
MOST_CHOICES = 20_000


def shrinkings(model: Model) -> Iterator[tuple[dict[str, int], int | None]]:
    """Overrides for the named sizes, and the most nodes taken from a graph of another size;
    smallest limits first, ending with the model's own sizes.
    """
    cut = any(p.made_from is not None and not p.size.names for p in model.populations)
    tried: list[tuple[dict[str, int], int | None]] = []
    for factor in GROWTH:
        found = shrink(model, factor), int(NODES * factor) if cut else None
        if found not in tried:
            tried.append(found)
            yield found
    if ({}, None) not in tried:
        yield {}, None


def shrink(model: Model, factor: float = 1.0) -> dict[str, int]:
    """The largest sizes within ``factor`` times the limits; unchanged ones are left out."""
    limits, used = size_limits(model), model.sizes_used
    chosen: dict[str, int] = {}
    for group in _groups(limits, used):
        own = [size for size in used if size.names and size.names <= group]
        chosen |= _fitting(sorted(group), limits, own, model.sizes, factor)
    return {name: value for name, value in chosen.items() if value != model.sizes[name]}


def _fitting(
    names: Sequence[str], limits: Mapping[str, int], sizes: Sequence[Size],
    now: Mapping[str, int], factor: float,
) -> dict[str, int]:  # fmt: skip
    """The best choice of one group, within limits that grow until one keeps all sizes whole."""
    found = {name: now[name] for name in names}
    for growth in GROWTH[GROWTH.index(factor) :]:
        room = {name: max(1, int(limits[name] * growth)) for name in names}
        found = _largest(names, room, sizes, now)
        if found != {name: now[name] for name in names} or all(now[n] <= room[n] for n in names):
            break
    return found


def size_limits(model: Model) -> dict[str, int]:
    """Every name that is used as a size, with the most it may be; dims have theirs elsewhere."""
    limits: dict[str, int] = {}
    for size in model.sizes_used:
        for name in size.names & model.sizes.keys():
            limits.setdefault(name, WIDTH)
    nodes = _node_names(model)
    for name in nodes:
        counted = [p.size.names for p in model.populations if name in p.size.names]
        # M*n nodes: about as many as N of them
        limits[name] = math.ceil(NODES ** (1 / max(map(len, counted))))
    most = max((model.sizes[name] for name in nodes), default=1)
    for name in _graph_names(model) - nodes:
        # a reach or a number of neighbours shrinks with the nodes, and never to an empty graph
        limits[name] = max(2, NODES * model.sizes[name] // most)
    for size in _repeat_counts(model):
        for name in size.names & model.sizes.keys():
            limits[name] = REPEATS
    return limits


def sequence_length(model: Model) -> int:
    """The length of a dim in the shrunk model."""
    return min([LENGTH, *(dim.limit for dim in model.dims if dim.limit is not None)])


def _node_names(model: Model) -> set[str]:
    found = {name for population in model.populations for name in population.size.names}
    return found & model.sizes.keys()


def _graph_names(model: Model) -> set[str]:
    arguments = [value for c in model.couplings for _, value in c.graph.arguments]
    found = {name for value in arguments if isinstance(value, Size) for name in value.names}
    return found & model.sizes.keys()


def _repeat_counts(model: Model) -> Iterator[Size]:
    yield from _repeats(model.network)
    for layer in model.layers:
        if isinstance(layer.evolution, Evolution):
            yield layer.evolution.steps


def _repeats(steps: Sequence[Step]) -> Iterator[Size]:
    for step in steps:
        if isinstance(step, RepeatStep):
            yield step.count
            yield from _repeats(step.steps)


def _groups(names: Iterable[str], sizes: Iterable[Size]) -> list[set[str]]:
    """The names in sets that no size joins."""
    groups = [{name} for name in names]
    for size in sizes:
        touched = [group for group in groups if group & size.names]
        if len(touched) > 1:
            groups = [group for group in groups if group not in touched]
            groups.append(set().union(*touched))
    return groups


def _largest(
    names: Sequence[str], limits: Mapping[str, int], sizes: Sequence[Size], now: Mapping[str, int]
) -> dict[str, int]:
    """The best choice of one group; its present values where no choice keeps all sizes whole."""
    ranges = _ranges(names, limits, now)
    best: tuple[tuple[int, int], dict[str, int]] | None = None
    for values in product(*ranges):
        choice = dict(zip(names, values, strict=True))
        score = _score(choice, sizes, now)
        if score is not None and (best is None or score > best[0]):
            best = (score, choice)
    return best[1] if best else {name: now[name] for name in names}


def _ranges(
    names: Sequence[str], limits: Mapping[str, int], now: Mapping[str, int]
) -> list[list[int]]:
    """Candidates per name, large ones first; without the smallest where they are too many."""
    ranges = [list(range(min(limits[name], now[name]), 0, -1)) for name in names]
    while _count(ranges) > MOST_CHOICES:
        longest = max(ranges, key=len)
        del longest[-1]
    return ranges


def _count(ranges: Sequence[Sequence[int]]) -> int:
    count = 1
    for choices in ranges:
        count *= len(choices)
    return count


def _score(
    choice: Mapping[str, int], sizes: Sequence[Size], now: Mapping[str, int]
) -> tuple[int, int] | None:
    """How many sizes keep more than one entry, then the product; None where one is not whole."""
    wide = 0
    for size in sizes:
        try:
            value, before = size.value(choice), size.value(now)
        except SizeError:
            return None
        if value < min(1, before):
            return None
        wide += value > 1 or before <= 1
    total = 1
    for value in choice.values():
        total *= value
    return wide, total
