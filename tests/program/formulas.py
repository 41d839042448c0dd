"""Formulas of the language, read and computed on dual numbers without the checker."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from dynattn.model.terms import ManifoldUse
from dynattn.program import duals, matrices
from dynattn.program.duals import Dual
from dynattn.syntax import tree
from dynattn.syntax.parse import parse_expression
from dynattn.vocabulary.functions import CONSTANTS, MATRIX_FUNCTIONS
from dynattn.vocabulary.manifolds import MANIFOLDS

OPERATORS = {"+": "add", "-": "sub", "*": "mul", "/": "div", "^": "pow"}


def project(use: ManifoldUse, x: Dual, force: Dual, sizes: Mapping[str, int]) -> Dual:
    """P_x F, point by point: ``x`` [..., point], ``force`` aligned with it."""
    manifold = MANIFOLDS[use.name]
    names = {
        name: duals.plain(size.value(sizes))
        for name, size in zip(manifold.parameters, use.arguments, strict=False)
    }
    shape = tuple(size.value(sizes) for size in use.shape)
    whole = duals.broadcast(force, x.shape)
    found = [
        evaluate(manifold.projection, {**names, "x": a, "F": f})
        for a, f in zip(duals.points(x, shape), duals.points(whole, shape), strict=True)
    ]
    return duals.reshape(duals.stack(found), x.shape)


def evaluate(formula: str, names: Mapping[str, Dual]) -> Dual:
    """The value of a formula of the language in the given names."""
    return _value(_parsed(formula), names)


@lru_cache(maxsize=64)
def _parsed(formula: str) -> tree.Expr:
    return parse_expression(formula, "manifold")


def _value(expr: tree.Expr, names: Mapping[str, Dual]) -> Dual:
    match expr:
        case tree.Number(value=value, imaginary=imaginary):
            return duals.plain(1j * value if imaginary else value)
        case tree.Name(name=name):
            return names[name] if name in names else duals.plain(CONSTANTS[name])
        case tree.Unary(operator="-", operand=operand):
            return duals.apply("neg", _value(operand, names))
        case tree.Binary(operator="@", left=left, right=right):
            return matrices.product(_value(left, names), _value(right, names))
        case tree.Binary(operator=operator, left=left, right=right):
            return duals.apply(OPERATORS[operator], _value(left, names), _value(right, names))
        case tree.Call(function=tree.Name(name=name), arguments=arguments):
            return _call(name, [_value(argument, names) for argument in arguments])
    raise NotImplementedError(f"a manifold's formula holds {type(expr).__name__}")


def _call(name: str, arguments: list[Dual]) -> Dual:
    rules = {"dot": duals.dot, "norm": duals.norm}
    if name in MATRIX_FUNCTIONS:
        return matrices.of_square(name, *arguments)
    return rules[name](*arguments) if name in rules else duals.apply(name, *arguments)
