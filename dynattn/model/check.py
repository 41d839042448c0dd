"""From a SyntaxTree to a Model: every name, shape and role checked, every mistake reported at
once.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from dynattn.diagnostics.report import Diagnostic, UsageError
from dynattn.diagnostics.suggest import did_you_mean
from dynattn.model import readouts, typing
from dynattn.model.angles import refuse_jumps
from dynattn.model.averages import refuse_maps
from dynattn.model.composition import Step
from dynattn.model.couplings import declare_coupling
from dynattn.model.delays import refuse_in_network, refuse_readers
from dynattn.model.draft import Draft, head
from dynattn.model.energies import declare_energies
from dynattn.model.experiments import declare_experiments, is_run
from dynattn.model.expressions import Context, translate
from dynattn.model.graphs import declare_graph
from dynattn.model.groups import declare_group
from dynattn.model.inputs import declare_input, declare_places
from dynattn.model.laws import declare_equations, declare_velocities
from dynattn.model.layer_calls import declare_layer_heads, declare_layer_names
from dynattn.model.layer_dynamics import layer_laws
from dynattn.model.layers import declare_layer
from dynattn.model.memory import refuse_too_large
from dynattn.model.model import Model
from dynattn.model.network_steps import declare_network, refuse_time, values_of
from dynattn.model.parts import Observable
from dynattn.model.plans import Runs, Training
from dynattn.model.populations import announce_let, declare_drifts, declare_population
from dynattn.model.quantities import declare_dims, declare_parameter, declare_values
from dynattn.model.scope import Symbol
from dynattn.model.signals import refuse_signals_in_network
from dynattn.model.switches import throw_switches
from dynattn.model.terms import Term
from dynattn.model.training import declare_training
from dynattn.model.types import expand
from dynattn.model.words import without_words, words_of
from dynattn.syntax import tree as syntax
from dynattn.syntax.tree import SyntaxTree

D = TypeVar("D")


def check(
    tree: SyntaxTree,
    overrides: Mapping[str, Any] | None = None,
    most_nodes: int | None = None,
    points: Mapping[tuple[str, str, str], float] | None = None,
) -> Model:
    """The checked model, with parameters set as ``overrides`` say.

    ``most_nodes``: so many nodes at most are taken from a graph whose size no parameter sets.
    ``points``: what is known of points of experiments, such as ("branch", "fold", "c").
    Raises SpecError with every mistake of the file, and UsageError for a setting of an unknown
    name or one that is neither a number nor, where the spec has a word, another such word.
    """
    words, given = words_of(tree), overrides or {}
    _check_overrides(given, tree)
    draft = Draft(
        _numbers({n: value for n, value in given.items() if n not in words}),
        declarations=tuple(tree.declarations),
        most_nodes=most_nodes,
        points=points or {},
    )
    _refuse_planned(draft, tree)
    if draft.names_missing:
        draft.finish()
    tree = without_words(draft, tree, words, given)
    draft.later |= {item.name: "population" for item in _all(tree, syntax.Population)}
    draft.later |= {item.name: "group" for item in _all(tree, syntax.Group)}
    _declare_parameters(draft, tree)
    declare_layer_names(draft, _all(tree, syntax.Layer))
    for graph in _all(tree, syntax.Graph):
        declare_graph(draft, graph)
    tree = expand(draft, tree)
    for population in _all(tree, syntax.Population):
        declare_population(Context(draft, draft.scope), population)
        declare_velocities(Context(draft, draft.scope), population)
    for group in _all(tree, syntax.Group):
        declare_group(draft, group)
    refuse_too_large(draft)
    if any(item.code == "E328" for item in draft.errors.found):
        draft.finish()  # before anything is tried with numbers of that size
    declare_places(draft, tree)
    for item in _all(tree, syntax.Input):
        declare_input(draft, item)
    declare_layer_heads(draft)
    _declare_flow(draft, tree)
    steps = _declare_network(draft, tree)
    refuse_jumps(draft, steps)
    _declare_laws(draft, tree, bool(steps))
    _declare_observables(draft, tree)
    runs = declare_experiments(draft, _all(tree, syntax.Experiment))
    training = _declare_training(draft, tree)
    refuse_readers(draft, runs)
    if steps or _all(tree, syntax.Network):
        _check_network(draft, steps, training)
    readouts.refuse_unread(draft, _roots(draft, steps, runs, training))
    refuse_too_large(draft)
    draft.finish()
    return throw_switches(_model(draft, tree, steps, runs, training))


def _all(tree: SyntaxTree, kind: type[D]) -> list[D]:
    return [item for item in tree.declarations if isinstance(item, kind)]


def _refuse_planned(draft: Draft, tree: SyntaxTree) -> None:
    headers = _all(tree, syntax.ModelHeader)
    merged = not _all(tree, syntax.Use) and all(item.extends is None for item in headers[:1])
    assert merged, "parse_whole merges what a spec inherits"
    for second in headers[1:]:
        draft.names_missing |= second.extends is not None  # those of the model it extends
        earlier = (headers[0].span, "the first one")
        text = "a spec declares one model"
        draft.errors.add("E203", text, second.span, "delete one of the two lines", [earlier])
    if not headers and tree.declarations:
        first = head(tree.declarations[0].span)
        draft.errors.add(
            "E408", "the spec does not say its name", first, 'begin with: model NAME "doc"'
        )


def _declare_parameters(draft: Draft, tree: SyntaxTree) -> None:
    declared = _all(tree, syntax.Quantities)
    for item in declared:
        if item.keyword == "dim":
            declare_dims(draft, item)
    entries = [e for item in declared if item.keyword == "param" for e in item.entries]
    draft.later |= {e.name: "parameter whose value comes later" for e in entries if not e.axes}
    for item in declared:
        if item.keyword == "param":
            declare_values(draft, item)
    context = Context(draft, draft.scope)
    for item in declared:
        for entry in item.entries if item.keyword in ("param", "learn") else ():
            declare_parameter(context, entry, item.keyword == "learn")


def _numbers(overrides: Mapping[str, Any]) -> dict[str, Any]:
    """The settings as Python's numbers, also those that come as numpy's or torch's."""
    found = {
        name: getattr(value, "tolist", lambda v=value: v)() for name, value in overrides.items()
    }
    for name, value in found.items():
        if not isinstance(value, (int, float, complex)):
            message = f"the parameter '{name}' is set to {value!r}, which is no number"
            raise UsageError(Diagnostic("E702", message, None, f"give a number: {name}=2.5"))
    return found


