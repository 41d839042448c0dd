"""Random cases for certification: the same numbers for a module and the reference evaluator."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy
import torch
from numpy.typing import NDArray

from dynattn.lower.initial import shape_at
from dynattn.lower.past import senders_of
from dynattn.lower.signals import Signal, constant
from dynattn.lower.white import Given
from dynattn.model.composition import InputUse
from dynattn.model.delays import all_past, past_name
from dynattn.model.model import Model
from dynattn.model.parts import Parameter, State
from dynattn.model.terms import Term
from dynattn.network.build import Network
from dynattn.program.copies import parameter_arrays
from dynattn.program.duals import inputs_of, numbers
from dynattn.program.reference import Reference
from dynattn.program.shrink import size_limits
from dynattn.vocabulary.manifolds import MANIFOLDS

if TYPE_CHECKING:
    from dynattn.lower.module import System

Numbers = NDArray[Any]
PLAIN = ("real", "complex")
"""Manifolds whose parameters keep the scale that they start with."""


@dataclass(frozen=True, eq=False)
class Case:
    """One set of numbers for a model; ``sizes`` are the lengths of this sample (T)."""

    values: Mapping[str, Numbers]
    states: Mapping[str, Numbers]
    past: Mapping[tuple[str, str], Numbers]
    """What couplings with a delay see: (state, coupling), over the nodes or the edges."""
    steps: Mapping[str, Numbers]
    """A finite step per state, for the retraction."""
    inputs: Mapping[str, Numbers]
    sizes: Mapping[str, int]
    time: float
    kept: frozenset[str]
    """Parameters that are sizes: they keep their values, and no slopes are taken along them."""
    white: int = 0
    """The seed of the noise of layers."""

    def reference(self, model: Model, network: Network, **options: Any) -> Reference:
        """The reference evaluator at these numbers; ``options`` as it takes them."""
        return Reference(
            model, network, self.values, states=self.states, past=self.named_past,
            inputs=self.inputs, sizes=self.sizes, time=self.time, white=self.white, **options,
        )  # fmt: skip

    @property
    def named_past(self) -> dict[str, Numbers]:
        """The past by ``past_name``."""
        return {past_name(key): array for key, array in self.past.items()}

    def entries(self, names: Sequence[str]) -> int:
        """How many real numbers the named values and states hold."""
        numbers = {**self.values, **self.states, **self.named_past}
        return sum(inputs_of(numbers[name]) for name in names)

    def tensor_states(self) -> dict[str, torch.Tensor]:
        """The states, and those of the past by their ``past_name``."""
        numbers = {**self.states, **self.named_past}
        return {name: torch.from_numpy(array) for name, array in numbers.items()}

    def signals(self, model: Model) -> dict[str, Signal]:
        """The signals, which stand still."""
        names = [use.name for use in model.inputs if use.signal]
        return {name: constant(torch.from_numpy(self.inputs[name])) for name in names}

    def tensor_inputs(self) -> dict[str, torch.Tensor]:
        """Inputs as the module takes them: integers stay integers."""
        return {name: torch.from_numpy(array) for name, array in self.inputs.items()}


def draw_case(
    model: Model, system: System, lengths: Mapping[str, int], rng: numpy.random.Generator
) -> Case:
    """Random numbers, none the spec's own: an initial value of 1 would hide a lost factor."""
    sizes = {**model.sizes, **lengths}
    arrays = module_arrays(system)
    kept = frozenset(size_limits(model)) | frozenset(model.switches)
    values = {
        name: _number(rng, parameter, arrays[name].detach().numpy(), name in kept)
        for name, parameter in parameter_arrays(model).items()
        if name in arrays
    }
    states = {
        name: _on_edges(rng, system, state, sizes)
        if state.coupling
        else _points(rng, model, state, sizes)
        for name, state in model.states.items()
    }
    past = {term.payload: _past(rng, model, system, term) for term in all_past(model)}
    steps = {name: 0.3 * _normal(rng, array) for name, array in states.items()}
    inputs = {use.name: _input(rng, model, use, sizes) for use in model.inputs}
    time = float(rng.uniform(0.1, 2.0))
    noisy = any(law.noise is not None for layer in model.layers for law in layer.laws)
    noisy = noisy or any(run.weight_noise for run in system._runs)
    white = int(rng.integers(2**31)) if noisy else 0
    return Case(values, states, past, steps, inputs, lengths, time, kept, white)


