"""What a compilation built, as tables: populations, couplings, forms, parameters, equations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any

from dynattn.model.model import Coupling, Model, Parameter
from dynattn.present.equations import Writer, equations, init_text, short_names
from dynattn.program.copies import layer_uses
from dynattn.program.nodes import Node, Program
from dynattn.vocabulary.graphs import SOURCES
from dynattn.vocabulary.sizes import Size

if TYPE_CHECKING:
    from dynattn.network.build import Connections, Network


@dataclass(frozen=True)
class Section:
    """One table: its title, its columns, its rows."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    @property
    def facts(self) -> list[dict[str, str | int | None]]:
        """The rows as JSON objects: whole numbers as such, ``?`` as null."""
        return [dict(zip(self.columns, map(_fact, row), strict=True)) for row in self.rows]


def _fact(cell: str) -> str | int | None:
    return int(cell) if cell.isdecimal() else None if cell == "?" else cell


def summary(model: Model, network: Network, program: Program) -> tuple[Section, ...]:
    """Every section that has something to say."""
    sections = (
        populations(model),
        couplings(model, network),
        forms(model, network, program),
        parameters(model),
        laws(model, network),
    )
    return tuple(section for section in sections if section.rows)


def facts(model: Model, network: Network, program: Program) -> dict[str, Any]:
    """The summary as one JSON object."""
    tables = {section.title: section.facts for section in summary(model, network, program)}
    return {"model": model.name, **tables, "parameter_count": parameter_count(model)}


def populations(model: Model) -> Section:
    """Populations, their size, and the manifold of each state."""
    names = short_names(model)
    rows = [
        (
            population.name,
            sized(population.size, model),
            state.name.rsplit(".", 1)[-1],
            str(state.manifold) + "".join(f" x{axis}" for axis in state.axes),
            init_text(state.init, names, model.sizes),
        )
        for population in model.populations
        for state in population.states
    ]
    return Section(
        "populations", ("population", "nodes", "state", "manifold", "start"), tuple(rows)
    )


def couplings(model: Model, network: Network) -> Section:
    """Couplings with their graph, number of edges and kernel."""
    writer = Writer(short_names(model))
    rows = [
        (
            coupling.name,
            f"{coupling.sender} -> {coupling.receiver}",
            graph_text(coupling),
            edge_text(model, coupling, network.connections[coupling.name]),
            (f"{coupling.adaptive} weights, " if coupling.adaptive else "")
            + writer.write(coupling.kernel),
        )
        for coupling in model.couplings
    ]
    return Section("couplings", ("coupling", "from -> to", "graph", "edges", "kernel"), tuple(rows))


def forms(model: Model, network: Network, program: Program) -> Section:
    """The form chosen for the sum of every coupling, and its cost."""
    chosen = chosen_forms(program)
    rows = []
    for coupling in model.couplings:
        form = chosen.get(coupling.name, Form("unused", 0))
        cost = cost_text(form, model, coupling, network.connections[coupling.name])
        rows.append((coupling.name, form.title, cost))
    return Section("forms", ("sum of", "computed as", "cost of one right-hand side"), tuple(rows))


def graph_text(coupling: Coupling) -> str:
    """``watts_strogatz_graph(n=500, k=10)`` or ``causal(T)``, after the name the spec gave it."""
    use = coupling.graph
    own = SOURCES.get(use.source)
    given = dict(use.arguments)
    parts = [str(given.pop("n"))] if own and "n" in given else []
    parts += [f"{name}={value}" for name, value in given.items()]
    text = (use.generator or use.source) + (f"({', '.join(parts)})" if parts else "")
    text += " without self" if own and own.include_self and not use.include_self else ""
    return f"{use.name} = {text}" if use.name else text


def edge_text(model: Model, coupling: Coupling, connections: Connections) -> str:
    """The number of edges; for a size that is only known with the data, its formula."""
    if connections.edge_count is not None:
        return str(connections.edge_count)
    size = str(model.population[coupling.receiver].size)
    return f"{size}*({size} + 1)/2" if connections.kind == "causal" else f"{size}^2"


# ── the form chosen, and its cost ──────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Form:
    """How a coupling's sum is computed: a form's name and the number of arrays it sums."""

    name: str
    features: int

    @property
    def title(self) -> str:
        """The form in words."""
        return FORMS[self.name][0]


