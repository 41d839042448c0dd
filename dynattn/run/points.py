"""Experiments that name points of others: those are run first, once."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from dynattn.model.plans import Simulation

if TYPE_CHECKING:
    from dynattn.compilation import Compilation


def names_points(simulation: Simulation) -> bool:
    """Whether an experiment needs points of others."""
    begins = simulation.begins
    return bool(simulation.awaited) or (begins is not None and begins.kind == "point")


def with_points(
    compilation: Compilation, simulation: Simulation, *, seed: int | None, device: str
) -> Simulation:
    """The experiment with the values and states of the points that it names.

    The branches are followed with the seed of the experiment. NumericalError E640 where there is
    no such point, SpecError E306 where a value that comes of it is outside of its range.
    """
    if not names_points(simulation):
        return simulation
    from dynattn.model.check import check
    from dynattn.run.branches import special_point, states_of
    from dynattn.run.systems import seed_of

    chosen = seed_of(compilation, simulation, seed)
    known: dict[tuple[str, str, str], float] = {}
    for item in simulation.awaited:
        for name, event, parameter in item.points:
            result, point = special_point(compilation, (name, event), item.span, chosen, device)
            known[name, event, parameter] = result.value_at(point, parameter)
    if known:
        model = check(compilation.tree, compilation.overrides, compilation.most_nodes, known)
        found = next(item for item in model.simulations if item.name == simulation.name)
        simulation = replace(simulation, settings=found.settings, awaited=())
    begins = simulation.begins
    if begins is not None and begins.rest is not None and begins.states is None:
        from dynattn.run.searches import rest_states

        begins = replace(
            begins, states=rest_states(compilation, begins, seed=chosen, device=device)
        )
    elif begins is not None and begins.point is not None and begins.states is None:
        result, point = special_point(compilation, begins.point, begins.span, chosen, device)
        begins = replace(begins, states=states_of(result, point))
    return replace(simulation, begins=begins)
