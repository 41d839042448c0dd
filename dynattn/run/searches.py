"""``equilibria``: places of rest at each of the settings, as one labelled result."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from dynattn.diagnostics.report import Diagnostic, NumericalError, SpecError
from dynattn.model.plans import Search, Start
from dynattn.run.clock import standing_mistakes
from dynattn.run.equilibria import AXIS, rest_arrays
from dynattn.run.labelled import Labelled, Result, Variable, in_parts, numbered
from dynattn.run.provenance import origin_of, versions

if TYPE_CHECKING:
    import torch

    from dynattn.analyse.equilibria import Equilibria
    from dynattn.compilation import Compilation
    from dynattn.lower.module import System


@dataclass(frozen=True)
class SearchResult(Result):
    """``result["x"]`` is [settings..., equilibrium, ...], ``result["eigenvalues"]`` complex
    [settings..., equilibrium, mode]; NaN where a point has fewer. Stable ones come first.
    """

    found: tuple[Equilibria, ...] = field(repr=False)
    """Of every point of the grid, the last parameter the fastest."""

    @property
    def equilibria(self) -> Equilibria:
        """Those of the only point, or of the first."""
        return self.found[0]

    @property
    def swept(self) -> list[str]:
        """Parameters with axes of their own, in front of the others."""
        return list(self.settings["grid"])

    @property
    def measured(self) -> dict[str, NDArray[Any]]:
        """What is one number of each equilibrium, [settings..., equilibrium]; complex in parts."""
        axes = (*self.swept, AXIS)
        names, variables = self.settings["observed"], self.labelled.variables
        return in_parts({n: variables[n].values for n in names if variables[n].axes == axes})


def check_search(compilation: Compilation, plan: Search) -> None:
    """SpecError with every reason why nothing is at rest; builds nothing."""
    from dynattn.solve.refusals import rest_mistakes

    model = compilation.model
    found = [*standing_mistakes(model, plan.span), *rest_mistakes(model, plan.span)]
    if found:
        raise SpecError(tuple(found))


def run_search(
    compilation: Compilation,
    plan: Search,
    *,
    seed: int | None = None,
    device: str = "cpu",
    progress: Callable[[float], None] | None = None,
) -> SearchResult:
    """The equilibria at every point of the settings; once for each compilation, seed and device.

    SpecError E428, E608, E621 and E636 where the laws are never at rest, E612 where points of the
    grid have states of different shapes.
    """
    chosen = compilation.chosen_seed if plan.seed is None else plan.seed
    chosen = chosen if compilation.seed is None else compilation.seed
    chosen = chosen if seed is None else seed
    known = _KNOWN.setdefault(compilation, {})
    key = plan.name, chosen, device
    if key not in known:
        check_search(compilation, plan)
        known[key] = _run(compilation, plan, chosen, device, progress)
    return known[key]


_KNOWN: WeakKeyDictionary[Compilation, dict[tuple[str, int, str], SearchResult]]
_KNOWN = WeakKeyDictionary()


def _run(
    compilation: Compilation, plan: Search, seed: int, device: str,
    progress: Callable[[float], None] | None,
) -> SearchResult:  # fmt: skip
    from dynattn.analyse.equilibria import equilibria
    from dynattn.run.recording import everything
    from dynattn.solve.settling import check_rests

    grid = dict(plan.settings)
    points = [dict(zip(grid, values, strict=True)) for values in product(*grid.values())]
    found, arrays = [], []
    for number, point in enumerate(points):
        system = _system(compilation, point, seed, device)
        check_rests(system, plan.span)
        found.append(equilibria(system, starts=plan.starts, seed=seed, spread=plan.spread))
        arrays.append(rest_arrays(compilation, system, found[-1], plan.records))
        if progress is not None:
            progress((number + 1) / len(points))
    observed = [record.label for record in plan.records or everything(compilation.model)]
    return SearchResult(
        name=plan.name,
        labelled=_together(plan, grid, arrays),
        settings={
            "model": compilation.model.name, "overrides": dict(compilation.overrides),
            "grid": {name: list(values) for name, values in grid.items()},
            "starts": plan.starts, "spread": plan.spread, "observed": observed,
        },
        seed=seed,
        versions=versions(),
        origin=origin_of(compilation),
        statistics={
            "equilibria": sum(map(len, found)), "points": len(points),
            "failed": sum(item.failed for item in found),
            "complete": all(item.complete for item in found),
            "symmetries": sorted({label for item in found for label in item.symmetries}),
        },
        status="finished",
        found=tuple(found),
    )  # fmt: skip


def _system(
    compilation: Compilation, point: Mapping[str, float], seed: int, device: str
) -> System:  # fmt: skip
    import torch

    from dynattn.run.systems import build_for, is_structural, with_settings

    fixed = {n: v for n, v in point.items() if is_structural(compilation, n, (v,))}
    values = {n: torch.tensor(v, dtype=torch.float64) for n, v in point.items() if n not in fixed}
    shaped = {name: value.reshape([1] * _rank(compilation, name)) for name, value in values.items()}
    chosen = with_settings(compilation, fixed) if fixed else compilation
    return build_for(chosen, seed=seed, values=shaped, device=device)


def _rank(compilation: Compilation, name: str) -> int:
    parameter = compilation.model.parameter[name]
    return len(parameter.shape) + (parameter.place.kind != "global")


def _together(
    plan: Search, grid: Mapping[str, Sequence[float]], arrays: Sequence[Labelled]
) -> Labelled:
    """The arrays of all points in one, with NaN where a point has fewer equilibria."""
    names = dict.fromkeys(name for item in arrays for name in item.variables)
    most = {
        axis: max(item.variables["eigenvalues"].values.shape[k] for item in arrays)
        for k, axis in enumerate((AXIS, "mode"))
    }
    variables = {}
    for name in names:
        own = next(item.variables[name] for item in arrays if name in item.variables)
        pieces = [item.variables[name].values if name in item else None for item in arrays]
        whole = _padded(plan, name, own, pieces, most)
        shape = (*map(len, grid.values()), *whole.shape[1:])
        variables[name] = Variable((*grid, *own.axes), whole.reshape(shape))
    axes = {name: np.array(values) for name, values in grid.items()}
    return Labelled(numbered(axes, variables), variables)


def _padded(
    plan: Search, name: str, own: Variable, pieces: Sequence[Any], most: Mapping[str, int]
) -> NDArray[Any]:
    """[point, ...] of one variable, its free axes as long as ``most`` says."""
    known = [piece for piece in pieces if piece is not None and len(piece)]
    free = [k for k, axis in enumerate(own.axes) if axis in (AXIS, "mode")]
    shapes = {tuple(n for k, n in enumerate(x.shape) if k not in free) for x in known}
    if len(shapes) > 1:
        text = f"'{name}' has another shape at each point, so it fits into no array"
        fix = "leave sizes out of the settings, and run once for each"
        raise SpecError(Diagnostic("E612", text, plan.span, fix))
    usual = known[0].shape if known else own.values.shape
    # A symmetry of some points alone has no drift at the others, so no variable knows it all.
    longest = [most.get(axis, n) for axis, n in zip(own.axes, usual, strict=True)]
    kind = np.result_type(float, *(piece.dtype for piece in known))
    whole = np.full((len(pieces), *longest), np.nan, kind)
    for row, piece in enumerate(pieces):
        if piece is not None and len(piece):
            whole[(row, *map(slice, piece.shape))] = piece
    return whole


# ── starting at one of them ────────────────────────────────────────────────────────────────────


def rest_states(
    compilation: Compilation, start: Start, *, seed: int, device: str
) -> dict[str, torch.Tensor]:
    """[nodes, ...] by name at the equilibrium that ``start at rest[0]`` names; NumericalError E649
    where fewer were found.
    """
    import torch

    assert start.rest is not None
    name, number = start.rest
    plan = next(item for item in compilation.model.searches if item.name == name)
    found = run_search(compilation, plan, seed=seed, device=device).equilibria
    if number < len(found):
        return {n: torch.as_tensor(x) for n, x in found[number].states.items()}
    count = f"{len(found)} equilibria, numbered from 0" if len(found) else "no equilibrium"
    text = f"there is no {name}[{number}]: '{name}' found {count}"
    fix = f"look at them: dynattn run SPEC {name}; or let it begin at more starts"
    raise NumericalError(Diagnostic("E649", text, start.span, fix, ((plan.span, "the search"),)))
