"""The saved times of an experiment, and what is wrong with its method."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from dynattn.diagnostics.report import Diagnostic, Span, SpecError
from dynattn.model.model import Model
from dynattn.model.plans import Simulation
from dynattn.run.refusals import simulation_refusals
from dynattn.solve.methods import (
    METHODS,
    check_step,
    count_mistakes,
    find_method,
    law_mistakes,
    tolerance_mistakes,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

INTERVALS = 200
"""Saved intervals where the spec does not say ``every``; they do not touch the solver's steps."""


def saved_times(simulation: Simulation) -> NDArray[np.float64]:
    """From start to stop, both included; a last interval may be shorter than the others."""
    import numpy as np

    start, stop = simulation.start, simulation.stop
    assert stop is not None
    if simulation.every is None:
        return start + (stop - start) / INTERVALS * np.arange(INTERVALS + 1.0)
    count = math.floor((stop - start) / simulation.every + 1e-9)
    times = start + simulation.every * np.arange(count + 1.0)
    if stop - times[-1] > 1e-9 * simulation.every:
        return np.append(times, stop)
    times[-1] = stop
    return times


def check_experiment(model: Model, simulation: Simulation) -> None:
    """SpecError with every reason why it cannot be run; loads nothing heavy."""
    found = (
        *clock_mistakes(simulation), *model_mistakes(model, simulation),
        *simulation_refusals(model, simulation),
    )  # fmt: skip
    if found:
        raise SpecError(found)


def clock_mistakes(simulation: Simulation) -> tuple[Diagnostic, ...]:
    """What is wrong with its method, step and times: E601, E602, E606."""
    span, stop, found = simulation.span, simulation.stop, []
    try:
        check_step(find_method(simulation.method, span), simulation.step, span)
    except SpecError as error:
        found += error.diagnostics
    found += tolerance_mistakes(simulation.rtol, simulation.atol, span)
    if stop is not None and simulation.method in METHODS:
        method, length = METHODS[simulation.method], stop - simulation.start
        found += count_mistakes(method, simulation.step, length, span)
    for record in simulation.records:
        if record.after is not None and stop is not None and record.after >= stop:
            message = f"'{record.label}' begins at {record.after:g}, and time ends at {stop:g}"
            fix = f"write a time before {stop:g}, or let t run longer"
            found.append(Diagnostic("E606", message, span, fix))
    return tuple(found)


def standing_mistakes(model: Model, span: Span | None = None) -> tuple[Diagnostic, ...]:
    """E608 where the model, as it stands, evolves in no time."""
    if not model.laws:
        message = (
            f"the model '{model.name}' has no law outside its layers, so nothing evolves in time"
        )
        fix = "train it with 'dynattn compile SPEC --train', or give a population a drift"
        return (Diagnostic("E608", message, span, fix),)
    missing = [f"the input '{item.name}'" for item in model.inputs if not item.signal]
    missing += [f"the dim '{item.name}'" for item in model.dims]
    if missing:
        message = f"{missing[0]} has no value in a simulation"
        return (Diagnostic("E608", message, span, "make it a param"),)
    return ()


def model_mistakes(model: Model, simulation: Simulation) -> tuple[Diagnostic, ...]:
    """E608, E613, E614, E615 where the model does not evolve in time in this way."""
    found = standing_mistakes(model, simulation.span)
    if found:
        return found
    maps = [law.state for law in model.laws if law.discrete]
    if maps and simulation.steps is None:
        message = f"'{maps[0]}' is a map, which knows updates and no time"
        return (Diagnostic("E615", message, simulation.span, "write steps 100 in place of t"),)
    if simulation.method not in METHODS:
        return ()  # told of by the clock
    return tuple(law_mistakes(METHODS[simulation.method], model, simulation.step, simulation.span))


def settings_of(simulation: Simulation) -> dict[str, Any]:
    """What the experiment says of time and method, for the record."""
    clauses = {
        "until": simulation.until and simulation.until.label,
        "start": simulation.begins and simulation.begins.label.removeprefix("start "),
    }
    return {
        "t": [simulation.start, simulation.stop],
        **{word: label for word, label in clauses.items() if label is not None},
        "every": simulation.every,
        **({"data": simulation.data.span.text} if simulation.data is not None else {}),
        "method": simulation.method,
        "step": simulation.step,
        "rtol": simulation.rtol,
        "atol": simulation.rtol if simulation.atol is None else simulation.atol,
    }
