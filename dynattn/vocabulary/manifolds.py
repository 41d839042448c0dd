"""The manifolds. Adding one is one entry in MANIFOLDS.

The geometry is written in the language itself, so that checker, reference evaluator, lowered module
and emitted file share one definition: ``x`` and ``y`` points, ``F`` an ambient vector, ``v`` a
tangent vector, ``x[i]``/``x[j]`` the receiver's and the sender's point.

Every metric is the one whose gradients ``projection`` makes of ambient ones: that of the space
around, and Shahshahani's, sum dx_a^2 / x_a, on positive and simplex. On manifolds of matrices it is
measured by the ``norm`` of the language, so that SO(2) is as long as the circle.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import dist, hypot, isfinite
from typing import Any

from dynattn.vocabulary import matrix_groups

PICTURES = ("circle", "torus", "sphere", "line", "plane", "simplex", "matrix")
"""Kinds of pictures: angles on a circle or a flat torus, the unit sphere, a number line for each
coordinate, the complex plane, the triangle of shares, the entries of a matrix."""

Sampler = Callable[[Any, tuple[int, ...]], Any]
"""sampler(rng: numpy.random.Generator, shape) -> array of points, shape = (..., coordinates)."""


@dataclass(frozen=True)
class Manifold:
    """One manifold of the language."""

    name: str
    parameters: tuple[str, ...]
    """Names of its arguments: ``("D",)`` for sphere(D)."""
    shape: tuple[str, ...]
    """Coordinates of one point, in terms of the arguments; () for a single number."""
    projection: str
    """P_x F: the tangent part of an ambient vector F at x."""
    retraction: str
    """Where a tangent step v from x leads: x + v to first order."""
    exponential: str
    """Where the geodesic from x along v ends."""
    logarithm: str
    """The tangent vector at x whose exponential is y, the shortest one."""
    distance: str
    """The length of the shortest geodesic from x to y."""
    kernel: str | None
    """The default attraction of x[i] by x[j]; None where one must be written."""
    order: str | None
    """The order parameter of the points of a population: 1 where all agree, near 0 where none do.
    The arguments (``d``) may stand in it. On the torus: the root mean square over the coordinates;
    on real: 1 / (1 + variance), as no bounded one exists; on complex: the modulus of the mean, the
    field's own, which oscillators of amplitude 1 keep between 0 and 1."""
    sample: Sampler
    """Uniform draws (Haar measure); standard normal where there is no uniform one."""
    default: str
    """Default initial state: ``uniform``, or a formula of the arguments."""
    picture: str
    """How points are drawn: one of PICTURES."""
    length: str = "norm(v)"
    """The length of a tangent vector v at x."""
    chord: str | None = None
    """Half the squared chord from x to y, of which the default kernel is downhill: minus its
    gradient at x. Close by it is half the squared distance. None where there is no kernel.
    """
    frustration: str | None = None
    """What a frustration a makes of the sender's point y; None where it has no meaning."""
    turns: str = ""
    """The group whose elements a frustration is; '' where it is an angle."""
    phase: bool = False
    """Whether coordinates are angles, 2 pi periodic."""
    constraint: str | None = None
    """A formula in x that is 0 on the manifold: what drift of a numerical solution is measured
    by.
    """
    tangent: str | None = None
    """What an equation x' = F keeps of F: without its normal part. None: that is the projection."""
    logarithmic: bool = False
    """Coordinates are above 0, and methods that know only straight steps follow their logarithms.
    """
    fold: Callable[[Any], Any] | None = None
    """fold(drawn array) -> the points that draws of a distribution stand for; None: themselves."""
    of_complex: bool = False
    """Whether coordinates are complex numbers."""
    member: Callable[[Sequence[float]], bool] | None = None
    """Whether the coordinates of a vector are a point; None: all are, or they are matrices."""
    wanted: str = ""
    """What to write where they are none."""
    nearest: Callable[[Sequence[float]], list[float]] | None = None
    """The point that a vector off the manifold is projected to; None where there is none."""
    least: int = 1
    """The smallest size that it moves at: sphere(1) is two points, SO(1) is one."""
    ambient: tuple[str, ...] = ("x",)
    """A point as a vector of real numbers in the space around: its entries, all coordinates of the
    first formula before those of the second, each divided by ``unit``. On compact manifolds the
    vector has length 1, and the inner product of two is left as it is by the symmetries.
    """
    unit: str = "1"
    toward: str | None = None
    """The force towards a vector whose parts times ``unit`` are ``a`` and ``b``: towards that of a
    point y it is the attraction by y. None where there is no kernel.
    """
    doc: str = ""

    def hold(self, points: Any) -> bool:
        """Whether all the points of an array [..., coordinates] are points of the manifold."""
        if self.member is None:
            return True
        return all(map(self.member, self._rows(points)))

    def farthest(self, points: Any) -> float | None:
        """How far off the worst of the points is; None where no projection tells it."""
        rows = self._rows(points)
        if self.nearest is None or not all(isfinite(value) for row in rows for value in row):
            return None
        return max(dist(row, self.nearest(row)) for row in rows)

    def _rows(self, points: Any) -> list[list[float]]:
        return points.reshape(-1, points.shape[-1] if self.shape else 1).tolist()


