"""The equilibria of a spec as a labelled result: states, observables, eigenvalues, verdicts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dynattn.diagnostics.report import SpecError
from dynattn.model.plans import Record
from dynattn.run.clock import standing_mistakes
from dynattn.run.labelled import Labelled, Result, Variable, numbered
from dynattn.run.provenance import origin_of, versions

if TYPE_CHECKING:
    from dynattn.analyse.equilibria import Equilibria
    from dynattn.compilation import Compilation
    from dynattn.lower.module import System

AXIS = "equilibrium"


@dataclass(frozen=True)
class RestResult(Result):
    """``result["p.x"]`` is [equilibrium, nodes, ...], ``result["eigenvalues"]`` complex
    [equilibrium, mode] with NaN where one has fewer; stable ones come first.
    """

    equilibria: Equilibria = field(repr=False)
    """With the modes, the participation, and which symmetry carries what."""

    def __len__(self) -> int:
        return len(self.equilibria)


def find_equilibria(
    compilation: Compilation,
    *,
    starts: int = 20,
    spread: float = 1.0,
    seed: int | None = None,
    device: str = "cpu",
    folder: str | Path | None = None,
) -> RestResult:
    """The equilibria of a spec's model, from ``starts`` starts: the initial states, then draws.

    With ``folder`` all is written there, as of an experiment. SpecError E608 where nothing evolves,
    E428, E621 and E636 where the laws are never at rest.
    """
    from dynattn.analyse.equilibria import equilibria
    from dynattn.run.results import ResultFolder
    from dynattn.run.systems import build_for

    if mistakes := standing_mistakes(compilation.model):
        raise SpecError(mistakes)
    chosen = compilation.chosen_seed if seed is None else seed
    system = build_for(compilation, seed=chosen, device=device)
    found = equilibria(system, starts=starts, seed=chosen, spread=spread)
    result = RestResult(
        name="equilibria",
        labelled=rest_arrays(compilation, system, found),
        settings={
            "model": compilation.model.name, "overrides": dict(compilation.overrides),
            "starts": starts, "spread": spread,
        },
        seed=chosen,
        versions=versions(),
        origin=origin_of(compilation),
        statistics={
            "equilibria": len(found), "failed": found.failed, "rounds": found.rounds,
            "complete": found.complete, "symmetries": list(found.symmetries),
        },
        status="finished",
        equilibria=found,
    )  # fmt: skip
    if folder is not None:
        ResultFolder.make(Path(folder), compilation.tree.source.text).write(result)
    return result


def rest_arrays(
    compilation: Compilation,
    system: System,
    found: Equilibria,
    records: Sequence[Record] = (),
) -> Labelled:
    """States, ``records`` (none: every observable) and verdicts, [equilibrium, ...]."""
    from dynattn.run.recording import everything, state_axes

    variables = {}
    for name in compilation.model.states:
        values = [item.states[name] for item in found]
        axes = (AXIS, *state_axes(compilation.network, name))
        variables[name] = Variable(axes, _stacked(values, (0,) * (len(axes) - 1)))
    kept = records or everything(compilation.model)
    variables |= _observed(compilation, system, found, kept)
    for name, values in (
        ("stable", [item.stable for item in found]),
        ("unstable", [item.stability.unstable for item in found]),
        ("neutral", [item.stability.neutral for item in found]),
        ("symmetric", [item.stability.symmetric for item in found]),
        ("starts", [item.starts for item in found]),
        ("residual", [item.residual for item in found]),
    ):
        variables[name] = Variable((AXIS,), np.array(values, dtype=float))
    for label in found.symmetries:
        drifts = np.array([item.drift[label] for item in found])
        variables[f"drift: {label}"] = Variable((AXIS,), drifts)
    most = max((len(item.eigenvalues) for item in found), default=0)
    spectra = np.full((len(found), most), np.nan, dtype=complex)
    for row, item in enumerate(found):
        spectra[row, : len(item.eigenvalues)] = item.eigenvalues
    variables["eigenvalues"] = Variable((AXIS, "mode"), spectra)
    return Labelled(numbered({}, variables), variables)


def _observed(
    compilation: Compilation, system: System, found: Equilibria, records: Sequence[Record]
) -> dict[str, Variable]:
    import torch

    from dynattn.run.recording import in_double, own_axes

    kept: dict[str, list[Any]] = {item.label: [] for item in records}
    for item in found:
        states = {n: torch.as_tensor(x).to(system.device) for n, x in item.states.items()}
        with torch.no_grad():
            values = {**states, **system.observe(0.0, states), **system.record(0.0, states)}
        for name, rows in kept.items():
            rows.append(in_double(values[name]))
    variables = {}
    for item in records:
        own = own_axes(compilation.network, item.value)
        values = _stacked(kept[item.label], (0,) * len(own))
        variables[item.label] = Variable((AXIS, *own), values)
    return variables


def _stacked(values: Sequence[Any], empty: tuple[int, ...]) -> Any:
    return np.stack(values) if values else np.zeros((0, *empty))
