"""The facts about the graph of every coupling, as a table."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy

from dynattn.model.model import Model
from dynattn.model.parts import Coupling
from dynattn.network.diagram import spell_edges
from dynattn.network.spelling import spell_term
from dynattn.network.structure import Facts, measure
from dynattn.present.summary import Section, sized

if TYPE_CHECKING:
    from dynattn.network.build import Connections, Network

MODULAR = frozenset({
    "ring_of_modules", "caveman_graph", "connected_caveman_graph", "relaxed_caveman_graph",
    "planted_partition_graph", "stochastic_block_model", "gaussian_random_partition_graph",
    "ring_of_cliques", "windmill_graph",
})  # fmt: skip
"""Sources of graphs that come in modules."""

COLUMNS = (
    "coupling", "nodes", "edges", "density", "degree", "direction", "self-loops", "components",
    "structure", "weights",
)  # fmt: skip


def graphs(model: Model, network: Network) -> Section:
    """One row per coupling: size, density, degrees (senders of a node: least, mean, most), whether
    every edge runs both ways, self-loops, weak components, structure and weights.
    """
    rows = tuple(_row(model, network, coupling) for coupling in model.couplings)
    return Section("graphs", COLUMNS, rows)


def _row(model: Model, network: Network, coupling: Coupling) -> tuple[str, ...]:
    found, facts = network.connections[coupling.name], network.facts(coupling.name)
    ends = [sized(model.population[p].size, model) for p in (coupling.sender, coupling.receiver)]
    nodes = ends[0] if coupling.sender == coupling.receiver else " -> ".join(ends)
    unknown = facts.degree_mean is None
    return (
        coupling.name,
        nodes,
        spell_edges(model, coupling, found),
        _density(facts),
        "?" if unknown else _degrees(facts),
        _direction(found, facts),
        "?" if facts.self_loops is None else str(facts.self_loops),
        "?" if facts.components is None else str(facts.components),
        _structure(coupling, found),
        _weights(coupling, found, facts),
    )


def sentences(section: Section) -> Iterator[str]:
    """One line per coupling: what has a meaning and is known."""
    for (
        coupling,
        nodes,
        edges,
        density,
        degree,
        direction,
        loops,
        parts,
        shape,
        weights,
    ) in section.rows:
        facts = [f"{nodes} nodes", f"{edges} edges"]
        facts += [f"density {density}"] * (density != "?")
        facts += [f"degree {degree}"] * (degree != "?")
        facts += [direction]
        facts += ["no self-loops" if loops == "0" else f"{loops} self-loops"] * (loops != "?")
        facts += [f"{parts} component{'s' * (parts != '1')}"] * (parts != "?")
        yield f"{coupling}: {', '.join(facts)}; {shape}; weights {weights}"


def _density(facts: Facts) -> str:
    return "?" if facts.edges is None else f"{facts.density:.3g}"


def _degrees(facts: Facts) -> str:
    """``4``, or ``2 .. 3.5 .. 9``."""
    if facts.degree_min == facts.degree_max:
        return str(facts.degree_min)
    return f"{facts.degree_min} .. {facts.degree_mean:.3g} .. {facts.degree_max}"


def _direction(found: Connections, facts: Facts) -> str:
    if facts.symmetric is None:
        return "one way"
    bare = measure(replace(found, listed={}))
    return "undirected" if bare.symmetric else "directed"


def _structure(coupling: Coupling, found: Connections) -> str:
    if coupling.graph.source in MODULAR or coupling.graph.generator in MODULAR:
        return "modular"
    reach = _reach(found)
    return f"ring, reach {reach}" if reach else found.structure


def _reach(found: Connections) -> int:
    """Of a ring: how many nodes on either side each one hears; 0 where it is none."""
    if found.offsets is None or found.sides or not len(found.offsets) or len(found.offsets) % 2:
        return 0
    count, reach = found.receivers_count or 0, len(found.offsets) // 2
    both = numpy.concatenate([numpy.arange(1, reach + 1), count - numpy.arange(1, reach + 1)])
    return reach if numpy.array_equal(numpy.sort(both), found.offsets % count) else 0


def _weights(coupling: Coupling, found: Connections, facts: Facts) -> str:
    """Where the weights are from, and for those of the graph their range and symmetry."""
    if coupling.weight is not None:
        text = spell_term(coupling.weight)
        return f"{coupling.adaptive}({text})" if coupling.adaptive else text
    values = found.listed.get("weight") if coupling.edge_weights else None
    if values is None or not len(values):
        return "1"
    return ", ".join(_described(float(values.min()), float(values.max()), facts))


def _described(least: float, most: float, facts: Facts) -> Iterator[str]:
    yield f"{least:.3g}" if least == most else f"{least:.3g} .. {most:.3g}"
    if facts.symmetric is not None:
        yield "symmetric" if facts.symmetric else "not symmetric"
    if least < 0 < most:
        yield "of both signs"