def _sample_angles(rng: Any, shape: tuple[int, ...]) -> Any:
    return rng.uniform(-3.141592653589793, 3.141592653589793, shape)


def _sample_normal(rng: Any, shape: tuple[int, ...]) -> Any:
    return rng.standard_normal(shape)


def _sample_complex(rng: Any, shape: tuple[int, ...]) -> Any:
    return rng.standard_normal(shape) + 1j * rng.standard_normal(shape)


def _sample_sphere(rng: Any, shape: tuple[int, ...]) -> Any:
    points = rng.standard_normal(shape)
    return points / (points**2).sum(-1, keepdims=True) ** 0.5


def _sample_positive(rng: Any, shape: tuple[int, ...]) -> Any:
    return rng.gamma(4.0, 0.25, shape)


def _sample_simplex(rng: Any, shape: tuple[int, ...]) -> Any:
    points = rng.standard_exponential(shape)
    return points / points.sum(-1, keepdims=True)


def _shortened(x: Sequence[float]) -> list[float]:
    length = hypot(*x)
    return [a / length for a in x] if length else [1.0, *[0.0] * (len(x) - 1)]


def _shared(x: Sequence[float]) -> list[float]:
    above = [max(a, 0.0) for a in x]
    total = sum(above)
    return [a / total for a in above] if total else [1 / len(x)] * len(x)


_MORE = "(sin({n}) / ({n} + ({n} == 0)) + ({n} == 0))"
"""sin(n)/n, 1 at 0."""


def _walk(x: str, v: str) -> str:
    """The great circle from the unit vector x along v."""
    n = f"norm({v})"
    return f"cos({n}) * {x} + {_MORE.format(n=n)} * {v}"


def _angle(x: str, y: str) -> str:
    """The angle between unit vectors, exact where it is small and where it is near pi. Kahan, How
    Futile are Mindless Assessments of Roundoff (2006), section 12.
    """
    return f"2 * atan2(norm({y} - {x}), norm({y} + {x}))"


def _way(x: str, y: str) -> str:
    """The tangent vector at the unit vector x that leads to y; 0 where y is -x."""
    part = f"({y} - {x} - dot({x}, {y} - {x}) * {x})"
    n = f"norm({part})"
    return f"(({_angle(x, y)}) / ({n} + ({n} == 0)) + ({n} == 0)) * {part}"


def _root(x: str) -> str:
    """The square root of shares, with a slope at 0."""
    return f"(sqrt({x} + ({x} == 0)) - ({x} == 0))"


