"""From a Model and its Network to a Program: whole-array blocks, then the passes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from dynattn.model import typing
from dynattn.model.composition import (
    AssignStep,
    CallStep,
    Layer,
    LayerStep,
    OutputStep,
    RepeatStep,
    Step,
)
from dynattn.model.model import Model
from dynattn.model.parts import Draw, Law, State
from dynattn.model.terms import Term
from dynattn.network.build import Network
from dynattn.program.layout import widest
from dynattn.program.network_rules import whole
from dynattn.program.nodes import (
    Apply,
    ArrayType,
    Block,
    Call,
    Evolve,
    Loop,
    Node,
    Program,
    ProgramStep,
)
from dynattn.program.passes.schedule import run_passes
from dynattn.program.rules import Builder
from dynattn.program.starts import initial_value


def build_program(
    model: Model, network: Network, rewrite: bool = True, drawn: bool = False
) -> Program:
    """The array program of a model; ``rewrite`` False leaves every coupling in its plain form.

    ``drawn``: whether what is drawn may differ between the points of a batch.
    """
    varied = varied_parameters(model, drawn)
    laws = in_order(model)
    program = Program(
        initial=_initial(model, network),
        field=_rates(model, network, laws, varied, "field") if laws else None,
        retraction=_retraction(model, network, laws) if laws else None,
        observe=_named_terms(
            model, network, varied, "observe", [(o.name, o.value) for o in model.observables]
        ),
        records=_named_terms(model, network, varied, "records", _records(model)),
        steps=_steps(model, network, varied, model.network),
        loss=_loss(model, network, varied),
        noise=_noise(model, network, model.laws, varied, "noise"),
        jumps=_jumps(model, network, varied),
        delays=_delays(model, network, varied),
    )
    return run_passes(program, model, network) if rewrite else program


def in_order(model: Model) -> tuple[Law, ...]:
    """The laws in the order of the states: callers that unpack states get rates that fit."""
    places = {name: place for place, name in enumerate(model.states)}
    return tuple(sorted(model.laws, key=lambda law: places[law.state]))


def varied_parameters(model: Model, drawn: bool = False) -> frozenset[str]:
    """Parameters that an experiment varies, and those whose initial values depend on them; with
    ``drawn`` those that are drawn too.
    """
    found = set(model.varied)
    if drawn:
        found |= {p.name for p in model.parameters if isinstance(p.init, Draw)}
    # A parameter stands after those it is made from, so one pass in order is enough.
    for parameter in model.parameters:
        terms = parameter.init.arguments if isinstance(parameter.init, Draw) else (parameter.init,)
        if any(_mentions(term, found) for term in terms):
            found.add(parameter.name)
    return frozenset(found)


def _mentions(term: Term, names: set[str]) -> bool:
    if term.op == "parameter" and term.payload in names:
        return True
    return any(_mentions(arg, names) for arg in term.args)


def _rates(
    model: Model, network: Network, laws: Sequence[Law], varied: frozenset[str], name: str
) -> Block:
    builder = Builder(model, network, varied)
    outputs = [
        (law.state, spread(builder, builder.node(law.rate), model.states[law.state]))
        for law in laws
    ]
    return Block(name, tuple(outputs))


def spread(builder: Builder, rate: Node, state: State) -> Node:
    """A rate that is the same for all nodes or coordinates, given the state's own layout."""
    kind = ArrayType(builder.place(state.place), state.shape, state.manifold.dtype, True)
    if replace(rate.type, dtype=widest(rate)) != kind:
        zero = builder.maker.make("state", (), kind, state.name)
        nothing = builder.maker.elementwise("mul", zero, builder.maker.number(0.0))
        rate = builder.maker.elementwise("add", rate, nothing)
    return builder.on_edges_alone(rate, state.place) if state.coupling else rate


def _retraction(model: Model, network: Network, laws: Sequence[Law]) -> Block:
    builder = Builder(model, network)
    outputs = []
    for law in laws:
        builder.retracted = law.state
        outputs.append((law.state, builder.node(law.retraction)))
    return Block("retraction", tuple(outputs))


def _noise(
    model: Model, network: Network, laws: Sequence[Law], varied: frozenset[str], name: str
) -> Block | None:
    builder = Builder(model, network, varied)
    outputs = []
    for law in laws:
        if law.noise is not None:
            builder.retracted = law.state
            node = builder.node(law.noise)
            outputs.append((law.state, spread(builder, node, model.states[law.state])))
    return Block(name, tuple(outputs)) if outputs else None


def _jumps(model: Model, network: Network, varied: frozenset[str]) -> Block | None:
    terms = [(f"jump {number}", term) for number, term in enumerate(model.jumps)]
    return _named_terms(model, network, varied, "jumps", terms)


def _delays(model: Model, network: Network, varied: frozenset[str]) -> Block | None:
    terms = [(c.name, c.delay) for c in model.couplings if c.delay is not None]
    return _named_terms(model, network, varied, "delays", terms)


