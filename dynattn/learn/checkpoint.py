"""Checkpoints: one safetensors file each, never pickle, replaced as a whole.

The weights stand under the parameters' own names, complex ones as pairs of real numbers. A
checkpoint to go on from also has ``optimizer/NAME/KEY`` and ``random/DEVICE`` in the same file, so
that no crash can leave weights of one step beside the optimiser of another. The metadata holds the
spec's text, its sha256, the names of what is complex, and as JSON the step and the state of the
data's generator; a JSON file beside it shows the same.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from dynattn.diagnostics.files import write_whole
from dynattn.diagnostics.report import Diagnostic, Source, SpecError
from dynattn.learn.folder import write_json
from dynattn.lower.pairs import as_pairs, from_pairs

_FORMAT = "dynattn checkpoint 1"


@dataclass(frozen=True)
class Checkpoint:
    """What a checkpoint holds."""

    weights: Mapping[str, torch.Tensor]
    model: str
    spec: str
    state: Mapping[str, Any]
    """``step`` and what else was said at saving."""
    rest: Mapping[str, torch.Tensor]
    """``optimizer/...`` and ``random/...``; empty where there is only the weights."""


def spec_sha256(text: str) -> str:
    """The checksum by which a spec is recognised."""
    return hashlib.sha256(text.encode()).hexdigest()


def save_checkpoint(
    path: Path,
    system: torch.nn.Module,
    *,
    model: str,
    spec: Source,
    state: Mapping[str, Any],
    rest: Mapping[str, torch.Tensor] | None = None,
) -> None:
    """Write a checkpoint and its JSON; the one that stood there stays whole until this one is."""
    tensors, whole = as_pairs({**dict(system.named_parameters()), **(rest or {})})
    digest = spec_sha256(spec.text)
    metadata = {
        "format": _FORMAT,
        "model": model,
        "spec": spec.text,
        "spec_sha256": digest,
        "state": json.dumps(state),
        "complex": json.dumps(whole),
    }
    write_whole(path, save(tensors, metadata))
    about = {"format": _FORMAT, "model": model, "spec_sha256": digest, **state}
    write_json(path.with_suffix(".json"), about)


def read_checkpoint(path: Path) -> Checkpoint:
    """The checkpoint at ``path``; SpecError where there is none, or it is damaged or cut short."""
    if not path.is_file():
        fix = "train first: dynattn compile SPEC --train"
        raise SpecError(Diagnostic("E540", f"there is no checkpoint {path}", fix=fix))
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        if metadata.get("format") != _FORMAT:
            raise ValueError("it was not written by dynattn, or by another version of it")
        state = json.loads(metadata["state"])
        tensors = from_pairs(tensors, json.loads(metadata.get("complex", "[]")))
    except (SafetensorError, ValueError, KeyError, OSError) as error:
        fix = "use the other checkpoint of the run (best or last), or train again"
        message = f"the checkpoint {path} is damaged or cut short: {error}"
        raise SpecError(Diagnostic("E541", message, fix=fix)) from None
    rest = {name: value for name, value in tensors.items() if "/" in name}
    weights = {name: value for name, value in tensors.items() if "/" not in name}
    return Checkpoint(weights, metadata["model"], metadata["spec"], state, rest)


def put_weights(
    checkpoint: Checkpoint, system: torch.nn.Module, path: Path, spec: Source | None = None
) -> None:
    """Set the system's parameters; SpecError with the first differences where they do not fit.

    With ``spec``, its text has to be the one the checkpoint was trained with, too.
    """
    parameters = dict(system.named_parameters())
    differences = _differences(checkpoint.weights, parameters)
    if spec is not None and spec.text != checkpoint.spec and not differences:
        differences = [f"the text of model '{checkpoint.model}' it was trained with differs"]
    if differences:
        message = f"the checkpoint {path} is of another spec: {'; '.join(differences)}"
        fix = f"use the spec it was trained with, model {checkpoint.model}"
        raise SpecError(Diagnostic("E542", message, fix=fix))
    with torch.no_grad():
        for name, value in checkpoint.weights.items():
            parameters[name].copy_(value)


def _differences(
    saved: Mapping[str, torch.Tensor], wanted: Mapping[str, torch.Tensor]
) -> list[str]:
    lacks = [f"it has no {name}" for name in wanted if name not in saved]
    extra = [f"its {name} is not in the spec" for name in saved if name not in wanted]
    shapes = [
        f"{name} is {_shape(saved[name])} in it and {_shape(wanted[name])} in the spec"
        for name in wanted
        if name in saved and saved[name].shape != wanted[name].shape
    ]
    found = [*shapes, *lacks, *extra]
    return found if len(found) <= 3 else [*found[:3], f"and {len(found) - 3} more"]


def _shape(value: torch.Tensor) -> str:
    return "[" + ", ".join(map(str, value.shape)) + "]"


def check_complete(checkpoint: Checkpoint, path: Path) -> None:
    """SpecError where a checkpoint holds weights alone, so that nothing can go on from it."""
    if "data_generator" not in checkpoint.state or "random/cpu" not in checkpoint.rest:
        message = f"the checkpoint {path} holds weights alone: training cannot go on from it"
        fix = "put back the run's own last.safetensors, or start a new run"
        raise SpecError(Diagnostic("E541", message, fix=fix))


def optimizer_tensors(
    system: torch.nn.Module, optimizer: torch.optim.Optimizer
) -> dict[str, torch.Tensor]:
    """The optimiser's state by parameter name."""
    return {
        f"optimizer/{name}/{key}": value
        for name, parameter in system.named_parameters()
        for key, value in optimizer.state.get(parameter, {}).items()
        if torch.is_tensor(value)
    }


def put_optimizer(
    checkpoint: Checkpoint, system: torch.nn.Module, optimizer: torch.optim.Optimizer
) -> None:
    """Give the optimiser the state it had; a step count stays on the CPU, where torch keeps it."""
    parameters = dict(system.named_parameters())
    for place, value in checkpoint.rest.items():
        kind, *between = place.split("/")
        if kind != "optimizer":
            continue
        name, key = between
        device = value.device if key == "step" else parameters[name].device
        optimizer.state[parameters[name]][key] = value.to(device)


def random_tensors(device: torch.device) -> dict[str, torch.Tensor]:
    """The state of torch's own generators."""
    states = {"random/cpu": torch.get_rng_state()}
    if device.type == "cuda":
        states["random/cuda"] = torch.cuda.get_rng_state(device)
    return states


def put_random(checkpoint: Checkpoint, device: torch.device) -> None:
    """Set torch's own generators to the state they had."""
    torch.set_rng_state(checkpoint.rest["random/cpu"])
    if device.type == "cuda" and "random/cuda" in checkpoint.rest:
        torch.cuda.set_rng_state(checkpoint.rest["random/cuda"], device)


def generator_state(rng: numpy.random.Generator) -> dict[str, Any]:
    """The state of a numpy generator as JSON values."""
    return _as_lists(rng.bit_generator.state)


def put_generator(state: Mapping[str, Any], rng: numpy.random.Generator) -> None:
    """Set a numpy generator to a state that ``generator_state`` returned."""
    rng.bit_generator.state = _like(state, rng.bit_generator.state)


def _as_lists(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _as_lists(item) for key, item in value.items()}
    return value.tolist() if isinstance(value, (numpy.ndarray, numpy.generic)) else value


def _like(value: Any, pattern: Any) -> Any:
    if isinstance(pattern, dict):
        return {key: _like(value[key], item) for key, item in pattern.items()}
    return numpy.array(value, pattern.dtype) if isinstance(pattern, numpy.ndarray) else value
