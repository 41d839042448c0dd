"""Layers: what they learn, what they move, and what comes out of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from dynattn.model import constants, groups, typing
from dynattn.model.composition import Layer
from dynattn.model.couplings import declare_coupling
from dynattn.model.draft import Draft, head, value_of
from dynattn.model.expressions import Context
from dynattn.model.laws import laws_of
from dynattn.model.layer_calls import body_output
from dynattn.model.parts import Law, State
from dynattn.model.populations import declare_let, drift
from dynattn.model.quantities import declare_parameter
from dynattn.model.scope import Scope, Symbol
from dynattn.model.terms import Term, walk
from dynattn.syntax import tree
from dynattn.vocabulary.sizes import Size, fixed


def declare_layer(draft: Draft, declaration: tree.Layer) -> None:
    """What a layer learns, its couplings and drifts, and how it evolves; its output."""
    name, span = declaration.name, head(declaration.span)
    if draft.layer_trees.get(name) is not declaration:
        return  # its name is refused
    scope = Scope(f"layer '{name}'", draft.scope)
    context = Context(draft, scope, owner=name, layer=name)
    if declaration.arguments is not None:
        _declare_function(context, declaration)
        return
    before = set(draft.couplings)
    drifts: dict[str, Term] = {}
    for item in declaration.body:
        declare_item(context, item, drifts)
    steps = _steps(draft, declaration)
    couplings = tuple(full for full in draft.couplings if full not in before)
    moved = _moved(draft, couplings, drifts)
    laws = tuple(a for state in moved for a in layer_laws(context, state, couplings, drifts))
    if not laws and not draft.moved and not draft.errors.found:
        fix = "give it a drift or a coupling"
        draft.errors.add("E405", f"nothing moves in layer '{name}'", span, fix)
    if steps is not None:
        draft.layers[name] = Layer(name, laws, steps, couplings, span)


def _declare_function(context: Context, declaration: tree.Layer) -> None:
    """A layer with arguments: a function of them."""
    draft, name = context.draft, declaration.name
    arguments = draft.layer_arguments[name]
    declared = [item.name for item in declaration.arguments or ()]
    for word, found in zip(declared, arguments or [None] * len(declared), strict=True):
        span = declaration.span if found is None else found.span
        term = typing.unknown(span)
        if found is not None:
            term = Term("variable", (), found.type, span, found.name)
        context.scope.declare(Symbol("argument", word, span, term), draft.errors)
    output = body_output(context, declaration)
    if arguments is None or typing.is_unknown(output):
        return
    read = {term.payload for term in walk(output) if term.op == "variable"}
    for found in arguments:
        if found.name not in read:
            text = f"layer '{name}' never uses its argument {found.name.split('.')[-1]}"
            draft.errors.add("E443", text, found.span, "use it in the output, or leave it out")
    span = head(declaration.span)
    draft.layers[name] = Layer(name, (), fixed(0), (), span, arguments, output)


def declare_item(context: Context, item: tree.Item, drifts: dict[str, Term]) -> None:
    """One declaration in the body of a layer; ``drifts`` takes up those of the model's states."""
    draft = context.draft
    match item:
        case tree.Quantities(keyword="param" | "learn" as keyword):
            for entry in item.entries:
                declare_parameter(context, entry, keyword == "learn")
        case tree.Let():
            owner = f"{context.owner}.{item.name}"
            declare_let(replace(context, owner=owner, names_used=set()), item)
        case tree.Coupling():
            declare_coupling(context, item)
        case tree.Clause(word="drift"):
            found = drift(context, item, None)
            if found is not None:
                drifts[found[0]] = found[1]
        case tree.Evolve():
            pass
        case tree.Clause():
            draft.not_yet(f"'{item.word}' in a layer", item.span)
        case _:
            draft.not_yet("this in a layer", head(item.span), declares=True)


def _steps(draft: Draft, declaration: tree.Layer) -> Size | None:
    found = [item for item in declaration.body if isinstance(item, tree.Evolve)]
    if len(found) != 1:
        draft.errors.add(
            "E403" if not found else "E402",
            f"layer '{declaration.name}' "
            + ("does not say how it evolves" if not found else "says twice how it evolves"),
            head(found[1].span if found else declaration.span),
            "keep one of the two" if found else "write evolve { steps 1 }",
        )
        return None
    for clause in found[0].clauses:
        if (
            isinstance(clause, tree.Clause)
            and clause.word == "steps"
            and len(found[0].clauses) == 1
        ):
            return constants.size(draft, value_of(clause))
    draft.not_yet("this way to evolve a layer", head(found[0].span), "write evolve { steps 1 }")
    return None


def _moved(draft: Draft, couplings: Sequence[str], drifts: dict[str, Term]) -> list[State]:
    own = {state for name in couplings for state in draft.couplings[name].moves} | set(drifts)
    others = [c for c in draft.couplings.values() if c.layer is None]
    outer = {state for c in others for state in c.moves} | set(draft.drifts)
    return [s for name, s in draft.states.items() if name in own | outer and not s.velocity_of]


def layer_laws(
    context: Context, state: State, couplings: Sequence[str], drifts: dict[str, Term]
) -> tuple[Law, ...]:
    """The laws of one state, and of its velocity, while a layer evolves.

    Its own and the model's drifts and couplings act.
    """
    draft = context.draft
    acting = [
        c for c in draft.couplings.values()
        if state.name in c.moves and (c.layer is None or c.name in couplings)
    ]  # fmt: skip
    forces = [d[state.name] for d in (draft.drifts, drifts) if state.name in d]
    forces += [p["energy"] for p in [draft.parts.get(state.name, {})] if "energy" in p]
    forces += [groups.sum_at(draft, c, state.population, c.span) for c in acting]
    return laws_of(context, state, forces)
