"""The two ends of a coupling: populations, the state acted on, and the graph between them."""

from __future__ import annotations

from dataclasses import dataclass

from dynattn.diagnostics.report import Span
from dynattn.diagnostics.suggest import did_you_mean
from dynattn.model import graphs, groups, typing
from dynattn.model.draft import Draft
from dynattn.model.expressions import Context
from dynattn.model.parts import GraphUse, Population, State
from dynattn.model.terms import Term
from dynattn.syntax import tree


@dataclass(frozen=True)
class Endpoints:
    """Both ends of a coupling, found and fitting."""

    sender: Population
    receiver: Population
    state: State | None
    """None for a readout, which acts on nothing."""
    graph: GraphUse


def endpoints(context: Context, declaration: tree.Coupling, span: Span) -> Endpoints | None:
    """Both ends of a coupling of the model or of a layer; None with diagnostics."""
    assert declaration.sender is not None and declaration.receiver is not None
    draft = context.draft
    sender = population_named(context, declaration.sender)
    receiver = population_named(context, declaration.receiver)
    if receiver is None:
        draft.moved |= set(draft.states)  # any of them may be the one that was meant
    elif (
        sender is None
        and declaration.acts
        and (meant := _state(draft, declaration.receiver, receiver))
    ):
        draft.moved |= set(groups.states_of(draft, meant))
    if sender is None or receiver is None:
        return None
    state = _state(draft, declaration.receiver, receiver) if declaration.acts else None
    graph = graphs.over(draft, declaration.over, span)
    if state is not None:
        draft.moved |= set(groups.states_of(draft, state))
    if declaration.acts == (state is None):
        return None
    if graph is None or not _graph_fits(draft, graph, sender, receiver):
        return None
    if declaration.over is None and groups.refuse_overlap(draft, sender, receiver, span):
        return None
    return Endpoints(sender, receiver, state, graph)


def population_named(context: Context, expr: tree.Expr) -> Population | None:
    """The population an expression names; None with a diagnostic."""
    draft = context.draft
    name = expr.value if isinstance(expr, tree.Attribute) else expr
    word = name.name if isinstance(name, tree.Name) else ""
    found = draft.population_called(word, context.layer) or draft.groups.get(word)
    if found is not None:
        return found
    symbol = context.scope.find(word)
    if symbol is None or symbol.kind not in ("population", "group"):
        known = [*draft.seen_from(context.layer), *draft.groups]
        fix = did_you_mean(word, known, "declare it: population p[N] { ... }")
        draft.errors.add("E210", f"there is no population '{word}'", name.span, fix)
    return None


def _state(draft: Draft, expr: tree.Expr, population: Population) -> State | None:
    bare = {
        state.name.rsplit(".", 1)[-1]: state
        for state in population.states if state.velocity_of is None
    }  # fmt: skip
    if isinstance(expr, tree.Attribute):
        if expr.name in bare:
            return bare[expr.name]
        text = f"{_title(population)} no state '{expr.name}'"
        fix = did_you_mean(expr.name, bare, f"it has {', '.join(bare) or 'none'}")
        draft.errors.add("E206", text, expr.span, fix)
    elif _refused_states(draft, population):
        return None
    elif len(bare) == 1:
        return next(iter(bare.values()))
    elif not bare:
        text = f"{_title(population)} no state that a coupling could act on"
        fix = "declare one: state x on circle"
        if population.members:
            fix = "let every member have a state of one name, on one manifold"
        draft.errors.add("E206", text, expr.span, fix)
    else:
        text = f"{_title(population)} several states"
        fix = "write " + " or ".join(f"{population.name}.{name}" for name in bare)
        draft.errors.add("E206", text, expr.span, fix)
    return None


def _title(population: Population) -> str:
    if population.members:
        return f"the members of group '{population.name}' share"
    return f"population '{population.name}' has"


def _refused_states(draft: Draft, population: Population) -> list[Term]:
    members = groups.members_of(draft, population.name)
    symbols = [s for name in members for s in draft.population_scopes[name].symbols.values()]
    return [s.value for s in symbols if s.kind == "state" and typing.is_unknown(s.value)]


def _graph_fits(draft: Draft, graph: GraphUse, sender: Population, receiver: Population) -> bool:
    """Our own sources say their size: it must be that of both populations."""
    arguments = dict(graph.arguments) if graph.source != "networkx" else {}
    if "n" not in arguments or draft.unsized & {sender.name, receiver.name}:
        return True
    for population in (receiver, sender):
        if arguments["n"] != population.size:
            draft.errors.add(
                "E308",
                f"the graph has {arguments['n']} nodes, population '{population.name}' "
                f"{population.size}",
                graph.span,
                f"write {population.size} for {arguments['n']}",
                [(population.span, "declared here")],
            )
            return False
    return True