_HALF = f"(v / (2 * {_root('x')} + (x == 0)))"
"""A change of shares as one of their square roots."""

_TURN, _STEP = "conj(transpose(x)) @ y", "conj(transpose(x)) @ v"
_BETWEEN = f"norm(angles({_TURN})) / sqrt(n)"
_DEFECT = "norm(conj(transpose(x)) @ x - expm(0*x)) + abs(det(x) - 1)"
_WRAPPED = "atan2(sin(y - x), cos(y - x))"
_STRAIGHT = ("x + v", "y - x", "norm(y - x)")
_HERE = "norm(y - x)^2 / 2"
_ANGLE, _PARTS, _PULL = ("cos(x)", "sin(x)"), ("re(x)", "im(x)"), "cos(x)*b - sin(x)*a"

_LOSS = "v / (x + (x == 0)) + 0.5"
"""A step from x in parts of x, beyond the loss of half of it; where x is 0 it stays 0."""

_GROWN = f"x * (relu({_LOSS}) + 0.5 * exp(-2 * relu(-({_LOSS}))))"
"""x + v, so that no method loses its order; smoothly x/2 exp(1 + 2 v/x), which stays above 0, where
more than half of x would be lost."""

_ENTRIES = (
    Manifold(
        "circle", (), (), "F", "x + v", "x + v", _WRAPPED, f"abs({_WRAPPED})",
        "sin(x[j] - x[i])", "sqrt(mean(cos(x))^2 + mean(sin(x))^2)",
        _sample_angles, "uniform", "circle", chord="1 - cos(y - x)", frustration="y - a",
        phase=True, ambient=_ANGLE, toward=_PULL,
        doc="an angle, in radians",
    ),
    Manifold(
        "torus", ("d",), ("d",), "F", "x + v", "x + v", _WRAPPED, f"norm({_WRAPPED})",
        "sin(x[j] - x[i])",
        "sqrt((dot(mean(cos(x)), mean(cos(x))) + dot(mean(sin(x)), mean(sin(x)))) / d)",
        _sample_angles, "uniform", "torus", chord="dot(1 - cos(y - x), 1)", frustration="y - a",
        phase=True, ambient=_ANGLE, unit="sqrt(d)", toward=_PULL,
        doc="d angles, in radians",
    ),
    Manifold(
        "sphere", ("D",), ("D",), "F - dot(F, x) * x", "(x + v) / norm(x + v)",
        _walk("x", "v"), _way("x", "y"), _angle("x", "y"), "x[j]", "norm(mean(x))",
        _sample_sphere, "uniform", "sphere", chord=_HERE, frustration="a @ y", turns="SO",
        constraint="norm(x) - 1", member=lambda x: abs(hypot(*x) - 1) < 1e-6,
        wanted="divide the numbers by their length", nearest=_shortened, least=2,
        toward="a",
        doc="unit vectors in R^D",
    ),
    Manifold(
        "real", ("d",), ("d",), "F", "x + v", *_STRAIGHT, "x[j] - x[i]",
        "1 / (1 + norm([std(x)])^2)", _sample_normal, "0", "line", chord=_HERE,
        toward="a - x",
        doc="numbers; real(d) is a vector of d of them",
    ),
    Manifold(
        "complex", (), (), "F", "x + v", "x + v", "y - x", "abs(y - x)", "x[j] - x[i]",
        "abs(mean(x))", _sample_complex, "0", "plane", "abs(v)", chord="abs(y - x)^2 / 2",
        of_complex=True, ambient=_PARTS, toward="a + 1i*b - x",
        doc="a complex number",
    ),
    Manifold(
        "SO", ("n",), ("n", "n"), "(F - x @ transpose(F) @ x) / 2", "polar(x + v)",
        f"x @ expm({_STEP})", f"x @ logm({_TURN})", _BETWEEN, "x[j]", "norm(mean(x))",
        matrix_groups.sample_orthogonal, "uniform", "matrix", chord=f"n * {_HERE}",
        frustration="a @ y", turns="SO", constraint=_DEFECT, least=2,
        unit="sqrt(n)", toward="a",
        doc="rotations: n x n orthogonal matrices of determinant 1",
    ),
    Manifold(
        "SU", ("n",), ("n", "n"),
        "(F - x @ conj(transpose(F)) @ x)/2 - 1i*im(trace(conj(transpose(x)) @ F))/n * x",
        "polar(x + v) * cis(-arg(det(polar(x + v))) / n)",
        f"x @ expm({_STEP})", f"x @ logm({_TURN})", _BETWEEN, "x[j]", "norm(mean(x))",
        matrix_groups.sample_unitary, "uniform", "matrix", chord=f"n * {_HERE}",
        frustration="a @ y", turns="SU", constraint=_DEFECT, of_complex=True, least=2,
        ambient=_PARTS, unit="sqrt(n)", toward="a + 1i*b",
        doc="n x n unitary matrices of determinant 1",
    ),
    Manifold(
        "so", ("n",), ("n", "n"), "(F - transpose(F)) / 2", "x + v", *_STRAIGHT, "x[j] - x[i]",
        "1 / (1 + norm(std(x))^2)", matrix_groups.sample_skew, "0", "matrix", chord=f"n * {_HERE}",
        fold=matrix_groups.skew, least=2,
        unit="sqrt(n)", toward="a - x",
        doc="n x n skew matrices: rotation rates",
    ),
    Manifold(
        "su", ("n",), ("n", "n"), "(F - conj(transpose(F)))/2 - 1i*im(trace(F))/n * expm(0*x)",
        "x + v", *_STRAIGHT, "x[j] - x[i]", "1 / (1 + norm(std(x))^2)",
        matrix_groups.sample_skew_complex, "0", "matrix", chord=f"n * {_HERE}",
        fold=matrix_groups.skew, of_complex=True, least=2,
        ambient=_PARTS, unit="sqrt(n)", toward="a + 1i*b - x",
        doc="n x n skew-adjoint matrices of trace 0: rotation rates on SU(n)",
    ),
    Manifold(
        "positive", (), (), "x * F", _GROWN, "x + v + v^2 / (4 * x)", "2 * (sqrt(x * y) - x)",
        "2 * abs(sqrt(y) - sqrt(x))", None, "1 / (1 + std(x)^2)", _sample_positive, "1",
        "line", "abs(v) / sqrt(x)", tangent="F", logarithmic=True, member=lambda x: min(x) > 0,
        wanted="write a number above 0",
        doc="a number above 0; what drives it is a rate per capita: x' = x F",
    ),
    Manifold(
        "simplex", ("d",), ("d",), "x * (F - dot(F, x))", f"{_GROWN} / dot({_GROWN}, 1)",
        f"({_walk(_root('x'), _HALF)})^2", f"2 * {_root('x')} * {_way(_root('x'), _root('y'))}",
        f"2 * {_angle(_root('x'), _root('y'))}", None,
        "1 / (1 + norm(std(x))^2)", _sample_simplex, "1 / d", "simplex", f"2 * norm({_HALF})",
        constraint="dot(x, 1) - 1", tangent="F - dot(F, 1) / d", logarithmic=True,
        member=lambda x: min(x) >= 0 and abs(sum(x) - 1) < 1e-9,
        wanted="the shares are 0 or more, and sum to 1", nearest=_shared, least=2,
        doc="d shares that sum to 1; driven, they follow the replicator equation",
    ),
)  # fmt: skip

MANIFOLDS: dict[str, Manifold] = {entry.name: entry for entry in _ENTRIES}

OPTIONAL_SIZE = frozenset({"real"})
"""Manifolds that may stand without their argument: ``real`` is a single number."""
