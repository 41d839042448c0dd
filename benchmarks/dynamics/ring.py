"""The ring of modules of arXiv 2606.11259, and the normal form of the fold where it gives way."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.classics.truth import shipped
from dynattn.interface import Spec
from dynattn.solve.jacobians import jacobian

Array = NDArray[np.float64]

RING = 0.9044082902
"""Where the compromise of six modules ends, by Newton's method on the extended system."""
PRODUCT = 1.0863
"""alpha beta of the fold's normal form."""
NOTES = "independent continuation"
LOST = 0.384
"""The order parameter half way from the fold to the polarised state."""


def uninformed(changes: str = "", **settings: Any) -> Spec:
    """The spec that ships, one node a module unless ``n`` says otherwise."""
    return shipped("uninformed", changes, **{"n": 1, **settings})


@dataclass(frozen=True)
class Fold:
    """m y'' + g y' = alpha (c - c*) + beta y^2 along the null vector of the Hessian."""

    value: float
    """c*."""
    theta: Array
    null: Array
    """Of unit length."""
    hessian: Array
    """Its eigenvalues, ascending."""
    alpha: float
    beta: float


def fold_of(changes: str = "", **settings: Any) -> Fold:
    """The first fold of the spec's ``branch``, and differences of the forces it computes there."""
    point = uninformed(changes, **settings).run("branch").special[0]
    half = len(point.null) // 2  # phases stand before their velocities
    null = point.null[:half] / np.linalg.norm(point.null[:half])
    theta = point.step.y.numpy()[:half]

    def force(x: Array, c: float = point.value) -> Array:
        return forces(uninformed(changes, **{**settings, "c": c}), x)

    here = force(theta)
    alpha = (
        float(null @ (force(theta, point.value + 1e-5) - force(theta, point.value - 1e-5))) / 2e-5
    )
    bend = force(theta + 1e-3 * null) - 2 * here + force(theta - 1e-3 * null)
    beta = float(null @ bend) / 2e-6
    spectrum = hessian(uninformed(changes, **{**settings, "c": point.value}), theta)
    return Fold(point.value, theta, null, spectrum, abs(alpha), float(np.sign(alpha)) * beta)


def forces(spec: Spec, theta: Array) -> Array:
    """[nodes]: minus the gradient of the potential, at rest."""
    x = torch.as_tensor(theta)
    states = {"agent.theta": x, "agent.theta'": torch.zeros_like(x)}
    return spec.build().rates(0.0, states)["agent.theta'"].numpy()


def hessian(spec: Spec, theta: Array) -> Array:
    """[nodes]: the eigenvalues of the Hessian of the potential, ascending."""
    system = spec.build()

    def force(x: torch.Tensor) -> torch.Tensor:
        return system.rates(0.0, {"agent.theta": x, "agent.theta'": torch.zeros_like(x)})[
            "agent.theta'"
        ]

    _, found = jacobian(force, torch.as_tensor(theta))
    return np.asarray(np.linalg.eigvalsh(-found.numpy()), dtype=np.float64)
