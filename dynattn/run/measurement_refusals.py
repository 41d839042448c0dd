"""What cannot be measured of a model; known before anything is built."""

from __future__ import annotations

from collections.abc import Callable

from dynattn.diagnostics.report import Diagnostic, Span
from dynattn.model.model import Model
from dynattn.model.parts import Draw
from dynattn.model.plans import Measurement
from dynattn.run.clock import clock_mistakes, model_mistakes, standing_mistakes
from dynattn.solve.methods import METHODS

STAGES = "write delay gamma(mean, order), whose stages are states"
"""What measures that need the present alone take in place of a delay."""


def _delayed(
    model: Model, code: str, span: Span | None, why: str, fix: str = STAGES
) -> list[Diagnostic]:
    """What is said of every coupling with a delay."""
    return [
        Diagnostic(
            code, f"'{c.name}' has a delay, and {why}", span, fix, ((c.delay.span, "the delay"),)
        )
        for c in model.couplings
        if c.delay is not None
    ]


def measurement_refusals(model: Model, plan: Measurement) -> tuple[Diagnostic, ...]:
    """What ``simulate`` would refuse too, and what has no such measure."""
    found = [*clock_mistakes(plan.clock), *model_mistakes(model, plan.clock)]
    if standing_mistakes(model, plan.span):
        return tuple(found)
    rule = OWN.get(plan.kind)
    return (*found, *(rule(model, plan) if rule else ()))


def _lyapunov(model: Model, plan: Measurement) -> list[Diagnostic]:
    """E670 where there are no rates of the present alone to take slopes of; E606."""
    found = []
    for law in model.laws:
        if law.noise is not None:
            text = f"noise moves '{law.state}', and lyapunov follows disturbances by slopes alone"
            notes = ((law.noise.span, "the noise"),)
            found.append(Diagnostic("E670", text, plan.span, "leave the noise out", notes))
    found += _delayed(model, "E670", plan.span, "lyapunov follows the present alone")
    if len({law.discrete for law in model.laws}) == 2:
        text = "some laws are maps and some are flows, which have no exponents in common"
        fix = "write all laws as equations, or all as maps"
        found.append(Diagnostic("E670", text, plan.span, fix))
    return [*found, *_late(plan)]


def _late(plan: Measurement) -> list[Diagnostic]:
    """E606 where ``after`` is not before the end."""
    after, stop = plan.options["after"], plan.clock.stop
    if after is None or stop is None or plan.clock.start <= after < stop:
        return []
    text = f"'after {after:g}' is no time between {plan.clock.start:g} and {stop:g}"
    return [Diagnostic("E606", text, plan.span, f"write a time before {stop:g}")]


def _passage(model: Model, plan: Measurement) -> list[Diagnostic]:
    """E671 where a method or a model has no continuous solution of each step to look at."""
    found, span = [], plan.span
    method = METHODS.get(plan.clock.method)
    if any(law.discrete for law in model.laws):
        text = "a map has no time between its updates, where passage would locate anything"
        fix = "record the first update: record time when x > 1"
        found.append(Diagnostic("E671", text, span, fix))
    elif method is not None and method.tableau is None and method.implicit is None:
        text = f"passage looks into the steps, and those of '{method.name}' tell their ends alone"
        fix = "write method tsit5 or rodas5p, or rk4, heun or euler with step"
        found.append(Diagnostic("E671", text, span, fix))
    found += _delayed(
        model,
        "E671",
        span,
        "passage looks into steps without any",
        "record time when in a simulation, which looks at saved times",
    )
    return found


def _hysteresis(model: Model, plan: Measurement) -> list[Diagnostic]:
    """E672 where the parameter cannot move while the states go along; E428 for a past."""
    from dynattn.model.sizes_used import sizes_in

    found = []
    for name, _ in plan.settings:
        used = {word for size in sizes_in(model) for word in size.names}
        place = model.parameter.get(name)
        if place is None or place.place.kind != "global" or name in used:
            text = f"'{name}' is no single number of the laws, and cannot move as the model runs"
            found.append(Diagnostic("E672", text, plan.span, "move a number that rates read"))
    found += _delayed(model, "E672", plan.span, "a loop goes on from states without a past")
    return found


def _basins(model: Model, plan: Measurement) -> list[Diagnostic]:
    """What is never at rest (E428, E621, E636), and E673 where all starts are one."""
    from dynattn.solve.refusals import rest_mistakes

    found = rest_mistakes(model, plan.span)
    begins = plan.clock.begins
    if begins is not None and begins.kind != "init":
        text = f"'{begins.label}' makes all starts one, and basins compares where they lead"
        found.append(Diagnostic("E673", text, begins.span, "leave it out"))
    elif not any(isinstance(state.init, Draw) for state in model.lasting.values()):
        text = "no state is drawn, so all starts are one, and basins compares where they lead"
        fix = "draw one: state x on real ~ normal(0, 1)"
        found.append(Diagnostic("E673", text, plan.span, fix))
    return found


def _locking(model: Model, plan: Measurement) -> list[Diagnostic]:
    """E606 alone: whatever moves has mean frequencies."""
    return _late(plan)


def _balance(model: Model, plan: Measurement) -> list[Diagnostic]:
    """E782 where no rates of the present alone say how fast an energy changes."""
    found = []
    for law in model.laws:
        if law.noise is not None:
            text = f"noise moves '{law.state}', and the power of noise is no number of the states"
            notes = ((law.noise.span, "the noise"),)
            found.append(Diagnostic("E782", text, plan.span, "leave the noise out", notes))
    if any(law.discrete for law in model.laws):
        text = "a map has no rates, whose power balance could add up"
        fix = "record the energy: simulate { steps 100; record E }"
        found.append(Diagnostic("E782", text, plan.span, fix))
    return found + _delayed(model, "E782", plan.span, "balance adds up powers of the present alone")


OWN: dict[str, Callable[[Model, Measurement], list[Diagnostic]]] = {
    "lyapunov": _lyapunov,
    "passage": _passage,
    "hysteresis": _hysteresis,
    "basins": _basins,
    "locking": _locking,
    "balance": _balance,
}
"""By kind: what is wrong with it alone."""
