"""What experiments ask for that can never be."""

from __future__ import annotations

from dynattn.diagnostics.report import Diagnostic
from dynattn.model.model import Model
from dynattn.model.plans import Simulation


def simulation_refusals(model: Model, simulation: Simulation) -> tuple[Diagnostic, ...]:
    """E621 for rest that noise never lets be."""
    until = simulation.until
    noisy = [law.state for law in model.laws if law.noise is not None]
    if until is None or until.condition is not None or not noisy:
        return ()
    text = f"noise moves '{noisy[0]}', so the model is never at rest"
    fix = "leave until out, or write a condition: until r < 0.1"
    return (Diagnostic("E621", text, until.span, fix),)
