"""Tensors of a module under dotted names, and the program's blocks bound to them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from dynattn.lower.context import Context, array_name, make_array
from dynattn.lower.initial import draw_maker, full_name
from dynattn.lower.routine import Leaf, Routine, make_plan
from dynattn.lower.unroll import Use
from dynattn.model.model import Model
from dynattn.program.copies import output_names
from dynattn.program.nodes import Apply, Block, Call, Evolve

Evaluate = Callable[[Routine, dict[str, Any]], dict[str, Any]]


@dataclass
class CallRun:
    """A block of the network; each result is kept under every key it is read by."""

    routine: Routine
    keys: tuple[tuple[str, str], ...]

    def run(self, environment: dict[str, Any], evaluate: Evaluate) -> None:
        """Evaluate and store."""
        results = evaluate(self.routine, environment)
        for name, key in self.keys:
            environment[key] = results[name]


@dataclass
class EvolveRun:
    """A layer at work for ``steps`` Euler steps of size 1."""

    rate: Routine
    retraction: Routine
    steps: int

    def run(self, environment: dict[str, Any], evaluate: Evaluate) -> None:
        """states <- retraction(states, rate), ``steps`` times."""
        for _ in range(self.steps):
            for name, value in evaluate(self.rate, environment).items():
                environment[f"placeholder v {name}"] = value
            for name, value in evaluate(self.retraction, environment).items():
                environment[f"state {name}"] = value


@dataclass
class Binder:
    """Makes routines whose lasting leaves are tensors below ``root``."""

    root: nn.Module
    context: Context
    batched: frozenset[str]
    seed: int
    repeat: int

    @property
    def origin(self) -> Tensor:
        """A 0-d tensor of the module's dtype and device."""
        return self.fixed["origin"]

    @property
    def fixed(self) -> dict[str, Any]:
        """The fixed arrays by name."""
        return self.root._modules["_fixed"]._buffers  # type: ignore[union-attr]

    def routine(self, block: Block, copy: int | None = None, label: str = "") -> Routine:
        """The block made ready, its layer's parameters those of one copy."""
        makers = draw_maker(self.seed, self.repeat, lambda name: name)
        plan = make_plan(block, self.context, self.batched, makers)
        return Routine(plan, lambda leaf: self._find(leaf, copy), label)

    def optional(self, block: Block | None) -> Routine | None:
        """The same for a block that the model may lack."""
        return None if block is None else self.routine(block)

    def run_of(self, use: Use) -> CallRun | EvolveRun:
        """One step of the network."""
        match use.step:
            case Call(block):
                keys = tuple(_kept(block, self.context.model))
                return CallRun(self.routine(block, use.copy), keys)
            case Apply(layer, output, target):
                routine = self.routine(output, use.copy, f"{layer}.{use.copy}")
                return CallRun(routine, ((layer, f"variable {target}"),))
            case Evolve(layer, rate, retraction, steps):
                label = f"{layer}.{use.copy}"
                return EvolveRun(
                    self.routine(rate, use.copy, label),
                    self.routine(retraction, use.copy, label),
                    steps.value(self.context.model.sizes),
                )

    def _find(self, leaf: Leaf, copy: int | None) -> tuple[dict[str, Any], str]:
        """The table and key of a lasting leaf; fixed arrays are made when first asked for."""
        if leaf.kind == "parameter":
            return table_of(self.root, full_name(self.context.model.parameter[leaf.name], copy))
        if leaf.kind == "edges":
            return {"": self.context.edges(leaf.name).edge_count}, ""
        name = "origin" if leaf.kind == "origin" else array_name(leaf.name)
        if name not in self.fixed:
            array = torch.as_tensor(make_array(leaf.name, self.context))
            plant(self.root, f"_fixed.{name}", fitted(array, self.origin), False)
        return self.fixed, name


def fitted(array: Tensor, origin: Tensor) -> Tensor:
    """Real and complex numbers in the precision of ``origin``, integers as they are."""
    if array.is_complex():
        return array.to(origin.device, origin.dtype.to_complex())
    dtype = origin.dtype if array.is_floating_point() else array.dtype
    return array.to(origin.device, dtype)


def plant(root: nn.Module, name: str, value: Tensor, learned: bool) -> None:
    """Put a tensor at a dotted name below ``root``, making modules on the way.

    Written into torch's own tables: a spec may call a parameter ``loss`` or a population ``train``,
    which ``register_parameter`` refuses as the name of a method.
    """
    *path, last = name.split(".")
    for part in path:
        root = root._modules.setdefault(part, nn.Module())  # type: ignore[assignment]
    if learned:
        root._parameters[last] = nn.Parameter(value)
        return
    root._buffers[last] = value
    root._non_persistent_buffers_set.add(last)


def table_of(root: nn.Module, name: str) -> tuple[dict[str, Any], str]:
    """The table that holds the tensor of a dotted name, and its key there."""
    *path, last = name.split(".")
    for part in path:
        root = root._modules[part]  # type: ignore[assignment]
    return (root._parameters if last in root._parameters else root._buffers), last


def _kept(block: Block, model: Model) -> list[tuple[str, str]]:
    """For each result of a Call the environment's keys: a state, a variable, an output."""
    outputs = set(output_names(model.network))
    keys = []
    for name, _ in block.outputs:
        keys.append((name, f"state {name}" if name in model.states else f"variable {name}"))
        if name in outputs:
            keys.append((name, f"output {name}"))
    return keys
