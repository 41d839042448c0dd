"""What can be fitted to a measured series, and what cannot: known before a file is read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from dynattn.diagnostics.report import Collector, Diagnostic, SpecError
from dynattn.learn.options import Option, read_options
from dynattn.model.model import Model
from dynattn.model.parts import Draw
from dynattn.model.plans import Choice, Fit, Simulation
from dynattn.model.terms import walk
from dynattn.run.clock import standing_mistakes
from dynattn.solve.methods import METHODS

if TYPE_CHECKING:
    from dynattn.compilation import Compilation

FLAT = ("real", "circle", "torus", "positive")
"""Manifolds whose points are fitted as numbers."""

OPTIONS = (
    Option("path", "text"),
    Option("time", "name", "t"),
    Option("checksum", "text", None),
)


def check_series(choice: Choice, found: Collector) -> Mapping[str, Any]:
    """The options of the source; mistakes go to ``found``."""
    return read_options(choice, OPTIONS, found, ("path",))


def check_fit(compilation: Compilation, plan: Fit) -> None:
    """SpecError with every reason why it cannot be run; builds nothing."""
    if mistakes := fit_mistakes(compilation.model, plan):
        raise SpecError(mistakes)


def fit_mistakes(model: Model, plan: Fit) -> tuple[Diagnostic, ...]:
    """Every reason why it cannot be run, but for what its file has."""
    found = Collector()
    check_series(plan.data, found)
    known = standing_mistakes(model, plan.span)
    if not known:
        _check_laws(model, plan, found)
        _check_numbers(model, plan, found)
    return (*known, *found.found)


def clock_of(model: Model, plan: Fit) -> Simulation:
    """Method and step: those of the first ``simulate``."""
    return model.simulations[0] if model.simulations else Simulation(plan.name, plan.span)


def _check_laws(model: Model, plan: Fit, found: Collector) -> None:
    clock, late = clock_of(model, plan), [c for c in model.couplings if c.delay is not None]
    for law in model.laws:
        if law.noise is not None or law.discrete:
            what = "noise moves" if law.noise is not None else "a map updates"
            text = f"{what} '{law.state}', and a fit follows states that laws alone carry on"
            fix = "write its law as an equation, without noise: what was measured may have errors"
            notes = [(law.noise.span, "the noise")] if law.noise is not None else []
            found.add("E690", text, plan.span, fix, notes)
    method = METHODS.get(clock.method)
    if method is not None and method.tableau is None:
        text = f"segments are stepped through explicitly, and '{clock.method}' does not"
        found.add("E690", text, clock.span, "write method tsit5, or rk4 and a step")
    if late and (clock.step is None or clock.method not in ("euler", "heun", "rk4", "tsit5")):
        text = f"'{late[0].name}' has a delay, and a fit with delays takes steps of one size"
        fix = "write method rk4; step 0.01 in simulate"
        found.add("E690", text, plan.span, fix, [(late[0].span, "the delay")])
    if late and plan.shoot is not None:
        text = f"'{late[0].name}' has a delay: its past is one, from the first measurement on"
        found.add("E690", text, plan.span, "leave out shoot")


def _check_numbers(model: Model, plan: Fit, found: Collector) -> None:
    moved = {name for name in plan.free} | {p.name for p in model.parameters if p.learned}
    for name in moved:
        own = model.parameter[name]
        if (own.manifold is not None and own.manifold.name not in FLAT) or own.dtype != "real":
            where = own.manifold.name if own.manifold is not None else "complex"
            text = f"'{name}' is a point of {where}, and numbers are fitted"
            fix = f"fit what it is made of; {', '.join(FLAT)} can be fitted"
            found.add("E690", text, plan.span, fix, [(own.span, "declared here")])
    for other in model.parameters:
        terms = other.init.arguments if isinstance(other.init, Draw) else (other.init,)
        read = {t.payload for t in walk(*terms) if t.op == "parameter"} & moved
        if read and other.name not in moved:
            name = min(read)
            text = f"'{other.name}' is computed from '{name}' once, before anything moves"
            fix = f"write let {other.name.rpartition('.')[2]} = .., which is always current"
            found.add("E690", text, plan.span, fix, [(other.span, "computed here")])


def check_structure(compilation: Compilation, plan: Fit) -> None:
    """SpecError E690 for sizes and what graphs are made from."""
    from dynattn.run.systems import is_structural

    for name in plan.free:
        own = compilation.model.sizes.get(name)
        limits = compilation.model.parameter[name].limits
        if own is None:
            continue
        other = own + 1 if limits is None else limits[0] if own != limits[0] else limits[1]
        if is_structural(compilation, name, (own, other)):
            text = f"'{name}' is a size, or makes a graph, and does not move continuously"
            fix = f"leave {name} out of free"
            raise SpecError(Diagnostic("E690", text, plan.span, fix))
