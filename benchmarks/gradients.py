"""The gradient of a loss through 200 RK4 steps of 200 oscillators coupled by a dense matrix W.

By W, the frequencies and the initial angles: ours, autograd through all operations, and
torchdiffeq given our rates and the rates as written; then tsit5 with steps of its own (rtol 1e-8),
by autograd and with checkpoints, which agree with one another. Memory is what a fresh process holds
at most above what it held after the imports (a gradient of 4 oscillators has loaded all that is
loaded late) and the same solve without gradients.

    python benchmarks/gradients.py [--rounds N] [--json]
"""

from __future__ import annotations

import statistics
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from measure import interleaved, options, ratio, run_python, show
from torch import Tensor
from torchdiffeq import odeint, odeint_adjoint

from dynattn.compilation import Compilation
from dynattn.diagnostics.report import Source
from dynattn.lower.binding import table_of
from dynattn.solve.gradients import Gradient
from dynattn.solve.solve import solve

SPEC = """
model dense
param N = 200
population osc[N] {
  state theta on circle ~ uniform
  learn omega ~ normal(0, 0.5)
  drift omega
}
coupling pull: osc -> osc {
  learn w ~ normal(1, 0.2)
  kernel w * sin(theta[j] - theta[i])
  strength 1 / N
}
simulate { t 0 .. 10; method rk4; step 0.05; seed 1 }
"""
STOP, STEP = 10.0, 0.05

ADAPTIVE = "ours, tsit5 without a step"

Solve = Callable[[Tensor], Tensor]
"""Initial angles to angles at the end."""


class Problem:
    """One system of so many oscillators, and the ways to solve it."""

    def __init__(self, oscillators: int = 200) -> None:
        torch.set_num_threads(1)
        self.oscillators = oscillators
        self.system = Compilation(Source("gradients.dyn", SPEC), {"N": oscillators}).build()
        self.start = self.system.initial_states()["osc.theta"].requires_grad_()
        self.omega, self.w = (self._tensor(name) for name in ("osc.omega", "pull.w"))
        self.wanted = (self.w, self.omega, self.start)
        self.sights = torch.linspace(-1, 1, oscillators, dtype=torch.float64)

    def _tensor(self, name: str) -> Tensor:
        table, key = table_of(self.system, name)
        return table[key]

    def ours(self, gradient: Gradient) -> Solve:
        """Our RK4."""
        return lambda start: solve(
            self.system, {"osc.theta": start}, [0.0, STOP], method="rk4", step=STEP,
            gradient=gradient,
        ).states["osc.theta"][-1]  # fmt: skip

    def adaptive(self, gradient: Gradient) -> Solve:
        """tsit5, which chooses its steps."""
        return lambda start: solve(
            self.system, {"osc.theta": start}, [0.0, STOP], rtol=1e-8, gradient=gradient
        ).states["osc.theta"][-1]

    def theirs(self, rate: Callable[..., Tensor], adjoint: bool) -> Solve:
        """torchdiffeq's RK4 (the 3/8 rule), of as many rates."""
        times = torch.tensor([0.0, STOP], dtype=torch.float64)
        method: dict[str, Any] = {"method": "rk4", "options": {"step_size": STEP}}
        if adjoint:
            wanted = (self.w, self.omega)
            return lambda y: end(odeint_adjoint(rate, y, times, adjoint_params=wanted, **method))
        return lambda y: end(odeint(rate, y, times, **method))

    def given(self, t: Tensor, y: Tensor) -> Tensor:
        """Our rates."""
        return self.system.rates(t, {"osc.theta": y})["osc.theta"]

    def written(self, t: Tensor, y: Tensor) -> Tensor:
        """The rates as a user writes them."""
        return self.omega + (self.w * torch.sin(y[None, :] - y[:, None])).sum(1) / self.oscillators

    def ways(self) -> dict[str, Solve]:
        """By name; the first is what is taken where nothing is said."""
        return {
            "ours": self.ours(Gradient()),
            "ours, 1 MiB allowed": self.ours(Gradient(memory=1.0)),
            "ours, checkpointed": self.ours(Gradient("checkpointed")),
            "ours, backpropagation": self.ours(Gradient("backpropagation")),
            "torchdiffeq, our rates": self.theirs(self.given, False),
            "torchdiffeq, as written": self.theirs(self.written, False),
            "torchdiffeq adjoint, our rates": self.theirs(self.given, True),
            "torchdiffeq adjoint, as written": self.theirs(self.written, True),
            ADAPTIVE: self.adaptive(Gradient()),
            "ours, tsit5 checkpointed": self.adaptive(Gradient("checkpointed")),
        }

    def gradients(self, way: Solve) -> tuple[Tensor, ...]:
        """By everything that is wanted."""
        return torch.autograd.grad((way(self.start).sin() * self.sights).sum(), self.wanted)


def end(path: Any) -> Tensor:
    """The last of the saved states."""
    return path[-1]


def held(what: str) -> float:
    """Memory of this process in MiB: VmRSS is what it holds, VmHWM the most since ``forget``."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith(what)) / 1024


def forget() -> None:
    """Let the most be what is held now."""
    Path("/proc/self/clear_refs").write_text("5")


def memory_of(number: int) -> float:
    """Of one way, in this process."""
    small, problem = Problem(4), Problem()
    small.gradients(list(small.ways().values())[number])
    way = list(problem.ways().values())[number]
    with torch.no_grad():
        way(problem.start)
    forget()
    before = held("VmRSS")
    problem.gradients(way)
    return held("VmHWM") - before


def rows(rounds: int) -> list[dict[str, Any]]:
    """One for each way; those with our steps agree, and the others nearly."""
    problem = Problem()
    ways = problem.ways()
    calls = {name: lambda way=way: problem.gradients(way) for name, way in ways.items()}
    fixed, chosen = (problem.gradients(ways[name]) for name in ("ours, backpropagation", ADAPTIVE))
    seconds = interleaved(calls, rounds)
    found = []
    for number, name in enumerate(ways):
        exact = chosen if "tsit5" in name else fixed
        pairs = zip(problem.gradients(ways[name]), exact, strict=True)
        found.append({
            "gradient": name,
            "CPU ms": 1e3 * statistics.median(seconds[name]),
            "times ours": ratio(seconds[name], seconds["ours"]),
            "MiB": float(run_python(__file__, "--way", str(number)).out),
            "apart": max(float((a - b).abs().max() / b.abs().max()) for a, b in pairs),
        })  # fmt: skip
    return found


def main() -> None:
    """The table, or the memory of one way."""
    chosen = options(__doc__, rounds=7, way=-1)
    if chosen.way >= 0:
        print(memory_of(chosen.way))
        return
    show("gradient through 200 RK4 steps, dense N = 200, float64", rows(chosen.rounds), chosen.json)


if __name__ == "__main__":
    main()
