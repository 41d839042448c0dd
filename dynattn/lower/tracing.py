"""A network as a graph of torch operations alone: ``torch.export`` of its forward."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn

from dynattn.diagnostics.report import Diagnostic, SpecError
from dynattn.lower.binding import CallRun, plant, table_of
from dynattn.lower.body import RESERVED, Names
from dynattn.lower.lengths import input_environment
from dynattn.lower.module import System
from dynattn.lower.routine import Routine
from dynattn.model.composition import Adaptive, InputUse, Settling
from dynattn.program.nodes import blocks_of

LONGEST = 2**16
"""A sample, or a batch, may be as long as this where the model sets no limit."""

EXAMPLE, BATCH = 12, 3
"""Length and number of the samples that are traced; neither stays in the graph."""


class Forward(nn.Module):
    """The forward of a network, inputs in order; every sum in one piece, whatever it holds.

    The arrays of the system stand in it side by side: ``attend.0.eta`` as ``attend_0_eta``.
    """

    def __init__(self, system: System, inputs: Sequence[InputUse]) -> None:
        super().__init__()
        self._system = [system]  # in a list: its arrays are ours, under names that Python takes
        self.inputs = tuple(item.name for item in inputs)
        self._whole: dict[int, Routine] = {}

    def forward(self, *arguments: Tensor) -> Any:
        """As of the system."""
        (system,) = self._system
        given = dict(zip(self.inputs, arguments, strict=True))
        environment = system._network(input_environment(system, given), self._evaluate)
        outputs = {name: environment[f"output {name}"] for name in system.outputs}
        return outputs if len(outputs) > 1 else outputs[system.outputs[0]]

    def _evaluate(self, routine: Routine, environment: dict[str, Any]) -> dict[str, Any]:
        if id(routine) not in self._whole:  # when the example is computed: no tracer sees it
            whole = copy(routine.whole())
            whole.tables = [self._own(table, key) for table, key in whole.tables]
            self._whole[id(routine)] = whole
        return self._whole[id(routine)](environment)

    @cached_property
    def _names(self) -> dict[tuple[int, str], str]:
        """Where each array of the system stands, and its name here."""
        names, found = Names(RESERVED | set(dir(self)) | set(dir(torch.fx.GraphModule))), {}
        for path, module in self._system[0].named_modules():
            for table in (module._parameters, module._buffers):
                for key in table:
                    wish = f"{path}.{key}".strip("._").replace(".", "_")
                    found[id(table), key] = names.of((id(table), key), wish)
        return found

    def _own(self, table: dict[str, Any], key: str) -> tuple[dict[str, Any], str]:
        name = self._names.get((id(table), key))
        if name is None:
            return table, key  # a number of edges
        plant(self, name, table[key], isinstance(table[key], nn.Parameter))
        return table_of(self, name)


@dataclass(frozen=True)
class Traced:
    """A graph, and what its first axes may be."""

    program: torch.export.ExportedProgram
    inputs: tuple[str, ...]
    ranges: Mapping[str, tuple[int, int]]
    """``batch`` and the dims by name: the least and the greatest length."""


def read_inputs(system: System) -> tuple[InputUse, ...]:
    """The inputs that the network reads, or whose length it needs; labels are not among them."""
    read = {n for block in blocks_of(system.program.steps) for n in block.reads("input")}
    read |= {key for kind, key, _ in system.dims.values() if kind == "input"}
    return tuple(item for item in system.model.inputs if item.name in read)


def trace(system: System) -> Traced:
    """The graph of a network in evaluation, for batches and lengths of any size where that can be.

    SpecError E750 for a network that is no graph of operations, E751 where torch finds no graph.
    """
    _refuse(system)
    system.eval()
    inputs = read_inputs(system)
    forward = Forward(system, inputs)
    with torch.no_grad():
        example = tuple(_example(system, item) for item in inputs)
        forward(*example)
        ranges = _ranges(system)
        shapes = {"arguments": tuple(_dynamic(system, item, ranges) for item in inputs)}
        try:
            found = torch.export.export(forward, example, dynamic_shapes=shapes, strict=False)
        except (RuntimeError, ValueError, TypeError) as error:
            raise SpecError(_no_graph(system, error)) from None
    return Traced(found, tuple(item.name for item in inputs), ranges)


def _no_graph(system: System, error: Exception) -> Diagnostic:
    said = str(error).strip().splitlines()[0]
    message = f"torch finds no graph of operations in the network of {system.model.name}: {said}"
    return Diagnostic("E751", message, fix="write it as Python: dynattn export RUN --format python")


def _refuse(system: System) -> None:
    for text, span in _obstacles(system):
        fix = "write it as Python: dynattn export RUN --format python"
        raise SpecError(Diagnostic("E750", f"{text}, so no graph of operations does", span, fix))


def _obstacles(system: System) -> Iterator[tuple[str, Any]]:
    model = system.model
    if not model.network:
        yield f"{model.name} has no network: a solver takes its steps", None
    for name in system.unset:
        yield f"the network begins with {name} as it is drawn", model.states[name].span
    for run in system._runs:
        if run.weight_noise is not None:
            yield "the noise of weights is drawn anew each time", run.weight_noise.span
        if isinstance(run, CallRun):
            continue
        span = model.layer[run.layer].span
        if isinstance(run.evolution, Adaptive | Settling):
            yield f"layer {run.layer} takes as many steps as it needs", run.evolution.span
        if run.noise is not None:
            yield f"the noise of layer {run.layer} is drawn anew each time", span
        if run.drawn is not None and run.drawn.names:
            yield f"layer {run.layer} begins with states that are drawn", span


def _ranges(system: System) -> dict[str, tuple[int, int]]:
    """torch holds a sequence apart of which one token has a successor: the least is one longer."""
    nodes = [node for block in blocks_of(system.program.steps) for node in block.nodes]
    places = [place for n in nodes if n.op == "successor_attention" for place in n.payload[1]]
    least = max(places) + 2 if places else 1
    found = {"batch": (1, LONGEST)}
    return found | {dim.name: (least, dim.limit or LONGEST) for dim in system.model.dims}


def _example(system: System, item: InputUse) -> Tensor:
    model = system.model
    lengths = {dim.name: min(EXAMPLE, dim.limit or EXAMPLE) for dim in model.dims}
    shape = (BATCH, *(size.value({**lengths, **model.sizes}) for size in item.axes))
    if item.type.dtype == "integer":
        return torch.zeros(shape, dtype=torch.int64, device=system.device)
    return torch.zeros(shape, dtype=system.dtype, device=system.device)


def _dynamic(
    system: System, item: InputUse, ranges: Mapping[str, tuple[int, int]]
) -> dict[int, Any]:
    dims = {name: torch.export.Dim(name, min=low, max=high) for name, (low, high) in ranges.items()}
    axes = {k + 1: dims[str(a)] for k, a in enumerate(item.axes) if str(a) in system.dims}
    return {0: dims["batch"], **axes}
