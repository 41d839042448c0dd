"""What delays ask of the steps: how long they may be, and where they should end."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch

from dynattn.diagnostics.report import Diagnostic, SpecError
from dynattn.lower.module import System
from dynattn.lower.past import senders_of
from dynattn.solve.failures import Scene
from dynattn.solve.methods import Method

MOST_KINKS = 200
"""So many times at which a derivative jumps are stepped to even where they are more than the steps
that are taken anyway: every one costs a step.
"""

MOST_SUMS = 2_000_000
"""More sums of delays are not looked at."""


def check_delays(scene: Scene, system: System, times: Sequence[float], longest: float) -> None:
    """SpecError E617 where a delay is no time from 0 on, or where a step is longer than it."""
    if times[0] > times[-1]:
        message = "time runs backwards, and the delays are made of what was before"
        raise SpecError(Diagnostic("E617", message, scene.span, "let time run forwards"))
    mapped = [law.state for law in system.model.laws if law.discrete]
    for name, tau in system.delays().items():
        known = tau.detach().to(torch.float64)
        wrong = ~(torch.isfinite(known) & (known >= 0))
        short = (known > 0) & (known < longest * (1 - 1e-9))
        broken = (known % 1 > 1e-9) & (known % 1 < 1 - 1e-9)
        if bool(wrong.any()):
            message, fix = "a delay is a number from 0 on", "let every delay be 0 or more"
            raise _refused(scene, system, name, known, wrong, message, fix)
        if mapped and bool(broken.any()):
            message = f"'{mapped[0]}' is a map, which knows whole updates alone"
            fix = "let every delay be a whole number"
            raise _refused(scene, system, name, known, broken, message, fix)
        if bool(short.any()):
            message = f"steps of {longest:g} are longer, and what is not yet known cannot be read"
            fix = f"write 'step {_round_below(float(known[short].min()))}', or make the delay 0"
            raise _refused(scene, system, name, known, short, message, fix)


def _round_below(value: float) -> str:
    """The number with two digits, rounded down."""
    power = 10 ** (math.floor(math.log10(value)) - 1)
    return f"{math.floor(value / power * (1 + 1e-9)) * power:.2g}"


def _refused(
    scene: Scene, system: System, name: str, known: torch.Tensor, bad: torch.Tensor, why: str,
    fix: str,
) -> SpecError:  # fmt: skip
    """E617 for the first bad delay of a coupling, edge and point of the batch named."""
    coupling = system.model.coupling[name]
    assert coupling.delay is not None
    place = bad.nonzero()[0].tolist()
    value = float(known[tuple(place)])
    where = ""
    if coupling.delay.type.place.kind == "edges":
        where, place = _edge(system, name, place)
    point = tuple(place)
    words = f" ({scene.describe(point)})" if point and scene.describe else ""
    message = f"the delay of coupling '{name}'{where} is {value:g}{words}: {why}"
    return SpecError(Diagnostic("E617", message, coupling.delay.span, fix))


def _edge(system: System, name: str, place: list[int]) -> tuple[str, list[int]]:
    """The edge of an entry in words, and the point of the batch."""
    senders, receivers = senders_of(system, system.model.coupling[name])
    if receivers is not None:
        return f" from node {place[-1]} to node {place[-2]}", place[:-2]
    heard = system.network.connections[name].receivers
    assert heard is not None
    number = place[-1]
    return f" from node {int(senders[number])} to node {int(heard[number])}", place[:-1]


def kinks(
    delays: Sequence[float], starts: Sequence[float], stop: float, generations: int, most: int = 0
) -> tuple[float, ...]:
    """Times before ``stop`` at which a derivative of the solution jumps, since one of it did at
    ``starts``: there and one, two .. ``generations`` delays later.

    No generation with which there were more than ``most`` of them, and more than ``MOST_KINKS``, is
    stepped to.
    """
    apart = _distinct(torch.tensor([tau for tau in delays if tau > 0], dtype=torch.float64))
    level = torch.tensor([t for t in starts if t < stop], dtype=torch.float64)
    found = level[:0]
    for _ in range(generations):
        if len(level) * len(apart) > MOST_SUMS:
            break
        level = (level[:, None] + apart).reshape(-1)
        level = _distinct(level[level < stop])
        if len(found) + len(level) > max(most, MOST_KINKS):
            break
        found = torch.cat([found, level])
    known = {*starts, stop}
    return tuple(t for t in _distinct(found).tolist() if all(not _is_one(t, k) for k in known))


def alike(
    system: System, times: Sequence[float], method: Method, step: float | None, points: int
) -> list[list[int]]:
    """The points of a batch in groups that can take the same steps and still be what each is alone.

    Steps of a fixed size end where derivatives jump, and where that is depends on the delays:
    points with different ones are apart, but for delays that are whole numbers of steps.
    """
    met = min(method.order, 4) > 1 and not system.noisy and not method.chooses_steps(step)
    if points < 2 or not system.late or not met or step is None:
        return [list(range(points))]
    grid, rows = _grid(system, times, step), _by_point(system, points)
    groups: dict[tuple[float, ...], list[int]] = {}
    for k in range(points):
        taus = {tau for row in rows for tau in row[k]}
        whole = grid and all(abs(tau / grid - round(tau / grid)) < 1e-9 for tau in taus)
        groups.setdefault(() if whole else tuple(sorted(taus)), []).append(k)
    return list(groups.values())


def _grid(system: System, times: Sequence[float], step: float) -> float:
    """The size of all steps; 0 where they are not all alike."""
    if system.jumps():
        return 0.0
    gaps = torch.tensor(times, dtype=torch.float64).diff()
    sizes = gaps / torch.ceil(gaps / step * (1 - 1e-9)).clamp(min=1)
    same = bool(((sizes - sizes[0]).abs() < 1e-9 * sizes[0]).all())
    return float(sizes[0]) if same else 0.0


def _by_point(system: System, points: int) -> list[list[list[float]]]:
    """The delays of every coupling, by point."""
    found = []
    for name, tau in system.delays().items():
        own = system.model.coupling[name].delay
        assert own is not None
        edges = 0 if own.type.place.kind == "global" else _edge_axes(system, name)
        flat = tau.detach().reshape(-1, math.prod(tau.shape[tau.dim() - edges :]))
        found.append(flat.expand(points, -1).tolist())
    return found


def _edge_axes(system: System, name: str) -> int:
    return 1 + (senders_of(system, system.model.coupling[name])[1] is not None)


def _distinct(times: torch.Tensor) -> torch.Tensor:
    """The times in order, those that differ by rounding once."""
    times = times.sort().values
    apart = times.diff() > 1e-9 * times[1:].abs().clamp(min=1.0)
    return torch.cat([times[:1], times[1:][apart]])


def _is_one(t: float, other: float) -> bool:
    return abs(t - other) <= 1e-9 * max(1.0, abs(t))
