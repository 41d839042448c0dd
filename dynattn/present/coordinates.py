"""The two numbers that a phase portrait is drawn over: states of nodes or observables over time."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import TYPE_CHECKING, Any

from dynattn.diagnostics.report import Diagnostic
from dynattn.diagnostics.suggest import did_you_mean
from dynattn.model.model import Model
from dynattn.model.plans import Record, Simulation
from dynattn.model.terms import Type
from dynattn.vocabulary.manifolds import MANIFOLDS
from dynattn.vocabulary.sizes import SizeError

if TYPE_CHECKING:
    from dynattn.compilation import Compilation

NAME = re.compile(r"(?:(re|im)\()?([^\[\]()]+(?:\([^)]*\))?)((?:\[\d+\])*)\)?$")
"""``cell.v``, ``v[3]``, ``re(z)``, ``order(theta)``: part, label, indices."""


@dataclass(frozen=True)
class Coordinate:
    """One number over time, of the whole model or of each node."""

    label: str
    """Of the result's variable."""
    type: Type
    state: str = ""
    """The state it is, by its full name; '' for anything else."""
    entry: int = 0
    """Which coordinate of a node."""
    node: int | None = None
    """Which node; None: all of them, or none."""
    part: str = ""
    """``re`` or ``im`` of a complex number."""
    several: bool = False
    """Whether a node has several coordinates."""

    @property
    def name(self) -> str:
        """As it stands at an axis: ``cell.v``, ``re(p.z)``."""
        place = f"[{self.entry}]" if self.several else ""
        place += "" if self.node is None else f"[{self.node}]"
        return f"{self.part}({self.label}{place})" if self.part else f"{self.label}{place}"

    @property
    def cyclic(self) -> bool:
        """Whether it is an angle."""
        use = self.type.manifold
        return bool(self.state) and use is not None and MANIFOLDS[use.name].phase

    @property
    def positive(self) -> bool:
        """Whether it is never below 0."""
        use = self.type.manifold
        return bool(self.state) and use is not None and use.name in ("positive", "simplex")

    @property
    def nodes(self) -> str:
        """The population whose nodes each have one; '' where there is only one."""
        return self.type.place.name if self.type.place.kind == "nodes" else ""

    def values(self, array: Any) -> Any:
        """[..., time, nodes] from the variable's [..., time, (nodes,) coordinates...]; one node for
        what is of the whole model.
        """
        found = array
        if self.type.shape:
            found = found.reshape(*found.shape[: found.ndim - len(self.type.shape)], -1)
            found = found[..., self.entry]
        if not self.nodes:
            found = found[..., None]
        if self.node is not None:
            found = found[..., self.node : self.node + 1]
        return {"re": found.real, "im": found.imag}.get(self.part, found)


def kept_coordinates(model: Model, simulation: Simulation) -> tuple[Coordinate, ...]:
    """Every number that the simulation keeps over time, of nodes or of the whole model: states
    first, complex numbers in two parts.
    """
    found: list[Coordinate] = []
    for label, kind, state in _kept(model, simulation):
        if kind.place.kind not in ("nodes", "global"):
            continue
        width = _width(model, kind)
        for entry in range(width):
            one = Coordinate(label, kind, state, entry, several=width > 1)
            parts = ("re", "im") if kind.dtype == "complex" else ("",)
            found += [replace(one, part=part) for part in parts]
    return tuple(found)


def _kept(model: Model, simulation: Simulation) -> Iterator[tuple[str, Type, str]]:
    """(label, type, the state that it is) of what is kept over time."""
    if simulation.records:
        series = [record for record in simulation.records if record.kind == "series"]
        yield from sorted(map(_recorded, series), key=lambda item: not item[2])
        return
    states = {} if simulation.repeat > 1 else model.lasting
    for name, state in states.items():
        if name not in model.averages:
            yield name, state.manifold.points(state.place, state.shape), name
    for item in model.observables:
        yield item.name, item.value.type, ""


def _recorded(record: Record) -> tuple[str, Type, str]:
    term = record.value
    return record.label, term.type, term.payload if term.op == "state" else ""


def _width(model: Model, kind: Type) -> int:
    try:
        return prod(size.value(model.sizes) for size in kind.shape)
    except SizeError:
        return 0


