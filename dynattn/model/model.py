"""The checked model: every name resolved, every shape known, nothing left to guess.

Names are qualified by where the declaration stands: ``K`` in the model, ``osc.omega`` in a
population, ``attend.eta`` in a layer. Couplings have plain names; those of a layer are
``attend.sync``. Weights of learned functions are named by their place in the spec:
``attend.gate_q.linear.weight``, ``theta.embed.weight``, ``logits.linear.bias``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from dynattn.diagnostics.report import Source
from dynattn.model.composition import Dim, InputUse, Layer, Step
from dynattn.model.parts import Coupling, Law, Observable, Parameter, Population, State
from dynattn.model.plans import (
    Continuation,
    Fit,
    Measurement,
    Placement,
    Plan,
    Search,
    Simulation,
    Training,
)
from dynattn.model.sizes_used import sizes_in
from dynattn.model.terms import Term
from dynattn.vocabulary.sizes import Size


@dataclass(frozen=True)
class Model:
    """Everything a spec says, checked."""

    name: str
    doc: str
    source: Source = field(repr=False)
    sizes: Mapping[str, int]
    """Values of the parameters that are whole numbers (N, C, H ...); dims (T) are absent."""
    dims: tuple[Dim, ...]
    parameters: tuple[Parameter, ...]
    populations: tuple[Population, ...]
    couplings: tuple[Coupling, ...]
    """All of them, those of layers too."""
    laws: tuple[Law, ...]
    """Of the model outside layers; empty where every law stands in a layer."""
    layers: tuple[Layer, ...]
    inputs: tuple[InputUse, ...]
    network: tuple[Step, ...]
    observables: tuple[Observable, ...]
    simulations: tuple[Simulation, ...]
    """``simulate`` and ``sweep`` experiments, in the order of the text."""
    training: Training | None
    clauses: Mapping[str, Mapping[str, Term]] = field(default_factory=dict, repr=False)
    """By state with a law outside layers: what its population says of it, by the clause's word:
    drift, energy (the force), inertia, dissipation, noise, equation."""
    energies: tuple[tuple[str, Term], ...] = ()
    """The own potentials of populations, by name of the population; per node."""
    continuations: tuple[Continuation, ...] = ()
    searches: tuple[Search, ...] = ()
    """``equilibria`` experiments."""
    placements: tuple[Placement, ...] = ()
    """``train`` without data."""
    measurements: tuple[Measurement, ...] = ()
    """``lyapunov`` and its like."""
    fits: tuple[Fit, ...] = ()
    """``train`` on measured series."""
    groups: tuple[Population, ...] = ()
    """Populations addressed as one; their states are what the members share."""
    jumps: tuple[Term, ...] = ()
    """Times at which a rate jumps: the ends of pulses, where a solver must stop."""

    @property
    def plans(self) -> tuple[Plan, ...]:
        """Every experiment but ``train`` with data; what runs by default comes first."""
        searched = (*self.continuations, *self.searches, *self.placements)
        return (*self.simulations, *searched, *self.measurements, *self.fits)

    @cached_property
    def sizes_used(self) -> tuple[Size, ...]:
        """Every size that stands anywhere in the model, each once."""
        return sizes_in(self)

    @cached_property
    def varied(self) -> frozenset[str]:
        """Parameters that an experiment varies."""
        runs = (*self.simulations, *(item.clock for item in self.measurements))
        starts = [item.begins for item in runs] + [item.start for item in self.continuations]
        names = [name for item in (*runs, *self.searches) for name, _ in item.settings]
        names += [item.name for run in runs for item in run.awaited]
        names += [name for item in self.continuations for name, _, _ in item.ranges]
        names += [name for start in starts if start is not None for name, _ in start.settings]
        names += [name for item in (*self.placements, *self.fits) for name in item.free]
        names += self.awaited
        free = self.training.free if self.training is not None else ()
        return frozenset((*names, *free))

    @cached_property
    def awaited(self) -> frozenset[str]:
        """Numbers that nobody declared: values at points of branches, which losses are made of."""
        return frozenset(".".join(key) for item in self.placements for key in item.points)

    @cached_property
    def declared(self) -> tuple[Parameter, ...]:
        """The parameters but for the awaited ones."""
        return tuple(p for p in self.parameters if p.name not in self.awaited)

    @cached_property
    def switches(self) -> Mapping[str, int]:
        """Parameters declared ``in 0 .. 1`` with the value 0 or 1: they choose what is compiled.

        What a switch multiplies by 0 is not part of the program. A parameter that an experiment
        varies is no switch.
        """
        found = {
            p.name: self.sizes[p.name]
            for p in self.parameters
            if p.limits == (0, 1) and self.sizes.get(p.name) in (0, 1) and not p.learned
        }
        return {name: value for name, value in found.items() if name not in self.varied}

    @cached_property
    def largest(self) -> Mapping[str, int]:
        """Sizes, and the limits of dims: how long the arrays are that each node has a row of."""
        limits = {dim.name: dim.limit for dim in self.dims if dim.limit is not None}
        return {**self.sizes, **limits}

    @cached_property
    def states(self) -> Mapping[str, State]:
        """Every state by its full name (``osc.theta``)."""
        owners = (*self.populations, *self.couplings)
        declared = {s.name: s for owner in owners for s in owner.states}
        return {**declared, **self.averages}

    @cached_property
    def averages(self) -> Mapping[str, State]:
        """The states that nobody declared: averages of others over the past."""
        return {s.name: s for coupling in self.couplings for s in coupling.averages}

    @cached_property
    def addressed(self) -> Mapping[str, State]:
        """Every state by its full name, what the members of groups share too (``bus.theta``)."""
        return {**{s.name: s for group in self.groups for s in group.states}, **self.states}

    @cached_property
    def lasting(self) -> Mapping[str, State]:
        """The states of the model's own populations: those of layers begin anew at each use."""
        own = {name for layer in self.layers for name in layer.own}
        return {name: state for name, state in self.states.items() if name not in own}

    @cached_property
    def population(self) -> Mapping[str, Population]:
        """Populations by name, groups of them too."""
        return {p.name: p for p in (*self.populations, *self.groups)}

    @cached_property
    def coupling(self) -> Mapping[str, Coupling]:
        """Couplings by name."""
        return {c.name: c for c in self.couplings}

    @cached_property
    def layer(self) -> Mapping[str, Layer]:
        """Layers by name."""
        return {item.name: item for item in self.layers}

    @cached_property
    def parameter(self) -> Mapping[str, Parameter]:
        """Parameters by name."""
        return {p.name: p for p in self.parameters}
