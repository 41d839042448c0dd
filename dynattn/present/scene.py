"""What of an experiment can be drawn node by node: known from its plan, filled from its result."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import prod
from textwrap import fill
from typing import TYPE_CHECKING, Any

from dynattn.model.model import Model
from dynattn.model.plans import Record, Simulation
from dynattn.model.terms import ManifoldUse, Place, Type, walk
from dynattn.present.figure import STEP
from dynattn.present.parts import edge_arrays
from dynattn.present.plots import TIME
from dynattn.vocabulary.manifolds import MANIFOLDS

if TYPE_CHECKING:
    from dynattn.compilation import Compilation
    from dynattn.network.build import Network


@dataclass(frozen=True)
class Kept:
    """Something that a simulation keeps of every node or edge."""

    label: str
    """Its name among the results."""
    kind: str
    """``series``, ``final`` or ``average``."""
    type: Type
    state: str = ""
    """The state it is, by its full name; '' for anything else."""
    named: bool = False
    """Whether the experiment asks for it by name."""

    @property
    def is_state(self) -> bool:
        """Whether it holds points of a state's manifold."""
        return bool(self.state) and self.kind != "average"

    @property
    def is_profile(self) -> bool:
        """Whether it is one number for each node, at no time or one."""
        return self.kind != "series" and not self.type.shape and self.type.dtype != "complex"


def kept_by(model: Model, simulation: Simulation) -> tuple[Kept, ...]:
    """What lives on nodes or edges among the things that a simulation keeps: without ``record``
    every declared state, but those of repeats, and every observable.
    """
    if simulation.records:
        found = [_recorded(record, True) for record in simulation.records if record.kind != "time"]
    else:
        states = {} if simulation.repeat > 1 else model.lasting
        found = [
            Kept(name, "series", state.manifold.points(state.place, state.shape), name)
            for name, state in states.items()
            if name not in model.averages
        ]
        found += [Kept(item.name, "series", item.value.type) for item in model.observables]
    return tuple(item for item in found if item.type.place.kind != "global")


def _recorded(record: Record, named: bool) -> Kept:
    term = record.value
    state = term.payload if term.op == "state" else ""
    return Kept(record.label, record.kind, term.type, state, named)


@dataclass(frozen=True)
class Shade:
    """A number for each node that colours it."""

    label: str
    values: Any
    """[node]."""
    cyclic: bool = False
    """Whether these are angles, in radians from -pi to pi."""


@dataclass(frozen=True)
class Shown:
    """Points of all nodes over time, and what their picture needs to know."""

    name: str
    values: Any = field(repr=False)
    """[time, node, copies, coordinates of one point...]; complex on complex manifolds."""
    times: Sequence[float] = field(repr=False)
    """As many as there are values; one where only the last is kept."""
    nodes: str
    """What is drawn: a population or, of states of edges, a coupling."""
    shade: Shade
    manifold: ManifoldUse | None = None
    """None for numbers of no manifold."""
    edges: bool = False
    below: str = TIME
    """What the time is called: maps have steps."""
    keyed: bool = True
    """Whether the colours are explained beside the picture."""

    @property
    def count(self) -> int:
        """How many nodes there are."""
        return self.values.shape[1]

    @property
    def flat(self) -> Any:
        """[time, node, all coordinates in a row]."""
        return self.values.reshape(*self.values.shape[:2], -1)

    @property
    def coordinates(self) -> list[str]:
        """A name for each of the coordinates in a row: ``spin.U[0][1]``."""
        import numpy

        own = self.values.shape[2:]
        wide = [axis for axis, length in enumerate(own) if length > 1]
        return [
            self.name + "".join(f"[{place[axis]}]" for axis in wide) for place in numpy.ndindex(own)
        ]

    @property
    def title(self) -> str:
        """``osc.theta on circle``."""
        return f"{self.name} on {self.manifold}" if self.manifold else self.name

    @property
    def row(self) -> str:
        """What a number from 0 on counts: ``node of osc``."""
        return f"{'edge' if self.edges else 'node'} of {self.nodes}"


