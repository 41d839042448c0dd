"""Learned functions: ``linear``, ``swiglu``, ``embed``, and the weights they own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from dynattn.diagnostics.report import Span
from dynattn.model import typing, weight_reads
from dynattn.model.arguments import Arguments
from dynattn.model.expressions import Context
from dynattn.model.parts import Draw, Parameter
from dynattn.model.quantities import at_start, drawn
from dynattn.model.terms import GLOBAL, Term, Type
from dynattn.model.typing import combine, is_unknown, unknown
from dynattn.syntax import tree
from dynattn.vocabulary.distributions import DISTRIBUTIONS, MATRIX_DISTRIBUTIONS, Distribution
from dynattn.vocabulary.sizes import ONE, Size


def weight(
    context: Context,
    name: str,
    shape: tuple[Size, ...],
    draw: tuple[str, tuple[float, ...]] | None,
    role: str,
    span: Span,
    start: float = 0.0,
) -> Term:
    """A new learned array of a learned function, named by its place in the spec."""
    full = f"{context.owner}.{name}"
    distribution, numbers = draw or ("", ())
    args = tuple(typing.number(value, span) for value in numbers)
    init = Draw(distribution, args, span) if draw else typing.number(start, span)
    context.draft.parameters[full] = Parameter(
        full, GLOBAL, shape, init, span, learned=True, layer=context.layer, role=role
    )
    return Term("parameter", (), Type(GLOBAL, shape), span, full)


def unused_name(context: Context, name: str) -> str:
    """``linear``, or ``linear_2`` for the second one of a statement."""
    count, found = 1, name
    while found in context.names_used:
        count += 1
        found = f"{name}_{count}"
    context.names_used.add(found)
    return found


def is_learnable(context: Context, x: Term, sizes: tuple[Size, ...], who: str, span: Span) -> bool:
    """Whether ``who`` can have weights of these sizes for the coordinates of x; else a
    diagnostic.
    """
    errors = context.draft.errors
    if context.ends is not None:
        context.draft.not_yet("a learned map inside a coupling", span, "define it with let before")
    elif not x.type.shape:
        text = f"{who} acts on a vector of coordinates, and this is a single number"
        errors.add("E301", text, span, "put it in brackets: [x]")
    else:
        return _is_fixed(context, sizes, who, span)
    return False


def _is_fixed(context: Context, sizes: tuple[Size, ...], who: str, span: Span) -> bool:
    """Whether weights of these sizes are the same for all samples; else a diagnostic."""
    own = {name for size in sizes for name in size.names} & set(context.draft.dims)
    if own:
        text = f"{who} would have weights for a sample's own length {min(own)}"
        fix = "give it a size that is the same for all samples"
        context.draft.errors.add("E307", text, span, fix)
    return not own


def affine(
    context: Context,
    x: Term,
    name: str,
    out: Size,
    bias: bool,
    span: Span,
    gain: float = 1.0,
    init: Draw | None = None,
    who: str = "linear",
) -> Term:
    """x W^T + b. W starts uniform in +-gain*sqrt(3/fan_in), variance gain^2/fan_in, or as ``init``
    says; b at 0. ``who``: the function that messages speak of.
    """
    if not is_learnable(context, x, (*x.type.shape[-1:], out), who, span):
        return unknown(span)
    fan_in = x.type.shape[-1]
    matrix = weight(context, f"{name}.weight", (out, fan_in), None, "matrix", span)
    full = f"{context.owner}.{name}.weight"
    draw = init or _uniform(context, fan_in, gain, span)
    context.draft.parameters[full] = replace(context.draft.parameters[full], init=draw)
    args = [x, matrix]
    if bias:
        args.append(weight(context, f"{name}.bias", (out,), None, "bias", span))
    return Term("linear", tuple(args), Type(x.type.place, (*x.type.shape[:-1], out)), span)


def _uniform(context: Context, fan_in: Size, gain: float, span: Span) -> Draw:
    """Uniform with variance gain^2/fan_in."""
    errors = context.draft.errors
    spread = Term("size", (), Type(dtype="integer"), span, fan_in)
    root = combine(errors, "pow", [spread, typing.number(-0.5, span)], span)
    bound = combine(errors, "mul", [typing.number(gain * 3**0.5, span), root], span)
    return Draw("uniform", (combine(errors, "neg", [bound], span), bound), span)


def linear(context: Context, expr: tree.Call, arguments: Arguments) -> Term:
    x, out = arguments.term("x"), arguments.size("n")
    bias = arguments.truth("bias", True)
    wrong, init = _init(context, arguments, "linear", DISTRIBUTIONS | MATRIX_DISTRIBUTIONS)
    how = weight_reads.reading(context, arguments)
    if is_unknown(x) or out is None or wrong or how is None:
        return unknown(expr.span)
    found = affine(context, x, unused_name(context, "linear"), out, bias, expr.span, init=init)
    return weight_reads.read(context, found, how)


def _init(
    context: Context, arguments: Arguments, who: str, known: Mapping[str, Distribution]
) -> tuple[bool, Draw | None]:
    """Whether ``init=`` is wrong, and its draw where it is given."""
    given = arguments.expr.get("init")
    if given is None:
        return False, None
    init = at_start(context.draft, drawn(context, given, known), f"the weight of {who}")
    assert not isinstance(init, Term)
    return init is None, init


def swiglu(context: Context, expr: tree.Call, arguments: Arguments) -> Term:
    """As wide as x unless ``out`` says otherwise."""
    x, hidden = arguments.term("x"), arguments.size("hidden")
    out = arguments.size("out") if "out" in arguments.expr else (*x.type.shape, None)[-2:][0]
    if is_unknown(x) or hidden is None or ("out" in arguments.expr and out is None):
        return unknown(expr.span)
    out = out or ONE  # of a single number, which is refused
    name, errors = unused_name(context, "swiglu"), context.draft.errors
    gate = affine(context, x, f"{name}.gate", hidden, False, expr.span)
    up = affine(context, x, f"{name}.up", hidden, False, expr.span)
    if is_unknown(gate, up):
        return unknown(expr.span)
    product = combine(errors, "mul", [combine(errors, "silu", [gate], expr.span), up], expr.span)
    return affine(context, product, f"{name}.down", out, False, expr.span, gain=0.5)


def embed(context: Context, expr: tree.Call, arguments: Arguments) -> Term:
    text = arguments.term("text")
    if is_unknown(text):
        return text
    if text.type.classes is None:
        context.draft.errors.add(
            "E310", "embed needs tokens or classes", expr.span, "give it an input declared token(V)"
        )
        return unknown(expr.span)
    if "width" not in arguments.expr:
        context.draft.errors.add(
            "E302", "embed is not told its width: only an assignment to a state tells it by itself",
            expr.span, "write embed(text, d)",
        )  # fmt: skip
        return unknown(expr.span)
    width = arguments.size("width")
    if width is None or not _is_fixed(context, (text.type.classes, width), "embed", expr.span):
        return unknown(expr.span)
    wrong, init = _init(context, arguments, "embed", DISTRIBUTIONS)
    if wrong:
        return unknown(expr.span)
    shape = (text.type.classes, width)
    name = f"{unused_name(context, 'embed')}.weight"
    table = weight(context, name, shape, ("normal", (0.0, 0.02)), "table", expr.span)
    if init is not None:
        full = f"{context.owner}.{name}"
        context.draft.parameters[full] = replace(context.draft.parameters[full], init=init)
    return Term("lookup", (table, text), Type(text.type.place, (width,)), expr.span)
