"""``start equilibrium``: the states that an experiment begins with, where the model is at rest."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import torch

from dynattn.diagnostics.report import Diagnostic, SpecError
from dynattn.lower.draws import Repeat
from dynattn.model.plans import Simulation, Start

if TYPE_CHECKING:
    from dynattn.compilation import Compilation
    from dynattn.lower.module import System


def states_at_rest(
    compilation: Compilation,
    simulation: Simulation,
    system: System,
    *,
    seed: int,
    repeat: Repeat = 0,
    values: Mapping[str, torch.Tensor] | None = None,
    device: str = "cpu",
    describe: Callable[[tuple[int, ...]], str] | None = None,
) -> Mapping[str, torch.Tensor] | None:
    """The equilibrium that the initial states lead to, the saturated one, or the point of another
    experiment that is named; None where another start is asked for.

    ``start equilibrium`` takes the parameters of the experiment, those of each of its points;
    ``start equilibrium at c = 0.3`` sets some of them otherwise, for the start alone.
    NumericalError E637 where the model does not come to rest, E681 where no equilibrium is
    saturated.
    """
    begins = simulation.begins
    if begins is not None and begins.kind == "point":
        return _at_point(begins, system)
    if begins is not None and begins.kind == "saturated":
        from dynattn.solve.saturated import saturated_states

        batched = describe if system.batch_shape else None
        return saturated_states(system, begins.span, batched)
    if begins is None or begins.kind != "equilibrium":
        return None
    from dynattn.run.systems import build_for, with_settings
    from dynattn.solve.settling import settled

    chosen = system
    if begins.settings:
        others = with_settings(compilation, dict(begins.settings))
        names = dict(begins.settings)
        kept = {name: value for name, value in (values or {}).items() if name not in names}
        chosen = build_for(others, seed=seed, repeat=repeat, values=kept, device=device)
    states = chosen.initial_states()
    batch = len(chosen.batch_shape)
    found, _ = settled(
        chosen, states, batch=batch, span=begins.span, describe=describe if batch else None
    )
    return found


def _at_point(begins: Start, system: System) -> Mapping[str, torch.Tensor]:
    """The states of the point; SpecError E622 where they do not fit."""
    assert begins.states is not None, "points are found before"
    fresh = system.initial_states()
    for name, x in begins.states.items():
        if fresh[name].shape[fresh[name].dim() - x.dim() :] != x.shape:
            text = f"'{name}' has another shape here than at the point, so nothing starts there"
            fix = "let the experiment have the sizes of the branch"
            raise SpecError(Diagnostic("E622", text, begins.span, fix))
    return {name: x.to(fresh[name]) for name, x in begins.states.items()}
