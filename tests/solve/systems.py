"""Small systems with known solutions, in the form the torch module has."""

from __future__ import annotations

import torch


class Flat:
    """A state on R^n with a given rate: ``rates(t, x)``."""

    def __init__(self, rate, name="p.x"):
        self.rate, self.name = rate, name

    def rates(self, t, states):
        return {self.name: self.rate(t, states[self.name])}

    def retract(self, states, steps):
        return {name: states[name] + steps[name] for name in states}


class Kuramoto(torch.nn.Module):
    """All to all: theta_i' = omega_i + K/N sum_j sin(theta_j - theta_i)."""

    def __init__(self, omega, K):
        super().__init__()
        self.omega = torch.nn.Parameter(torch.as_tensor(omega, dtype=torch.float64))
        self.K = torch.nn.Parameter(torch.as_tensor(K, dtype=torch.float64))

    def rates(self, t, states):
        theta = states["osc.theta"]
        sine, cosine = theta.sin(), theta.cos()
        pull = sine.mean(-1, keepdim=True) * cosine - cosine.mean(-1, keepdim=True) * sine
        return {"osc.theta": self.omega + self.K[..., None] * pull}

    def retract(self, states, steps):
        return {name: states[name] + steps[name] for name in states}


class Sphere:
    """Unit vectors drawn to a fixed field h: x' = h - <h, x> x."""

    def __init__(self, h):
        self.h = torch.as_tensor(h, dtype=torch.float64)

    def rates(self, t, states):
        x = states["p.x"]
        return {"p.x": self.h - (x * self.h).sum(-1, keepdim=True) * x}

    def retract(self, states, steps):
        moved = {name: states[name] + steps[name] for name in states}
        return {name: x / x.norm(dim=-1, keepdim=True) for name, x in moved.items()}


class Rotor:
    """A unit vector in a time-dependent, turning field: no constant solution, order visible."""

    def rates(self, t, states):
        x = states["p.x"]
        h = torch.stack([torch.cos(2 * t), torch.sin(2 * t), 0.5 * torch.cos(t)]).expand_as(x)
        return {"p.x": h - (x * h).sum(-1, keepdim=True) * x}

    retract = Sphere.retract


class TwoStates:
    """A circle and a sphere that drive each other, and a clock."""

    def rates(self, t, states):
        theta, x = states["a.theta"], states["b.x"]
        turn = theta.mean(-1)[..., None, None] * torch.ones_like(x)
        return {
            "a.theta": torch.cos(t) + x[..., 0].mean(-1, keepdim=True) - 0.1 * theta,
            "b.x": turn - (turn * x).sum(-1, keepdim=True) * x,
        }

    def retract(self, states, steps):
        x = states["b.x"] + steps["b.x"]
        return {
            "a.theta": states["a.theta"] + steps["a.theta"],
            "b.x": x / x.norm(dim=-1, keepdim=True),
        }
