"""Coordinates of a state and entries of a node's array, read by number, against loops in numpy."""

from __future__ import annotations

import numpy as np
import torch

from dynattn.lower.certify import certify
from tests.truths.solved import compiled

LORENZ = """
model lorenz "Lorenz systems on a ring: two of three coordinates are coupled"
param sigma = 10, rho = 28, beta = 8/3, K = 0.5
population cell[6] {
  state x on real(3) ~ normal(0, 1)
  x' = [sigma*(x[1] - x[0]), x[0]*(rho - x[2]) - x[1], x[0]*x[1] - beta*x[2]] + pull
}
coupling pull: cell -> cell over ring(6) {
  kernel [x[j, 0] - x[i, 0], 0, sin(x[j][2])*x[i][1]]
  strength K
}
simulate { t 0 .. 1 every 0.5 }
"""

RANGES = """
model ranges "Axes that are counted by their own values"
population p[4] {
  state z[m in 1 .. 3] on real ~ normal(0, 1)
  param w[m in 1 .. 3] ~ normal(m, 0.1)
  drift [-w[1]*z[1], -w[2]*z[3], w[3]*z[2]]
}
coupling c: p -> p { kernel (w[j, 2] - w[i][1])*z[j]; strength z[i, 2] }
simulate { t 0 .. 1 every 0.5 }
"""

WELL = """
model well "Energies of coordinates"
population p[4] { state x on real(2) ~ normal(0, 1); energy x[0]^4/4 + 0.3*x[0]*x[1]^2 }
coupling c: p -> p { energy (x[i][0] - x[j][0])^2*cos(x[i, 1] - x[j, 1]) }
simulate { t 0 .. 1 every 0.5 }
"""

PLACES = (
    "population p[4] { state x on torus(2); drift [sin(x[0]), 1] }\n"
    "coupling c: p -> p { kernel [sin(x[j][0] - x[i][1]), cos(x[j, 1])] }",
    "population p[4] { state x on sphere(3); drift [x[2], 0, -x[0]] }\n"
    "coupling c: p -> p { weight 1 + x[i][0]*x[j][1] }",
    "population p[4] { state U on SO(3); drift U[0, 1]*U }\n"
    "coupling c: p -> p { weight 1 + U[i, 0, 0]*U[j][1, 2] }",
    "population p[4] { state z[2] on sphere(3); drift z }\n"
    "coupling c: p -> p { weight dot(z[i][1], z[j, 0]) + z[i, 1, 2]; kernel z[j] }",
    "population p[4] { state x on real ~ normal(0, 1); drift -x }\n"
    "coupling c: p -> p over gnp_random_graph(n=4, p=0.8, seed=1) {\n"
    "state w[2] on real ~ normal(0, 1); w' = [x[j] - w[1], w[0]]; weight w[0]; kernel x[j] }",
)


def test_coordinates_in_an_equation_and_a_kernel():
    spec = compiled(LORENZ)
    system = spec.build()
    states = system.initial_states()
    x, found = states["cell.x"].numpy(), system.rates(0.0, states)["cell.x"].numpy()
    for i in range(6):
        a, b, c = x[i]
        rate = np.array([10 * (b - a), a * (28 - c) - b, a * b - 8 / 3 * c])
        for j in ((i - 1) % 6, (i + 1) % 6):
            rate += 0.5 * np.array([x[j, 0] - a, 0.0, np.sin(x[j, 2]) * b])
        np.testing.assert_allclose(found[i], rate, rtol=1e-12, atol=1e-12)


def test_energies_of_coordinates_fall_along_their_gradient():
    spec = compiled(WELL)
    system = spec.build()
    states = system.initial_states()
    x = states["p.x"].clone().requires_grad_()

    def energy(x: torch.Tensor) -> torch.Tensor:
        own = (x[:, 0] ** 4 / 4 + 0.3 * x[:, 0] * x[:, 1] ** 2).sum()
        gap = x[:, None] - x[None]
        return own + (gap[..., 0] ** 2 * torch.cos(gap[..., 1])).sum() / 2

    (slope,) = torch.autograd.grad(energy(x), x)
    torch.testing.assert_close(system.rates(0.0, states)["p.x"], -slope, rtol=1e-11, atol=1e-12)


def test_ranges_and_every_kind_of_point_agree_with_the_reference():
    laws = (f"model places\n{law}\nsimulate {{ t 0 .. 1 every 0.5 }}" for law in PLACES)
    for text in (LORENZ, RANGES, WELL, *laws):
        certify(compiled(text), seed=0)
