"""Initial values: the ``initial`` block run for each parameter (and copy) and state, with draws."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy
import torch

from dynattn.diagnostics.report import Diagnostic, NumericalError, SpecError
from dynattn.lower import kernels
from dynattn.lower.code import Code
from dynattn.lower.context import ORIGIN, Context, Need, make_array, rank_of, width_of
from dynattn.lower.draws import Repeat, sampled_for
from dynattn.lower.operation import Operation
from dynattn.lower.pair_draws import pair_sampler
from dynattn.lower.routine import Leaf, Maker, Routine, make_plan
from dynattn.model.model import Model
from dynattn.model.parts import Parameter, State
from dynattn.model.terms import Place
from dynattn.program.copies import copy_name
from dynattn.program.nodes import Block, Node
from dynattn.vocabulary.distributions import DISTRIBUTIONS, MATRIX_DISTRIBUTIONS, stream
from dynattn.vocabulary.manifolds import MANIFOLDS
from dynattn.vocabulary.sizes import Size


def draw_maker(seed: int, repeat: Repeat, rename: Callable[[str], str]) -> Mapping[str, Maker]:
    """The operation ``draw``; ``rename`` makes the stream's name of the name in the program."""

    def make(node: Node, context: Context) -> Operation:
        distribution, name = node.payload
        sample = _sampler(distribution, name, node, context)
        if node.type.dtype == "complex" and distribution != "on_manifold":
            sample = partial(in_both_parts, distribution)
        fold = _fold(name, context) if distribution != "on_manifold" else None
        axes = _axes(node, context)
        count = len(node.inputs)
        behind = [(rank_of(node) - rank_of(item), width_of(item)) for item in node.inputs]

        def run(*operands: Any) -> Any:
            *rest, origin = operands
            pairs = zip(rest[:count], behind, strict=True)
            arguments = [_aligned(value, *where) for value, where in pairs]
            shape = tuple(rest[count:])
            make = partial(stream, seed, rename(name))
            numbers = _sampled(node, lambda: sampled_for(repeat, make, sample, shape, arguments))
            numbers = numbers if fold is None else fold(numbers)
            return kernels.to_real(torch.as_tensor(numbers), origin)

        return Operation(run, _no_text, (*axes, ORIGIN))

    return {"draw": make}


def _sampled(node: Node, sample: Callable[[], Any]) -> Any:
    """The numbers drawn; NumericalError E620 where the arguments are none that can be drawn with.

    The checker knows arguments that are fixed; those of nodes and edges have values only now.
    """
    distribution, name = node.payload
    reason = "its arguments give numbers that are none"
    try:
        with numpy.errstate(all="ignore"):
            numbers = sample()
        if not numpy.isnan(numbers).any():
            return numbers
    except (ValueError, MemoryError) as problem:
        reason = str(problem)
    message = f"'{name}' cannot be drawn from {distribution}: {reason}"
    fix = "bound its arguments where they have values of their own per node or edge"
    raise NumericalError(Diagnostic("E623", message, node.span, fix)) from None


def _sampler(distribution: str, name: str, node: Node, context: Context) -> Callable[..., Any]:
    if distribution != "on_manifold":
        entry = (DISTRIBUTIONS | MATRIX_DISTRIBUTIONS)[distribution]
        return pair_sampler(entry.sample, node, context) if entry.place == "edges" else entry.sample
    owner = context.model.states.get(name) or context.model.parameter[name]
    if owner.manifold is None:
        raise ValueError(f"{name} lies on no manifold to be drawn from")
    return MANIFOLDS[owner.manifold.name].sample


def _fold(name: str, context: Context) -> Callable[[Any], Any] | None:
    """What makes points of a manifold of the numbers drawn for a quantity."""
    owner = context.model.states.get(name) or context.model.parameter.get(name)
    use = None if owner is None else owner.manifold
    return None if use is None else MANIFOLDS[use.name].fold