@dataclass(frozen=True)
class Scene:
    """A simulation that has been run, and the spec it is of; of a repeated one its first repeat."""

    compilation: Compilation
    simulation: Any
    """A Simulation, or the Continuation of branches."""
    result: Any
    """A Trajectory, a Sweep or a BranchResult."""
    names: tuple[str, ...] = ()
    """Of what is shown, where not all is."""

    @property
    def plain_title(self) -> str:
        """``kuramoto: simulate``."""
        return f"{self.compilation.model.name}: {self.simulation.name}"

    @property
    def title(self) -> str:
        """Of what shows one repeat: ``kuramoto: simulate, repeat 0``."""
        repeated = ", repeat 0" if "repeat" in self.result.axes else ""
        return f"{self.plain_title}{repeated}"

    def moment(self, time: str) -> str:
        """The title at a time; '' where it is not known."""
        clock = "t" if self.simulation.steps is None else "step"
        return f"{self.title}, {clock} = {time}" if time else self.title

    @property
    def below(self) -> str:
        """What the time is called: maps have steps."""
        return TIME if self.simulation.steps is None else STEP

    def every(self, able: Callable[[Kept], bool]) -> list[Kept]:
        """What was kept that a picture is able to show, named or not."""
        return [item for item in kept_by(self.compilation.model, self.simulation) if able(item)]

    def described(self, parameter: str, width: int = 60) -> str:
        """A parameter at an axis, behind what the spec says of it: ``strength of coupling, K``."""
        doc = self.compilation.model.parameter[parameter].doc if (
            parameter in self.compilation.model.parameter
        ) else ""  # fmt: skip
        return fill(f"{doc}, {parameter}", width) if doc else parameter

    def kept(self, able: Callable[[Kept], bool]) -> list[Kept]:
        """What was kept that a picture is able to show, and those alone that are named."""
        return [item for item in self.every(able) if not self.names or item.label in self.names]

    def among(self, numbers: Mapping[str, Any]) -> dict[str, Any]:
        """Those that are named: all of them, unless any is; of complex ones both parts."""
        wanted = {part for name in self.names for part in (name, f"re({name})", f"im({name})")}
        return {name: x for name, x in numbers.items() if not wanted or name in wanted}

    def numbers(self, item: Kept) -> tuple[Any, Any]:
        """(times, values [time, ...]) of what was kept, as far as the run went; one time, or none
        where it is not known, for what is no series.
        """
        import numpy

        values = self.result[item.label]
        values = values[0] if "repeat" in self.result.axes else values
        times: Any = self.result.axes.get("time", ())
        if item.kind != "series":
            return times[-1:], values[None]
        # After its end a repeat holds NaN.
        ended = numpy.isnan(values).reshape(len(values), -1).all(1)
        return times[~ended], values[~ended]

    def shown(self, item: Kept) -> Shown:
        """A kept thing with its numbers."""
        place = item.type.place
        times, values = self.numbers(item)
        if place.kind == "edges":
            values = _on_edges(values, self.compilation.network, place)
        own = len(item.type.manifold.shape) if item.type.manifold else 0
        free = len(item.type.shape) - own
        shape = values.shape
        return Shown(
            name=item.state if item.is_state else item.label,
            values=values.reshape(*shape[:2], prod(shape[2 : 2 + free]), *shape[2 + free :]),
            times=times,
            nodes=place.name,
            shade=self._shade(place, shape[1]),
            manifold=item.type.manifold if item.is_state else None,
            edges=place.kind == "edges",
            below=self.below,
        )

    def by_phase(self, item: Shown) -> Shown:
        """Coloured by the one angle that the same nodes have at the last time, where they have one
        and are no angles themselves.
        """
        import numpy

        angles = [
            other
            for other in map(self.shown, self.every(lambda other: other.is_state))
            if other.nodes == item.nodes and other.edges == item.edges and cyclic(other)
        ]
        if cyclic(item) or len(angles) != 1 or angles[0].flat.shape[2] != 1:
            return item
        last = numpy.angle(numpy.exp(1j * angles[0].flat[-1, :, 0]))
        return replace(item, shade=Shade(angles[0].name, last, cyclic=True))

    def _shade(self, place: Place, count: int) -> Shade:
        """The first parameter of the nodes that their laws read, such as a natural frequency, where
        it differs among them; else the number of the node.
        """
        import numpy

        model = self.compilation.model
        laws = [law.rate for law in model.laws if model.states[law.state].place == place]
        read = {term.payload for term in walk(*laws) if term.op == "parameter"}
        for name, values in self.result.parameters.items():
            if name in read and model.parameter[name].place == place and numpy.ptp(values) > 0:
                return Shade(name, values)
        return Shade("edge" if place.kind == "edges" else "node", numpy.arange(count))


def _on_edges(values: Any, network: Network, place: Place) -> Any:
    """Values of pairs [time, receiver, sender, ...] as those of the edges [time, edge, ...]."""
    edges = network.connections[place.name]
    return values if edges.kind == "edges" else values[(slice(None), *edge_arrays(edges))]


def cyclic(item: Shown) -> bool:
    """Whether the coordinates are angles."""
    return item.manifold is not None and MANIFOLDS[item.manifold.name].phase
