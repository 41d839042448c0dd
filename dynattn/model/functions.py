"""Calls: which function, with which arguments, and the type of what comes out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache

from dynattn.diagnostics import habits
from dynattn.diagnostics.report import Span
from dynattn.diagnostics.suggest import did_you_mean
from dynattn.model import constants, learned, losses, matrices, network_functions, typing
from dynattn.model.arguments import Arguments
from dynattn.model.complex_numbers import is_complex
from dynattn.model.expressions import Context, translate
from dynattn.model.layer_calls import call_layer
from dynattn.model.terms import GLOBAL, Term, Type
from dynattn.model.typing import combine, is_unknown, spell_shape, unknown
from dynattn.syntax import tree
from dynattn.syntax.parse import parse_expression
from dynattn.vocabulary.functions import ELEMENTWISE, FUNCTION_NAMES, STRUCTURAL
from dynattn.vocabulary.manifolds import MANIFOLDS
from dynattn.vocabulary.sizes import ONE

PLANNED = (
    "logspace",
)  # fmt: skip
"""Functions of the language that have no meaning yet."""

OF_TWO = {
    "max": "the larger is a + relu(b - a), of x and 0 it is relu(x)",
    "min": "the smaller is a - relu(a - b)",
}
"""Functions of nodes that other languages have of two numbers."""

Rule = Callable[[Context, tree.Call, "Arguments"], Term]


def call(context: Context, expr: tree.Call) -> Term:
    """The Term of a call."""
    if not isinstance(expr.function, tree.Name):
        context.draft.not_yet("a call of a member", expr.span)
        return unknown(expr.span)
    name = expr.function.name
    if name in ELEMENTWISE and name in FUNCTION_NAMES:
        return _elementwise(context, name, expr)
    if name in RULES:
        names, rule = RULES[name]
        return _structural(context, expr, name, names, rule)
    symbol = context.draft.scope.find(name)
    if symbol is not None and symbol.kind == "layer" and name in context.draft.layer_trees:
        return call_layer(context, expr, name)
    if name in PLANNED:
        context.draft.not_yet(f"the function '{name}'", expr.function.span)
    else:
        known = (*FUNCTION_NAMES, *context.draft.layer_trees)
        fix = did_you_mean(
            name, known, "the functions are listed in docs/language.md", habits.FUNCTIONS
        )
        text = f"unknown function '{name}'"
        context.draft.errors.add("E202", text, expr.function.span, fix)
    for argument in expr.arguments:
        translate(context, argument)
    return unknown(expr.span)


def _elementwise(context: Context, name: str, expr: tree.Call) -> Term:
    args = [translate(context, argument) for argument in expr.arguments]
    arity = ELEMENTWISE[name].arity
    fix = f"write {name}({', '.join('xyz'[:arity])})"
    for keyword in expr.keywords:
        text = f"{name} has no argument '{keyword.name}'"
        context.draft.errors.add("E212", text, keyword.span, fix)
    if expr.keywords:
        return unknown(expr.span)
    if len(args) != arity:
        text = f"{name} takes {arity} argument{'s' if arity > 1 else ''}, not {len(args)}"
        context.draft.errors.add("E302", text, expr.span, fix)
        return unknown(expr.span)
    if name in ("re", "im", "conj") and not is_complex(*args):
        none = [*args, typing.number(0.0, expr.span)]
        return combine(context.draft.errors, "mul", none, expr.span) if name == "im" else args[0]
    return combine(context.draft.errors, name, args, expr.span)


def _structural(
    context: Context, expr: tree.Call, name: str, names: tuple[str, ...], rule: Rule
) -> Term:
    signature = STRUCTURAL[name].signature
    required = [n for n in names if not n.endswith("?")]
    known = [n.rstrip("?") for n in names]
    arguments = Arguments(context, expr, known)
    errors = context.draft.errors
    before = len(errors.found)
    for keyword in expr.keywords:
        if keyword.name not in known:
            fix = did_you_mean(keyword.name, known, f"write {signature}")
            errors.add("E212", f"{name} has no argument '{keyword.name}'", keyword.span, fix)
        elif keyword.name in known[: len(expr.arguments)]:
            text = f"the argument '{keyword.name}' of {name} is given twice"
            errors.add("E302", text, keyword.span, "keep one of the two")
    if len(errors.found) > before:
        return unknown(expr.span)
    missing = [n for n in required if n not in arguments.expr]
    if missing or len(expr.arguments) > len(known):
        most = f"at most {len(known)} arguments" if len(known) > 1 else "one argument"
        given = f"takes {most}, not {len(expr.arguments)}"
        text = f"{name} needs {' and '.join(missing)}" if missing else f"{name} {given}"
        fix = f"write {signature}"
        if name in OF_TWO and len(expr.arguments) == 2:
            fix = f"{name} runs over the nodes; of two numbers {OF_TWO[name]}"
        errors.add("E302", text, expr.span, fix)
    if len(errors.found) > before:
        return unknown(expr.span)
    return rule(context, expr, arguments)


# ── coordinates ────────────────────────────────────────────────────────────────────────────────


def _dot(context: Context, expr: tree.Call, arguments: Arguments) -> Term:
    return contract(context, "dot", [arguments.term("a"), arguments.term("b")], expr.span)


def _norm(context: Context, expr: tree.Call, arguments: Arguments) -> Term:
    return contract(context, "norm", [arguments.term("a")], expr.span)


def contract(context: Context, op: str, args: Sequence[Term], span: Span) -> Term:
    """``dot`` or ``norm``: over the last coordinate axis of each node; a single number counts as
    one.
    """
    if is_unknown(*args):
        return unknown(span)
    errors = context.draft.errors
    place = typing.join_places(errors, args, span)
    shape = typing.join_shapes(errors, args, span)
    if place is None or shape is None:
        return unknown(span)
    if not shape:
        return combine(errors, "mul" if op == "dot" else "abs", args, span)
    if op == "norm" and args[0].type.matrix:
        return matrices.norm(context, args[0], span)
    dtype = "complex" if op == "dot" and is_complex(*args) else "real"
    found = Term(op, tuple(args), Type(place, shape[:-1], dtype), span)
    if not context.beside_points or len(shape) == 1:
        return found
    return matrices.beside(found, 1)


def concatenate(context: Context, args: Sequence[Term], span: Span) -> Term:
    """``[a, b]``: along the last coordinate axis; the axes in front must be the same."""
    place = typing.join_places(context.draft.errors, args, span)
    if place is None:
        return unknown(span)
    fronts = {arg.type.shape[:-1] for arg in args}
    if len(fronts) > 1 or any(not arg.type.shape for arg in args):
        shapes = " and ".join(spell_shape(arg.type.shape) for arg in args)
        fix = "join vectors that agree in all axes but the last"
        context.draft.errors.add("E301", f"the shapes {shapes} cannot be joined", span, fix)
        return unknown(span)
    width = args[0].type.shape[-1]
    for arg in args[1:]:
        width = width + arg.type.shape[-1]
    dtype = "complex" if is_complex(*args) else "real"
    return Term("concat", tuple(args), Type(place, (*args[0].type.shape[:-1], width), dtype), span)


# ── over the nodes ─────────────────────────────────────────────────────────────────────────────


def over_nodes(context: Context, op: str, arg: Term, span: Span) -> Term:
    """``sum mean std min max count`` over the nodes of the argument's population."""
    if is_unknown(arg):
        return arg
    if op == "mean" and context.averages:
        kind = Type(dtype="complex" if is_complex(arg) else "real")
        return Term("average", (arg,), kind, span)
    if arg.type.place == GLOBAL:
        entries = ", or an input along a dim; dot(v, 1) sums the entries of a vector"
        entries *= bool(arg.type.shape) and op in ("sum", "mean")
        context.draft.errors.add(
            "E311",
            f"{op} runs over the nodes of a population, and this has no value per node",
            span,
            "give it a state or another quantity of a population" + entries,
        )
        return unknown(span)
    dtype = "complex" if op != "std" and is_complex(arg) else "real"
    return Term(op, (arg,), Type(GLOBAL, arg.type.shape, dtype, matrix=arg.type.matrix), span)