def in_both_parts(distribution: str, rng: Any, shape: tuple[int, ...], *arguments: Any) -> Any:
    """Complex numbers whose two parts are drawn alike and independently of each other.

    A normal distribution has its mean where it is given: m + sd (x + i y), x and y standard normal.
    """
    sample = DISTRIBUTIONS[distribution].sample
    parts = [[numpy.real(value) for value in arguments] for _ in range(2)]
    if distribution == "normal":
        parts[1][0] = numpy.imag(arguments[0])
    return sample(rng, shape, *parts[0]) + 1j * sample(rng, shape, *parts[1])


def _axes(node: Node, context: Context) -> tuple[Need, ...]:
    """The sizes of the axes of a draw."""
    return (*context.axes_of(node.type.place), *[Need("size", size) for size in node.type.shape])


def _aligned(value: Any, missing: int, width: int) -> Any:
    """An argument as numpy float64, axes of size 1 put where the draw has more of them."""
    if not isinstance(value, torch.Tensor):
        return value
    for _ in range(missing if value.dim() else 0):
        value = value.unsqueeze(-width - 1)
    value = value.detach().cpu()
    return value.to(torch.complex128 if value.is_complex() else torch.float64).numpy()


def _no_text(*texts: Code) -> Code:
    raise ValueError("a draw is not written out: its numbers are")


class Initializer:
    """Computes parameters in float64 on the CPU, each when first asked for."""

    def __init__(
        self, block: Block, context: Context, seed: int, repeat: Repeat, given: Mapping[str, Any]
    ) -> None:
        self.nodes = dict(block.outputs)
        self.context = context
        self.seed, self.repeat = seed, repeat
        self.table: dict[str, Any] = {}
        self.given = {name: in_double(torch.as_tensor(value)) for name, value in given.items()}
        self.batched: set[str] = set()

    def value(self, parameter: Parameter, copy: int | None) -> Any:
        """The initial value [batch..., place, *shape] of one copy of a parameter."""
        full = full_name(parameter, copy)
        if full not in self.table:
            self.table[full] = self._computed(parameter, copy, full)
        return self.table[full]

    def _computed(self, parameter: Parameter, copy: int | None, full: str) -> Any:
        node = self.nodes[parameter.name]
        shape = declared_shape(parameter, self.context)
        if full in self.given or parameter.name in self.given:
            value = self.given.get(full, self.given.get(parameter.name))
        else:
            value = self._run(parameter, node, copy)
        assert value is not None
        if parameter.dtype == "complex":
            value = value.to(torch.complex128)
        try:
            value = value.expand((*value.shape[: max(value.dim() - len(shape), 0)], *shape))
        except RuntimeError:
            raise ValueError(
                f"{full} has the shape {list(shape)}, the value given {list(value.shape)}"
            ) from None
        if value.dim() > len(shape):
            self.batched.add(parameter.name)
        return value

    def _run(self, parameter: Parameter, node: Node, copy: int | None) -> Any:
        block = Block(parameter.name, ((parameter.name, node),))
        for name in block.reads("parameter"):
            self._read(name, copy)
        full = full_name(parameter, copy)
        makers = draw_maker(self.seed, self.repeat, lambda name: full)
        plan = make_plan(block, self.context, frozenset(self.batched), makers)
        with torch.no_grad():
            routine = Routine(plan, lambda leaf: self._find(leaf, copy))
            value = routine(self._limits())[parameter.name]
        return widened(value, node, len(declared_shape(parameter, self.context)))

    def _limits(self) -> dict[str, Any]:
        """What a routine reads where a quantity has a row per node of the longest sample."""
        largest = self.context.model.largest.items()
        return {f"dim {name}": count for name, count in largest}

    def _read(self, name: str, copy: int | None) -> str:
        other = self.context.model.parameter[name]
        self.value(other, copy)
        return full_name(other, copy)

    def _find(self, leaf: Leaf, copy: int | None) -> tuple[dict[str, Any], str]:
        if leaf.kind == "parameter":
            return self.table, self._read(leaf.name, copy)
        return {"": fixed_leaf(leaf, self.context)}, ""


