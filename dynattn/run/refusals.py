"""What experiments ask for that is checked, and that nothing here computes."""

from __future__ import annotations

from dynattn.diagnostics.report import Diagnostic, Span
from dynattn.model.model import Model
from dynattn.model.plans import Continuation, Simulation

LATER = "following equilibria is not part of this version"


def simulation_refusals(model: Model, simulation: Simulation) -> tuple[Diagnostic, ...]:
    """E620 for every clause without an engine, E621 for rest that noise never lets be."""
    found = [
        _refused(simulation.name, item.label, item.span, "give its values: a list, or a range")
        for item in simulation.awaited
    ]
    begins, until = simulation.begins, simulation.until
    if begins is not None and begins.kind == "point":
        fix = "begin at the initial values: leave the clause out"
        found.append(_refused(simulation.name, begins.label, begins.span, fix))
    noisy = [law.state for law in model.laws if law.noise is not None]
    if until is not None and until.condition is None and noisy:
        text = f"noise moves '{noisy[0]}', so the model is never at rest"
        fix = "leave until out, or write a condition: until r < 0.1"
        found.append(Diagnostic("E621", text, until.span, fix))
    return tuple(found)


def continuation_refusal(model: Model, continuation: Continuation) -> Diagnostic:
    """E620 for a whole ``continue``."""
    others = [item.name for item in model.simulations]
    fix = f"there is {', '.join(others)} to run" if others else "add a simulate to the spec"
    text = f"the experiment '{continuation.name}' cannot be run: {LATER}"
    return Diagnostic("E620", text, continuation.span, fix)


def _refused(name: str, clause: str, span: Span, fix: str) -> Diagnostic:
    text = f"the experiment '{name}' cannot be run with '{clause}': {LATER}"
    return Diagnostic("E620", text, span, fix)
