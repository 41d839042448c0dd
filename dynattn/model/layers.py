"""Layers: what they learn, what they move, and what comes out of them."""

from __future__ import annotations

from collections.abc import Sequence

from dynattn.model import layer_dynamics, typing
from dynattn.model.composition import Layer
from dynattn.model.draft import Draft, head
from dynattn.model.evolutions import evolution_of
from dynattn.model.expressions import Context
from dynattn.model.geodesics import along_geodesics
from dynattn.model.layer_calls import body_output
from dynattn.model.layer_dynamics import Dynamics
from dynattn.model.readouts import reached
from dynattn.model.scope import Scope, Symbol
from dynattn.model.terms import Term, walk
from dynattn.syntax import tree


def declare_layer(draft: Draft, declaration: tree.Layer) -> None:
    """What a layer learns, its couplings and drifts, and how it evolves; its output."""
    name = declaration.name
    if draft.layer_trees.get(name) is not declaration:
        return  # its name is refused
    scope = Scope(f"layer '{name}'", draft.scope)
    context = Context(draft, scope, owner=name, layer=name)
    _declare_arguments(context, declaration)
    dynamics = Dynamics(context, declaration.arguments is None)
    before = len(draft.errors.found)
    dynamics.declare(declaration)
    layer = _evolving(dynamics, declaration, before)
    if declaration.arguments is None:
        if layer is not None:
            draft.layers[name] = layer
        return
    output = body_output(context, declaration)
    arguments = draft.layer_arguments[name]
    if arguments is None or typing.is_unknown(output) or layer is None:
        return
    _refuse_unused(dynamics, [output, *(term for law in layer.laws for term in law.terms)])
    draft.layers[name] = Layer(
        name, layer.laws, layer.couplings, layer.span, layer.evolution, layer.rests, layer.own,
        arguments, output,
    )  # fmt: skip


def _declare_arguments(context: Context, declaration: tree.Layer) -> None:
    draft, name = context.draft, declaration.name
    declared = [item.name for item in declaration.arguments or ()]
    arguments = draft.layer_arguments.get(name) or [None] * len(declared)
    for word, found in zip(declared, arguments, strict=True):
        span = declaration.span if found is None else found.span
        term = typing.unknown(span)
        if found is not None:
            term = Term("variable", (), found.type, span, found.name)
        context.scope.declare(Symbol("argument", word, span, term), draft.errors)


def _evolving(dynamics: Dynamics, declaration: tree.Layer, before: int) -> Layer | None:
    """The layer without its output; None with diagnostics."""
    draft, name = dynamics.context.draft, declaration.name
    laws = dynamics.laws()
    span = head(declaration.span)
    couplings = dynamics.couplings
    if not laws and declaration.arguments is None and not draft.moved and not draft.errors.found:
        fix = "give it a drift or a coupling"
        draft.errors.add("E405", f"nothing moves in layer '{name}'", span, fix)
    if not laws and declaration.arguments is not None and not _evolves(dynamics, declaration):
        return None if len(draft.errors.found) > before else Layer(name, (), couplings, span)
    found = evolution_of(dynamics, declaration, laws)
    laws = along_geodesics(dynamics, declaration, laws)
    if found is None:
        return None
    own = tuple(state.name for state in dynamics.own)
    evolution, rests = found
    return Layer(name, laws, couplings, span, evolution, rests, own)


def _evolves(dynamics: Dynamics, declaration: tree.Layer) -> bool:
    """Whether it says how it evolves, or has to: populations without states only send."""
    return bool(dynamics.own) or any(isinstance(item, tree.Evolve) for item in declaration.body)


def _refuse_unused(dynamics: Dynamics, roots: Sequence[Term]) -> None:
    """A diagnostic for every argument that neither the output nor a law reads."""
    draft, name = dynamics.context.draft, dynamics.context.owner
    terms = [*roots, *reached(draft, roots), *layer_dynamics.starts(dynamics.own)]
    terms += [term for c in dynamics.couplings for term in reached(draft, [], c)]
    read = {term.payload for term in walk(*terms) if term.op == "variable"}
    for found in draft.layer_arguments[name] or ():
        if found.name not in read:
            text = f"layer '{name}' never uses its argument {found.name.split('.')[-1]}"
            draft.errors.add("E443", text, found.span, "use it in the output, or leave it out")
