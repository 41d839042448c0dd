"""Systems that are never at rest, or whose rest is not computed."""

from __future__ import annotations

from dynattn.diagnostics.report import Diagnostic, Span
from dynattn.model.model import Model


def rest_mistakes(model: Model, span: Span | None = None) -> list[Diagnostic]:
    """E621 for noise, E428 for delays, E636 for maps beside flows."""
    found = []
    for law in model.laws:
        if law.noise is not None:
            text = f"noise moves '{law.state}', so the model is never at rest"
            fix = "leave the noise out, or look at averages"
            notes = ((law.noise.span, "the noise"),)
            found.append(Diagnostic("E621", text, span, fix, notes))
    for coupling in model.couplings:
        if coupling.delay is not None:
            text = (
                f"an equilibrium is found by the present rates, and '{coupling.name}' has a delay"
            )
            notes = ((coupling.delay.span, "the delay"),)
            found.append(
                Diagnostic("E428", text, span, "let it run, and look at what is recorded", notes)
            )
    kinds = {law.discrete for law in model.laws}
    if len(kinds) == 2:
        text = "some laws are maps and some are flows, so there is no one clock to be at rest in"
        found.append(Diagnostic("E636", text, span, "write all laws as equations, or all as maps"))
    return found


def time_mistake(span: Span | None = None) -> Diagnostic:
    """E636 for rates that depend on the time."""
    text = "the rates depend on the time, so the model is never at rest"
    return Diagnostic("E636", text, span, "set what varies in time to a parameter")
