"""How the gradients of a solve are made: what may be asked for, and what fits which method."""

from __future__ import annotations

from dataclasses import dataclass

from dynattn.diagnostics.report import Diagnostic, Span, SpecError
from dynattn.diagnostics.suggest import did_you_mean
from dynattn.solve.methods import Method
from dynattn.vocabulary.solvers import GRADIENTS

MEMORY = 256.0
"""MiB that a solve keeps for its backward pass where nothing else is said."""


@dataclass(frozen=True)
class Gradient:
    """What is asked for.

    ``kind`` None: exact gradients, in the cheapest way that there is. ``backpropagation``: autograd
    follows every operation. ``checkpointed``: exact too, and of the least memory. ``adjoint``:
    torchdiffeq's, of the continuous equation solved backwards. ``memory`` in MiB: beyond it, states
    are kept at some steps only, and the steps between are taken again.
    """

    kind: str | None = None
    memory: float = MEMORY

    @property
    def room(self) -> int | None:
        """Bytes; None: as few as there can be without taking steps more than twice."""
        return None if self.kind == "checkpointed" else int(self.memory * 2**20)


def check_gradient(gradient: Gradient, method: Method, late: bool, span: Span | None) -> None:
    """SpecError E362 for what there is not, E363 where it does not go with the method."""
    if gradient.kind is not None and gradient.kind not in GRADIENTS:
        message = f"there is no gradient '{gradient.kind}'"
        guess = did_you_mean(gradient.kind, GRADIENTS, f"there are: {', '.join(GRADIENTS)}")
        raise SpecError(Diagnostic("E362", message, span, guess))
    if not gradient.memory > 0:
        message = f"the memory for gradients is {gradient.memory:g} MiB"
        raise SpecError(Diagnostic("E362", message, span, "give a number above 0"))
    library = method.library == "torchdiffeq"
    if gradient.kind == "adjoint" and (not library or method.solver == "scipy_solver"):
        message = f"the method '{method.name}' has no adjoint"
        fix = "use one of torchdiffeq's, such as 'method dopri5', or leave 'gradient' out"
        raise SpecError(Diagnostic("E363", message, span, fix))
    explicit = method.tableau is not None
    if gradient.kind == "checkpointed" and (not explicit or late):
        reason = "delays" if late else f"the method '{method.name}'"
        message = f"with {reason} no steps are taken again backwards"
        fix = "use an own explicit method, such as 'method tsit5', or 'method rk4; step 0.01'"
        fix = "leave 'gradient' out" if late else fix
        raise SpecError(Diagnostic("E363", message, span, fix))


def not_checkpointed(span: Span | None) -> SpecError:
    """E363 where a model's steps cannot be taken again."""
    message = "the steps of this model cannot be taken again from checkpoints"
    fix = "leave 'gradient' out: autograd follows every operation then"
    return SpecError(Diagnostic("E363", message, span, fix))


def not_twice(span: Span | None) -> SpecError:
    """E363 where derivatives are asked of gradients that no graph leads to."""
    message = (
        "gradients of adaptive steps taken again from checkpoints have no gradients themselves"
    )
    fix = "leave 'gradient' out: autograd follows every operation then"
    return SpecError(Diagnostic("E363", message, span, fix))