FORMS = {
    "mean_field": ("mean field", "{f} sums over {n} nodes", "O(N)"),
    "prefix": ("running sums", "{f} running sums over {n} nodes", "O(N)"),
    "csr": ("sparse matrix product", "{f} products with {e} edges", "O(E)"),
    "dense": ("dense matrix product", "{f} products with a {n} x {n} matrix", "O(N^2)"),
    "attention": ("fused attention", "{e} inner products, no {n} x {n} array kept", "O(T^2)"),
    "edges": ("edge by edge", "{e} kernels", "O(E)"),
    "pairs": ("pair by pair", "{e} kernels", "O(N^2)"),
    "unused": ("not used", "nothing", "0"),
}
"""By form: its name in words, what one right-hand side costs, and how that grows."""


def chosen_forms(program: Program) -> dict[str, Form]:
    """By coupling: the form its sum takes in the program."""
    found: dict[str, Form] = {}
    for block in program.blocks:
        for node in block.nodes:
            read = _form_of(node)
            if read is not None:
                found[read[0]] = read[1]
    return found


def _form_of(node: Node) -> tuple[str, Form] | None:
    match node.op:
        case "graph_sum":
            coupling, form, _ = node.payload
            return coupling, Form(form, len(node.inputs))
        case "attention":
            return node.payload, Form("attention", 1)
        case "edge_sum":
            kind = node.inputs[0].type.place.kind
            return node.payload, Form("pairs" if kind == "pairs" else "edges", 1)
    return None


def cost_text(form: Form, model: Model, coupling: Coupling, connections: Connections) -> str:
    """What one right-hand side costs, in numbers and in its order."""
    nodes = sized(model.population[coupling.receiver].size, model)
    edges = edge_text(model, coupling, connections)
    _, text, order = FORMS[form.name]
    return f"{order}: {text.format(f=form.features, n=nodes, e=edges)}"


# ── parameters and laws ────────────────────────────────────────────────────────────────────────


def parameters(model: Model) -> Section:
    """Parameters with shape, how many numbers, how many copies, and where they start."""
    names = short_names(model)
    copies = layer_uses(model.network, model.sizes)
    rows = []
    for parameter in model.parameters:
        count = numbers_in(parameter, model, copies)
        rows.append(
            (
                parameter.name,
                shape_text(parameter, model),
                str(copies.get(parameter.layer, 1)) if parameter.layer else "1",
                "?" if count is None else str(count),
                "learned" if parameter.learned else "set",
                init_text(parameter.init, names, model.sizes),
            )
        )
    columns = ("parameter", "shape", "copies", "numbers", "how", "start")
    return Section("parameters", columns, tuple(rows))


def parameter_count(model: Model) -> dict[str, int]:
    """How many numbers are learned, and how many are set."""
    copies = layer_uses(model.network, model.sizes)
    count = {"learned": 0, "set": 0}
    for parameter in model.parameters:
        numbers = numbers_in(parameter, model, copies) or 0
        count["learned" if parameter.learned else "set"] += numbers
    return count


def numbers_in(parameter: Parameter, model: Model, copies: Mapping[str, int]) -> int | None:
    """How many numbers a parameter has in all its copies; None where that is not known yet."""
    sizes = list(parameter.shape)
    if parameter.place.kind == "nodes":
        sizes.append(model.population[parameter.place.name].size)
    if parameter.place.kind == "edges" or any(s.names - set(model.sizes) for s in sizes):
        return None
    uses = copies.get(parameter.layer, 1) if parameter.layer else 1
    return uses * prod(size.value(model.sizes) for size in sizes)


def shape_text(parameter: Parameter, model: Model) -> str:
    """``500`` per node, ``96 x 192``, or ``number``."""
    place = parameter.place
    axes = [model.population[place.name].size] if place.kind == "nodes" else []
    text = " x ".join(sized(size, model) for size in (*axes, *parameter.shape))
    if place.kind == "edges":
        return f"edges of {place.name}" + (f" x {text}" if text else "")
    return text or "number"


def sized(size: Size, model: Model) -> str:
    """The value of a size, or its formula where a sample decides."""
    return str(size) if size.names - set(model.sizes) else str(size.value(model.sizes))


def laws(model: Model, network: Network) -> Section:
    """The equation of every state, with the sums and definitions that stand in it."""
    weighted = [name for name, item in network.connections.items() if "weight" in item.attributes]
    rows = tuple((line.place or "model", str(line)) for line in equations(model, weighted))
    return Section("equations", ("in", "equation"), rows)
