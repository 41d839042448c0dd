"""The manifolds. Adding one is one entry in MANIFOLDS.

The geometry is written in the language itself, so that checker, reference evaluator, lowered module
and emitted file share one definition: ``x`` a point, ``F`` an ambient vector, ``v`` a tangent
vector,
``x[i]``/``x[j]`` the receiver's and the sender's point.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import hypot
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
    """Where a tangent step v from x leads."""
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
    doc: str = ""

    def hold(self, points: Any) -> bool:
        """Whether all the points of an array [..., coordinates] are points of the manifold."""
        if self.member is None:
            return True
        width = points.shape[-1] if self.shape else 1
        return all(map(self.member, points.reshape(-1, width).tolist()))


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


_LOSS = "v / (x + (x == 0)) + 0.5"
"""A step from x in parts of x, beyond the loss of half of it; where x is 0 it stays 0."""

_GROWN = f"x * (relu({_LOSS}) + 0.5 * exp(-2 * relu(-({_LOSS}))))"
"""x + v, so that no method loses its order; smoothly x/2 exp(1 + 2 v/x), which stays above 0, where
more than half of x would be lost."""

_ENTRIES = (
    Manifold(
        "circle", (), (), "F", "x + v", "sin(x[j] - x[i])",
        "sqrt(mean(cos(x))^2 + mean(sin(x))^2)", _sample_angles, "uniform", "circle", phase=True,
        doc="an angle, in radians",
    ),
    Manifold(
        "torus", ("d",), ("d",), "F", "x + v", "sin(x[j] - x[i])",
        "sqrt((dot(mean(cos(x)), mean(cos(x))) + dot(mean(sin(x)), mean(sin(x)))) / d)",
        _sample_angles, "uniform", "torus", phase=True,
        doc="d angles, in radians",
    ),
    Manifold(
        "sphere", ("D",), ("D",), "F - dot(F, x) * x", "(x + v) / norm(x + v)", "x[j]",
        "norm(mean(x))", _sample_sphere, "uniform", "sphere", constraint="norm(x) - 1",
        member=lambda x: abs(hypot(*x) - 1) < 1e-6, wanted="divide the numbers by their length",
        doc="unit vectors in R^D",
    ),
    Manifold(
        "real", ("d",), ("d",), "F", "x + v", "x[j] - x[i]",
        "1 / (1 + norm([std(x)])^2)", _sample_normal, "0", "line",
        doc="numbers; real(d) is a vector of d of them",
    ),
    Manifold(
        "complex", (), (), "F", "x + v", "x[j] - x[i]", "abs(mean(x))", _sample_complex, "0",
        "plane", of_complex=True, doc="a complex number",
    ),
    Manifold(
        "SO", ("n",), ("n", "n"), "(F - x @ transpose(F) @ x) / 2", "polar(x + v)", "x[j]",
        "norm(mean(x))", matrix_groups.sample_orthogonal, "uniform", "matrix",
        constraint="norm(x) - 1", doc="rotations: n x n orthogonal matrices of determinant 1",
    ),
    Manifold(
        "SU", ("n",), ("n", "n"),
        "(F - x @ conj(transpose(F)) @ x)/2 - 1i*im(trace(conj(transpose(x)) @ F))/n * x",
        "polar(x + v) * cis(-arg(det(polar(x + v))) / n)", "x[j]", "norm(mean(x))",
        matrix_groups.sample_unitary, "uniform", "matrix", constraint="norm(x) - 1",
        of_complex=True, doc="n x n unitary matrices of determinant 1",
    ),
    Manifold(
        "so", ("n",), ("n", "n"), "(F - transpose(F)) / 2", "x + v", "x[j] - x[i]",
        "1 / (1 + norm(std(x))^2)", matrix_groups.sample_skew, "0", "matrix",
        fold=matrix_groups.skew, doc="n x n skew matrices: rotation rates",
    ),
    Manifold(
        "su", ("n",), ("n", "n"), "(F - conj(transpose(F)))/2 - 1i*im(trace(F))/n * expm(0*x)",
        "x + v", "x[j] - x[i]", "1 / (1 + norm(std(x))^2)", matrix_groups.sample_skew_complex, "0",
        "matrix", fold=matrix_groups.skew, of_complex=True,
        doc="n x n skew-adjoint matrices of trace 0: rotation rates on SU(n)",
    ),
    Manifold(
        "positive", (), (), "x * F", _GROWN, None, "1 / (1 + std(x)^2)", _sample_positive, "1",
        "line", tangent="F", logarithmic=True, member=lambda x: min(x) > 0,
        wanted="write a number above 0",
        doc="a number above 0; what drives it is a rate per capita: x' = x F",
    ),
    Manifold(
        "simplex", ("d",), ("d",), "x * (F - dot(F, x))", f"{_GROWN} / dot({_GROWN}, 1)", None,
        "1 / (1 + norm(std(x))^2)", _sample_simplex, "1 / d", "simplex", constraint="dot(x, 1) - 1",
        tangent="F - dot(F, 1) / d", logarithmic=True,
        member=lambda x: min(x) >= 0 and abs(sum(x) - 1) < 1e-9,
        wanted="the shares are 0 or more, and sum to 1",
        doc="d shares that sum to 1; driven, they follow the replicator equation",
    ),
)  # fmt: skip

MANIFOLDS: dict[str, Manifold] = {entry.name: entry for entry in _ENTRIES}

OPTIONAL_SIZE = frozenset({"real"})
"""Manifolds that may stand without their argument: ``real`` is a single number."""