def _check_overrides(overrides: Mapping[str, Any], tree: SyntaxTree) -> None:
    declared = [item for item in _all(tree, syntax.Quantities) if item.keyword == "param"]
    names = [e.name for item in declared for e in item.entries if not e.axes]
    for name in overrides:
        if name not in names:
            fix = did_you_mean(name, names, f"the parameters are {', '.join(names) or 'none'}")
            raise UsageError(
                Diagnostic("E701", f"there is no parameter '{name}' to set", None, fix)
            )


def _declare_flow(draft: Draft, tree: SyntaxTree) -> None:
    """Definitions, drifts, couplings and layers, in an order in which each knows the ones
    before.
    """
    context = Context(draft, draft.scope)
    readouts.announce(context, _all(tree, syntax.Coupling))
    for item in _all(tree, syntax.Let):
        announce_let(Context(draft, draft.scope, owner=item.name), item)
    for symbol in draft.definitions:
        symbol.value.term()
    for population in _all(tree, syntax.Population):
        declare_drifts(context, population)
        declare_energies(context, population)
    for coupling in _all(tree, syntax.Coupling):
        if coupling.acts:
            declare_coupling(context, coupling)
    readouts.declare_waiting(context)
    for population in _all(tree, syntax.Population):
        declare_equations(context, population)
    for layer in _all(tree, syntax.Layer):
        declare_layer(draft, layer)


def _declare_network(draft: Draft, tree: SyntaxTree) -> tuple[Step, ...]:
    networks = _all(tree, syntax.Network)
    draft.has_network = bool(networks)
    for second in networks[1:]:
        earlier = (head(networks[0].span), "the first one")
        text = "a model has one network"
        draft.errors.add("E203", text, head(second.span), "join the two", [earlier])
    if not networks:
        for layer in draft.layers.values():
            text = f"layer '{layer.name}' is never used: there is no network"
            draft.errors.add("E404", text, layer.span, f"write network {{ {layer.name} }}")
        return ()
    return declare_network(draft, networks[0])


