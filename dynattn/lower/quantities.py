"""What certification compares: the same quantities of a module and of the reference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy
import torch

from dynattn.lower.cases import Case, Numbers
from dynattn.model.delays import past_name
from dynattn.model.model import Model
from dynattn.program.copies import output_names
from dynattn.program.duals import Dual
from dynattn.program.reference import Reference

if TYPE_CHECKING:
    from dynattn.lower.module import System


@dataclass(frozen=True, eq=False)
class Along:
    """What slopes of the module are taken along: every entry of the leaves, or directions."""

    leaves: Sequence[torch.Tensor]
    directions: Numbers | None

    @property
    def count(self) -> int:
        """How many slopes one number has."""
        entries = sum(in_parts(leaf).numel() for leaf in self.leaves)
        return entries if self.directions is None else self.directions.shape[1]

    def slopes(self, number: torch.Tensor) -> Numbers:
        """The slopes of one number; zeros along a leaf it does not depend on.

        The gradient along a complex number holds the slopes along its real and imaginary parts.
        """
        if not number.requires_grad or not self.leaves:
            return numpy.zeros(self.count)
        parts = torch.autograd.grad(
            number, self.leaves, retain_graph=True, allow_unused=True, materialize_grads=True
        )
        found = torch.cat([in_parts(part).reshape(-1) for part in parts]).numpy()
        return found if self.directions is None else found @ self.directions


def in_parts(array: torch.Tensor) -> torch.Tensor:
    """Complex numbers as real pairs along a new last axis; real ones as they are."""
    return torch.view_as_real(array.resolve_conj()) if array.is_complex() else array


def module_quantities(
    model: Model, system: System, case: Case, leaves: Mapping[str, torch.Tensor]
) -> dict[str, torch.Tensor]:
    """Rates, retractions and observables, or outputs and losses, of the module."""
    found: dict[str, torch.Tensor] = {}
    if model.laws:
        steps = {law.state: torch.from_numpy(case.steps[law.state]) for law in model.laws}
        time = torch.tensor(case.time, dtype=torch.float64)
        states = {name: leaves[name] for name in model.states}
        system.signals = case.signals(model)
        past = {key: leaves[past_name(key)] for key in system.late}
        found |= {f"rate {n}": x for n, x in system.rates(time, states, past).items()}
        found |= {f"retraction {n}": x for n, x in system.retract(states, steps).items()}
        found |= {f"observe {n}": x for n, x in system.observe(time, states).items()}
        found |= {f"delay {n}": x for n, x in system.delays().items()}
        if system.noisy:
            pushes = system.diffuse(time, states, steps)
            found |= {f"noise {n}": x for n, x in pushes.items()}
    if model.network:
        found |= module_outputs(model, system, case.tensor_inputs())
    if model.training is not None and model.network:
        found |= {_titled(n): x for n, x in system.loss(**case.tensor_inputs()).items()}
    return found


def module_outputs(
    model: Model, system: System, inputs: Mapping[str, torch.Tensor]
) -> dict[str, torch.Tensor]:
    result = system(*inputs.values())
    if isinstance(result, dict):
        return {f"output {name}": array for name, array in result.items()}
    (name,) = output_names(model.network)
    return {f"output {name}": result}


def reference_quantities(reference: Reference, case: Case) -> dict[str, Dual]:
    """The same quantities, computed plainly."""
    model, found = reference.model, dict[str, Dual]()
    if model.laws:
        found |= {f"rate {n}": x for n, x in reference.rates().items()}
        for law in model.laws:
            steps = case.steps[law.state]
            found[f"retraction {law.state}"] = reference.retractions(law.state, steps)
        found |= {f"observe {o.name}": reference.observe(o.name) for o in model.observables}
        found |= {f"delay {n}": x for n, x in reference.delays().items()}
        found |= {f"noise {n}": x for n, x in reference.noises(case.steps).items()}
    if model.network:
        found |= {f"output {name}": reference.output(name) for name in reference.outputs}
    if model.training is not None and model.network:
        found |= {_titled(n): x for n, x in reference.loss().items()}
    return found


def _titled(label: str) -> str:
    return label if label == "loss" else f"record {label}"
