"""A sweep in messages: what a worker, on this machine or another, must know to solve its chunks."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dynattn.model.plans import Simulation
from dynattn.run.division import Chunk, chunk_of
from dynattn.run.portable import compilation_message, compilation_of, packed, unpacked
from dynattn.run.provenance import versions
from dynattn.run.worker import Answer, Message, Stops, Told

if TYPE_CHECKING:
    from dynattn.compilation import Compilation
    from dynattn.model.model import Model
    from dynattn.run.chunks import Solver

WORK = "dynattn.run.errands:perform_errand"
"""What workers do."""

PLAIN = (
    "start", "stop", "every", "steps", "method", "step", "rtol", "atol", "seed", "repeat",
    "settings",
)  # fmt: skip
"""Clauses of an experiment that are numbers, words and lists."""


@dataclass(frozen=True)
class Errand:
    """All of a sweep but its chunks."""

    message: Mapping[str, Any]
    """As JSON knows it."""
    content: bytes
    """Arrays: trained parameters, signals, states to start with."""

    @cached_property
    def key(self) -> str:
        """Of everything."""
        return _digest(self.message, self.content)

    @cached_property
    def digest(self) -> str:
        """Of everything that fixes the numbers: not of the place of the spec."""
        placeless = {**self.message["compilation"], "path": ""}
        return _digest({**self.message, "compilation": placeless}, self.content)

    def chunk_message(self, chunk: Chunk, before: Mapping[str, NDArray[Any]]) -> Answer:
        """What ``perform_errand`` solves the chunk of."""
        states = packed(before) if before else b""
        said = {"errand": self.message, "chunk": chunk.message(), "states": len(states)}
        return {**said, "key": self.key}, states + self.content


def _digest(message: Mapping[str, Any], content: bytes) -> str:
    text = json.dumps(message, sort_keys=True).encode()
    return hashlib.sha256(text + b"\0" + content).hexdigest()


def errand_of(
    compilation: Compilation, simulation: Simulation, *, seed: int, device: str,
    signals: Any, compiled: bool,
) -> Errand | None:  # fmt: skip
    """The errand of a sweep; None where it is no experiment of the spec's text."""
    theirs = _named_plan(compilation.model, simulation.name)
    plain = {name: getattr(simulation, name) for name in PLAIN}
    if theirs is None or replace(theirs, **plain, awaited=(), begins=simulation.begins) != (
        replace(simulation, awaited=())
    ):
        return None
    begins = simulation.begins
    if (theirs.begins and theirs.begins.label) != (begins and begins.label):
        return None
    message = {
        "compilation": compilation_message(compilation), "experiment": simulation.name,
        "plain": plain, "seed": seed, "device": device, "compiled": compiled,
    }  # fmt: skip
    arrays = {f"value {n}": _array(x) for n, x in (compilation.values or {}).items()}
    for name, (times, values) in (signals or {}).items():
        arrays |= {f"times {name}": np.asarray(times), f"samples {name}": np.asarray(values)}
    for name, x in (begins.states if begins and begins.states else {}).items():
        arrays[f"begin {name}"] = _array(x)
    return Errand(json.loads(json.dumps(message)), packed(arrays) if arrays else b"")


def _named_plan(model: Model, name: str) -> Simulation | None:
    """The simulation, or the clock of the measurement."""
    clocks = (item.clock for item in model.measurements)
    return next((item for item in (*model.simulations, *clocks) if item.name == name), None)


def _array(values: Any) -> NDArray[Any]:
    return values.detach().cpu().numpy() if hasattr(values, "detach") else np.asarray(values)


def solver_of(message: Mapping[str, Any], content: bytes) -> Solver:
    """What solves the chunks of an errand."""
    import torch

    from dynattn.run.chunks import Solver

    arrays = unpacked(content)
    compilation = compilation_of(message["compilation"], _named(arrays, "value "))
    model = compilation.model
    theirs = _named_plan(model, message["experiment"])
    assert theirs is not None, "who sends the errand has looked for it"
    plain = dict(message["plain"])
    plain["settings"] = tuple((name, tuple(values)) for name, values in plain["settings"])
    states = {name: torch.as_tensor(x) for name, x in _named(arrays, "begin ").items()}
    begins = theirs.begins and replace(theirs.begins, states=states or None)
    simulation = replace(theirs, **plain, awaited=(), begins=begins)
    who = {"seed": message["seed"], "device": message["device"]}
    measured = next((m for m in model.measurements if m.clock is theirs), None)
    if measured is not None:
        from dynattn.run.measured import Measurer

        return Measurer(compilation, replace(measured, clock=simulation), **who)
    times = _named(arrays, "times ")
    signals = {name: (times[name], x) for name, x in _named(arrays, "samples ").items()}
    return Solver(
        compilation, simulation, signals=signals or None, compiled=message["compiled"], **who
    )


def _named(arrays: Mapping[str, NDArray[Any]], kind: str) -> dict[str, NDArray[Any]]:
    return {n.removeprefix(kind): x for n, x in arrays.items() if n.startswith(kind)}


_kept = threading.local()
"""The solver of the errand that a thread had last: models are compiled once for all chunks."""


def perform_errand(message: Message, content: bytes, told: Told, stops: Stops) -> Answer:
    """Solve one chunk: its numbers as bytes, and the versions of what computed them."""
    size = message["states"]
    if getattr(_kept, "key", None) != message["key"]:
        _kept.solver = solver_of(message["errand"], content[size:])
        _kept.key = message["key"]
    found = _kept.solver.solve(chunk_of(message["chunk"]), unpacked(content[:size]), told)
    return {"versions": versions()}, found.to_bytes()