def _nodes_rule(op: str) -> Rule:
    return lambda context, expr, arguments: over_nodes(context, op, arguments.term("x"), expr.span)


def _order(context: Context, expr: tree.Call, arguments: Arguments) -> Term:
    points = arguments.term("x")
    if is_unknown(points):
        return points
    use = points.type.manifold
    if use is None or (text := MANIFOLDS[use.name].order) is None:
        state = next((name.rsplit(".", 1)[-1] for name in context.draft.states), "x")
        fact = "order needs the points of a manifold, and these are plain numbers"
        context.draft.errors.add("E310", fact, expr.span, f"give it a state: order({state})")
        return unknown(expr.span)
    if "m" in arguments.expr:
        return _clustering(context, expr, points, arguments)
    sizes = [Term("size", (), Type(dtype="integer"), expr.span, size) for size in use.arguments]
    holes = {"x": points, **dict(zip(MANIFOLDS[use.name].parameters, sizes, strict=False))}
    return formula(context, text, holes, expr.span)


def _clustering(context: Context, expr: tree.Call, points: Term, arguments: Arguments) -> Term:
    """Daido's order parameter of m clusters: |mean of e^{i m theta}|."""
    if points.type.manifold is not None and points.type.manifold.name == "circle":
        number = constants.number_or_none(context.draft, arguments.expr["m"])
        if number is None or (number == int(number) and number > 0):
            holes = {"x": points, "m": arguments.term("m")}
            return formula(context, "abs(mean(cis(m * x)))", holes, expr.span)
        fact = f"order counts m clusters, and m is {number:g}: another turn would change it"
        fix = "choose a whole number above 0"
        context.draft.errors.add("E306", fact, arguments.expr["m"].span, fix)
        return unknown(expr.span)
    fact = f"order of m clusters is that of angles, and these are on {points.type.manifold}"
    context.draft.errors.add("E310", fact, expr.span, "leave m out, or give it a state on circle")
    return unknown(expr.span)


