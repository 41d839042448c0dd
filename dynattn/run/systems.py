"""Torch modules for the points of an experiment."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from math import prod
from typing import TYPE_CHECKING, Any

import torch

from dynattn.diagnostics.report import Source, Span
from dynattn.lower.context import context_of
from dynattn.lower.draws import Repeat
from dynattn.lower.initial import declared_shape, shape_at, shape_of
from dynattn.lower.module import System, build_system
from dynattn.lower.signals import Signal
from dynattn.model.graph_making import is_drawn
from dynattn.model.model import Model
from dynattn.model.plans import Record, Simulation
from dynattn.network.build import Network, build_network
from dynattn.network.side_by_side import drawn_couplings, side_by_side
from dynattn.program.asked_forms import refuse_huge
from dynattn.program.build import build_program, varied_parameters
from dynattn.program.sums_alone import reads_sums_alone
from dynattn.solve.methods import METHODS
from dynattn.vocabulary.sizes import Size

if TYPE_CHECKING:
    from dynattn.compilation import Compilation


def seed_of(compilation: Compilation, simulation: Simulation, seed: int | None) -> int:
    """The seed in force: the one asked for, else the compilation's, else the experiment's."""
    if seed is not None:
        return seed
    return simulation.seed if compilation.seed is None else compilation.seed


def build_for(
    compilation: Compilation,
    *,
    seed: int,
    repeat: Repeat = 0,
    values: Mapping[str, torch.Tensor] | None = None,
    device: str = "cpu",
    signals: Mapping[str, Signal] | None = None,
) -> System:
    """The module of one repeat, or of points with a repeat each; ``values`` may hold a leading
    batch axis of points.

    Graphs without a seed of their own are drawn anew for each repeat.
    """
    model = compilation.model
    if isinstance(repeat, tuple):
        networks = {k: _network_of(compilation, seed, k) for k in dict.fromkeys(repeat)}
        network, program = side_by_side(networks, repeat), compilation.program_of_draws
    else:
        network, program = _network_of(compilation, seed, repeat), compilation.program
        if network is not compilation.network:
            program = build_program(model, network)
    refuse_huge(program, model, network)
    merged = {**(compilation.values or {}), **(values or {})}
    system = build_system(
        model, network, program, seed=seed, repeat=repeat, device=device, values=merged
    )
    system.signals = {name: signal.to(device) for name, signal in (signals or {}).items()}
    return system


def _network_of(compilation: Compilation, seed: int, repeat: int) -> Network:
    """The network of one repeat."""
    first = repeat == 0 and seed == compilation.chosen_seed
    if first or not drawn_couplings(compilation.model):
        return compilation.network
    return build_network(compilation.model, seed=seed, repeat=repeat)


CACHED = 2**15
"""Numbers of the states of all points of a sweep that are solved side by side: many points share
what an operation costs by itself, and the arrays stay in the processor's cache."""

FEWEST, MOST = 32, 1024
"""Points side by side, however large or small they are."""

NUMBERS = 2**27
"""Numbers of parameters that the points of a sweep may hold together (1 GiB)."""

JACOBIANS = 2**25
"""Numbers of the Jacobians that an implicit method, or Newton's, may have of all points side by
side (256 MiB); a step holds about four times as many."""


def state_numbers(compilation: Compilation) -> int:
    """How many numbers the states of one point are."""
    context = context_of(compilation.model, compilation.network)
    sizes = compilation.model.sizes
    return sum(prod(shape_of(state, context, sizes)) for state in compilation.model.states.values())


def numbers_kept(compilation: Compilation, records: Sequence[Record], times: int) -> int:
    """How many numbers are recorded of one point; ``times``: those that are saved."""
    context = context_of(compilation.model, compilation.network)
    return sum(
        prod(shape_at(r.value.type.place, r.value.type.shape, context))
        * (times if r.kind == "series" else 1)
        for r in records
    )


SHARED = 8
"""So many points share the weights of their repeat, and multiply them at once, in less time than
points of all repeats take side by side, each with weights of its own."""

WEIGHTS = 2**18
"""Numbers drawn on the edges of one point: with more, points side by side gain nothing."""


def draws_side_by_side(compilation: Compilation, simulation: Simulation, points: int) -> bool:
    """Whether repeats of ``points`` points each are solved side by side: where they have one graph,
    or drawn ones that sums alone read, and what is drawn of edges is little.
    """
    model = compilation.model
    if simulation.repeat == 1:
        return False
    made = varied_parameters(model, drawn=True) - varied_parameters(model)
    numbers = _numbers_on_edges(compilation, made)
    if drawn_couplings(model):
        if points > SHARED or not _plain(compilation, simulation):
            return False
        numbers += _drawn_edges(compilation)
    return not numbers or (points <= SHARED and numbers <= WEIGHTS)


def _drawn_edges(compilation: Compilation) -> int:
    """How many edges the graphs of one repeat have that are drawn anew for each."""
    edges = compilation.network.connections
    return sum(edges[name].edge_count or 0 for name in drawn_couplings(compilation.model))