def in_double(value: Any) -> Any:
    """The numbers in double precision; complex ones stay complex."""
    return value.to(torch.complex128) if value.is_complex() else value.double()


def as_points(
    state: State, values: torch.Tensor, shape: tuple[int, ...], dtype: torch.dtype
) -> torch.Tensor:
    """Initial values at all nodes, in the state's own kind of number though they be whole ones."""
    kind = dtype.to_complex() if state.manifold.dtype == "complex" else dtype
    return values.to(kind).expand(shape).clone()


def widened(value: Any, node: Node, rank: int) -> Any:
    """The value with axes of size 1 before its coordinates, up to ``rank`` axes behind the batch.

    So a batch of single numbers becomes one of arrays that are the same at every node.
    """
    for _ in range(rank - rank_of(node)):
        value = value.unsqueeze(-width_of(node) - 1)
    return value


def refuse_off_manifold(state: State, value: Any) -> None:
    """SpecError E313 where an initial value is no point of its manifold, but for rounding."""
    entry = MANIFOLDS[state.manifold.name]
    if entry.hold(value.detach()):
        return
    off = entry.farthest(value.detach())
    if off is not None and off < 16 * torch.finfo(value.dtype).eps:  # of single precision
        return
    text = f"some initial values of '{state.name}' are no points of {state.manifold}"
    text += "" if off is None else f": the worst is {off:.3g} off"
    raise SpecError(Diagnostic("E313", text, state.span, entry.wanted))


def fixed_leaf(leaf: Leaf, context: Context) -> Any:
    """The value of a lasting leaf that is no parameter, in float64 on the CPU."""
    match leaf.kind:
        case "origin":
            return torch.zeros((), dtype=torch.float64)
        case "edges":
            return context.edges(leaf.name).edge_count
        case "array":
            return torch.as_tensor(make_array(leaf.name, context))
    raise ValueError(f"{leaf.kind} {leaf.name} has no value before the module is built")


def declared_shape(parameter: Parameter, context: Context) -> tuple[int, ...]:
    """The axes of a parameter, its place first."""
    return shape_at(parameter.place, parameter.shape, context)


def shape_at(
    place: Place, shape: Sequence[Size], context: Context, sizes: Mapping[str, int] | None = None
) -> tuple[int, ...]:
    """The axes of a quantity that lives at a place; ``sizes``: those of a sample too."""
    model = context.model
    known = model.sizes if sizes is None else sizes
    front: tuple[int, ...] = ()
    if place.kind == "nodes":
        front = (model.population[place.name].size.value(model.largest),)
    elif place.kind == "edges":
        edges = context.edges(place.name)
        if edges.receivers is not None:
            front = (len(edges.receivers),)
        else:  # pairs
            ends = (context.receivers(place.name).key, context.senders(place.name).key)
            front = tuple(size.value(known) for size in ends)
    return (*front, *[size.value(known) for size in shape])


def shape_of(state: State, context: Context, sizes: Mapping[str, int]) -> tuple[int, ...]:
    """The axes of a state, its place first; ``sizes``: those of the sample too."""
    if state.coupling:
        return shape_at(state.place, state.shape, context, sizes)
    population = context.model.population[state.population]
    return tuple(size.value(sizes) for size in (population.size, *state.shape))


def full_name(parameter: Parameter, copy: int | None) -> str:
    """The name of a parameter's array in the module; ``copy`` counts where a layer owns it."""
    return parameter.name if parameter.layer is None else copy_name(parameter, copy or 0)


def default_seed(model: Model) -> int:
    """The seed of the first experiment, or 0: training's where the model trains."""
    if model.training is not None:
        return model.training.seed
    return model.simulations[0].seed if model.simulations else 0
