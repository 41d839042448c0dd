"""The integration methods, by name. Adding an own one is one tableau and one entry.

Nothing here imports torch: ``dynattn check`` knows every name without it.
"""

from __future__ import annotations

from dataclasses import dataclass

from dynattn.diagnostics.report import Diagnostic, Span, SpecError
from dynattn.model import noises
from dynattn.model.model import Model
from dynattn.model.parts import Law
from dynattn.solve.structure import structure_mistakes
from dynattn.vocabulary.rosenbrock import RODAS5P, Rosenbrock
from dynattn.vocabulary.solvers import TORCHDIFFEQ_METHODS, method_fix
from dynattn.vocabulary.splittings import SPLITTINGS, Splitting
from dynattn.vocabulary.tableaus import TABLEAUS, Tableau


@dataclass(frozen=True, slots=True)
class Method:
    """One integration method."""

    name: str
    library: str
    """``own`` or ``torchdiffeq``."""
    order: int
    """Order of convergence; for the variable-order ones the order they start with."""
    adaptive: bool = False
    """Whether it chooses its steps by ``rtol`` and ``atol``; an own one only where no ``step`` is
    given."""
    tableau: Tableau | None = None
    """Of the own explicit methods."""
    splitting: Splitting | None = None
    """Of the symplectic ones."""
    implicit: Rosenbrock | None = None
    """Of the own implicit ones."""
    solver: str = ""
    """torchdiffeq's own name for it."""
    options: tuple[str, ...] = ()
    """Names that ``solve(options=...)`` may hold."""

    @property
    def needs_step(self) -> bool:
        """Whether a spec must give ``step``: nothing guesses one."""
        return not self.adaptive

    @property
    def shares_steps(self) -> bool:
        """Whether what a point of a batch takes for its steps depends on the other points."""
        return self.library == "torchdiffeq" and (self.adaptive or "adams" in self.name)

    def chooses_steps(self, step: float | None) -> bool:
        """Whether its steps follow the tolerances, with this ``step`` in the spec or with none."""
        return self.adaptive and (step is None or self.tableau is None)


ADAMS = ("explicit_adams", "implicit_adams", "fixed_adams")
"""Multistep methods: their coefficients hold for equal steps only."""

_OWN = (
    Method("euler", "own", 1, tableau=TABLEAUS["euler"]),
    Method("heun", "own", 2, tableau=TABLEAUS["heun"]),
    Method("rk4", "own", 4, tableau=TABLEAUS["rk4"]),
    Method("tsit5", "own", 5, True, TABLEAUS["tsit5"], options=("first_step", "max_step")),
    Method("rodas5p", "own", 5, True, implicit=RODAS5P, options=("first_step", "max_step")),
    Method("leapfrog", "own", 2, splitting=SPLITTINGS["leapfrog"]),
    Method("yoshida4", "own", 4, splitting=SPLITTINGS["yoshida4"]),
    Method("blanes_moan4", "own", 4, splitting=SPLITTINGS["blanes_moan4"]),
    Method("avf", "own", 2),
)
_ORDERS = {
    "dopri8": 8, "dopri5": 5, "bosh3": 3, "fehlberg2": 2, "adaptive_heun": 2, "euler": 1,
    "midpoint": 2, "heun2": 2, "heun3": 3, "rk4": 4, "explicit_adams": 4, "implicit_adams": 5,
    "fixed_adams": 5, "scipy_solver": 1,
}  # fmt: skip
_ADAPTIVE = frozenset({"dopri8", "dopri5", "bosh3", "fehlberg2", "adaptive_heun", "scipy_solver"})
_RUNGE_KUTTA_OPTIONS = (
    "first_step", "step_t", "jump_t", "min_step", "max_step", "safety", "ifactor", "dfactor",
)  # fmt: skip


def _options(name: str) -> tuple[str, ...]:
    if name == "scipy_solver":
        return ("solver", "min_step", "max_step")
    if name in _ADAPTIVE:
        return _RUNGE_KUTTA_OPTIONS
    return ("perturb", "max_iters", "max_order") if name in ADAMS else ("perturb",)


def _entries() -> dict[str, Method]:
    entries = {method.name: method for method in _OWN}
    for name in TORCHDIFFEQ_METHODS:
        key = f"torchdiffeq.{name}" if name in entries else name
        entries[key] = Method(
            key,
            "torchdiffeq",
            _ORDERS[name],
            name in _ADAPTIVE,
            solver=name,
            options=_options(name),
        )
    return entries


METHODS: dict[str, Method] = _entries()
"""Where both libraries have a name (euler, rk4) ours has it; ``torchdiffeq.rk4`` is theirs."""