def _plain(compilation: Compilation, simulation: Simulation) -> bool:
    """Whether the drawn graphs are read by sums of what is sent along them and nothing else."""
    model = compilation.model
    drawn = drawn_couplings(model)
    on_edges = [*model.parameters, *model.states.values()]
    implicit = simulation.method in METHODS and METHODS[simulation.method].implicit
    return not (
        implicit
        or simulation.until is not None or simulation.begins is not None
        or any(p.made_from is not None and is_drawn(p.made_from.graph) for p in model.populations)
        or any(model.coupling[name].delay is not None for name in drawn)
        or any(x.place.kind == "edges" and x.place.name in drawn for x in on_edges)
        or not reads_sums_alone(compilation.program_of_draws, drawn)
    )  # fmt: skip


def _numbers_on_edges(compilation: Compilation, names: Collection[str]) -> int:
    """How many numbers parameters have on the edges of one point."""
    context = context_of(compilation.model, compilation.network)
    return sum(prod(declared_shape(p, context)) for p in compilation.model.parameters
               if p.name in names and p.place.kind == "edges")  # fmt: skip


def points_at_once(
    compilation: Compilation, method: str = "tsit5", resting: bool = False, drawn: bool = False
) -> int:  # fmt: skip
    """How many points are solved side by side: the fewer the larger their states are, and fewer
    where each has many numbers on its edges, or a Jacobian; one where points side by side would
    share their step sizes. ``resting``: whether their equilibrium is found at the end; ``drawn``:
    whether each has draws of its own.
    """
    numbers = _numbers_on_edges(compilation, varied_parameters(compilation.model, drawn))
    if drawn:
        numbers += _drawn_edges(compilation)
    width = state_numbers(compilation)
    if method in METHODS and METHODS[method].shares_steps:
        return 1
    most = min(MOST, max(FEWEST, CACHED // max(1, width)))
    most = min(most, max(FEWEST, 2 * CACHED // max(1, numbers)))
    if resting or (method in METHODS and METHODS[method].implicit):
        most = min(most, JACOBIANS // max(1, width) ** 2)
    return max(1, min(most, NUMBERS // max(1, numbers)))


def with_settings(compilation: Compilation, settings: Mapping[str, float]) -> Compilation:
    """The compilation with parameters set, compiled anew."""
    sizes = compilation.model.sizes
    exact = {n: int(x) if n in sizes and x == int(x) else x for n, x in settings.items()}
    return replace(compilation, overrides={**compilation.overrides, **exact})


def is_structural(compilation: Compilation, name: str, values: tuple[float, ...]) -> bool:
    """Whether changing the parameter changes the model itself: a size, a graph's argument.

    Such a parameter is set by compiling anew; any other is a number among the module's inputs, and
    many of its values are solved at once.
    """
    if name not in compilation.model.parameter:
        return True
    if compilation.model.parameter[name].place.kind != "global":
        return False  # Sizes and graphs know only the model's own numbers.
    shapes = set()
    for value in {values[0], values[-1]}:
        model = with_settings(compilation, {name: value}).model
        if name in _size_names(model):
            return True
        shapes.add(_fingerprint(model, name))
    return len(shapes | {_fingerprint(compilation.model, name)}) > 1


_PARTS = (
    "dims",
    "parameters",
    "populations",
    "couplings",
    "laws",
    "layers",
    "inputs",
    "observables",
)


def _fingerprint(model: Model, name: str) -> int:
    """Everything the model says, but for the value of one parameter."""
    own = tuple(replace(p, init=None) if p.name == name else p for p in model.parameters)  # type: ignore[arg-type]
    parts = [own if part == "parameters" else getattr(model, part) for part in _PARTS]
    return _digest(tuple(parts), {}, [])


def _size_names(model: Model) -> frozenset[str]:
    """The names that stand in sizes anywhere in the model."""
    sizes: list[Size] = []
    _digest(tuple(getattr(model, part) for part in _PARTS), {}, sizes)
    return frozenset(name for size in sizes for name in size.names)


def _digest(value: Any, seen: dict[int, int], sizes: list[Size]) -> int:
    """A hash of frozen values of any depth; a shared term is visited once, places are left out."""
    if isinstance(value, (Span, Source)):
        return 0
    if isinstance(value, Size):
        sizes.append(value)
        return hash(value)
    if isinstance(value, (tuple, list, Mapping)) or is_dataclass(value):
        if id(value) not in seen:
            children = tuple(_digest(child, seen, sizes) for child in _children(value))
            seen[id(value)] = hash((type(value).__name__, children))
        return seen[id(value)]
    return hash(value)


def _children(value: Any) -> Iterator[Any]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield key
            yield item
    elif is_dataclass(value):
        # A parameter that happens to be whole is called an integer; that alone changes nothing.
        names = [item.name for item in fields(value) if item.name != "dtype"]
        for name in names:
            yield getattr(value, name)
    else:
        yield from value
