"""The model at one moment: states, variables and layer copies as they are then, and views of it.

A Moment never changes; each step of the network makes the next one. Whatever is computed is kept,
per term and node, and nothing is computed that was not asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dynattn.model.terms import Term
from dynattn.program.duals import Dual

if TYPE_CHECKING:
    from dynattn.program.reference import Reference

PerNode = Callable[[int], Dual]


class PastTheEnd(Exception):
    """``next`` at the last place of a sequence: there is nothing there."""


@dataclass(frozen=True, slots=True)
class Edge:
    """One edge of a coupling; ``number`` counts the edges of an edge list, None elsewhere."""

    coupling: str
    receiver: int
    sender: int
    number: int | None


@dataclass(frozen=True, eq=False)
class Moment:
    """What every name stands for now."""

    reference: Reference
    states: Mapping[str, PerNode]
    bindings: Mapping[str, tuple[Term, Moment]] = field(default_factory=dict)
    """Variables and outputs: what was assigned, and the moment it was assigned in."""
    copies: Mapping[str, int] = field(default_factory=dict)
    """Of each layer at work, which use of it in the network this is."""
    time: float | None = None
    """``t`` in a layer that evolves through time; None elsewhere."""
    known: dict[int, Dual] = field(default_factory=dict)
    sums: dict[tuple[str, int], Dual] = field(default_factory=dict)
    views: dict[int, View] = field(default_factory=dict)

    def node(self, number: int) -> View:
        """The moment seen from one node."""
        if number not in self.views:
            self.views[number] = View(self, node=number)
        return self.views[number]

    @property
    def everywhere(self) -> View:
        """The moment seen from no node in particular."""
        return View(self)


@dataclass(frozen=True, eq=False)
class View:
    """A moment seen from a node or an edge; ``holes`` fill the placeholders of a formula."""

    moment: Moment
    node: int | None = None
    edge: Edge | None = None
    holes: Mapping[str, Dual] = field(default_factory=dict)
    known: dict[int, Dual] = field(default_factory=dict)

    def memory(self, term: Term) -> dict[int, Dual]:
        """Where the value of a term is kept: with the moment, if it is the same from everywhere."""
        shared = term.type.place.kind == "global" and not self.holes
        return self.moment.known if shared else self.known


def remembered(compute: PerNode) -> PerNode:
    """``compute``, asked at most once per node."""
    known: dict[int, Dual] = {}

    def ask(node: int) -> Dual:
        if node not in known:
            known[node] = compute(node)
        return known[node]

    return ask
