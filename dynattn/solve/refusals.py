"""Systems that are never at rest, or whose rest is not computed."""

from __future__ import annotations

from typing import Any

from dynattn.diagnostics.report import Diagnostic, Span, SpecError
from dynattn.lower.inspection import reads_time
from dynattn.model.model import Model


def rest_mistakes(model: Model, span: Span | None = None) -> list[Diagnostic]:
    """E621 for noise, E636 for delays, and for maps beside flows."""
    found = []
    for law in model.laws:
        if law.noise is not None:
            text = f"noise moves '{law.state}', so the model is never at rest"
            fix = "leave the noise out, or look at averages"
            notes = ((law.noise.span, "the noise"),)
            found.append(Diagnostic("E621", text, span, fix, notes))
    for coupling in model.couplings:
        if coupling.delay is not None:
            text = f"equilibria with a delay are not computed, and '{coupling.name}' has one"
            notes = ((coupling.delay.span, "the delay"),)
            found.append(Diagnostic("E636", text, span, "simulate it until equilibrium", notes))
    kinds = {law.discrete for law in model.laws}
    if len(kinds) == 2:
        text = "some laws are maps and some are flows, so there is no one clock to be at rest in"
        found.append(Diagnostic("E636", text, span, "write all laws as equations, or all as maps"))
    return found


def check_rests(system: Any, span: Span | None = None) -> None:
    """SpecError with what ``rest_mistakes`` finds, E636 too where the rates depend on the time."""
    found = rest_mistakes(system.model, span)
    if reads_time(system):
        text = "the rates depend on the time, so the model is never at rest"
        found.append(Diagnostic("E636", text, span, "set what varies in time to a parameter"))
    if found:
        raise SpecError(tuple(found))
