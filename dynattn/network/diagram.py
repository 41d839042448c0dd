"""The coupling graph to look at: populations, inputs and outputs, and what runs between them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from dynattn.model.composition import (
    AssignStep,
    CallStep,
    LayerStep,
    OutputStep,
    RepeatStep,
    Step,
)
from dynattn.model.model import Model
from dynattn.model.parts import Coupling, GraphUse, Law, Population, State
from dynattn.model.terms import Term
from dynattn.network.connections import Connections
from dynattn.network.equations import named_couplings, spell_law, summands
from dynattn.network.spelling import short, spell_number, spell_term
from dynattn.vocabulary.sizes import Size, SizeError

if TYPE_CHECKING:
    from networkx import MultiDiGraph


def draw_diagram(model: Model, connections: Mapping[str, Connections]) -> MultiDiGraph:
    """The diagram; every attribute is text, so that any graph format can hold it."""
    import networkx

    diagram = networkx.MultiDiGraph(name=model.name)
    for population in model.populations:
        if population.is_sequence:
            continue
        diagram.add_node(population.name, **_describe_population(model, population))
    for group in model.groups:
        described = {"kind": "group", "size": _count(model, group.size)}
        described |= {"manifold": "; ".join(map(_spell_state, group.states))}
        diagram.add_node(group.name, **described)
        for member in group.members:
            diagram.add_edge(member, group.name, kind="member")
    for coupling in model.couplings:
        if coupling.name in connections:
            facts = _describe_coupling(model, coupling, connections[coupling.name])
            diagram.add_edge(coupling.sender, coupling.receiver, key=coupling.name, **facts)
    for layer in model.layers:
        for law in layer.laws:
            _add_drift(diagram, model, layer.name, law)
    _Flow(diagram, model).follow(model.network)
    return diagram


# ── populations ────────────────────────────────────────────────────────────────────────────────


def _describe_population(model: Model, population: Population) -> dict[str, str]:
    names = [state.name for state in population.states]
    return {
        "kind": "population",
        "size": _count(model, population.size),
        "states": ", ".join(short(name) for name in names),
        "manifold": "; ".join(map(_spell_state, population.states)),
        "laws": "; ".join(
            spell_law(model, law)
            for law in model.laws
            if law.state in names and not law.is_velocity
        ),
    }


def _spell_state(state: State) -> str:
    axes = f"[{', '.join(map(str, state.axes))}]" if state.axes else ""
    return f"{short(state.name)}{axes} on {state.manifold}"


def _count(model: Model, size: Size) -> str:
    """The number a size is, or the size itself where each sample has its own."""
    try:
        return str(size.value(model.sizes))
    except SizeError:
        return str(size)


# ── couplings ──────────────────────────────────────────────────────────────────────────────────


def _describe_coupling(model: Model, coupling: Coupling, found: Connections) -> dict[str, str]:
    weight = spell_term(coupling.weight) if coupling.weight else ""
    return {
        "kind": "coupling",
        "kernel": spell_term(coupling.kernel),
        "graph": spell_graph(built_graph(coupling.graph, found)),
        "structure": found.structure,
        "edges": spell_edges(model, coupling, found),
        "weight": f"{coupling.adaptive}({weight})" if coupling.adaptive else weight,
        "strength": spell_term(coupling.strength) if coupling.strength else "",
        "normalize": coupling.normalize,
        "frustration": spell_term(coupling.frustration) if coupling.frustration else "",
        "heads": str(coupling.heads) if coupling.heads else "",
        "layer": coupling.layer or "",
        **({} if coupling.acts else {"acts": "no"}),
        **_edge_laws(model, coupling),
    }


def _edge_laws(model: Model, coupling: Coupling) -> dict[str, str]:
    """The laws of the states of the edges, as ``law``; nothing where there are none."""
    laws = [*model.laws, *(law for layer in model.layers for law in layer.laws)]
    names = {state.name for state in coupling.states}
    found = [spell_law(model, law) for law in laws if law.state in names and not law.is_velocity]
    return {"law": "; ".join(dict.fromkeys(found))} if found else {}


def built_graph(use: GraphUse, found: Connections) -> GraphUse:
    """As built: between two populations, everyone leaves nobody out."""
    return replace(use, include_self=found.include_self) if use.source == "everyone" else use


def spell_graph(use: GraphUse) -> str:
    """The graph as the language writes it, names of sizes kept."""
    if use.source in ("file", "matrix", "edges", "sum", "product"):
        return _spell_made(use) + ("" if use.include_self else " without self")
    words = [(name, _spell_value(value)) for name, value in use.arguments]
    if use.source == "networkx":
        return f"{use.generator}({', '.join(f'{name}={value}' for name, value in words)})"
    sizes = ("n", "modules", "agents")
    words.sort(key=lambda item: item[0] not in sizes)
    inside = ", ".join(value if name in sizes else f"{name}={value}" for name, value in words)
    if use.source == "everyone" and not words and not use.include_self:
        return "everyone else"
    whole = use.source in ("everyone", "causal")
    called = f"{use.source}({inside})" if inside else use.source
    return called + (" without self" if whole and not use.include_self else "")


def _spell_made(use: GraphUse) -> str:
    arguments = dict(use.arguments)
    match use.source:
        case "sum" | "product":
            sign = " + " if use.source == "sum" else " * "
            return sign.join(_spell_part(part, sign) for part in arguments["parts"])
        case "edges":
            return f"edges [{', '.join(map(_spell_entry, arguments['entries']))}]"
    inside = [_spell_value(arguments.pop("path"))]
    for name, value in arguments.items():
        spelled = _spell_value(value)
        inside.append(f"{name}={f'matrix({spelled})' if use.source == 'matrix' else spelled}")
    return f"{use.source}({', '.join(inside)})"


def _spell_part(use: GraphUse, sign: str) -> str:
    if use.name:
        return use.name
    text = spell_graph(use)
    loose = text.endswith("without self") or (use.source == "sum" and sign == " * ")
    return f"({text})" if loose else text


def _spell_entry(entry: tuple[object, object, float | None]) -> str:
    sender, receiver, weight = entry
    return f"{sender} -> {receiver}" + ("" if weight is None else f": {spell_number(weight)}")


def _spell_value(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return spell_number(value)
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_spell_value, value))}]"
    return f'"{value}"' if isinstance(value, str) else str(value)


def spell_edges(model: Model, coupling: Coupling, found: Connections) -> str:
    """The number of edges; for a size that is only known with the data, its formula."""
    if found.edge_count is not None:
        return str(found.edge_count)
    receivers, senders = (model.population[p].size for p in (coupling.receiver, coupling.sender))
    if found.kind == "causal":
        return f"{receivers} ({receivers} {'+' if found.include_self else '-'} 1)/2"
    return f"{receivers} {senders}" if found.include_self else f"{receivers} ({senders} - 1)"


# ── layers and the network ─────────────────────────────────────────────────────────────────────


def _add_drift(diagram: MultiDiGraph, model: Model, layer: str, law: Law) -> None:
    """A layer's own motion of the nodes, couplings aside, as a loop at the population."""
    own = [spell_term(term) for term in summands(law.rate) if not named_couplings(term)]
    own += [spell_term(law.noise)] if law.noise is not None else []
    population = model.states[law.state].population
    if own and population:
        key = (
            f"{layer}.{short(law.state)}"
            if diagram.has_edge(population, population, layer)
            else layer
        )
        text = " + ".join(own)
        diagram.add_edge(population, population, key=key, kind="drift", kernel=text, layer=layer)


