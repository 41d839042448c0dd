"""The functions of the language. Adding an elementwise function is one entry in _ENTRIES.

Each elementwise entry holds its value and partial derivatives as formulas over numpy (``m``), for
the reference evaluator, and the name of the torch function that lowered and emitted code calls.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from dynattn.vocabulary.structural import NETWORK_FUNCTIONS, Structural

Formula = Callable[..., Any]


@dataclass(frozen=True)
class Elementwise:
    """A function of numbers, applied to every entry of its arguments alike."""

    name: str
    torch: str
    """Dotted name of the torch function, or an operator such as ``+`` for two arguments."""
    value: Formula
    """value(m, *arguments)."""
    slopes: tuple[Formula, ...]
    """One partial derivative per argument, each called like ``value``."""
    result: str = "real"
    """dtype of the result: ``real`` or ``truth``; ``same`` keeps integers integers."""
    derivatives: tuple[str, ...] = ()
    """The partial derivatives in the language, of ``x`` (and ``y``); () where it has none."""
    doc: str = ""
    of_complex: str = ""
    """dtype of the result for complex arguments: ``complex``, ``real`` or ``truth``; '' takes none.
    """
    push: Formula | None = None
    """push(m, z, dz): the change along dz of a function of a complex z that has no derivative."""

    @property
    def arity(self) -> int:
        """Number of arguments."""
        return len(self.slopes)


def _zero(m: Any, *arguments: Any) -> Any:
    return 0.0


def _sigmoid(m: Any, x: Any) -> Any:
    return 0.5 * (1.0 + m.tanh(0.5 * x))


def _erf(m: Any, x: Any) -> Any:
    from scipy.special import erf

    return erf(x)


def _gelu(m: Any, x: Any) -> Any:
    return 0.5 * x * (1.0 + _erf(m, x / m.sqrt(2.0)))


def _gelu_slope(m: Any, x: Any) -> Any:
    density = m.exp(-0.5 * x * x) / m.sqrt(2.0 * m.pi)
    return 0.5 * (1.0 + _erf(m, x / m.sqrt(2.0))) + x * density


def _silu_slope(m: Any, x: Any) -> Any:
    s = _sigmoid(m, x)
    return s * (1.0 + x * (1.0 - s))


def _truth(name: str, operator: str, value: Formula) -> Elementwise:
    return Elementwise(
        name, operator, value, (_zero, _zero), result="truth", derivatives=("0", "0")
    )


def _has_logarithm(m: Any, a: Any) -> Any:
    return a != 0 if m.iscomplexobj(a) else a > 0


def _length(m: Any, z: Any) -> Any:
    """|z|, and 1 at 0, where |z| has no slope and counts as flat."""
    return m.where(z == 0, 1.0, m.abs(z))


_COMPLEX = (
    Elementwise(
        "cis", "kernels.cis", lambda m, x: m.exp(1j * x), (lambda m, x: 1j * m.exp(1j * x),),
        "complex", ("1i * cis(x)",), of_complex="complex",
    ),
    Elementwise(
        "re", "torch.real", lambda m, x: m.real(x), (lambda m, x: 1.0,), derivatives=("1",),
        of_complex="real", push=lambda m, z, dz: dz.real,
    ),
    Elementwise(
        "im", "kernels.imaginary", lambda m, x: m.imag(x), (_zero,), derivatives=("0",),
        of_complex="real", push=lambda m, z, dz: dz.imag,
    ),
    Elementwise(
        "arg", "torch.angle", lambda m, x: m.angle(x), (_zero,), derivatives=("0",),
        of_complex="real", push=lambda m, z, dz: (m.conj(z) * dz).imag / _length(m, z) ** 2,
    ),
    Elementwise(
        "conj", "torch.conj_physical", lambda m, x: m.conj(x), (lambda m, x: 1.0,),
        derivatives=("1",), of_complex="complex", push=lambda m, z, dz: dz.conj(),
    ),
)  # fmt: skip

_ENTRIES = (
    Elementwise(
        "add",
        "+",
        lambda m, a, b: a + b,
        (lambda m, a, b: 1.0, lambda m, a, b: 1.0),
        "same",
        derivatives=("1", "1"),
    ),
    Elementwise(
        "sub",
        "-",
        lambda m, a, b: a - b,
        (lambda m, a, b: 1.0, lambda m, a, b: -1.0),
        "same",
        derivatives=("1", "-1"),
    ),
    Elementwise(
        "mul",
        "*",
        lambda m, a, b: a * b,
        (lambda m, a, b: b, lambda m, a, b: a),
        "same",
        derivatives=("y", "x"),
    ),
    Elementwise(
        "div",
        "/",
        lambda m, a, b: a / b,
        (lambda m, a, b: 1.0 / b, lambda m, a, b: -a / (b * b)),
        derivatives=("1/y", "-x/y^2"),
    ),
    Elementwise(
        "pow",
        "**",
        lambda m, a, b: a**b,
        (
            lambda m, a, b: b * a ** (b - 1.0),
            lambda m, a, b: a**b * m.log(m.where(_has_logarithm(m, a), a, 1.0)),
        ),
        derivatives=("y * x^(y - 1)", "x^y * log(x)"),
    ),
    *_COMPLEX,
    Elementwise("neg", "-", lambda m, a: -a, (lambda m, a: -1.0,), "same", derivatives=("-1",)),
    Elementwise(
        "sin", "torch.sin", lambda m, x: m.sin(x), (lambda m, x: m.cos(x),), derivatives=("cos(x)",)
    ),
    Elementwise(
        "cos",
        "torch.cos",
        lambda m, x: m.cos(x),
        (lambda m, x: -m.sin(x),),
        derivatives=("-sin(x)",),
    ),
    Elementwise(
        "tan",
        "torch.tan",
        lambda m, x: m.tan(x),
        (lambda m, x: 1.0 / m.cos(x) ** 2,),
        derivatives=("1/cos(x)^2",),
    ),
    Elementwise(
        "asin",
        "torch.asin",
        lambda m, x: m.arcsin(x),
        (lambda m, x: 1.0 / m.sqrt(1.0 - x * x),),
        derivatives=("1/sqrt(1 - x^2)",),
    ),
    Elementwise(
        "acos",
        "torch.acos",
        lambda m, x: m.arccos(x),
        (lambda m, x: -1.0 / m.sqrt(1.0 - x * x),),
        derivatives=("-1/sqrt(1 - x^2)",),
    ),
    Elementwise(
        "atan",
        "torch.atan",
        lambda m, x: m.arctan(x),
        (lambda m, x: 1.0 / (1.0 + x * x),),
        derivatives=("1/(1 + x^2)",),
    ),
    Elementwise(
        "atan2",
        "torch.atan2",
        lambda m, y, x: m.arctan2(y, x),
        (lambda m, y, x: x / (x * x + y * y), lambda m, y, x: -y / (x * x + y * y)),
        derivatives=("y/(x^2 + y^2)", "-x/(x^2 + y^2)"),
    ),
    Elementwise(
        "sinh",
        "torch.sinh",
        lambda m, x: m.sinh(x),
        (lambda m, x: m.cosh(x),),
        derivatives=("cosh(x)",),
    ),
    Elementwise(
        "cosh",
        "torch.cosh",
        lambda m, x: m.cosh(x),
        (lambda m, x: m.sinh(x),),
        derivatives=("sinh(x)",),
    ),
    Elementwise(
        "tanh",
        "torch.tanh",
        lambda m, x: m.tanh(x),
        (lambda m, x: 1.0 - m.tanh(x) ** 2,),
        derivatives=("1 - tanh(x)^2",),
    ),
    Elementwise(
        "exp", "torch.exp", lambda m, x: m.exp(x), (lambda m, x: m.exp(x),), derivatives=("exp(x)",)
    ),
    Elementwise(
        "log", "torch.log", lambda m, x: m.log(x), (lambda m, x: 1.0 / x,), derivatives=("1/x",)
    ),
    Elementwise(
        "sqrt",
        "torch.sqrt",
        lambda m, x: m.sqrt(x),
        (lambda m, x: 0.5 / m.sqrt(x),),
        derivatives=("1/(2*sqrt(x))",),
    ),
    Elementwise(
        "abs",
        "torch.abs",
        lambda m, x: m.abs(x),
        (lambda m, x: m.sign(x),),
        "same",
        derivatives=("sign(x)",),
        of_complex="real",
        push=lambda m, z, dz: (m.conj(z) * dz).real / _length(m, z),
    ),
    Elementwise("sign", "torch.sign", lambda m, x: m.sign(x), (_zero,), derivatives=("0",)),
    Elementwise("floor", "torch.floor", lambda m, x: m.floor(x), (_zero,), derivatives=("0",)),
    Elementwise(
        "sigmoid",
        "torch.sigmoid",
        _sigmoid,
        (lambda m, x: _sigmoid(m, x) * _sigmoid(m, -x),),
        derivatives=("sigmoid(x) * sigmoid(-x)",),
    ),
    Elementwise(
        "relu",
        "torch.relu",
        lambda m, x: m.maximum(x, 0.0),
        (lambda m, x: 1.0 * (x > 0),),
        derivatives=("relu(sign(x))",),
    ),
    Elementwise(
        "softplus",
        "torch.nn.functional.softplus",
        lambda m, x: m.logaddexp(0.0, x),
        (lambda m, x: _sigmoid(m, x),),
        derivatives=("sigmoid(x)",),
    ),
    Elementwise(
        "silu",
        "torch.nn.functional.silu",
        lambda m, x: x * _sigmoid(m, x),
        (_silu_slope,),
        derivatives=("sigmoid(x) * (1 + x * (1 - sigmoid(x)))",),
    ),
    Elementwise(
        "elu",
        "torch.nn.functional.elu",
        lambda m, x: m.where(x > 0, x, m.expm1(m.minimum(x, 0.0))),
        (lambda m, x: m.exp(m.minimum(x, 0.0)),),
        derivatives=("exp(-relu(-x))",),
    ),
    Elementwise("gelu", "torch.nn.functional.gelu", _gelu, (_gelu_slope,)),
    _truth("lt", "<", lambda m, a, b: a < b),
    _truth("le", "<=", lambda m, a, b: a <= b),
    _truth("gt", ">", lambda m, a, b: a > b),
    _truth("ge", ">=", lambda m, a, b: a >= b),
    _truth("eq", "==", lambda m, a, b: a == b),
    _truth("ne", "!=", lambda m, a, b: a != b),
    _truth("and", "&", lambda m, a, b: m.logical_and(a, b)),
    _truth("or", "|", lambda m, a, b: m.logical_or(a, b)),
    Elementwise(
        "not",
        "torch.logical_not",
        lambda m, a: m.logical_not(a),
        (_zero,),
        "truth",
        derivatives=("0",),
    ),
)

_ANALYTIC = frozenset({
    "add", "sub", "mul", "div", "pow", "neg", "sin", "cos", "tan", "asin", "acos", "atan", "sinh",
    "cosh", "tanh", "exp", "log", "sqrt", "sigmoid",
})  # fmt: skip
"""Functions that take complex numbers to complex numbers, with the same derivative."""

_OF_COMPLEX = {**dict.fromkeys(_ANALYTIC, "complex"), "eq": "truth", "ne": "truth"}

ELEMENTWISE: dict[str, Elementwise] = {
    entry.name: replace(entry, of_complex=_OF_COMPLEX.get(entry.name, entry.of_complex))
    for entry in _ENTRIES
}

_STRUCTURAL = (
    Structural("dot", "coordinates", "dot(a, b)", "sum of products over the last coordinate axis"),
    Structural("norm", "coordinates", "norm(a)", "Euclidean length over the last coordinate axis"),
    Structural("matmul", "coordinates", "A @ b", "matrix product over the last axes of each node"),
    Structural("transpose", "coordinates", "transpose(A)", "the last two axes exchanged"),
    Structural("trace", "coordinates", "trace(A)", "sum of the diagonal of a square matrix"),
    Structural("det", "coordinates", "det(A)", "determinant of a square matrix"),
    Structural("inverse", "coordinates", "inverse(A)", "the inverse of a square matrix"),
    Structural("expm", "coordinates", "expm(A)", "exponential of a square matrix"),
    Structural("polar", "coordinates", "polar(A)", "the nearest orthogonal or unitary matrix"),
    Structural("logm", "coordinates", "logm(A)", "the shortest W with expm(W) = polar(A)"),
    Structural("angles", "coordinates", "angles(A)", "of the eigenvalues of logm(A), in order"),
    Structural("distance", "coordinates", "distance(x, y)", "of two points of a manifold"),
    Structural("expmap", "coordinates", "expmap(x, v)", "where the geodesic from x along v leads"),
    Structural("logmap", "coordinates", "logmap(x, y)", "the v for which expmap(x, v) is y"),
    Structural("concat", "coordinates", "[a, b]", "concatenation along the last coordinate axis"),
    Structural("sum", "nodes", "sum(x)", "sum over the nodes of the population"),
    Structural("mean", "nodes", "mean(x)", "mean over the nodes"),
    Structural("std", "nodes", "std(x)", "standard deviation over the nodes, divided by N"),
    Structural("min", "nodes", "min(x)", "smallest value over the nodes"),
    Structural("max", "nodes", "max(x)", "largest value over the nodes"),
    Structural("count", "nodes", "count(condition)", "number of nodes where the condition holds"),
    Structural(
        "order", "nodes", "order(x, m)", "the manifold's own order parameter, 0 .. 1; of m clusters"
    ),
    Structural(
        "linear",
        "learned",
        "linear(x, n, bias=true, init=normal(0, 1), noise=0, bits=0)",
        "x W^T + b on the last coordinate axis; W and b read with noise, and of 2^bits levels",
    ),
    Structural("swiglu", "learned", "swiglu(x, hidden=h, out=n)", "W3 (silu(W1 x) * W2 x)"),
    Structural("ambient", "coordinates", "ambient(x)", "the points of a node as one real vector"),
    Structural("inner", "coordinates", "inner(x, y)", "of two points, 1 where they are the same"),
    Structural("toward", "coordinates", "toward(x, v)", "the force towards v, made as ambient(x)"),
    Structural("embed", "learned", "embed(text)", "a learned row per class"),
    Structural(
        "rotary", "fixed", "rotary(C, heads=H)", "frequencies 10000^(-c/(C/H)), c within a head"
    ),
    Structural(
        "total_energy", "nodes", "total_energy()", "kinetic energy, own and pair potentials"
    ),
    Structural("pulse", "time", "pulse(t, a, b)", "1 from the time a to the time b, else 0"),
    Structural("next", "sequence", "next(text)", "the element one place later"),
)

STRUCTURAL: dict[str, Structural] = {
    entry.name: entry for entry in (*_STRUCTURAL, *NETWORK_FUNCTIONS)
}

TAKE_COMPLEX = frozenset({
    "dot", "norm", "sum", "mean", "std", "order", "transpose", "trace", "det", "inverse", "expm",
    "polar", "logm", "angles", "distance", "expmap", "logmap", "ambient", "inner", "toward",
})  # fmt: skip
"""Structural functions whose arguments may be complex."""

MATRIX_FUNCTIONS = (
    "transpose", "trace", "det", "inverse", "expm", "polar", "logm", "angles",
)  # fmt: skip
"""Functions of the last two coordinate axes."""

CONSTANTS: dict[str, float] = {"pi": 3.141592653589793}

FUNCTION_NAMES: tuple[str, ...] = tuple(
    name
    for name in (*ELEMENTWISE, *STRUCTURAL)
    if name not in {"add", "sub", "mul", "div", "pow", "neg", "lt", "le", "gt", "ge", "eq", "ne",
                    "and", "or", "not", "concat", "matmul"}
)  # fmt: skip
"""What can be called by name in a spec."""