def find_method(name: str, span: Span | None = None) -> Method:
    """The method called ``name``; SpecError E601 where there is none."""
    if name in METHODS:
        return METHODS[name]
    listing = "the methods are " + ", ".join(METHODS)
    guess = method_fix(name)
    fix = f"{guess} ({listing})" if guess else listing
    raise SpecError(Diagnostic("E601", f"there is no method '{name}'", span, fix))


def law_mistakes(
    method: Method, model: Model, step: float | None, span: Span | None = None
) -> list[Diagnostic]:
    """Why a method cannot integrate the laws of a model: E613 (pulses), E614 (noise), E616
    (delays); E624, E625, E631 (structure).
    """
    found, adaptive = [*structure_mistakes(method, model, span)], method.chooses_steps(step)
    for coupling in model.couplings:
        if coupling.delay is not None and method.tableau is None:
            message = f"the method '{method.name}' takes no delays, and '{coupling.name}' has one"
            fix = "leave 'method' out for adaptive steps, or write 'method rk4; step 0.01'"
            delay = ((coupling.delay.span, "the delay"),)
            found.append(Diagnostic("E616", message, span, fix, delay))
    if model.jumps and method.solver in (*ADAMS, "scipy_solver"):
        message = f"the method '{method.name}' does not stop at the ends of a pulse"
        found.append(Diagnostic("E613", message, span, "use 'method tsit5', or 'method rk4'"))
    for law in model.laws:
        if law.noise is not None and (problem := _noise_problem(method, adaptive, model, law)):
            message, fix = problem
            found.append(Diagnostic("E614", message, span, fix, ((law.noise.span, "the noise"),)))
    return found


def _noise_problem(
    method: Method, adaptive: bool, model: Model, law: Law
) -> tuple[str, str] | None:
    manifold = model.states[law.state].manifold
    fix = f"write 'method {noises.method_for(manifold)}; step 0.01'"
    if law.discrete:
        return None
    if method.name not in noises.METHODS:
        kind = "adaptive steps" if adaptive else "no noise"
        return f"the method '{method.name}' takes {kind}, and '{law.state}' has noise", fix
    text = noises.sense_problem(method.name, law, manifold)
    return (text, fix) if text else None


def check_law(method: Method, model: Model, step: float | None, span: Span | None = None) -> None:
    """SpecError with what ``law_mistakes`` finds."""
    found = law_mistakes(method, model, step, span)
    if found:
        raise SpecError(found)


LEAST_RTOL = 1e-15
"""No step of double precision is more exact than this."""

MOST_STEPS = 1e10
"""Fixed steps of a solve; more would take days."""


def tolerance_mistakes(
    rtol: float, atol: float | None, span: Span | None = None
) -> list[Diagnostic]:
    """E606 for tolerances that make no sense."""
    found = []
    for name, value in (("rtol", rtol), ("atol", atol)):
        if value is not None and not 0 < value < float("inf"):
            fix = "write a number above 0, such as 1e-6"
            found.append(Diagnostic("E606", f"the tolerance {name} is {value:g}", span, fix))
    if 0 < rtol < LEAST_RTOL:
        message = f"the tolerance rtol is {rtol:g}, and numbers of 64 bits have 16 digits"
        found.append(Diagnostic("E606", message, span, "write 1e-12, or more"))
    return found


def count_mistakes(
    method: Method, step: float | None, length: float, span: Span | None = None
) -> list[Diagnostic]:
    """E606 for more steps than can be taken."""
    if step is None or not step > 0 or method.chooses_steps(step) or length / step <= MOST_STEPS:
        return []
    message = f"a step of {step:g} makes {length / step:.3g} steps"
    return [Diagnostic("E606", message, span, f"write a step above {length / MOST_STEPS:.3g}")]


def check_step(method: Method, step: float | None, span: Span | None = None) -> None:
    """SpecError E602 where a fixed-step method has no step, E606 where a step makes no sense."""
    if method.needs_step and step is None:
        message = f"the method '{method.name}' takes steps of fixed size, and no step is given"
        fix = f"write 'step 0.01' beside 'method {method.name}', or use 'method tsit5'"
        raise SpecError(Diagnostic("E602", message, span, fix))
    if step is None:
        return
    if method.chooses_steps(step):
        message = (
            f"the method '{method.name}' chooses its own steps, so 'step {step:g}' has no effect"
        )
        fix = "leave out 'step' and set the accuracy with 'rtol', or use 'method rk4'"
        raise SpecError(Diagnostic("E606", message, span, fix))
    if not 0 < step < float("inf"):
        raise SpecError(
            Diagnostic("E606", f"the step {step:g} is not positive", span, "write a number above 0")
        )
