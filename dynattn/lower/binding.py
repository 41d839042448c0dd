"""Tensors of a module under dotted names, and the program's blocks bound to them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from dynattn.lower.context import Context, array_name, make_array, rank_of
from dynattn.lower.draws import Repeat
from dynattn.lower.evolving import Evaluate, EvolveRun
from dynattn.lower.initial import draw_maker, full_name
from dynattn.lower.routine import Leaf, Routine, make_plan
from dynattn.lower.tolerances import tolerances
from dynattn.lower.unroll import Use
from dynattn.model.composition import Adaptive, Evolution, Settling
from dynattn.model.model import Model
from dynattn.program.copies import output_names, own_name
from dynattn.program.nodes import Apply, Block, Call, Evolve, Node
from dynattn.program.row_blocks import in_row_blocks


@dataclass
class CallRun:
    """A block of the network; each result is kept under every key it is read by."""

    routine: Routine
    keys: tuple[tuple[str, str], ...]

    @property
    def reads_first(self) -> set[str]:
        """The states whose values it needs from before."""
        return _states_among(self.routine.keys)

    @property
    def weight_noise(self) -> Node | None:
        """The first weights that are read with noise."""
        return self.routine.weight_noise

    @property
    def sets(self) -> set[str]:
        """The states that have values after it."""
        return _states_among(key for _, key in self.keys)

    def run(self, environment: dict[str, Any], evaluate: Evaluate) -> None:
        """Evaluate and store."""
        results = evaluate(self.routine, environment)
        for name, key in self.keys:
            environment[key] = results[name]


def read_before_set(runs: Sequence[CallRun | EvolveRun]) -> tuple[str, ...]:
    """States that the steps of a network read before any of them sets them."""
    known: set[str] = set()
    missing: dict[str, None] = {}
    for run in runs:
        missing |= dict.fromkeys(sorted(run.reads_first - known))
        known |= run.sets
    return tuple(missing)


def _states_among(keys: Iterable[str]) -> set[str]:
    return {key.removeprefix("state ") for key in keys if key.startswith("state ")}


def put_first_states(system: Any, environment: dict[str, Any]) -> None:
    """Into the environment of some samples, the states that a network reads before it sets them."""
    if not system.unset:
        return
    dims = {key[4:]: value for key, value in environment.items() if key.startswith("dim ")}
    first, batch = system.initial_states(**dims), environment.get("batch", ())
    for name in system.unset:
        environment[f"state {name}"] = first[name].expand(*batch, *first[name].shape)


@dataclass
class Binder:
    """Makes routines whose lasting leaves are tensors below ``root``."""

    root: nn.Module
    context: Context
    batched: frozenset[str]
    seed: int
    repeat: Repeat

    @property
    def origin(self) -> Tensor:
        """A 0-d tensor of the module's dtype and device."""
        return self.fixed["origin"]

    @property
    def fixed(self) -> dict[str, Any]:
        """The fixed arrays by name."""
        return self.root._modules["_fixed"]._buffers  # type: ignore[union-attr]

    def routine(
        self,
        block: Block,
        copy: int | None = None,
        label: str = "",
        rename: Callable[[str], str] = lambda name: name,
    ) -> Routine:
        """The block made ready, its layer's parameters those of one copy.

        ``rename`` makes the names of the streams of its draws.
        """
        makers = draw_maker(self.seed, self.repeat, rename)
        parts = in_row_blocks(block, self.context.connections, self.context.model.sizes)
        routine = self._bound(parts, copy, label, makers)
        if parts is not block:
            routine.undivided = partial(self._bound, block, copy, label, makers)
        return routine

    def _bound(
        self, block: Block, copy: int | None, label: str, makers: Mapping[str, Any]
    ) -> Routine:
        plan = make_plan(block, self.context, self.batched, makers)
        return Routine(plan, lambda leaf: self._find(leaf, copy), label)

    def optional(self, block: Block | None) -> Routine | None:
        """The same for a block that the model may lack."""
        return None if block is None else self.routine(block)

    def runs_of(self, use: Use) -> Iterator[CallRun | EvolveRun]:
        """One step of the network: what a layer's states do, then what it puts out."""
        match use.step:
            case Call(block):
                keys = tuple(_kept(block, self.context.model))
                yield CallRun(self.routine(block, use.copy), keys)
            case Apply(layer, output, target, evolve):
                if evolve is not None:
                    yield self._evolve(evolve, use.copy or 0)
                routine = self.routine(output, use.copy, f"{layer}.{use.copy}")
                yield CallRun(routine, ((layer, f"variable {target}"),))
            case Evolve():
                yield self._evolve(use.step, use.copy or 0)

    def _evolve(self, step: Evolve, copy: int) -> EvolveRun:
        label = f"{step.layer}.{copy}"
        start = drawn = None
        if step.start is not None:
            start = self.routine(step.start, copy, label, lambda n: own_name(n, step.layer, copy))
            draws = tuple(item for item in step.start.outputs if item[1].op == "draw")
            drawn = self.routine(
                Block(label, draws), copy, label, lambda n: own_name(n, step.layer, copy)
            )
        return EvolveRun(
            step.layer, copy, self.routine(step.rate, copy, label),
            self.routine(step.retraction, copy, label), step.evolution,
            _count(step.evolution, self.context.model),
            self.origin, start, drawn,
            _ranks(step.start), self._noise(step, copy, label), _ranks(step.noise),
            _ranks(step.rate), self._is_map(step.layer), self._tolerances(step.evolution),
        )  # fmt: skip

    def _tolerances(
        self, evolution: Evolution | Adaptive | Settling | None
    ) -> dict[str, tuple[float, float]]:
        if not isinstance(evolution, Adaptive):
            return {}
        return tolerances(self.context.model, evolution.rtol, evolution.atol)

    def _noise(self, step: Evolve, copy: int, label: str) -> Routine | None:
        return None if step.noise is None else self.routine(step.noise, copy, label)

    def _is_map(self, layer: str) -> bool:
        return any(law.discrete for law in self.context.model.layer[layer].laws)

    def _find(self, leaf: Leaf, copy: int | None) -> tuple[dict[str, Any], str]:
        """The table and key of a lasting leaf; fixed arrays are made when first asked for."""
        if leaf.kind == "parameter":
            return table_of(self.root, full_name(self.context.model.parameter[leaf.name], copy))
        if leaf.kind == "array_name":
            return {"": full_name(self.context.model.parameter[leaf.name], copy)}, ""
        if leaf.kind == "edges":
            return {"": self.context.edges(leaf.name).edge_count}, ""
        name = "origin" if leaf.kind == "origin" else array_name(leaf.name)
        if name not in self.fixed:
            array = torch.as_tensor(make_array(leaf.name, self.context))
            plant(self.root, f"_fixed.{name}", fitted(array, self.origin), False)
        return self.fixed, name


def _count(evolution: Evolution | Adaptive | Settling | None, model: Model) -> int:
    return evolution.steps.value(model.sizes) if isinstance(evolution, Evolution) else 0


def _ranks(block: Block | None) -> dict[str, int]:
    """How many axes behind the batch each result has."""
    return {} if block is None else {name: rank_of(node) for name, node in block.outputs}


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