def _check_network(draft: Draft, steps: tuple[Step, ...], training: Training | None) -> None:
    """What makes no sense where a network says what happens, and in what order."""
    refuse_in_network(draft)
    refuse_signals_in_network(draft)
    if steps:
        losses = [training.loss, *(r.value for r in training.records)] if training else []
        refuse_time(draft, steps, losses)


def _declare_laws(draft: Draft, tree: SyntaxTree, has_network: bool) -> None:
    """The laws of the open model; with a network, every law stands in a layer."""
    if has_network or _all(tree, syntax.Network):
        return
    own = [name for name, coupling in draft.couplings.items() if coupling.layer is None]
    for name, state in draft.states.items():
        if state.velocity_of is not None:
            continue
        if name not in draft.moved:
            text = f"nothing moves the state '{name}'"
            other = "an equation" if state.coupling else "a coupling"
            draft.errors.add("E405", text, state.span, f"give it a drift or {other}")
            continue
        pulled = any(name in draft.couplings[c].moves for c in own)
        if not (pulled or name in draft.drifts or name in draft.parts or name in draft.equations):
            continue
        scopes = {**draft.population_scopes, **draft.coupling_scopes}
        context = Context(draft, scopes[state.place.name])
        draft.laws |= {law.state: law for law in layer_laws(context, state, own, {})}
    draft.laws = {name: draft.laws[name] for name in draft.states if name in draft.laws}
    refuse_maps(draft)


def _declare_observables(draft: Draft, tree: SyntaxTree) -> None:
    for item in _all(tree, syntax.Observe):
        value = translate(Context(draft, draft.scope, owner=item.name, sums=""), item.value)
        named = Term("let", (value,), value.type, item.span, item.name)
        named = typing.unknown(item.span) if typing.is_unknown(value) else named
        symbol = Symbol("observable", item.name, item.span, named)
        if draft.scope.declare(symbol, draft.errors) and not typing.is_unknown(value):
            draft.observables[item.name] = Observable(item.name, value, item.span)


def _declare_training(draft: Draft, tree: SyntaxTree) -> Training | None:
    found = [item for item in _all(tree, syntax.Experiment) if item.kind == "train"]
    trains = [item for item in found if not is_run(draft, item)]
    for second in trains[1:]:
        earlier = (head(trains[0].span), "the first one")
        text = "a spec has one train block"
        draft.errors.add("E203", text, head(second.span), "join the two", [earlier])
    return declare_training(draft, trains[0]) if trains else None


def _roots(
    draft: Draft,
    steps: tuple[Step, ...],
    runs: Runs,
    training: Training | None,
) -> list[Term]:
    """The terms that a model computes for their own sake; clauses of couplings aside."""
    laws = [*draft.laws.values(), *(law for layer in draft.layers.values() for law in layer.laws)]
    found = [term for law in laws for term in law.terms]
    found += [layer.output for layer in draft.layers.values() if layer.output is not None]
    found += [observable.value for observable in draft.observables.values()]
    found += [record.value for group in runs for item in group for record in item.records]
    ends = [item.until for item in runs.simulations if item.until is not None]
    found += [item.condition for item in ends if item.condition is not None]
    if training is not None:
        found += [training.loss, *(record.value for record in training.records)]
    return [*found, *values_of(steps), *draft.jumps]


def _model(
    draft: Draft,
    tree: SyntaxTree,
    steps: tuple[Step, ...],
    runs: Runs,
    training: Training | None,
) -> Model:
    header = _all(tree, syntax.ModelHeader)[0]
    whole = {name: int(v) for name, v in draft.values.items() if float(v).is_integer()}
    return Model(
        name=header.name,
        doc=header.doc or "",
        source=tree.source,
        sizes=whole,
        dims=tuple(draft.dims.values()),
        parameters=tuple(draft.parameters.values()),
        populations=(*draft.populations.values(), *draft.places.values()),
        groups=tuple(draft.groups.values()),
        couplings=tuple(draft.couplings.values()),
        laws=tuple(draft.laws.values()),
        layers=tuple(draft.layers.values()),
        inputs=tuple(draft.inputs.values()),
        network=steps,
        observables=tuple(draft.observables.values()),
        simulations=runs.simulations,
        continuations=runs.continuations,
        searches=runs.searches,
        placements=runs.placements,
        measurements=runs.measurements,
        fits=runs.fits,
        training=training,
        clauses=draft.clauses(),
        energies=tuple(draft.energies),
        jumps=tuple(draft.jumps),
    )
