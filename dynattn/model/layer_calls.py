"""A layer with arguments called as a function: a step of the network, or part of another layer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from dynattn.diagnostics.suggest import did_you_mean
from dynattn.model import typing
from dynattn.model.composition import Argument, CallStep
from dynattn.model.draft import Draft, head
from dynattn.model.expressions import Context, translate
from dynattn.model.inputs import arguments_of
from dynattn.model.learned import unused_name
from dynattn.model.scope import Scope, Symbol
from dynattn.model.terms import Term, Type
from dynattn.model.typing import is_unknown, unknown
from dynattn.syntax import tree
from dynattn.syntax.script import walk
from dynattn.vocabulary.functions import FUNCTION_NAMES

PURE = (tree.Quantities, tree.Let, tree.Output)
"""What the body of a layer may hold that another layer calls."""

# ── heads ──────────────────────────────────────────────────────────────────────────────────────


def declare_layer_names(draft: Draft, declared: Sequence[tree.Layer]) -> None:
    """The names of all layers, so that a layer may stand below what calls it."""
    for item in declared:
        span = head(item.span)
        if item.arguments is not None and item.name in FUNCTION_NAMES:
            text = f"'{item.name}' is a function of the language and cannot be a layer"
            draft.errors.add("E205", text, span, "choose another name")
        elif draft.scope.declare(Symbol("layer", item.name, span), draft.errors):
            draft.layer_trees[item.name] = item
    _refuse_circles(draft)


def declare_layer_heads(draft: Draft) -> None:
    """The arguments of every layer that has some."""
    for name, item in draft.layer_trees.items():
        if item.arguments is not None:
            draft.layer_arguments[name] = arguments_of(draft, name, item.arguments)


def _refuse_circles(draft: Draft) -> None:
    """A diagnostic for every layer that calls itself, by way of others too."""
    calls = {name: _called(draft, item) for name, item in draft.layer_trees.items()}
    for name, item in draft.layer_trees.items():
        reached, queue = set[str](), [name]
        while queue:
            found = calls[queue.pop()] - reached
            reached |= found
            queue += found
        if name in reached:
            by = (
                "" if name in calls[name] else f", through {' and '.join(sorted(reached - {name}))}"
            )
            text = f"layer '{name}' calls itself{by}"
            fix = f"call it several times in the network: repeat 4 {{ x = {name}(x) }}"
            draft.errors.add("E441", text, head(item.span), fix)
            draft.layers_refused.add(name)


def _called(draft: Draft, item: tree.Layer) -> set[str]:
    calls = [node.function for node in walk(item) if isinstance(node, tree.Call)]
    names = {function.name for function in calls if isinstance(function, tree.Name)}
    return names & draft.layer_trees.keys()


# ── a call ─────────────────────────────────────────────────────────────────────────────────────


def call_layer(context: Context, expr: tree.Call, name: str) -> Term:
    """The value of ``feed(x)``: a variable that an earlier step sets, or the layer's own output."""
    draft = context.draft
    declared = draft.layer_arguments.get(name)
    draft.layers_named.add(name)
    if not _is_callable(context, expr, name) or declared is None:
        for argument in (*expr.arguments, *(keyword.value for keyword in expr.keywords)):
            translate(context, argument)
        return unknown(expr.span)
    inside = context
    if context.calls is not None:
        owner = context.calls.free(f"{context.owner}_{name}")
        layer = owner if context.calls.repeated else None
        inside = replace(context, owner=owner, layer=layer, names_used=set())
    values = _arguments(inside, expr, name, declared)
    if values is None or name in draft.layers_refused:
        return unknown(expr.span)
    if context.calls is None:
        return _inlined(context, expr, name, values)
    return _step(inside, expr, name, values)


def _is_callable(context: Context, expr: tree.Call, name: str) -> bool:
    draft, span = context.draft, expr.span
    if draft.layer_trees[name].arguments is None:
        text = f"layer '{name}' has no arguments: it acts on the model's populations"
        fix = f"write {name} alone on a line of the network"
    elif context.calls is None and (context.layer is None or context.ends is not None):
        text = f"layer '{name}' is called outside the network and the layers"
        fix = "call it in the network and use what comes out"
    else:
        return True
    draft.errors.add("E440", text, span, fix)
    return False


