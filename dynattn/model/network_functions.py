"""Functions of networks: ``mlp``, ``layer_norm``, ``dropout``, ``sinusoidal``, ``flatten``, and
``x[v]``, the value at the node that an input names.
"""

from __future__ import annotations

from dynattn.diagnostics.report import Span
from dynattn.model import constants
from dynattn.model.arguments import Arguments
from dynattn.model.expressions import Context, translate
from dynattn.model.inputs import place_of
from dynattn.model.learned import affine, is_learnable, unused_name, weight
from dynattn.model.terms import GLOBAL, Place, Term, Type
from dynattn.model.typing import combine, is_unknown, unknown
from dynattn.syntax import tree
from dynattn.vocabulary.sizes import Size

# ── learned ────────────────────────────────────────────────────────────────────────────────────


def mlp(context: Context, expr: tree.Call, arguments: Arguments) -> Term:
    """linear, gelu, dropout, linear, dropout."""
    x, hidden, out = arguments.term("x"), arguments.size("hidden"), arguments.size("out")
    share = _share(context, arguments, "dropout")
    if is_unknown(x) or hidden is None or out is None or share is None:
        return unknown(expr.span)
    name, span, errors = unused_name(context, "mlp"), expr.span, context.draft.errors
    up = affine(context, x, f"{name}.up", hidden, True, span, who="mlp")
    if is_unknown(up):
        return up
    inside = _dropped(context, combine(errors, "gelu", [up], span), share, span)
    down = affine(context, inside, f"{name}.down", out, True, span, gain=0.5, who="mlp")
    return _dropped(context, down, share, span)


def layer_norm(context: Context, expr: tree.Call, arguments: Arguments) -> Term:
    """(x - mean) / sqrt(variance + 1e-5) over the last coordinate axis, times a gain, plus a
    bias.
    """
    x, span = arguments.term("x"), expr.span
    if is_unknown(x) or not is_learnable(context, x, x.type.shape[-1:], "layer_norm", span):
        return unknown(span)
    name, width = unused_name(context, "layer_norm"), x.type.shape[-1:]
    gain = weight(context, f"{name}.weight", width, None, "gain", span, start=1.0)
    bias = weight(context, f"{name}.bias", width, None, "bias", span)
    return Term("layer_norm", (x, gain, bias), Type(x.type.place, x.type.shape), span)


# ── dropout ────────────────────────────────────────────────────────────────────────────────────


def dropout(context: Context, expr: tree.Call, arguments: Arguments) -> Term:
    """In training a share p of the numbers is 0 and the others are divided by 1 - p."""
    x, share = arguments.term("x"), _share(context, arguments, "p")
    if is_unknown(x) or share is None:
        return unknown(expr.span)
    return _dropped(context, x, share, expr.span)


def _share(context: Context, arguments: Arguments, name: str) -> float | None:
    """The share that is dropped, 0 where nothing is said; None with a diagnostic."""
    if name not in arguments.expr:
        return 0.0
    share = constants.number_or_none(context.draft, arguments.expr[name])
    if share is not None and not 0 <= share < 1:
        text = f"the share {share:g} that is dropped is not below 1 and at least 0"
        context.draft.errors.add("E306", text, arguments.expr[name].span, "write 0.1")
        return None
    return share


def _dropped(context: Context, x: Term, share: float, span: Span) -> Term:
    if is_unknown(x) or share == 0:
        return x
    if (context.layer is None and context.calls is None) or context.ends is not None:
        text = "dropout acts on what a network or a layer computes"
        context.draft.errors.add("E440", text, span, "leave it out here")
        return unknown(span)
    return Term("dropout", (x,), Type(x.type.place, x.type.shape), span, share)


# ── places ─────────────────────────────────────────────────────────────────────────────────────


def sinusoidal(context: Context, expr: tree.Call, arguments: Arguments) -> Term:
    """sin and cos of index / 10000^(2k/d) at every place, in turn (Vaswani et al. 2017)."""
    length, width = arguments.size("n"), arguments.size("d")
    if length is None or width is None:
        return unknown(expr.span)
    place = place_of(context.draft, length)
    if place is None:
        text = f"there are no {length} nodes or places that sinusoidal could number"
        fix = "give it the length of an input or the size of a population"
        context.draft.errors.add("E308", text, expr.span, fix)
        return unknown(expr.span)
    return Term("sinusoidal", (), Type(place, (width,)), expr.span, (place.name, width))


def flatten(context: Context, expr: tree.Call, arguments: Arguments) -> Term:
    """One vector: the coordinates of node 0, then those of node 1, .."""
    x, span = arguments.term("x"), expr.span
    if is_unknown(x):
        return x
    if x.type.place.kind != "nodes" and len(x.type.shape) < 2:
        text = "flatten makes one vector of all nodes, and this has no value per node"
        context.draft.errors.add("E311", text, span, "leave flatten out")
        return unknown(span)
    total = size_of(context, x.type.place)
    for size in x.type.shape:
        total = size if total is None else total * size
    assert total is not None
    if total.names & set(context.draft.dims):
        text = f"a vector of {total} numbers has another length in each sample"
        fix = "take the mean over the places, or give the sequence a fixed length with param"
        context.draft.errors.add("E307", text, span, fix)
        return unknown(span)
    return Term("flatten", (x,), Type(GLOBAL, (total,), x.type.dtype), span)


def size_of(context: Context, place: Place) -> Size | None:
    """The number of nodes of a place; None where it has none."""
    if place.kind != "nodes":
        return None
    return (context.draft.populations | context.draft.places)[place.name].size


def picked(context: Context, value: tree.Expr, item: tree.Expr, span: Span) -> Term:
    """``x[v]``: what x is at the node that the class-valued v names."""
    x, v = translate(context, value), translate(context, item)
    if is_unknown(x, v):
        return unknown(span)
    errors, size = context.draft.errors, size_of(context, x.type.place)
    if size is None:
        text = "an index picks a node, and this has no value per node"
        errors.add("E311", text, span, "leave the index out")
    elif v.type.classes is None or v.type.place != GLOBAL or v.type.shape:
        text = "a node is picked by a class: an integer below the number of nodes"
        errors.add("E310", text, item.span, _instead(x, v, size))
    elif v.type.classes != size:
        text = f"this is below {v.type.classes}, and there are {size} nodes to pick from"
        errors.add("E301", text, item.span, f"declare it class({size})")
    else:
        return Term("at", (x, v), Type(GLOBAL, x.type.shape, x.type.dtype, x.type.manifold), span)
    return unknown(span)


RULES = {
    "mlp": (("x", "hidden", "out", "dropout?"), mlp),
    "layer_norm": (("x",), layer_norm),
    "dropout": (("x", "p"), dropout),
    "sinusoidal": (("n", "d"), sinusoidal),
    "flatten": (("x",), flatten),
}
"""Names of the arguments and typing rule of each."""


def _instead(x: Term, v: Term, size: Size) -> str:
    """What to write where an index is no class."""
    if v.op != "number":
        return f"declare it: input v: class({size})"
    place = x.type.place.name.rsplit(".", 1)[-1]
    number = "index" if place.startswith("[") else f"{place}.index"
    node = f"the value at node {v.payload} is sum(x * ({number} == {v.payload}))"
    return f"in a population it is a coordinate; {node}" if x.type.shape else node
