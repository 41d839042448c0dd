"""Fitted numbers with their errors, and what the data do not tell."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dynattn.model.model import Model
from dynattn.run.labelled import Variable

if TYPE_CHECKING:
    from torch import Tensor

    from dynattn.network.build import Network
    from dynattn.solve.multiple_shooting import Fitting
    from dynattn.solve.shooting import Unknown

Array = NDArray[np.float64]

SHARE = 1e-3
"""Numbers with a smaller part in a direction are not said to move with it."""

TOGETHER = 0.99
"""Correlations of errors that are told of."""

MOST_TOLD = 6

CLOSED = ("circle", "torus")
"""Manifolds of angles: their numbers are told in (-pi, pi]."""


@dataclass(frozen=True)
class Estimates:
    """``value`` and ``error`` by name, arrays in the shape of the parameter.

    Errors are standard deviations: square roots of the diagonal of s^2 (J^T J)^-1, s^2 the sum of
    squares by the measurements less the unknowns. nan: the data do not tell the number.
    """

    values: Array
    errors: Array
    starts: Array
    labels: tuple[str, ...]
    """Of each number: ``K``, ``osc.omega[3]``."""
    shapes: Mapping[str, tuple[int, ...]]
    weights: frozenset[str]
    """Parameters that are weights of learned functions, of which no errors are told."""
    inflation: float
    """sqrt(measurements / (measurements - unknowns))."""
    free_directions: tuple[tuple[str, ...], ...] = ()
    """Numbers that can change together without any change of what is predicted."""
    together: tuple[tuple[str, str, float], ...] = field(default=())
    """Pairs whose errors are correlated."""
    at_ends: tuple[str, ...] = ()
    """Numbers at an end of their range."""
    hidden: frozenset[str] = frozenset()
    """Labels of weights of learned functions, and of edges that there are not."""

    def of(self, name: str) -> tuple[Array, Array]:
        """(value, error) of a parameter; KeyError where it was not fitted."""
        place = self._places()[name]
        return (self.values[place].reshape(self.shapes[name]),
                self.errors[place].reshape(self.shapes[name]))  # fmt: skip

    @property
    def undetermined(self) -> tuple[str, ...]:
        """The numbers of the spec that the data do not tell."""
        found = zip(self.labels, self.errors, strict=True)
        return tuple(label for label, x in found if np.isnan(x) and label not in self.hidden)

    def arrays(self) -> dict[str, Array]:
        """Values by name."""
        return {name: self.of(name)[0] for name in self.shapes}

    def variables(self) -> dict[str, Variable]:
        """Values and errors with axes."""
        found = {}
        for name, shape in self.shapes.items():
            axes = tuple(f"{name}.{k}" for k in range(len(shape)))
            value, error = self.of(name)
            found[name] = Variable(axes, value)
            if name not in self.weights:
                found[f"{name} error"] = Variable(axes, error)
        return found

    def facts(self) -> dict[str, Any]:
        """As JSON: value, error, and where it began; weights of learned functions are in arrays."""
        rows = zip(self.labels, self.values, self.errors, self.starts, strict=True)
        return {
            label: {
                "value": float(value), "error": None if np.isnan(error) else float(error),
                "start": float(start),
            }
            for label, value, error, start in rows if label not in self.hidden
        }  # fmt: skip

    def notes(self) -> tuple[str, ...]:
        """What the data do not tell."""
        found = []
        for names in self.free_directions:
            shown = ", ".join(names[:MOST_TOLD]) + (" .." if len(names) > MOST_TOLD else "")
            if len(names) == 1:
                found.append(f"{shown} changes nothing that was measured: it is not determined")
            else:
                found.append(f"only some combination of {shown} is determined, not each: they can "
                             "change together and predict the same")  # fmt: skip
        for one, other, value in self.together[:MOST_TOLD]:
            found.append(f"{one} and {other} are hardly told apart: correlation {value:.4f}")
        for name in self.at_ends[:MOST_TOLD]:
            found.append(f"{name} is at an end of its range: its error means nothing")
        return tuple(found)

    def _places(self) -> dict[str, slice]:
        found, begin = {}, 0
        for name, shape in self.shapes.items():
            size = int(np.prod(shape, dtype=int))
            found[name] = slice(begin, begin + size)
            begin += size
        return found


def estimates_of(
    fitting: Fitting, unknown: Unknown, start: Tensor, model: Model, network: Network
) -> Estimates:
    """Values where the fit stands, and their errors by the slopes there."""
    from dynattn.solve.multiple_shooting import RANK

    line = fitting.linearized()
    _, sizes, right = line.factors()
    kept, p = sizes > RANK * sizes[0], len(start)
    squares, count = float(fitting.residuals(fitting.shot).square().sum()), fitting.record.count
    left = max(1, count - int(kept.sum()))
    rows = (right / line.scales)[kept, -p:] / sizes[kept, None]
    covariance = (squares / left * (rows.T @ rows)).cpu().numpy()
    shapes = {name: tuple(shape) for name, shape in unknown.shapes.items()}
    labels = tuple(
        label for name in shapes for label in _labels(name, shapes[name], model, network)
    )
    weights = frozenset(name for name in shapes if name not in _declared(model))
    own = np.concatenate([_told(name, shape, model, name in weights)
                          for name, shape in shapes.items()])  # fmt: skip
    free = _free_directions(right[~kept][:, -p:].cpu().numpy(), own)
    errors = np.sqrt(np.diag(covariance))
    errors[(np.abs(free) > SHARE).any(0)] = np.nan
    ends = ((fitting.q <= fitting.low) | (fitting.q >= fitting.high)).cpu().numpy()
    turning = np.concatenate([np.full(int(np.prod(shape, dtype=int)), _is_angle(name, model))
                              for name, shape in shapes.items()])  # fmt: skip
    values = fitting.q.detach().cpu().numpy()
    values = np.where(turning, np.pi - np.mod(np.pi - values, 2 * np.pi), values)
    return Estimates(
        values, errors, start.cpu().numpy(), labels, shapes, weights,
        float(np.sqrt(count / left)),
        tuple(tuple(labels[k] for k in np.nonzero(np.abs(row) > SHARE)[0]) for row in free),
        _pairs(covariance, errors, labels, own),
        tuple(labels[k] for k in np.nonzero(ends & own)[0]),
        frozenset(labels[k] for k in np.nonzero(~own)[0]),
    )  # fmt: skip


def _is_angle(name: str, model: Model) -> bool:
    own = model.parameter.get(name)
    return own is not None and own.manifold is not None and own.manifold.name in CLOSED


def _told(
    name: str, shape: tuple[int, ...], model: Model, hidden: bool
) -> NDArray[np.bool_]:  # fmt: skip
    """[numbers]: whether each is told; of pairs those that are edges."""
    own, found = model.parameter.get(name), np.full(shape, not hidden)
    if own is not None and own.place.kind == "edges" and len(shape) == 2:
        source = model.coupling[own.place.name].graph.source
        np.fill_diagonal(found, not hidden and source in ("everyone", "causal"))
    return found.reshape(-1)


def _free_directions(null: Array, own: NDArray[np.bool_]) -> Array:
    """[directions, p]: what of the directions that change nothing is in numbers of the spec."""
    if not len(null):
        return null
    _, sizes, found = np.linalg.svd(null * own, full_matrices=False)
    return found[sizes > SHARE]


def _pairs(
    covariance: Array, errors: Array, labels: tuple[str, ...], own: NDArray[np.bool_]
) -> tuple[tuple[str, str, float], ...]:
    """Pairs of numbers whose errors are nearly one, the closest first."""
    usable = np.isfinite(errors) & (errors > 0) & own
    safe = np.where(usable, errors, 1.0)
    correlation = np.triu(covariance / np.outer(safe, safe), 1)
    correlation[~usable] = correlation[:, ~usable] = 0.0
    found = [(labels[i], labels[j], float(correlation[i, j]))
             for i, j in np.argwhere(np.abs(correlation) > TOGETHER)]  # fmt: skip
    return tuple(sorted(found, key=lambda item: -abs(item[2])))


def _declared(model: Model) -> set[str]:
    """Parameters that the spec names itself, but for weights of its learned functions."""
    return {p.name for p in model.parameters if p.role == "free"}


def _labels(name: str, shape: tuple[int, ...], model: Model, network: Network) -> list[str]:
    """A label for each number of a parameter: numbers of edges by their ends."""
    if not shape:
        return [name]
    own = model.parameter.get(name)
    if own is not None and own.place.kind == "edges" and len(shape) == 1:
        edges = network.connections[own.place.name]
        if edges.receivers is not None and edges.senders is not None:
            pairs = zip(edges.senders, edges.receivers, strict=True)
            return [f"{name}[{int(a)} -> {int(b)}]" for a, b in pairs]
    if own is not None and own.place.kind == "edges" and len(shape) == 2:
        return [f"{name}[{j} -> {i}]" for i, j in np.ndindex(*shape)]
    return [f"{name}[{','.join(map(str, k))}]" for k in np.ndindex(*shape)]