def module_arrays(system: System) -> dict[str, torch.Tensor]:
    """Everything the module holds, by name."""
    return {**dict(system.named_parameters()), **dict(system.named_buffers())}


def load_case(system: System, case: Case) -> dict[str, torch.Tensor]:
    """Put the values into the module; the tensors that slopes are taken along, by name."""
    system.white = Given(case.white)
    arrays = module_arrays(system)
    free: dict[str, torch.Tensor] = {}
    for name, value in case.values.items():
        with torch.no_grad():
            arrays[name].copy_(torch.from_numpy(value))
        if name not in case.kept:
            free[name] = arrays[name].requires_grad_()
    return free


def start_of_network(model: Model, system: System, case: Case) -> Case:
    """The same case; with a network, from the states the module itself starts from."""
    if not model.network:
        return case
    with torch.no_grad():
        states = {**system.initial_states(**case.sizes), **system.own_starts(**case.sizes)}
    return replace(case, states={name: array.numpy() for name, array in states.items()})


def _number(
    rng: numpy.random.Generator, parameter: Parameter, initial: Numbers, keep: bool
) -> Numbers:
    """Uniform within limits or on a curved manifold; else the initial value scaled, at 0 moved."""
    if keep:
        return numbers(initial)
    if parameter.manifold is not None and parameter.manifold.name not in PLAIN:
        return numpy.asarray(MANIFOLDS[parameter.manifold.name].sample(rng, initial.shape))
    if parameter.limits is not None:
        low, high = parameter.limits
        return numpy.asarray(low + (high - low) * rng.uniform(0.1, 0.9, initial.shape))
    scaled = initial * rng.uniform(0.5, 1.5, initial.shape)
    return numpy.where(initial == 0, 0.3 * _normal(rng, initial), scaled)


def _normal(rng: numpy.random.Generator, like: Numbers) -> Numbers:
    """Standard normal numbers, in both parts where they are to be complex."""
    drawn = rng.standard_normal(like.shape)
    return drawn + 1j * rng.standard_normal(like.shape) if numpy.iscomplexobj(like) else drawn


def _points(
    rng: numpy.random.Generator, model: Model, state: State, sizes: Mapping[str, int]
) -> Numbers:
    nodes = model.population[state.population].size.value(sizes)
    shape = (nodes, *(size.value(sizes) for size in state.shape))
    return numpy.asarray(MANIFOLDS[state.manifold.name].sample(rng, shape))


def _on_edges(
    rng: numpy.random.Generator, system: System, state: State, sizes: Mapping[str, int]
) -> Numbers:
    shape = shape_at(state.place, state.shape, system.context, sizes)
    return numpy.asarray(MANIFOLDS[state.manifold.name].sample(rng, shape))


def _past(rng: numpy.random.Generator, model: Model, system: System, term: Term) -> Numbers:
    state, coupling = model.addressed[term.payload[0]], model.coupling[term.payload[1]]
    if term.type.place.kind == "nodes":
        return _points(rng, model, state, model.sizes)
    senders, receivers = senders_of(system, coupling)
    front = senders.shape if receivers is None else (receivers, *senders.shape)
    shape = (*front, *(size.value(model.sizes) for size in state.shape))
    return numpy.asarray(MANIFOLDS[state.manifold.name].sample(rng, shape))


def _input(
    rng: numpy.random.Generator, model: Model, use: InputUse, sizes: Mapping[str, int]
) -> Numbers:
    shape = tuple(size.value(sizes) for size in use.type.shape)
    if use.type.place.kind == "nodes":
        shape = (model.population[use.type.place.name].size.value(sizes), *shape)
    if use.type.classes is not None:
        return rng.integers(0, use.type.classes.value(sizes), shape)
    return rng.standard_normal(shape)