def _arguments(
    context: Context, expr: tree.Call, name: str, declared: tuple[Argument, ...]
) -> dict[str, Term] | None:
    """The value of every argument by its full name; None with diagnostics."""
    errors, known = context.draft.errors, [item.name.split(".")[-1] for item in declared]
    before = len(errors.found)
    if len(expr.arguments) > len(known):
        count = f"{len(known) or 'no'} argument{'s' if len(known) != 1 else ''}"
        text = f"layer '{name}' takes {count}, not {len(expr.arguments)}"
        errors.add("E302", text, expr.span, f"write {name}({', '.join(known)})")
    given: dict[str, tree.Expr] = dict(zip(known, expr.arguments, strict=False))
    for keyword in expr.keywords:
        if keyword.name not in known:
            fix = did_you_mean(keyword.name, known, f"write {name}({', '.join(known)})")
            text = f"layer '{name}' has no argument '{keyword.name}'"
            errors.add("E212", text, keyword.span, fix)
        elif keyword.name in given:
            text = f"the argument '{keyword.name}' of layer '{name}' is given twice"
            errors.add("E302", text, keyword.span, "keep one of the two")
        given.setdefault(keyword.name, keyword.value)
    for word in known:
        if word not in given and len(errors.found) == before:
            text, fix = f"layer '{name}' needs {word}", f"write {name}({', '.join(known)})"
            errors.add("E302", text, expr.span, fix)
    if len(errors.found) > before:
        return None
    pairs = zip(declared, known, strict=True)
    values = {item.name: _value(context, item, given[word], name) for item, word in pairs}
    return None if is_unknown(*values.values()) else values


def _value(context: Context, item: Argument, expr: tree.Expr, layer: str) -> Term:
    found = translate(context, expr)
    if is_unknown(found) or fits(found.type, item.type):
        return found
    word = item.name.split(".")[-1]
    text = f"argument {word} of layer '{layer}' is {_spell(item.type)}, and this is"
    fix = f"let the two agree: it is declared {item.span.text}"
    context.draft.errors.add("E442", f"{text} {_spell(found.type)}", expr.span, fix)
    return unknown(expr.span)


def fits(found: Type, wanted: Type) -> bool:
    """Whether a value can be an argument of this type."""
    if wanted.classes is not None and (found.classes, found.dtype) != (wanted.classes, "integer"):
        return False
    return (found.place, found.shape) == (wanted.place, wanted.shape)


def _spell(kind: Type) -> str:
    place = "" if kind.place.kind == "global" else f" at {typing.describe(kind.place)}"
    classes = "" if kind.classes is None else f"a class below {kind.classes}"
    return (classes or typing.spell_shape(kind.shape)) + place


def _step(context: Context, expr: tree.Call, name: str, values: Mapping[str, Term]) -> Term:
    """The call as a step of its own; what it gives is a variable from then on."""
    assert context.calls is not None
    layer = context.draft.layers.get(name)
    if layer is None or layer.output is None:
        return unknown(expr.span)
    target = context.calls.target(name)
    copied = any(p.layer == context.owner for p in context.draft.parameters.values())
    owner = context.owner if copied else None
    context.calls.take(context.owner)
    context.calls.steps.append(CallStep(name, tuple(values.items()), target, expr.span, owner))
    return Term("variable", (), typing.held(layer.output), expr.span, target)


# ── a layer inside a layer ─────────────────────────────────────────────────────────────────────


def _inlined(context: Context, expr: tree.Call, name: str, values: Mapping[str, Term]) -> Term:
    """The output of the layer with weights of its own, named by this place of the text."""
    from dynattn.model.layer_dynamics import Dynamics

    draft, item = context.draft, context.draft.layer_trees[name]
    if not all(isinstance(part, PURE) for part in item.body):
        text = f"a call of layer '{name}', which has states or couplings, in another layer"
        draft.not_yet(text, expr.span, "call it in the network")
        return unknown(expr.span)
    draft.layers_inside.add(name)
    scope = Scope(f"layer '{name}'", draft.scope)
    for full, value in values.items():
        word = full.split(".")[-1]
        term = Term("let", (value,), value.type, value.span, word)
        scope.declare(Symbol("argument", word, value.span, term), draft.errors)
    owner = f"{context.owner}.{unused_name(context, name)}"
    inside = replace(context, scope=scope, owner=owner, names_used=set())
    before = list(draft.errors.found)
    Dynamics(inside, acts=False).declare(item)
    output = body_output(inside, item)
    if draft.errors.found != before:  # told where the layer itself is declared
        draft.errors.found = before
        return unknown(expr.span)
    return output


def body_output(context: Context, item: tree.Layer) -> Term:
    """What the layer's ``output`` says, its own declarations being known."""
    outputs = [part for part in item.body if isinstance(part, tree.Output)]
    errors, span = context.draft.errors, head(item.span)
    if not outputs:
        text = f"layer '{item.name}' has arguments and no output"
        errors.add("E403", text, span, "write output EXPR in it")
        return unknown(span)
    for second in outputs[1:]:
        notes = [(outputs[0].span, "the first one")]
        text = f"layer '{item.name}' has two outputs"
        errors.add("E402", text, second.span, "join them: output [a, b]", notes)
    if outputs[0].name is not None:
        text = f"the output of layer '{item.name}' has a name, and nothing could use it"
        errors.add("E402", text, outputs[0].span, f"write output {outputs[0].value.span.text}")
    taken = {name for name in context.scope.symbols}
    return translate(replace(context, names_used=taken), outputs[0].value)
