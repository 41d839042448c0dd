"""What a compilation built, as tables: populations, couplings, forms, parameters, equations."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any, TypeGuard

from dynattn.model.model import Model
from dynattn.model.parts import Coupling, Draw, Parameter
from dynattn.model.terms import Term
from dynattn.network.diagram import built_graph, spell_edges, spell_graph
from dynattn.network.equations import spell_coupling, spell_laws
from dynattn.network.spelling import short, short_names, spell_term
from dynattn.network.styles import PLAIN, Style
from dynattn.present.separability import reasons
from dynattn.program.copies import layer_uses
from dynattn.program.nodes import CLASSES, GIVEN_WEIGHTS, Node, Program
from dynattn.program.row_blocks import at_a_time, each_once
from dynattn.vocabulary.functions import ELEMENTWISE
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


def summary(
    model: Model, network: Network, program: Program, style: Style = PLAIN
) -> tuple[Section, ...]:
    """Every section that has something to say; equations in ``style``."""
    sections = (
        populations(model),
        groups(model),
        couplings(model, network),
        matching(network),
        forms(model, network, program),
        layers(model),
        parameters(model, network),
        laws(model, network, style),
    )
    return tuple(section for section in sections if section.rows)


def facts(model: Model, network: Network, program: Program) -> dict[str, Any]:
    """The summary as one JSON object."""
    tables = {section.title: section.facts for section in summary(model, network, program)}
    return {"model": model.name, **tables, "parameter_count": parameter_count(model, network)}


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
    rows += [
        (population.name, sized(population.size, model), "none", "", "")
        for population in model.populations
        if not population.states and not population.is_sequence
    ]
    rows += [
        (
            coupling.name,
            f"of {state.population}" if state.population else "edges",
            state.name.rsplit(".", 1)[-1],
            str(state.manifold) + "".join(f" x{axis}" for axis in state.axes),
            init_text(state.init, names, model.sizes),
        )
        for coupling in model.couplings
        for state in (*coupling.states, *coupling.averages)
    ]
    return Section(
        "populations", ("population", "nodes", "state", "manifold", "start"), tuple(rows)
    )


def groups(model: Model) -> Section:
    """Groups of populations, their size, and the states that their members share."""
    rows = tuple(
        (
            group.name,
            " + ".join(group.members),
            sized(group.size, model),
            ", ".join(state.name.rsplit(".", 1)[-1] for state in group.states),
        )
        for group in model.groups
    )
    return Section("groups", ("group", "members in order", "nodes", "states shared"), rows)


def layers(model: Model) -> Section:
    """Layers with arguments: what they take, how many copies there are, and what comes out."""
    names, copies = short_names(model), layer_uses(model.network, model.sizes)
    rows = [
        (
            layer.name,
            ", ".join(argument.span.text for argument in layer.arguments),
            str(copies.get(layer.name, 0)),
            spell_term(layer.output, names=names),
        )
        for layer in model.layers
        if layer.output is not None
    ]
    return Section("layers", ("layer", "arguments", "copies", "output"), tuple(rows))


def couplings(model: Model, network: Network) -> Section:
    """Couplings with their graph, number of edges and kernel."""
    names = short_names(model)
    rows = [
        (
            coupling.name if coupling.acts else f"{coupling.name}, a readout",
            f"{coupling.sender} -> {coupling.receiver}",
            graph_text(coupling, network.connections[coupling.name]),
            spell_edges(model, coupling, network.connections[coupling.name]),
            (f"{coupling.adaptive} weights, " if coupling.adaptive else "")
            + spell_term(coupling.kernel, names=names),
        )
        for coupling in model.couplings
    ]
    return Section("couplings", ("coupling", "from -> to", "graph", "edges", "kernel"), tuple(rows))


def matching(network: Network) -> Section:
    """For graphs from files: which id of the file became which node."""
    found = {name: item.matching for name, item in network.connections.items()}
    rows = tuple((n, text) for n, text in {**network.matching, **found}.items() if text)
    return Section("nodes of graphs", ("population or coupling", "matched so"), rows)


def forms(model: Model, network: Network, program: Program) -> Section:
    """The form chosen for the sum of every coupling, its cost, and why it computes anything for
    every edge.
    """
    chosen, why = chosen_forms(program), reasons(program, model)
    parts = at_a_time(program, network.connections, model.sizes)
    once = each_once(program, network.connections, model.sizes)
    columns = ("sum of", "computed as", "cost of one right-hand side", *(("why",) if why else ()))
    rows = []
    for coupling in model.couplings:
        form = chosen.get(coupling.name, Form("unused", 0))
        cost = cost_text(form, model, coupling, network.connections[coupling.name])
        cost += ", each undirected edge once" if coupling.name in once else ""
        if coupling.name in parts:
            cost += f", in blocks of {parts[coupling.name]} receivers"
        reason = (why.get(coupling.name, ""),) if why else ()
        rows.append((coupling.name, form.title, cost, *reason))
    return Section("forms", columns, tuple(rows))


def graph_text(coupling: Coupling, connections: Connections) -> str:
    """``net = watts_strogatz_graph(n=500, k=10)``: a graph after the name the spec gave it."""
    text = spell_graph(built_graph(coupling.graph, connections))
    return f"{coupling.graph.name} = {text}" if coupling.graph.name else text


# ── the form chosen, and its cost ──────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Form:
    """How a coupling's sum is computed: a form's name and the number of arrays it sums."""

    name: str
    features: int
    weight: str | None = None
    """What weighs the edges of a ``graph_sum``."""

    @property
    def title(self) -> str:
        """The form in words."""
        return FORMS[self.name][0]


FORMS = {
    "mean_field": ("mean field", "{sum} over {n} nodes", "O(N)"),
    "prefix": ("running sums", "{running sum} over {n} nodes", "O(N)"),
    "window": ("running sums of a window", "{windowed sum} over {n} nodes", "O(N)"),
    "roll": ("shifted copies", "{shifted sum} over {e} edges", "O(E)"),
    "fft": ("Fourier transform", "{convolution} over {n} nodes", "O(N log N)"),
    "blocks": ("sums of blocks", "{sum} over {n} nodes, weighed by {b}", "O(N + B^2)"),
    CLASSES: ("sums of blocks", "{sum} over {n} nodes, each over those of its class", "O(N)"),
    "low_rank": ("product of thin factors", "{product} with two {n} x {r} matrices", "O(N r)"),
    "csr": ("sparse matrix product", "{product} with {e} edges", "O(E)"),
    "dense": ("dense matrix product", "{product} with a {n} x {m} matrix", "O(N^2)"),
    "weighted": ("matrix product", "{product} with the {n} x {m} weights", "O(N^2)"),
    "attention": ("fused attention", "{e} inner products, no {n} x {m} array kept", "O(T^2)"),
    "edges": ("edge by edge", "{e} kernels", "O(E)"),
    "pairs": ("pair by pair", "{e} kernels", "O(N^2)"),
    "unused": ("nothing to sum", "a constant, or not compiled", "0"),
}
"""By form: its name in words, what one right-hand side costs, and how that grows."""

PLAIN_FORMS = ("edges", "pairs")
"""Forms that sum the kernels, or beside another form the weights alone."""


def chosen_forms(program: Program) -> dict[str, Form]:
    """By coupling: the form its sum takes in the program."""
    found: dict[str, Form] = {}
    for block in program.blocks:
        for node in block.nodes:
            read = _form_of(node)
            if read is not None and (read[0] not in found or read[1].name not in PLAIN_FORMS):
                found[read[0]] = read[1]
    return found


def _form_of(node: Node) -> tuple[str, Form] | None:
    match node.op:
        case "graph_sum":
            coupling, form, weight = node.payload
            others = 2 if weight == CLASSES else weight in GIVEN_WEIGHTS
            return coupling, Form(form, len(node.inputs) - others, weight)
        case "attention":
            return node.payload, Form("attention", 1)
        case "successor_attention":
            return node.payload[0], Form("attention", 1)
        case "edge_sum" | "edge_mean":
            kind = node.inputs[0].type.place.kind
            return node.payload, Form("pairs" if kind == "pairs" else "edges", 1)
    return None


def cost_text(form: Form, model: Model, coupling: Coupling, connections: Connections) -> str:
    """What one right-hand side costs, in numbers and in its order."""
    nodes = sized(model.population[coupling.receiver].size, model)
    senders = sized(model.population[coupling.sender].size, model)
    edges = spell_edges(model, coupling, connections)
    _, text, order = FORMS[CLASSES if form.weight == CLASSES else form.name]
    counted = {
        word: f"{form.features} {word}{'' if form.features == 1 else 's'}"
        for word in ("sum", "running sum", "windowed sum", "shifted sum", "convolution", "product")
    }
    blocks = connections.blocks(form.weight) if form.name == "blocks" else None
    factors = connections.factors(form.weight) if form.name == "low_rank" else None
    counted |= {"b": blocks.text if blocks else "", "r": str(factors[0].shape[1] if factors else 0)}
    return f"{order}: {text.format(n=nodes, m=senders, e=edges, **counted)}"


# ── parameters and laws ────────────────────────────────────────────────────────────────────────


def parameters(model: Model, network: Network) -> Section:
    """Parameters with shape, how many numbers, how many copies, and where they start."""
    names = short_names(model)
    copies = layer_uses(model.network, model.sizes)
    rows = []
    for parameter in model.declared:
        count = numbers_in(parameter, model, network, copies)
        rows.append(
            (
                parameter.name,
                shape_text(parameter, model) + manifold_text(parameter),
                str(copies.get(parameter.layer, 1)) if parameter.layer else "1",
                "?" if count is None else str(count),
                "learned" if parameter.learned else "set",
                init_text(parameter.init, names, model.sizes),
            )
        )
    columns = ("parameter", "shape", "copies", "numbers", "how", "start")
    return Section("parameters", columns, tuple(rows))


def parameter_count(model: Model, network: Network) -> dict[str, int]:
    """How many numbers are learned, and how many are set."""
    copies = layer_uses(model.network, model.sizes)
    count = {"learned": 0, "set": 0}
    for parameter in model.declared:
        numbers = numbers_in(parameter, model, network, copies) or 0
        count["learned" if parameter.learned else "set"] += numbers
    return count


def numbers_in(
    parameter: Parameter, model: Model, network: Network, copies: Mapping[str, int]
) -> int | None:
    """How many real numbers a parameter has in all its copies, a complex one being two; None where
    that is not known yet.
    """
    sizes, place = list(parameter.shape), parameter.place
    if place.kind == "nodes":
        sizes.append(model.population[place.name].size)
    edges = network.connections[place.name].edge_count if place.kind == "edges" else 1
    if edges is None or any(s.names - set(model.largest) for s in sizes):
        return None
    uses = copies.get(parameter.layer, 1) if parameter.layer else 1
    parts = 2 if parameter.dtype == "complex" else 1
    return parts * edges * uses * prod(size.value(model.largest) for size in sizes)


def shape_text(parameter: Parameter, model: Model) -> str:
    """``500`` per node, ``96 x 192``, or ``number``."""
    place = parameter.place
    axes = [model.population[place.name].size] if place.kind == "nodes" else []
    text = " x ".join(sized(size, model) for size in (*axes, *parameter.shape))
    if place.kind == "edges":
        return f"edges of {place.name}" + (f" x {text}" if text else "")
    return text or "number"


def manifold_text(parameter: Parameter) -> str:
    """`` on circle``, where it is not made of plain numbers."""
    manifold = parameter.manifold
    return f" on {manifold}" if manifold is not None and manifold.name != "real" else ""


def sized(size: Size, model: Model) -> str:
    """The value of a size, or its formula where a sample decides."""
    return str(size) if size.names - set(model.sizes) else str(size.value(model.sizes))


def laws(model: Model, network: Network, style: Style = PLAIN) -> Section:
    """The equation of every state, its sums written out, and the definitions that stand in it."""
    weighted = [name for name, item in network.connections.items() if "weight" in item.attributes]
    places = [("model", model.laws), *((layer.name, layer.laws) for layer in model.layers)]
    rows = tuple(
        (place, line)
        for place, found in places
        for line in spell_laws(model, found, style, weighted=weighted)
    )
    rows += tuple(_readouts(model, style, weighted, [line for _, line in rows]))
    return Section("equations", ("in", "equation"), rows)


def _readouts(
    model: Model, style: Style, weighted: Collection[str], told: Sequence[str]
) -> Iterator[tuple[str, str]]:
    """The sums of the readouts that no law has told already."""
    for coupling in model.couplings:
        if not coupling.acts:
            name = style.index(short(coupling.name), "i")
            text = spell_coupling(model, coupling, style, weighted=coupling.name in weighted)
            if f"{name} = {text}" not in told:
                yield coupling.layer or "model", f"{name} = {text}"


# ── where states and parameters start ──────────────────────────────────────────────────────────


def init_text(init: Term | Draw, names: Mapping[str, str], sizes: Mapping[str, int]) -> str:
    """``= 0`` or ``~ normal(0, 0.5)``; what is fixed by numbers and sizes is computed."""
    if isinstance(init, Draw):
        if init.distribution == "on_manifold":
            return "~ uniform"
        inside = ", ".join(_computed(term, names, sizes) for term in init.arguments)
        return f"~ {init.distribution}({inside})"
    return f"= {_computed(init, names, sizes)}"


def _computed(term: Term, names: Mapping[str, str], sizes: Mapping[str, int]) -> str:
    """The number a term is, or the term where it is none yet."""
    value = _number(term, sizes)
    return spell_term(term, names=names) if value is None else f"{value:.4g}"


def _number(term: Term, sizes: Mapping[str, int]) -> float | None:
    import numpy

    if term.op == "number":
        return None if isinstance(term.payload, complex) else term.payload
    if term.op == "size" and term.payload.names <= set(sizes):
        return term.payload.value(sizes)
    values = [_number(argument, sizes) for argument in term.args]
    if term.op not in ELEMENTWISE or any(value is None for value in values):
        return None
    if term.type.dtype == "complex":
        return None
    return float(ELEMENTWISE[term.op].value(numpy, *map(float, filter(_known, values))))


def _known(value: float | None) -> TypeGuard[float]:
    return value is not None
