"""The arrays and the summary of branches of equilibria."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from dynattn.model import plans
from dynattn.run.labelled import Labelled, Variable, numbered

if TYPE_CHECKING:
    from dynattn.analyse.branches import SpecialPoint, Step
    from dynattn.analyse.continuation import Continuation
    from dynattn.analyse.curves import Curve, Spot
    from dynattn.compilation import Compilation
    from dynattn.lower.module import System

AXIS = "point"

SPECTRUM = 10
"""Eigenvalues that are kept of each point, those that grow most."""

SHOWN = 100
"""Numbers up to which a null vector stands in the summary; the arrays have all of them."""


def _steps(found: Continuation) -> Iterator[tuple[int, Step]]:
    for number, branch in enumerate(found.branches):
        for step in branch.steps:
            yield number, step


def branch_arrays(
    compilation: Compilation, system: System, plan: plans.Continuation, found: Continuation
) -> Labelled:
    steps = list(_steps(found))
    special = {id(point.step): point for point in found.special}
    columns: dict[str, list[float]] = {
        found.parameter: [step.value for _, step in steps],
        "branch": [float(number) for number, _ in steps],
        "arclength": [step.arclength for _, step in steps],
        "stable": [step.stability.verdict == "stable" for _, step in steps],
        "unstable": [step.stability.unstable for _, step in steps],
        "residual": [residual_of(step) for _, step in steps],
    }
    for k, label in enumerate(found.problem.symmetries.labels):
        columns[f"drift: {label}"] = [float(step.here.drift[k]) for _, step in steps]
    for kind in dict.fromkeys(point.kind for point in found.special):
        columns[kind] = [
            float(id(s) in special and special[id(s)].kind == kind) for _, s in steps
        ]  # fmt: skip
    variables = {n: Variable((AXIS,), np.array(v, dtype=float)) for n, v in columns.items()}
    variables |= measured(compilation, system, plan, found, [step for _, step in steps])
    variables["eigenvalues"] = Variable((AXIS, "mode"), spectra([s for _, s in steps]))
    variables |= _null_vectors(compilation, found, [s for _, s in steps])
    return Labelled(numbered({}, variables), variables)


def residual_of(step: Step | Spot) -> float:
    return float(step.here.rates.abs().max()) if step.here.m else 0.0


def spectra(steps: Sequence[Step | Spot]) -> Any:
    most = max(min(SPECTRUM, len(step.stability.eigenvalues)) for step in steps)
    found = np.full((len(steps), most), np.nan, dtype=complex)
    for row, step in enumerate(steps):
        values = step.stability.eigenvalues[:most]
        found[row, : len(values)] = values
    return found


def measured(
    compilation: Compilation,
    system: System,
    plan: plans.Continuation,
    found: Continuation | Curve,
    steps: Sequence[Step | Spot],
) -> dict[str, Variable]:
    """Observables, or what the experiment records, and the states."""
    import torch

    from dynattn.run.recording import everything, in_double, own_axes, state_axes
    from dynattn.solve.parameters import parameters_set

    records = plan.records or everything(compilation.model)
    rows: dict[str, list[Any]] = {record.label: [] for record in records}
    rows |= {name: [] for name in compilation.model.states}
    with torch.no_grad():
        for step in steps:
            states = found.problem.packing.unpack(step.y)
            with parameters_set(system, found.sheet.settings(step.here.point)):
                values = {**states, **system.observe(0.0, states), **system.record(0.0, states)}
            for label, kept in rows.items():
                kept.append(in_double(values[label]))
    axes = {r.label: own_axes(compilation.network, r.value) for r in records}
    axes |= {n: state_axes(compilation.network, n) for n in compilation.model.states}
    return {n: Variable((AXIS, *axes[n]), np.stack(values)) for n, values in rows.items()}


def _null_vectors(
    compilation: Compilation, found: Continuation, steps: list[Step]
) -> dict[str, Variable]:
    """``null: p.x`` [point, nodes, ...]: NaN but at special points."""
    import torch

    from dynattn.run.recording import state_axes

    if not found.special:
        return {}
    place = {id(step): row for row, step in enumerate(steps)}
    packing, arrays = found.problem.packing, {}
    complexes = any(np.iscomplexobj(point.null) for point in found.special)
    for point in found.special:
        parts = packing.unpack(torch.as_tensor(np.real(point.null).copy()))
        turned = packing.unpack(torch.as_tensor(np.imag(point.null).copy()))
        for name, value in parts.items():
            whole = value.numpy() + 1j * turned[name].numpy() if complexes else value.numpy()
            if name not in arrays:
                arrays[name] = np.full((len(steps), *whole.shape), np.nan, whole.dtype)
            arrays[name][place[id(point.step)]] = whole
    return {
        f"null: {name}": Variable((AXIS, *state_axes(compilation.network, name)), values)
        for name, values in arrays.items()
    }


def branch_statistics(found: Continuation, seconds: float) -> dict[str, Any]:
    return {
        "points": sum(len(branch.steps) for branch in found.branches),
        "branches": [
            {
                "points": len(b.steps), "range": list(b.range), "ends": list(b.ends),
                "from": None if b.origin is None else b.origin.value,
            }
            for b in found.branches
        ],
        "special": [special_facts(found, point) for point in found.special],
        "symmetries": list(found.problem.symmetries.labels),
        "seconds": seconds,
    }  # fmt: skip


def special_facts(found: Continuation, point: SpecialPoint) -> dict[str, Any]:
    """A special point as plain numbers."""
    number = next(k for k, b in enumerate(found.branches) if point in b.special)
    leading = [complex(v) for v in nearest(point)]
    null = np.asarray(point.null)
    parts = null.tolist() if not np.iscomplexobj(null) else [[v.real, v.imag] for v in null]
    return {
        "kind": point.kind,
        found.parameter: point.value,
        "branch": number,
        "residual": residual_of(point.step),
        "condition": point.residual,
        "eigenvalues": [[v.real, v.imag] for v in leading],
        **({} if point.frequency is None else {"frequency": point.frequency}),
        **({} if point.lyapunov is None else {"lyapunov": point.lyapunov}),
        **({} if point.multiplicity == 1 else {"multiplicity": point.multiplicity}),
        **({"null": parts} if len(null) <= SHOWN else {}),
    }


def nearest(point: SpecialPoint, count: int = 3) -> Any:
    """The eigenvalues that are nearest to the axis."""
    values = point.step.stability.eigenvalues
    discrete = point.step.here.local.problem.discrete
    growth = np.abs(values) - 1 if discrete else np.real(values)
    return values[np.argsort(np.abs(growth), kind="stable")[:count]]
