"""The geometry of every manifold as a spec computes it, on arrays of points."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

import torch

from dynattn.diagnostics.report import Source
from dynattn.interface import Spec
from dynattn.lower.module import build_system
from dynattn.vocabulary.manifolds import MANIFOLDS, OPTIONAL_SIZE, Manifold

N = 40


def texts() -> Iterator[str]:
    """Every manifold, with two sizes where it has one: ``sphere(2)``, ``sphere(3)``."""
    for name, entry in MANIFOLDS.items():
        if not entry.parameters or name in OPTIONAL_SIZE:
            yield name
        yield from (f"{name}({size})" for size in (2, 3) if entry.parameters)


def entry_of(text: str) -> Manifold:
    """The entry behind ``sphere(3)``."""
    return MANIFOLDS[text.split("(")[0]]


def size_of(text: str) -> int:
    """The 3 of ``sphere(3)``, 1 without one."""
    return int(text.split("(")[1][:-1]) if "(" in text else 1


def axes_of(text: str) -> tuple[int, ...]:
    """The axes of one point."""
    return tuple(size_of(text) for _ in entry_of(text).shape) if "(" in text else ()


def start_of(entry: Manifold) -> str:
    """Draws that are spread over the manifold."""
    if entry.logarithmic:
        return "~ uniform" if entry.shape else "~ uniform(0.5, 1.5)"
    return "" if entry.default == "uniform" else "~ normal(0, 1)"


def spec_of(text: str) -> Spec:
    """Points x, y, z and vectors v of N nodes, and what the language makes of them."""
    entry, start = entry_of(text), start_of(entry_of(text))
    axes = f"[{', '.join(map(str, axes_of(text)))}]" if axes_of(text) else ""
    formulas = entry.length, entry.chord or "distance(x, y)", entry.constraint or "distance(x, x)"
    names = {"v": "way", **dict.fromkeys(entry.parameters, str(size_of(text)))}
    length, chord, constraint = (
        re.sub(r"\b\w+\b", lambda word: names.get(word[0], word[0]), formula)
        for formula in formulas
    )
    return Spec(
        Source(
            "contract.dyn",
            f"""model contract
param N = {N}
population p[N] {{
  state x on {text} {start}
  state y on {text} {start}
  state v{axes} on {"complex" if entry.of_complex else "real"} ~ normal(0, 1)
  let way = logmap(x, y)
  drift x: v
  y' = v
  drift v: 0
}}
observe walked = expmap(x, v)
observe way    = p.way
observe far    = distance(x, y)
observe size   = {length}
observe half   = {chord}
observe off    = {constraint}
simulate {{ t 0 .. 1 every 1; method rk4; step 0.1 }}
""",
        )
    )


class Geometry:
    """Functions of points [N, *axes]."""

    def __init__(self, text: str) -> None:
        spec = spec_of(text)
        self.system = build_system(spec.model, spec.network, spec.program, seed=3)
        self.states = self.system.initial_states()

    def _at(self, **given: torch.Tensor) -> dict[str, torch.Tensor]:
        return {**self.states, **{f"p.{name}": value for name, value in given.items()}}

    def points(self, seed: int) -> torch.Tensor:
        """Points spread over the manifold."""
        return self.states["p.x"].roll(seed, 0)

    def projection(self, x: torch.Tensor, force: torch.Tensor) -> torch.Tensor:
        """P_x F."""
        return self.system.rates(0.0, self._at(x=x, v=force))["p.x"]

    def tangent(self, x: torch.Tensor, force: torch.Tensor) -> torch.Tensor:
        """What an equation keeps of F."""
        return self.system.rates(0.0, self._at(y=x, v=force))["p.y"]

    def retraction(self, x: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
        """Where a step leads."""
        steps = {name: torch.zeros_like(value) for name, value in self.states.items()}
        return self.system.retract(self._at(x=x), {**steps, "p.x": v})["p.x"]

    def observed(self, name: str, **given: torch.Tensor) -> torch.Tensor:
        """``walked way far size half off``."""
        return self.system.observe(0.0, self._at(**given))[name]

    def exponential(self, x: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
        """expmap(x, v)."""
        return self.observed("walked", x=x, v=v)

    def logarithm(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """logmap(x, y)."""
        return self.observed("way", x=x, y=y)

    def distance(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """distance(x, y): [N]."""
        return self.observed("far", x=x, y=y)


@cache
def geometry(text: str) -> Geometry:
    """One module for all tests of a manifold."""
    return Geometry(text)
