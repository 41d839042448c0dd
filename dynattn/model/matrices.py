"""Matrices: the product ``@``, and functions of the last two coordinate axes of each node."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from dynattn.diagnostics.report import Span
from dynattn.model import typing
from dynattn.model.arguments import Arguments
from dynattn.model.complex_numbers import is_complex
from dynattn.model.expressions import Context
from dynattn.model.terms import GLOBAL, Term, Type
from dynattn.model.typing import is_unknown, spell_shape, unknown
from dynattn.syntax import tree
from dynattn.vocabulary.sizes import ONE, Size

Shape = tuple[Size, ...]

NUMBERS = ("trace", "det")
"""Functions that make one number of a matrix."""

OTHERS = ("inverse", "expm", "polar", "logm", "angles")
"""Functions that make a matrix of one, or a row of numbers."""


def product(context: Context, left: Term, right: Term, span: Span) -> Term:
    """``A @ b``: the last axis of A with the only axis of a vector b, or the last but one of a
    matrix; axes in front align.
    """
    if is_unknown(left, right):
        return unknown(span)
    errors = context.draft.errors
    place = typing.join_places(errors, [left, right], span)
    shape = _product_shape(context, left, right, span)
    if place is None or shape is None:
        return unknown(span)
    op = "dot" if len(left.type.shape) == len(right.type.shape) == 1 else "matmul"
    matrix = left.type.matrix and right.type.matrix
    return Term(op, (left, right), Type(place, shape, _dtype(left, right), matrix=matrix), span)


def _dtype(*terms: Term) -> str:
    return "complex" if is_complex(*terms) else "real"


def _product_shape(context: Context, left: Term, right: Term, span: Span) -> Shape | None:
    a, b = left.type.shape, right.type.shape
    errors = context.draft.errors
    for term in (left, right):
        if not term.type.shape:
            text = "@ multiplies vectors and matrices, and this is a single number"
            fix = "write * for a product with a number"
            fix += "; a sum over the nodes is a coupling" if term.type.place != GLOBAL else ""
            errors.add("E317", text, term.span, fix)
            return None
    inner, front = b[-2:][0], (a[:-2], b[:-2])
    longer = max(front, key=len)
    aligned = all(part == longer[len(longer) - len(part) :] for part in front)
    if a[-1] != inner or not aligned:
        text = f"the product of {spell_shape(a)} @ {spell_shape(b)} does not exist"
        fix = "let the last axis on the left be as long as the first on the right"
        errors.add("E317", text, span, fix if aligned else "let the axes in front agree")
        return None
    return (*longer, *a[-2:-1], *b[-2:][1:])


def _square(context: Context, name: str, matrix: Term) -> bool:
    """Whether this is a square matrix; with a diagnostic."""
    shape = matrix.type.shape
    if len(shape) >= 2 and shape[-1] == shape[-2]:
        return True
    text = f"{name} needs a square matrix, and this is {spell_shape(shape)}"
    context.draft.errors.add("E317", text, matrix.span, "give it an array declared A[n, n]")
    return False


def transposed(matrix: Term, span: Span) -> Term:
    """The last two axes exchanged."""
    *front, rows, columns = matrix.type.shape
    kind = replace(matrix.type, shape=(*front, columns, rows), manifold=None)
    return Term("transpose", (matrix,), kind, span)


def _transpose(context: Context, expr: tree.Call, arguments: Arguments) -> Term:
    matrix = arguments.term("A")
    if is_unknown(matrix):
        return matrix
    if len(matrix.type.shape) < 2:
        text = f"transpose needs a matrix, and this is {spell_shape(matrix.type.shape)}"
        context.draft.errors.add("E317", text, expr.span, "give it an array declared A[m, n]")
        return unknown(expr.span)
    return transposed(matrix, expr.span)


def _rule(name: str) -> Callable[[Context, tree.Call, Arguments], Term]:
    def rule(context: Context, expr: tree.Call, arguments: Arguments) -> Term:
        matrix = arguments.term("A")
        if is_unknown(matrix) or not _square(context, name, matrix):
            return unknown(expr.span)
        return of_square(context, name, matrix, expr.span)

    return rule


def of_square(context: Context, name: str, matrix: Term, span: Span) -> Term:
    """A function of a square matrix; a number beside the points of a manifold keeps their axes."""
    place, shape = matrix.type.place, matrix.type.shape
    if name == "angles":
        return Term(name, (matrix,), Type(place, shape[:-1]), span)
    if name not in NUMBERS:
        return Term(name, (matrix,), replace(matrix.type, manifold=None), span)
    found = Term(name, (matrix,), Type(place, shape[:-2], _dtype(matrix)), span)
    return beside(found, 2) if context.beside_points and shape[:-2] else found


def beside(number: Term, axes: int) -> Term:
    """A number per point with axes of size 1 for the coordinates of the point."""
    for _ in range(axes):
        kind = Type(number.type.place, (*number.type.shape, ONE), number.type.dtype)
        number = Term("column", (number,), kind, number.span)
    return number


def norm(context: Context, matrix: Term, span: Span) -> Term:
    """Of n x n points: the root mean square length that unit vectors get, 1 for a unitary matrix.

    It is the Frobenius norm over sqrt(n).
    """
    size = Term("size", (), Type(dtype="integer"), span, matrix.type.shape[-1])
    root = typing.combine(context.draft.errors, "sqrt", [size], span)
    found = matrix
    for _ in range(2):
        found = Term("norm", (found,), Type(found.type.place, found.type.shape[:-1]), span)
    found = typing.combine(context.draft.errors, "div", [found, root], span)
    return beside(found, 2) if context.beside_points and found.type.shape else found


RULES: dict[str, tuple[tuple[str, ...], Callable[[Context, tree.Call, Arguments], Term]]] = {
    "transpose": (("A",), _transpose),
    **{name: (("A",), _rule(name)) for name in (*NUMBERS, *OTHERS)},
}
"""Names of the arguments and typing rule of each function of matrices."""


# ── gradients ──────────────────────────────────────────────────────────────────────────────────


def product_slope(context: Context, term: Term, number: int, slope: Term) -> Term | None:
    """The share of argument ``number`` of a product in the slope; None where it is not known."""
    left, right = term.args
    if len(left.type.shape) > 2 or len(right.type.shape) > 2 or not slope.type.shape:
        return None
    span = term.span
    if number == 1:
        if len(left.type.shape) == 1:
            return None
        return product(context, transposed(left, span), slope, span)
    if len(left.type.shape) == 1:
        return product(context, right, slope, span)
    if len(right.type.shape) == 1:
        return None
    return product(context, slope, transposed(right, span), span)


def numbers_of(op: str, values: Sequence[object]) -> object:
    """``matmul`` or ``transpose`` of numpy arrays."""
    import numpy

    arrays = [numpy.asarray(value) for value in values]
    return arrays[0] @ arrays[1] if op == "matmul" else arrays[0].swapaxes(-1, -2)
