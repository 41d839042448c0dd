"""``start equilibrium``: the states that an experiment begins with, where the model is at rest."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import torch

from dynattn.model.plans import Simulation

if TYPE_CHECKING:
    from dynattn.compilation import Compilation
    from dynattn.lower.module import System


def states_at_rest(
    compilation: Compilation,
    simulation: Simulation,
    system: System,
    *,
    seed: int,
    repeat: int = 0,
    values: Mapping[str, torch.Tensor] | None = None,
    device: str = "cpu",
    describe: Callable[[tuple[int, ...]], str] | None = None,
) -> Mapping[str, torch.Tensor] | None:
    """The equilibrium that the initial states lead to; None where another start is asked for.

    ``start equilibrium`` takes the parameters of the experiment, those of each of its points;
    ``start equilibrium at c = 0.3`` sets some of them otherwise, for the start alone.
    NumericalError E637 where the model does not come to rest.
    """
    begins = simulation.begins
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