def formula(context: Context, text: str, holes: dict[str, Term], span: Span) -> Term:
    """A manifold's formula with its placeholders filled in; every part points at ``span``."""
    inside = replace(context, holes=holes)
    return _respan(translate(inside, _formula_tree(text)), span, set(map(id, holes.values())))


@cache
def _formula_tree(text: str) -> tree.Expr:
    """The formulas of manifolds are few, and each is read once."""
    return parse_expression(text, "<formula>")


def _respan(term: Term, span: Span, keep: set[int]) -> Term:
    if id(term) in keep or term.span.source.path != "<formula>":
        return term
    return replace(term, span=span, args=tuple(_respan(arg, span, keep) for arg in term.args))


# ── fixed arrays, sequences, losses ────────────────────────────────────────────────────────────


def _rotary(context: Context, expr: tree.Call, arguments: Arguments) -> Term:
    width = arguments.size("C")
    heads = arguments.size("heads") if "heads" in arguments.expr else ONE
    if width is None or heads is None:
        return unknown(expr.span)
    if not constants.divides(context.draft, width, heads, expr.span):
        return unknown(expr.span)
    return Term("rotary", (), Type(GLOBAL, (width,)), expr.span, (width, heads))


def _pulse(context: Context, expr: tree.Call, arguments: Arguments) -> Term:
    from dynattn.model.pulses import pulse

    ends = (arguments.term("a"), arguments.term("b"))
    return pulse(context, arguments.term("t"), ends, expr.span)


def _total_energy(context: Context, expr: tree.Call, arguments: Arguments) -> Term:
    from dynattn.model.energies import total_energy

    return total_energy(context, expr.span)


def _geometry(name: str) -> Rule:
    """A function of ``model.geometry`` or ``model.ambient``, which need ``formula``."""

    def rule(context: Context, expr: tree.Call, arguments: Arguments) -> Term:
        from dynattn.model import ambient, geometry

        return {**geometry.RULES, **ambient.RULES}[name](context, expr, arguments)

    return rule


def _next(context: Context, expr: tree.Call, arguments: Arguments) -> Term:
    text = arguments.term("text")
    if is_unknown(text):
        return text
    if text.op != "input" or text.type.place.kind != "nodes":
        context.draft.errors.add(
            "E310", "next needs an input along a sequence", expr.span, "give it the text input"
        )
        return unknown(expr.span)
    return Term("next", (text,), text.type, expr.span)


RULES: dict[str, tuple[tuple[str, ...], Rule]] = {
    "dot": (("a", "b"), _dot),
    "norm": (("a",), _norm),
    **matrices.RULES,
    **{op: (("x",), _nodes_rule(op)) for op in ("sum", "mean", "std", "min", "max", "count")},
    "order": (("x", "m?"), _order),
    "distance": (("x", "y"), _geometry("distance")),
    "expmap": (("x", "v"), _geometry("expmap")),
    "logmap": (("x", "y"), _geometry("logmap")),
    "ambient": (("x",), _geometry("ambient")),
    "inner": (("x", "y"), _geometry("inner")),
    "toward": (("x", "v"), _geometry("toward")),
    "linear": (("x", "n", "bias?", "init?", "noise?", "bits?"), learned.linear),
    "swiglu": (("x", "hidden", "out?"), learned.swiglu),
    "embed": (("text", "width?", "init?"), learned.embed),
    "rotary": (("C", "heads?"), _rotary),
    "pulse": (("t", "a", "b"), _pulse),
    "total_energy": ((), _total_energy),
    "next": (("text",), _next),
    **losses.RULES,
    **network_functions.RULES,
}
"""Structural functions: names of their arguments (? may be left out) and their typing rule."""
