"""Sweeps in the same panels: the two ways of a hysteresis, or a law with and without a term."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from dynattn.diagnostics.report import Diagnostic
from dynattn.present.plots import sweeps_figure
from dynattn.present.scene import Scene
from dynattn.run.sweep import Sweep

if TYPE_CHECKING:
    pass


def beside_refusal(kind: str, first: Any, other: Any) -> Diagnostic | None:
    """Why two results do not go into the same panels (E713); None where they do."""
    fix = "draw them one by one"
    if kind != "sweep" or not isinstance(first, Sweep) or not isinstance(other, Sweep):
        fact = "only pictures of sweeps go beside one another"
    elif not len(first.swept) == 1 == len(other.swept) or first.swept != other.swept:
        ways = " and ".join(", ".join(sweep.swept) or "nothing" for sweep in (first, other))
        fact = f"'{first.name}' and '{other.name}' do not run over the same parameter, but {ways}"
    elif first.name == other.name:
        fact = f"both sweeps are called '{first.name}'"
    elif [*first.measured] != [*other.measured]:
        fact = f"'{first.name}' and '{other.name}' measure different things"
        fix = f"let both record {', '.join(first.measured)}"
    else:
        return None
    return Diagnostic("E713", fact, fix=fix)


def beside_figure(scene: Scene, others: Sequence[Any]) -> Any:
    """What the sweeps measured, over their one parameter, in the same panels."""
    sweeps: list[Any] = [scene.result, *others]
    (parameter,) = sweeps[0].swept
    found = {sweep.name: (sweep.axes[parameter].tolist(), sweep.measured) for sweep in sweeps}
    title = f"{scene.compilation.model.name}: {', '.join(found)}"
    return sweeps_figure(found, parameter=scene.described(parameter), title=title)