def _named_terms(
    model: Model,
    network: Network,
    varied: frozenset[str],
    name: str,
    terms: Sequence[tuple[str, Term]],
) -> Block | None:
    if not terms:
        return None
    builder = Builder(model, network, varied)
    return Block(name, tuple((label, builder.shown(term)) for label, term in terms))


def _records(model: Model) -> list[tuple[str, Term]]:
    runs = model.plans
    found = {r.label: r.value for run in runs for r in run.records}
    ends = [s.until for s in model.simulations if s.until is not None]
    found |= {f"until {e.label}": e.condition for e in ends if e.condition is not None}
    return list(found.items())


def _loss(model: Model, network: Network, varied: frozenset[str]) -> Block | None:
    if model.training is None:
        return None
    terms = [("loss", model.training.loss)]
    terms += [(r.label, r.value) for r in model.training.records if r.label != "loss"]
    return _named_terms(model, network, varied, "loss", terms)


def _steps(
    model: Model, network: Network, varied: frozenset[str], steps: Sequence[Step]
) -> tuple[ProgramStep, ...]:
    found: list[ProgramStep] = []
    for step in steps:
        match step:
            case AssignStep(name, is_state, value, owner):
                kind = model.states[name].manifold.dtype if is_state else typing.held(value).dtype
                found.append(
                    Call(_held(model, network, varied, name, [(name, value, kind)]), owner)
                )
            case OutputStep(name, value, owner):
                held = [(name, value, value.type.dtype)]
                found.append(Call(_held(model, network, varied, name, held), owner))
            case CallStep(layer, arguments, target, _, owner):
                given = [(name, value, typing.held(value).dtype) for name, value in arguments]
                if given:
                    name = f"arguments of {layer}"
                    found.append(Call(_held(model, network, varied, name, given), owner))
                output = model.layer[layer].output
                assert output is not None, "the checker calls layers with an output"
                held = [(layer, output, typing.held(output).dtype)]
                evolve = _evolve(model, network, varied, layer)
                held = _held(model, network, varied, layer, held)
                found.append(Apply(layer, held, target, evolve))
            case LayerStep(name):
                evolve = _evolve(model, network, varied, name)
                assert evolve is not None, "without arguments a layer moves something"
                found.append(evolve)
            case RepeatStep(count, tied, inner):
                found.append(Loop(count, tied, _steps(model, network, varied, inner)))
    return tuple(found)


def _evolve(model: Model, network: Network, varied: frozenset[str], name: str) -> Evolve | None:
    """What moves in a layer; None where nothing does."""
    layer = model.layer[name]
    if layer.rests:
        points = [(rest.state, rest.point, "real") for rest in layer.rests]
        return Evolve(name, _held(model, network, varied, name, points), Block(name, ()), None)
    if not layer.laws:
        return None
    rate = _rates(model, network, layer.laws, varied, name)
    start = _starts(model, network, varied, layer) if layer.own else None
    noise = _noise(model, network, layer.laws, varied, name)
    retraction = _retraction(model, network, layer.laws)
    return Evolve(name, rate, retraction, layer.evolution, start, noise)


def _starts(model: Model, network: Network, varied: frozenset[str], layer: Layer) -> Block:
    """The initial values of a layer's own states; draws are those of the copy at work."""
    builder = Builder(model, network, varied)
    outputs = []
    for name in layer.own:
        state = model.states[name]
        place = builder.place(state.place)
        node = initial_value(builder, state, state.place, state.shape)
        kind = ArrayType(place, state.shape, state.manifold.dtype, node.type.batched)
        if (node.type.place, node.type.shape) != (kind.place, kind.shape):
            maker = builder.maker.at(state.span)
            node = node if kind.dtype == "complex" else maker.real(node)
            node = maker.make("broadcast", [maker.align(node, kind)], kind)
        outputs.append((name, node))
    return Block(layer.name, tuple(outputs))


def _held(
    model: Model,
    network: Network,
    varied: frozenset[str],
    name: str,
    values: Sequence[tuple[str, Term, str]],
) -> Block:
    """A block of values (name, term, dtype), each in the whole place and shape of its term."""
    builder = Builder(model, network, varied)
    outputs = []
    for result, term, dtype in values:
        outputs.append((result, whole(builder, term, dtype)))
    return Block(name, tuple(outputs))


# ── initial values ─────────────────────────────────────────────────────────────────────────────


def _initial(model: Model, network: Network) -> Block:
    """Parameters in the order of their declaration, then states: values and draws."""
    builder = Builder(model, network)
    outputs = [(p.name, initial_value(builder, p, p.place, p.shape)) for p in model.parameters]
    for state in model.lasting.values():
        outputs.append((state.name, initial_value(builder, state, state.place, state.shape)))
    return Block("initial", tuple(outputs))
