"""A causal network, one token after the other: what past tokens contribute is kept, not made again.

The compiler decides from the array program what that is: keys and values of attention, what senders
say on pairs, running sums where a sum is one, and the rows that successors look at.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from dynattn.lower.binding import Binder, CallRun
from dynattn.lower.decoding_memory import Memory
from dynattn.lower.decoding_operations import COUNT, FIRST, makers, obstacle
from dynattn.lower.evolving import EvolveRun
from dynattn.lower.initial import draw_maker
from dynattn.lower.lengths import input_environment, named_inputs
from dynattn.lower.module import System, evaluate_plainly
from dynattn.lower.routine import Routine, make_plan
from dynattn.lower.unroll import unroll
from dynattn.model.composition import Adaptive, Settling
from dynattn.program.nodes import Block


class NotIncremental(Exception):
    """A network that has no incremental form; the text says which layer and why."""


@dataclass
class RowBinder(Binder):
    """Binds blocks so that they compute new rows alone."""

    memory: Memory = field(default_factory=Memory)

    def routine(
        self,
        block: Block,
        copy: int | None = None,
        label: str = "",
        rename: Callable[[str], str] = lambda name: name,
    ) -> Routine:
        """The block for new rows; NotIncremental where it has to see the whole sequence."""
        found = obstacle(block.nodes, self.context)
        if found is not None:
            text, node = found
            line = f" (line {node.span.line})" if node.span is not None else ""
            raise NotIncremental(f"{_place(label)}: {text}{line}")
        own = {**draw_maker(self.seed, self.repeat, rename), **makers(self.memory)}
        plan = make_plan(block, self.context, self.batched, own)
        dims = [leaf.name for leaf in plan.leaves if leaf.kind == "dim"]
        if hidden := [name for name in dims if name not in (FIRST.key, COUNT.key)]:
            raise NotIncremental(f"{_place(label)}: it reads the length {hidden[0]}")
        return Routine(plan, lambda leaf: self._find(leaf, copy), label)


def _place(label: str) -> str:
    return f"layer {label.split('.')[0]}" if label else "the network"


class Decoder:
    """The outputs of a causal network for tokens that come one after the other, or in pieces.

    They equal those of the system for the whole sequence so far, up to rounding. Parameters may
    change between sequences, not within one.
    """

    def __init__(self, system: System) -> None:
        """NotIncremental where a layer has to see the whole sequence."""
        self.system = system
        self.length = 0
        self._memory = Memory()
        self._dim = _sequence(system)
        binder = RowBinder(
            system, system.context, system.batched, system.seed, system.repeat, self._memory
        )
        uses = unroll(system.program.steps, system.model.sizes)
        self._runs = [run for use in uses for run in binder.runs_of(use)]
        for run in self._runs:
            _check_steps(run)
        self._routines = [routine for run in self._runs for routine in _routines(run)]

    @property
    def limit(self) -> int | None:
        """The longest sequence that the model reads; None without a limit."""
        return next(d.limit for d in self.system.model.dims if d.name == self._dim)

    def begin(self) -> None:
        """Forget the sequence."""
        self._memory.forget()
        self.length = 0

    @torch.no_grad()
    def __call__(self, *arguments: Tensor, **named: Tensor) -> Any:
        """The outputs [batch..., new tokens, *] for further tokens; inputs as in ``forward``.

        ValueError where the sequence becomes longer than its limit, or inputs do not fit.
        """
        model = self.system.model
        environment = input_environment(self.system, named_inputs(model, arguments, named))
        count = environment.pop(f"dim {self._dim}")
        if self.limit is not None and self.length + count > self.limit:
            text = f"{self._dim} = {self.length + count}, at most {self.limit}"
            raise ValueError(f"the sequence has {text}")
        environment[f"dim {FIRST.key}"], environment[f"dim {COUNT.key}"] = self.length, count
        environment["training"] = False
        if self.length == 0:  # what depends on parameters alone is made once a sequence
            for routine in self._routines:
                routine.hold()
        self._memory.begin()
        for run in self._runs:
            run.run(environment, evaluate_plainly)
        self.length += count
        outputs = {name: environment[f"output {name}"] for name in self.system.outputs}
        return outputs if len(outputs) > 1 else outputs[self.system.outputs[0]]


def _sequence(system: System) -> str:
    """The dim along which tokens come; NotIncremental where there is none, or several."""
    model = system.model
    if not model.network:
        raise NotIncremental("the model has no network")
    if len(model.dims) != 1:
        raise NotIncremental(f"the model has {len(model.dims)} dims, and one is needed")
    name = model.dims[0].name
    if not any(name in map(str, item.axes) for item in model.inputs):
        raise NotIncremental(f"no input has the length {name}")
    if system.unset:
        raise NotIncremental(f"the network begins with {system.unset[0]} as it is declared")
    for population in model.population.values():
        if name in population.size.names and str(population.size) != name:
            text = f"'{population.name}' has {population.size} nodes"
            raise NotIncremental(f"{text}, and as many as {name} can grow one by one")
    return name


def _routines(run: CallRun | EvolveRun) -> list[Routine]:
    if isinstance(run, CallRun):
        return [run.routine]
    return [routine for routine in (run.start, run.rate, run.retraction) if routine is not None]


def _check_steps(run: CallRun | EvolveRun) -> None:
    if isinstance(run, CallRun):
        return
    if isinstance(run.evolution, Adaptive):
        raise NotIncremental(f"layer {run.layer}: it chooses its steps")
    if isinstance(run.evolution, Settling):
        raise NotIncremental(f"layer {run.layer}: it runs until it is at rest")
    if run.noise is not None:
        raise NotIncremental(f"layer {run.layer}: its laws hold noise")
