"""Steps made into machine code by ``torch.compile``: each form of a step once."""

from __future__ import annotations

import os
import shutil
import time
import types
import warnings
from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from dynattn.diagnostics.report import Diagnostic, Span, SpecError, UsageError
from dynattn.lower.module import System
from dynattn.solve.methods import Method

COMPILERS = ("g++", "clang++", "c++")
"""Commands of C++ compilers, in the order in which one is looked for."""

OPTIONS: dict[str, Any] = {"fallback_random": True, "inplace_buffers": False}
"""Random numbers (of dropout) are those of steps that are not compiled. Nothing is written in
place: torch 2.13 does so to parts of a joined array, and then gives away the array they stand in.
"""

Step = Callable[..., Any]


def check_compiler() -> str:
    """The command of a C++ compiler; UsageError E358 where there is none."""
    wanted = os.environ.get("CXX")
    for name in (wanted,) if wanted else COMPILERS:
        if shutil.which(name):
            return name
    message = "steps are compiled by a C++ compiler, and "
    message += f"CXX={wanted} is no command" if wanted else f"none of {_listed()} is a command here"
    fix = "install g++, or leave out --compile: the results are the same"
    raise UsageError(Diagnostic("E358", message, fix=fix))


def _listed() -> str:
    return ", ".join(COMPILERS)


def check_compilable(
    method: Method, system: Any, gradient: str | None = None, span: Span | None = None
) -> None:
    """SpecError E359 for methods and systems whose steps cannot be one graph."""
    fix = "leave out --compile"
    if method.tableau is None or method.splitting is not None:
        message = f"the steps of '{method.name}' cannot be compiled: only those of "
        raise SpecError(Diagnostic(
            "E359", message + "euler, heun, rk4 and tsit5 are", span, f"use one of them, or {fix}"
        ))  # fmt: skip
    if getattr(system, "late", ()):
        message = "steps that read the past cannot be compiled: it grows, and a compiled step "
        raise SpecError(Diagnostic("E359", message + "knows the shapes of all it reads", span, fix))
    if gradient == "checkpointed":
        message = "compiled steps keep what their gradients need: they are not checkpointed"
        raise SpecError(Diagnostic("E359", message, span, f"leave 'gradient' out, or {fix}"))


class Compiler:
    """What has been compiled, and how long that took.

    ``say`` is told once when it begins, and once how long it took.
    """

    def __init__(self, say: Callable[[str], None] | None = None) -> None:
        self.command = check_compiler()
        self.say = say or (lambda text: None)
        self.seconds = self._told = 0.0
        self.count = 0
        """How many steps were compiled."""
        self._made: dict[Hashable, Step] = {}
        self._known: dict[Hashable, Any] = {}

    def __reduce__(self) -> tuple[type[Compiler], tuple[()]]:
        """Compiled code is not copied or stored with a system: a copy compiles anew."""
        return (Compiler, ())

    def told(self) -> dict[str, float]:
        """Seconds of compiling since this was asked last."""
        found, self._told = self.seconds - self._told, self.seconds
        return {"compiling": found}

    def stand_in(self, system: Any) -> Any:
        """The system whose steps are compiled already, with the numbers of this one; this one where
        there is none of the same program and shapes.
        """
        if not isinstance(system, System):
            return system
        key = (id(system.program), id(system.network), tuple(_shapes(system)))
        known = self._known.setdefault(key, system)
        if known is not system:
            for mine, given in zip(known.modules(), system.modules(), strict=True):
                mine._parameters.update(given._parameters)
                mine._buffers.update(given._buffers)
            known.signals, known.seed, known.repeat = system.signals, system.seed, system.repeat
        return known

    def compiled(self, key: Hashable, step: Step, what: str, span: Span | None = None) -> Step:
        """``step`` compiled; the one known by ``key`` where there is one.

        It takes and gives tensors whose shapes never change. ``what`` it is, for messages.
        """
        modes = (torch.is_grad_enabled(), torch.is_inference_mode_enabled())
        if (key, modes) not in self._made:
            self._made[key, modes] = self._made_ready(step, what, span)
        return self._made[key, modes]

    def _made_ready(self, step: Step, what: str, span: Span | None) -> Step:
        import dynattn.lower.opaque  # noqa: F401  its operations must be known first

        ready = torch.compile(_apart(step), fullgraph=True, dynamic=False, options=OPTIONS)
        first = True

        def call(*tensors: Tensor) -> Any:
            nonlocal first
            if not first:
                return ready(*tensors)
            found, first = self._first(ready, tensors, what, span), False
            return found

        return call

    def _first(self, ready: Step, tensors: tuple[Any, ...], what: str, span: Span | None) -> Any:
        """The first call: here torch compiles. SpecError E360 where it cannot."""
        if not self.count:
            self.say(f"compiling {what}")
        began = time.perf_counter()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                found = ready(*tensors)
        except _refusals() as error:
            message = f"{what} cannot be compiled: {_reason(error)}"
            fix = "leave out --compile: the results are the same"
            raise SpecError(Diagnostic("E360", message, span, fix)) from error
        self.seconds += time.perf_counter() - began
        self.count += 1
        if self.count == 1:
            self.say(f"compiled in {self.seconds:.1f} s")
        return found


def asking_alike(system: Any, tensors: Sequence[Tensor]) -> tuple[Tensor, ...]:
    """The tensors of a first step as those of later ones are: all ask for gradients, or none.

    A step whose inputs ask for others would be compiled a second time.
    """
    learned = system.parameters() if isinstance(system, torch.nn.Module) else ()
    asked = torch.is_grad_enabled() and any(x.requires_grad for x in (*learned, *tensors))
    if not asked:
        return tuple(tensors)
    return tuple(x if x.requires_grad else x.detach().requires_grad_().clone() for x in tensors)


def _shapes(system: System) -> Iterator[Hashable]:
    """What a compiled step takes for granted of every number it reads."""
    for name, x in (*system.named_parameters(), *system.named_buffers()):
        yield name, x.shape, x.dtype, x.device, x.requires_grad
    for name, signal in system.signals.items():
        yield name, id(signal)


def _apart(step: Step) -> Step:
    """The same function with a code object of its own, on which torch counts its compilations."""
    code = step.__code__.replace()
    return types.FunctionType(code, step.__globals__, step.__name__, None, step.__closure__)


def _refusals() -> tuple[type[Exception], ...]:
    from torch._dynamo.exc import TorchDynamoException
    from torch._inductor.exc import CppCompileError, InvalidCxxCompiler

    return (TorchDynamoException, CppCompileError, InvalidCxxCompiler)


def _reason(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__


def compiler_of(system: Any, given: Compiler | bool) -> Compiler | None:
    """The compiler that is asked for: the one given, or the system's own; None for False."""
    if isinstance(given, Compiler) or not given:
        return given or None
    if "_compiler" not in vars(system):
        vars(system)["_compiler"] = Compiler()
    return vars(system)["_compiler"]


def ready_to_compile(
    system: Any, given: Compiler | bool, method: Method, gradient: str | None, span: Span | None
) -> tuple[Compiler | None, Any]:
    """The compiler, and the system whose steps it compiles; None and the system for False.

    SpecError E359 where the steps cannot be compiled.
    """
    compiler = compiler_of(system, given)
    if compiler is None:
        return None, system
    check_compilable(method, system, gradient, span)
    return compiler, compiler.stand_in(system)