def plane_states(model: Model) -> bool:
    """Whether the model has two coordinates in all, so that its flow can be drawn."""
    try:
        return sum(_numbers(model, name) for name in model.lasting) == 2
    except SizeError:
        return False


def _numbers(model: Model, name: str) -> int:
    state = model.lasting[name]
    if state.coupling or name in model.averages:
        return 3  # edges and stages of delays: no plane
    nodes = model.population[state.population].size.value(model.sizes)
    numbers = prod(size.value(model.sizes) for size in state.shape)
    return nodes * numbers * (2 if state.manifold.dtype == "complex" else 1)


# ── which two ──────────────────────────────────────────────────────────────────────────────────


def chosen_pair(
    compilation: Compilation, simulation: Simulation, names: Sequence[str]
) -> tuple[Coordinate, Coordinate] | Diagnostic:
    """The two that are named or, unless any is, the first two of one population, the two nodes that
    a state has, or the first two observables; E714 or E716 where there are none.
    """
    model = compilation.model
    kept = kept_coordinates(model, simulation)
    if not names:
        pair = _first_pair(model, kept)
        if pair is not None:
            return pair
        fact = f"'{simulation.name}' keeps no two numbers over time to draw one over the other"
        return Diagnostic("E714", fact, simulation.span, "let it record two, such as v, w")
    if len(names) != 2:
        fact = f"a portrait has two axes, and {len(names)} names are given"
        return Diagnostic("E716", fact, simulation.span, "name two: portrait(v, w)")
    found = [_named(model, kept, name, simulation) for name in names]
    first, second = found
    if isinstance(first, Diagnostic) or isinstance(second, Diagnostic):
        return first if isinstance(first, Diagnostic) else second  # type: ignore[return-value]
    if first.nodes != second.nodes and first.nodes and second.nodes:
        alone = first.node is not None and second.node is not None
        if not alone and _count(model, first) != _count(model, second):
            fact = f"{first.name} and {second.name} are not of the same nodes"
            fix = f"name a node of each: portrait({names[0]}[0], {names[1]}[0])"
            return Diagnostic("E716", fact, simulation.span, fix)
    return first, second


def _first_pair(
    model: Model, kept: Sequence[Coordinate]
) -> tuple[Coordinate, Coordinate] | None:  # fmt: skip
    states = [item for item in kept if item.state]
    for k, first in enumerate(states):
        for second in states[k + 1 :]:
            if first.nodes == second.nodes:
                return first, second
    if states and _count(model, states[0]) == 2:
        return replace(states[0], node=0), replace(states[0], node=1)
    if len(states) == 2 and _count(model, states[0]) == _count(model, states[1]) == 1:
        return states[0], states[1]
    others = [item for item in kept if not item.state and not item.nodes]
    return (others[0], others[1]) if len(others) > 1 else None


def _count(model: Model, item: Coordinate) -> int:
    """How many numbers it is at each time."""
    if item.node is not None or not item.nodes:
        return 1
    try:
        return model.population[item.nodes].size.value(model.sizes)
    except SizeError:
        return -1


def _named(
    model: Model, kept: Sequence[Coordinate], name: str, simulation: Simulation
) -> Coordinate | Diagnostic:
    """The kept number of a name; of several coordinates the first index is which, then the node."""
    read = NAME.match(name)
    part, label, indices = read.groups() if read else ("", name, "")
    numbers = [int(k) for k in re.findall(r"\d+", indices)]
    same = [item for item in kept if label in (item.label, item.label.rpartition(".")[2])]
    same = [item for item in same if item.part == (part or "")] or same
    if not same:
        known = list(dict.fromkeys(item.label for item in kept))
        fix = did_you_mean(label, known, f"it keeps {', '.join(known) or 'nothing over time'}")
        fact = f"'{simulation.name}' keeps no {label} over time"
        return Diagnostic("E716", fact, simulation.span, fix)
    first = same[0]
    entry = numbers.pop(0) if first.several and numbers else 0
    node = numbers.pop(0) if numbers and first.nodes else None
    chosen = [item for item in same if item.entry == entry]
    if numbers or not chosen or (node is not None and not 0 <= node < _most(model, first)):
        fact = f"{first.label} has no {indices}"
        return Diagnostic("E716", fact, simulation.span, "indices begin at 0")
    return replace(chosen[0], node=node)


def _most(model: Model, item: Coordinate) -> int:
    count = _count(model, replace(item, node=None))
    return 2**62 if count < 0 else count
