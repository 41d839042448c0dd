"""``balance``: an energy over time, what dissipates it, what supplies it, and what is left over.

Powers are integrated along the trajectory as the method has it. Where it chooses its steps, by
Boole's rule on a mesh of the saved times that is made finer until half of its points say the same;
else over its own steps, each by the cubic through four of their ends.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.func import jvp

from dynattn.model.balances import GAIN, LOSS
from dynattn.model.model import Model
from dynattn.model.structure import is_constant
from dynattn.model.terms import walk
from dynattn.run.labelled import Variable
from dynattn.run.measurements import Task
from dynattn.run.recording import integrate
from dynattn.solve.fixed import equal_steps
from dynattn.solve.jacobians import recordable
from dynattn.solve.methods import find_method

Array = NDArray[np.float64]
States = Mapping[str, torch.Tensor]

FIRST, FINEST = 8, 256
"""Pieces of an interval between saved times, at first and at most."""

NUMBERS = 2**21
"""Numbers of states that are kept at once."""

CHANGING = f"{GAIN}changes in time"
"""What an energy gains at fixed states because it reads the time, or because its inertia varies."""


def measure_balance(task: Task) -> Mapping[str, Variable]:
    """[points, time] of the energy, of what was dissipated, supplied or left over up to then."""
    _, *parts = task.plan.records
    labels = [record.label for record in parts]
    work = _Walk(task)
    times = task.times
    rows = [np.stack(found, -1) for found in zip(*work.rows(), strict=True)]
    level, rate, total, risen, fallen = rows[:5]
    kept = dict(zip(labels, rows[5:], strict=True))
    found: dict[str, Array] = {"energy": level, "rate": rate}
    if parts:
        if _changes(task.compilation.model):
            lost, gained = _sums(kept, LOSS), _sums(kept, GAIN)
            kept[CHANGING] = total - gained + lost
        found |= {"dissipated": _sums(kept, LOSS) + 0 * level,
                  "supplied": _sums(kept, GAIN) + 0 * level}  # fmt: skip
        net = found["supplied"] - found["dissipated"]
        found |= kept
    else:
        net = total
        found |= {"risen": risen, "fallen": fallen}
    found["discrepancy"] = level - level[:, :1] - net
    numbers = {"change": level[:, -1] - level[:, 0], "fastest rise": work.steepest}
    numbers |= {f"{n} in all": found[n][:, -1] for n in found
                if n in ("dissipated", "supplied", "risen", "fallen")}  # fmt: skip
    numbers["largest discrepancy"] = np.abs(found["discrepancy"]).max(-1)
    return {
        **{name: Variable(("time",), values) for name, values in found.items()},
        **{name: Variable((), values) for name, values in numbers.items()},
        "time": Variable(("time",), np.broadcast_to(times, level.shape)),
    }


def _sums(kept: Mapping[str, Array], word: str) -> Any:
    return sum((x for name, x in kept.items() if name.startswith(word)), 0.0)


def _changes(model: Model) -> bool:
    """Whether an energy is another one later, at the same states."""
    energies = [energy for _, energy in model.energies]
    energies += [term for c in model.couplings if c.energy is not None and c.layer is None
                 for term in (c.energy, c.weight, c.strength) if term is not None]  # fmt: skip
    late = any(item.op in ("time", "input") for energy in energies for item in walk(energy))
    return late or not all(is_constant(part.get("inertia")) for part in model.clauses.values())


@dataclass
class _Walk:
    """Along the trajectory, some saved times after others."""

    task: Task
    pieces: int = FIRST
    steepest: Any = -np.inf
    """[points]: the fastest that the energy has risen."""
    scale: float = 0.0
    sums: list[Array] = field(default_factory=list)

    def rows(self) -> Iterator[list[Array]]:
        """[points] of the energy and its rate, and of the integrals up to each saved time."""
        task, times = self.task, self.task.times
        count, states = len(task.points), dict(task.states)
        width = sum(x.numel() for x in states.values())
        start = 0
        while start < len(times) - 1:
            pieces = self._pieces(times[start + 1] - times[start])
            length = max(1, NUMBERS // (width * pieces))
            stop = min(len(times) - 1, start + length)
            values, states = self._stretch(times[start : stop + 1], states, pieces, count)
            first = not self.sums
            self.sums = self.sums or [np.zeros(count) for _ in values[2:]]
            for k in range(0 if first else 1, stop - start + 1):
                row = [value[k] for value in values]
                yield [*row[:2], *(a + b for a, b in zip(self.sums, row[2:], strict=True))]
            self.sums = [a + value[-1] for a, value in zip(self.sums, values[2:], strict=True)]
            start = stop
            if task.progress is not None:
                task.progress(stop / (len(times) - 1))

    @property
    def free(self) -> bool:
        """Whether the method chooses its steps."""
        clock = self.task.plan.clock
        return find_method(clock.method).chooses_steps(clock.step)

    def _pieces(self, gap: float) -> int:
        """Pieces of an interval: of a method with steps of its own length these steps."""
        if self.free:
            return self.pieces
        step = self.task.plan.clock.step
        assert step is not None
        return equal_steps(gap, step)

    def _stretch(
        self, times: Array, before: States, pieces: int, count: int
    ) -> tuple[list[Array], States]:
        """[times, points] of the energy, its rate and the integrals from the first of the times."""
        while True:
            nodes = np.append(np.linspace(times[:-1], times[1:], pieces, False, axis=1), times[-1])
            powers, level, after = self._powers(nodes, before, count)
            fine = [self._integrals(power, nodes, pieces) for power in powers]
            if not self.free or 2 * pieces > FINEST:
                break
            smooth = [0, *range(3, len(powers))]  # what rises and what falls has kinks
            half = [self._integrals(powers[k][::2], nodes[::2], pieces // 2) for k in smooth]
            off = max(np.abs(a - fine[k]).max() for a, k in zip(half, smooth, strict=True))
            self.scale = max(self.scale, float(np.abs(level).max()), 1e-300)
            if off <= self.task.plan.clock.rtol * self.scale:
                break
            self.pieces = pieces = 2 * pieces
        self.steepest = np.maximum(self.steepest, powers[0].max(0))
        zero = np.zeros((1, count))
        sums = [np.concatenate([zero, np.cumsum(one, 0)]) for one in fine]
        return [level[::pieces], powers[0][::pieces], *sums], after

    def _integrals(self, power: Array, nodes: Array, pieces: int) -> Array:
        """[intervals, points] over intervals of so many equal pieces."""
        if not self.free:
            return over_steps(power, nodes).reshape(-1, pieces, power.shape[1]).sum(1)
        weights = np.zeros(pieces + 1)
        for k in range(0, pieces, 4):
            weights[k : k + 5] += np.array([7, 32, 12, 32, 7]) * 2 / 45
        first = np.arange(0, len(nodes) - 1, pieces)
        rows = power[first[:, None] + np.arange(pieces + 1)]
        return np.einsum("ikp,k->ip", rows, weights) * np.diff(nodes)[first][:, None]

    def _powers(
        self, nodes: Array, before: States, count: int
    ) -> tuple[list[Array], Array, States]:
        """([nodes, points] of dE/dt, what rises, what falls and each part; the energy; the last
        states).
        """
        task, records = self.task, self.task.plan.records
        got = integrate(
            task.system, task.plan.clock, nodes, records[1:], batch=(count,), initial=before,
            keep_states=True, describe=task.describe,
        )  # fmt: skip
        some = next(iter(before.values()))
        t = torch.as_tensor(nodes, device=some.device)[:, None].to(some.real.dtype)
        states = {n: torch.as_tensor(got.results[n]).to(x) for n, x in before.items()}
        level, rate = _energy(task, records[0].label, t.expand(len(nodes), count), states)
        parts = [got.results[record.label].reshape(len(nodes), -1) for record in records[1:]]
        return [rate, np.maximum(rate, 0), np.maximum(-rate, 0), *parts], level, got.states


def _energy(task: Task, label: str, t: torch.Tensor, states: States) -> tuple[Array, Array]:
    """[times, points] of the energy and of its rate along the law, exactly."""
    system, names = task.system, list(states)

    def energy(moment: torch.Tensor, *points: torch.Tensor) -> torch.Tensor:
        here = dict(zip(names, points, strict=True))
        return system.record(moment, here)[label].expand(t.shape)

    with recordable():
        rates = system.rates(t, states)
        tangents = [rates[n].expand(states[n].shape).contiguous() for n in names]
        found = jvp(energy, (t.contiguous(), *states.values()), (torch.ones_like(t), *tangents))
    return tuple(x.detach().double().cpu().numpy() for x in found[:2])  # type: ignore[return-value]


def over_steps(power: Array, nodes: Array) -> Array:
    """[steps, points]: integrals between nodes, by the cubic through four of them, where these are
    equally far apart, else by the trapezoidal rule.
    """
    gaps = np.diff(nodes)[:, None]
    found = (power[:-1] + power[1:]) / 2
    if len(nodes) > 3 and np.ptp(gaps) <= 1e-9 * gaps.max():
        found[1:-1] += (power[1:-2] + power[2:-1] - power[:-3] - power[3:]) / 24
        end = np.array([-3, 7, -5, 1]) / 24
        found[0] += end @ power[:4]
        found[-1] += end @ power[:-5:-1]
    return found * gaps
