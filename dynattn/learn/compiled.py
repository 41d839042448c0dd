"""The loss of a batch, and its gradient, as one compiled graph."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch

from dynattn.diagnostics.report import Diagnostic, Span, SpecError
from dynattn.lower.binding import CallRun
from dynattn.lower.lengths import input_environment
from dynattn.lower.module import System, evaluate_plainly
from dynattn.model.composition import Adaptive, Settling
from dynattn.solve.compiler import Compiler

Groups = Sequence[Mapping[str, torch.Tensor]]

MOST_SHAPES = 8
"""Batches of so many different shapes are compiled; each takes as long as the first."""


class CompiledLoss:
    """``batch_loss`` of one system, compiled for each shape of a batch."""

    def __init__(self, system: System, compiler: Compiler, span: Span | None = None) -> None:
        """SpecError E359 where the network draws numbers at every call, or comes to rest in it."""
        _refuse_layers(system, span)
        self.system, self.compiler, self.span = system, compiler, span
        self.shapes: set[Any] = set()

    def __call__(self, groups: Groups) -> torch.Tensor:
        """The loss of a batch; SpecError E361 for a batch of yet another shape."""
        return self._computed(groups, self._loss)

    def sums(
        self, stage: int, groups: Groups, known: Mapping[str, Any]
    ) -> tuple[torch.Tensor, tuple[int, ...]]:
        """What ``Losses.sums`` gives; SpecError E359 for a loss with means of means."""
        if known or stage:
            message = "a loss with means of means is not compiled portion by portion"
            fix = "leave out --compile or accumulate"
            raise SpecError(Diagnostic("E359", message, self.span, fix))
        return self._computed(groups, self._sums)

    def _computed(self, groups: Groups, what: Callable[[list[Any]], Any]) -> Any:
        """What is made of the samples' environments, compiled."""
        names = tuple(tuple(group) for group in groups)
        tensors = [x for group in groups for x in group.values()]
        key = (names, tuple((x.shape, x.dtype) for x in tensors), self.system.training)
        self.shapes.add(key)
        if len(self.shapes) > MOST_SHAPES:
            message = f"the batches have more than {MOST_SHAPES} different shapes, and each would "
            fix = "leave out --compile, or give all samples one length"
            raise SpecError(Diagnostic("E361", message + "be compiled anew", self.span, fix))
        step = self._step(names, what)
        told = "the step of training"
        ready = self.compiler.compiled((id(self.system), key), step, told, self.span)
        return ready(*tensors)

    def _step(self, names: tuple[tuple[str, ...], ...], what: Callable[[list[Any]], Any]) -> Any:
        system = self.system

        def step(*tensors: torch.Tensor) -> Any:
            rest, found = iter(tensors), []
            for group in names:
                inputs = {name: next(rest) for name in group}
                environment = input_environment(system, inputs)
                found.append(system._network(environment, evaluate_plainly))
            return what(found)

        return step

    def _loss(self, found: list[Any]) -> torch.Tensor:
        assert self.system.objective is not None
        return self.system.objective(lambda: found, self.system.training)["loss"]

    def _sums(self, found: list[Any]) -> tuple[torch.Tensor, tuple[int, ...]]:
        assert self.system.objective is not None
        return self.system.objective.sums(0, found, {}, self.system.training)


def _refuse_layers(system: System, span: Span | None) -> None:
    fix = "leave out --compile"
    for run in system._runs:
        if run.weight_noise is not None:
            message = "weights have noise, and numbers drawn on the way are no part "
            raise SpecError(Diagnostic("E359", message + "of a compiled step", span, fix))
        if isinstance(run, CallRun):
            continue
        drawn = run.drawn is not None and run.drawn.plan.outputs
        if isinstance(run.evolution, Adaptive):
            message = f"the layer '{run.layer}' chooses its steps, and how many is no part "
            raise SpecError(Diagnostic("E359", message + "of a compiled step", span, fix))
        if isinstance(run.evolution, Settling):
            message = f"the layer '{run.layer}' runs until it is at rest, and how far is no part "
            raise SpecError(Diagnostic("E359", message + "of a compiled step", span, fix))
        if run.noisy or drawn:
            what = "has noise" if run.noisy else "draws where its states start"
            message = f"the layer '{run.layer}' {what}, and numbers drawn on the way are no part "
            raise SpecError(Diagnostic("E359", message + "of a compiled step", span, fix))
