"""AKOrN: the compiled network against numpy, and the energy that its updates lower."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from benchmarks.classics.truth import Array, Truth, shipped

SMALL: dict[str, Any] = {"V": 11, "H": 4, "n": 3}
T = 6


def truths() -> list[Truth]:
    """Outputs of a small network, and what one step does to the energy where J is symmetric."""
    return [_outputs(), *_energy()]


def _numbers(system: Any, seed: int = 0) -> dict[str, Array]:
    """All learned numbers, made larger than they begin so that every term counts."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, value in sorted(system.named_parameters()):
            if not name.endswith(("Omega", "x.embed.weight")):
                value.copy_(torch.randn(value.shape, generator=generator, dtype=value.dtype))
    return {name: value.detach().numpy() for name, value in system.named_parameters()}


def _linear(p: Mapping[str, Array], name: str, x: Array) -> Array:
    return x @ p[f"{name}.linear.weight"].T + p[f"{name}.linear.bias"]


def _normed(p: Mapping[str, Array], name: str, x: Array) -> Array:
    centred = x - x.mean(-1, keepdims=True)
    y = centred / np.sqrt((centred**2).mean(-1, keepdims=True) + 1e-5)
    return y * p[f"{name}.layer_norm.weight"] + p[f"{name}.layer_norm.bias"]


def _update(p: Mapping[str, Array], at: str, x: Array, c: Array) -> Array:
    """x <- Pi(x + gamma (Omega x + Proj_x(c + J x))), Miyato et al. 2025; J with attention."""
    ask, tell = (_linear(p, f"{at}.{k}", c) for k in ("ask", "tell"))
    back = np.subtract.outer(np.arange(T), np.arange(T))
    weight = np.tril(np.exp(ask @ tell.T - p[f"{at}.near"] * back))
    weight /= weight.sum(axis=1, keepdims=True)
    heard = np.einsum("ij,hk,jkn->ihn", weight, p[f"{at}.J"], x)
    force = c.reshape(x.shape) + heard
    force -= (force * x).sum(-1, keepdims=True) * x
    turned = np.einsum("h,thm,mn->thn", p[f"{at}.speed"], x, p[f"{at}.Omega"])
    y = x + 0.5 * (force + turned)
    return y / np.linalg.norm(y, axis=-1, keepdims=True)


def _outputs() -> Truth:
    system = shipped("akorn", **SMALL).build()
    p, text = _numbers(system), np.array([3, 1, 4, 1, 5, 9])
    x, c = p["x.embed.weight"][text], p["c.embed.weight"][text]
    for k in range(2):
        for _ in range(3):
            x = _update(p, f"kuramoto.{k}", x, c)
        length = np.linalg.norm(np.einsum("kh,thn->tkn", p[f"read.{k}.U"], x), axis=-1)
        c = c + _linear(p, f"read.{k}.c", length)
    expected = _linear(p, "logits", _normed(p, "logits", c))
    with torch.no_grad():
        found = system(text=torch.tensor(text[None]))[0].numpy()
    far = np.abs(found - expected).max() / np.abs(expected).max()
    return Truth("logits, relative distance", 0.0, float(far), 1e-10, "numpy")


def _energy() -> list[Truth]:
    """E = -sum c.x - 1/2 sum w x.J x, with nothing that turns and all hearing all alike."""
    change = "layer kuramoto { coupling bind: token -> token.x over everyone(T) }"
    system = shipped("akorn", change, **SMALL).build()
    p = _numbers(system)
    with torch.no_grad():
        for name, value in system.named_parameters():
            if name.startswith(("kuramoto.0.ask", "kuramoto.0.speed", "kuramoto.0.near")):
                value.zero_()
            if name == "kuramoto.0.J":
                value.copy_(value + value.T.clone())
    rng = np.random.default_rng(1)
    x, c = rng.normal(size=(T, 4, 3)), rng.normal(size=(T, 12))
    x /= np.linalg.norm(x, axis=-1, keepdims=True)
    coupling = p["kuramoto.0.J"] / T

    def energy(x: Array) -> float:
        heard = np.einsum("hk,jkn->hn", coupling, x)
        return -float((c.reshape(x.shape) * x).sum() + (x * heard).sum() / 2)

    def rate(x: Array) -> Array:
        states = {"token.x": torch.tensor(x), "token.c": torch.tensor(c)}
        with torch.no_grad():
            return system.layer_rates("kuramoto", states)["token.x"].numpy()

    force = rate(x)
    slope = (energy(x + 1e-6 * force) - energy(x - 1e-6 * force)) / 2e-6
    energies = [energy(x)]
    for _ in range(50):
        x = x + 0.1 * rate(x)
        x /= np.linalg.norm(x, axis=-1, keepdims=True)
        energies.append(energy(x))
    source = "the force is minus the gradient of the energy, Miyato et al. 2025"
    return [
        Truth("slope of the energy", -2 * float((force**2).sum()), slope, 1e-6, source),
        Truth("rises of the energy", 0.0, float((np.diff(energies) > 1e-12).sum()), 0.0, source),
    ]