class _Flow:
    """Follows the network from inputs to outputs, through variables, to what each step reads."""

    def __init__(self, diagram: MultiDiGraph, model: Model):
        self.diagram = diagram
        self.model = model
        self.sources: dict[str, list[str]] = {}
        """For each network variable, the inputs, populations and layers it is made from."""

        self.texts: dict[str, str] = {}
        """For each network variable, what it was set to last."""

    def follow(self, steps: tuple[Step, ...], rounds: str = "") -> None:
        """Add nodes and edges for the steps; ``rounds``: how often the repeat around them runs."""
        for step in steps:
            match step:
                case RepeatStep():
                    here = f"{step.count}{' tied' if step.tied else ''}"
                    inside = f"{rounds} x {here}" if rounds else here
                    self.follow(step.steps, inside)
                    self.follow(step.steps, inside)  # what a round leaves, the next one reads
                case CallStep():
                    self._call(step, rounds)
                case LayerStep():
                    self._mark(step.layer, rounds)
                case AssignStep(is_state=True):
                    population = self.model.states[step.name].population
                    self._connect(step.value, population, f"{short(step.name)} =")
                case AssignStep():
                    self.texts[step.name] = spell_term(step.value)
                    self.sources[step.name] = list(dict.fromkeys(self._read(step.value)))
                case OutputStep():
                    self.diagram.add_node(step.name, kind="output")
                    self._connect(step.value, step.name, f"{step.name} =")

    def _call(self, step: CallStep, rounds: str) -> None:
        """A layer with arguments: a node that what it is given runs into."""
        layer = self.model.layer[step.layer]
        assert layer.output is not None
        facts = {"kind": "layer", "output": spell_term(layer.output)}
        self.diagram.add_node(step.layer, **facts, **({"repeat": rounds} if rounds else {}))
        for name, value in step.arguments:
            self._connect(value, step.layer, f"{short(name)} =", rounds)
        inside = [name for name in self._read(layer.output) if name != step.layer]
        for name in dict.fromkeys(inside):
            self.diagram.add_edge(name, step.layer, key=f"{step.layer} reads {name}", kind="set")
        self.sources[step.target] = [step.layer]
        given = ", ".join(spell_term(value) for _, value in step.arguments)
        self.texts[step.target] = f"{step.layer}({given})"

    def _mark(self, layer: str, rounds: str) -> None:
        for _, _, facts in self.diagram.edges(data=True):
            if facts.get("layer") == layer:
                facts["repeat"] = rounds

    def _connect(self, value: Term, target: str, key: str, rounds: str = "") -> None:
        for source in dict.fromkeys(self._read(value)):
            kind = "readout" if self.diagram.nodes[target]["kind"] == "output" else "set"
            text = self.texts.get(value.payload, "") if value.op == "variable" else ""
            text = text or spell_term(value)
            facts = {"kind": kind, "kernel": text, **({"repeat": rounds} if rounds else {})}
            self.diagram.add_edge(source, target, key=f"{key} {text}", **facts)

    def _read(self, term: Term) -> Iterator[str]:
        """Names of the nodes of the diagram that a term reads."""
        match term.op:
            case "input":
                self._add_input(term.payload)
                yield term.payload
            case "state" if self.model.states[term.payload].population:
                yield self.model.states[term.payload].population
            case "variable":
                yield from self.sources.get(term.payload, ())
        for argument in term.args:
            yield from self._read(argument)

    def _add_input(self, name: str) -> None:
        use = next(use for use in self.model.inputs if use.name == name)
        size = ", ".join(_count(self.model, axis) for axis in use.axes)
        self.diagram.add_node(
            name, kind="input", type=use.span.text.partition(":")[2].strip(), size=size
        )
