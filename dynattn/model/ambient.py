"""Functions of points in the space around their manifold: ``ambient``, ``inner``, ``toward``."""

from __future__ import annotations

from dataclasses import replace
from functools import reduce
from operator import mul

from dynattn.diagnostics.report import Span
from dynattn.model import typing
from dynattn.model.arguments import Arguments
from dynattn.model.expressions import Context
from dynattn.model.functions import concatenate, contract
from dynattn.model.geometry import called, common_manifold, formula_at
from dynattn.model.matrices import beside
from dynattn.model.terms import ManifoldUse, Term
from dynattn.model.typing import is_unknown, spell_shape, unknown
from dynattn.syntax import tree
from dynattn.vocabulary.manifolds import MANIFOLDS
from dynattn.vocabulary.sizes import Size, fixed


def ambient(context: Context, expr: tree.Call, arguments: Arguments) -> Term:
    """``ambient(x)``: all points of a node as one vector of real numbers."""
    x, span = arguments.term("x"), expr.span
    use = common_manifold(context, "ambient", [x], span)
    if use is None:
        return unknown(span)
    found = _vectors(context, x, use, span)
    return called("ambient", _joined(found, len(found.type.shape) - 1), [x], span)


def inner(context: Context, expr: tree.Call, arguments: Arguments) -> Term:
    """``inner(x, y)``: of two points, one number per point of the node."""
    points, span = [arguments.term("x"), arguments.term("y")], expr.span
    use = common_manifold(context, "inner", points, span)
    if use is None:
        return unknown(span)
    value = contract(context, "dot", [_vectors(context, x, use, span) for x in points], span)
    return called("inner", value, points, span)


def toward(context: Context, expr: tree.Call, arguments: Arguments) -> Term:
    """``toward(x, v)``: the force on x towards a vector in the form of ``ambient(x)``."""
    x, vector, span = arguments.term("x"), arguments.term("v"), expr.span
    use = common_manifold(context, "toward", [x], span)
    if use is None or is_unknown(vector):
        return unknown(span)
    if MANIFOLDS[use.name].toward is None:
        text = f"{use} has no attraction of its own"
        context.draft.errors.add("E340", text, span, "write the force in x itself")
        return unknown(span)
    wanted = ambient(context, expr, arguments).type.shape
    if vector.type.shape != wanted:
        text = f"ambient({arguments.expr['x'].span.text}) has the shape {spell_shape(wanted)}, and "
        text += f"this vector {spell_shape(vector.type.shape)}"
        fix = "make a vector of ambient(x): swiglu(ambient(x), hidden=32)"
        context.draft.errors.add("E340", text, vector.span, fix)
        return unknown(span)
    return called("toward", _pulled(context, x, vector, use, span), [x, vector], span)


# ── a point as a vector ────────────────────────────────────────────────────────────────────────


def _vectors(context: Context, x: Term, use: ManifoldUse, span: Span) -> Term:
    """Each point as a vector: [.., m] of real numbers."""
    rank = len(use.shape)
    parts = [formula_at(context, t, use, [x], "x", span) for t in MANIFOLDS[use.name].ambient]
    parts = [_joined(part, 1) if rank == 2 else beside(part, 1 - rank) for part in parts]
    found = concatenate(context, parts, span) if len(parts) > 1 else parts[0]
    return _scaled(context, "div", found, use, span)


def _scaled(context: Context, op: str, vector: Term, use: ManifoldUse, span: Span) -> Term:
    """The vector divided by, or times, the unit of the manifold."""
    text = MANIFOLDS[use.name].unit
    if text == "1":
        return vector
    unit = formula_at(context, text, use, [], "", span)
    return typing.combine(context.draft.errors, op, [vector, unit], span)


def _joined(x: Term, times: int) -> Term:
    """The last two axes as one, so many times."""
    for _ in range(times):
        *front, rows, columns = x.type.shape
        kind = replace(x.type, shape=(*front, rows * columns), manifold=None, matrix=False)
        x = Term("merge", (x,), kind, x.span)
    return x


def _split(x: Term, rows: Size, columns: Size) -> Term:
    """The last axis as two of these sizes."""
    kind = replace(x.type, shape=(*x.type.shape[:-1], rows, columns))
    return Term("split", (x,), kind, x.span, rows)


# ── a vector as a force ────────────────────────────────────────────────────────────────────────


def _pulled(context: Context, x: Term, vector: Term, use: ManifoldUse, span: Span) -> Term:
    """The formula of the force, with the vector in the shape of x."""
    entry, vector = MANIFOLDS[use.name], _scaled(context, "mul", vector, use, span)
    count, size = len(entry.ambient), reduce(mul, use.shape, fixed(1))
    front = x.type.shape[: len(x.type.shape) - len(use.shape)]
    for k, rows in enumerate(front):
        vector = _split(vector, rows, reduce(mul, front[k + 1 :], fixed(count) * size))
    parts = [_part(vector, k, count, size) for k in range(count)]
    if len(use.shape) == 2:
        parts = [_split(part, *use.shape) for part in parts]
    elif not use.shape:
        one = typing.number(1.0, span)
        parts = [contract(context, "dot", [part, one], span) for part in parts]
    return formula_at(context, entry.toward or "", use, [x, *parts], "xab"[: 1 + count], span)


def _part(x: Term, k: int, count: int, width: Size) -> Term:
    """The k-th of so many equal parts of the last axis."""
    kind = replace(x.type, shape=(*x.type.shape[:-1], width))
    return Term("part", (x,), kind, x.span, (k, count)) if count > 1 else x


RULES = {"ambient": ambient, "inner": inner, "toward": toward}
"""The typing rule of each function."""
