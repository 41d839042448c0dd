"""``train`` without data: numbers of a model are moved by gradients of what it does at rest.

All gradients are those of implicit functions (``following``).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from dynattn.diagnostics.report import Collector, Diagnostic, NumericalError, SpecError
from dynattn.learn.following import Following
from dynattn.learn.optimizers import make_optimizer, read_optimizer
from dynattn.learn.retraction import kept_on_manifolds
from dynattn.learn.schedules import read_schedule
from dynattn.model.model import Model
from dynattn.model.plans import Placement
from dynattn.model.terms import walk
from dynattn.run.clock import standing_mistakes
from dynattn.run.labelled import Labelled, Result, Variable, in_parts, numbered
from dynattn.run.provenance import origin_of, versions

if TYPE_CHECKING:
    import torch

    from dynattn.compilation import Compilation
    from dynattn.lower.module import System

AXIS = "step"

SMALL = 1e-24
"""A loss that is as good as 0: no gradient of it is expected."""


@dataclass(frozen=True)
class PlacementResult(Result):
    """``result["loss"]`` is [step], from before the first step to after the last; so are what was
    recorded and, with axes of their own behind, the numbers that were moved.
    """

    @property
    def series(self) -> dict[str, Any]:
        """What is one number, [step]."""
        variables = self.labelled.variables.items()
        return in_parts({name: v.values for name, v in variables if v.axes == (AXIS,)})


def check_placement(compilation: Compilation, plan: Placement) -> None:
    """SpecError with every reason why it cannot be run; builds nothing."""
    if mistakes := placement_mistakes(compilation.model, plan):
        raise SpecError(mistakes)


def placement_mistakes(model: Model, plan: Placement) -> tuple[Diagnostic, ...]:
    """Every reason why it cannot be run."""
    from dynattn.solve.refusals import rest_mistakes

    found = Collector()
    read_optimizer(plan.optimizer, found)
    read_schedule(plan.schedule, plan.steps, found)
    mistakes = [*standing_mistakes(model, plan.span), *rest_mistakes(model, plan.span)]
    return (*mistakes, *found.found)


def run_placement(
    compilation: Compilation,
    plan: Placement,
    *,
    seed: int | None = None,
    device: str = "cpu",
    progress: Callable[[float], None] | None = None,
) -> PlacementResult:
    """Move ``learn`` and ``free`` numbers by so many steps of an optimiser.

    NumericalError E655 where a special point or an equilibrium is lost on the way, or the loss is
    no number; E656 where nothing that moves changes the loss. Their ``partial`` is the result up
    to there.
    """
    check_placement(compilation, plan)
    chosen = compilation.chosen_seed if plan.seed is None else plan.seed
    chosen = chosen if compilation.seed is None else compilation.seed
    run = _Run(compilation, plan, chosen if seed is None else seed, device)
    try:
        for step in range(plan.steps):
            run.step(step)
            if progress is not None:
                progress((step + 1) / plan.steps)
        run.look(plan.steps)
    except NumericalError as error:
        if run.rows:
            error.partial = run.result("failed")
        raise
    return run.result("finished")


class _Run:
    """Numbers on their way."""

    def __init__(self, compilation: Compilation, plan: Placement, seed: int, device: str) -> None:
        from dynattn.lower.binding import table_of
        from dynattn.run.systems import build_for

        self.compilation, self.plan, self.seed, self.device = compilation, plan, seed, device
        model, collector = compilation.model, Collector()
        self.system: System = build_for(compilation, seed=seed, device=device)
        self.moved: dict[str, torch.Tensor] = dict(self.system.named_parameters())
        for name in plan.free:
            table, key = table_of(self.system, name)
            self.moved[name] = table[key] = table[key].detach().clone().requires_grad_()
        self.choice = read_optimizer(plan.optimizer, collector)
        self.pace = read_schedule(plan.schedule, plan.steps, collector)
        self.optimizer = make_optimizer(self.choice, self.moved.items(), model.parameter)
        self.at_rest = Following(self)
        terms = [term for record in plan.records for term in walk(record.value)]
        self.reads_states = any(term.op == "state" or "sum" in term.op for term in terms)
        self.rows: list[dict[str, Any]] = []

    def step(self, number: int) -> None:
        """One step of the optimiser."""
        import torch

        loss = self.look(number)
        self.optimizer.zero_grad()
        if loss.requires_grad:
            loss.backward()
        gradients = [x.grad for x in self.moved.values() if x.grad is not None]
        if not any(bool(g.any()) for g in gradients) and float(loss.detach()) > SMALL:
            text = "nothing that is moved changes the loss"
            fix = "move what the point or the equilibrium depends on: free K, or learn"
            raise NumericalError(Diagnostic("E656", text, self.plan.span, fix))
        if self.plan.clip is not None:
            torch.nn.utils.clip_grad_norm_(list(self.moved.values()), self.plan.clip)
        for group in self.optimizer.param_groups:
            group["lr"] = self.choice.rate * self.pace.factor(number)
        with kept_on_manifolds(self.system, self.compilation.model.parameter):
            self.optimizer.step()
        self._into_ranges()

    def _into_ranges(self) -> None:
        import torch

        for name, value in self.moved.items():
            declared = self.compilation.model.parameter.get(name)
            if declared is not None and declared.limits is not None:
                with torch.no_grad():
                    value.clamp_(*declared.limits)

    def look(self, number: int) -> torch.Tensor:
        """The loss where the numbers are, with its gradient; kept with all that is recorded."""
        from dynattn.solve.parameters import parameters_set

        points = self.at_rest.points(number)
        states = self.at_rest.states(number) if self.reads_states else self._initial()
        with parameters_set(self.system, points):
            values = self.system.record(0.0, states)
        found = [values[record.label] for record in self.plan.records]
        loss = float(found[0].detach())
        if not math.isfinite(loss):
            raise self.failure(number, f"the loss is {loss}", "take smaller steps: lr=")
        labels = ["loss", *(record.label for record in self.plan.records[1:])]
        row = {label: x.detach().cpu().numpy().copy() for label, x in
               (*zip(labels, found, strict=True), *self.moved.items())}  # fmt: skip
        self.rows.append(row)
        return found[0]

    def _initial(self) -> Mapping[str, torch.Tensor]:
        return self.system.initial_states()

    def failure(self, number: int, text: str, fix: str) -> NumericalError:
        where = ", ".join(f"{name} = {_shown(value)}" for name, value in self.moved.items())
        message = f"after {number} steps, at {where}: {text}"
        return NumericalError(Diagnostic("E655", message, self.plan.span, fix))

    def result(self, status: str) -> PlacementResult:
        """What was seen so far."""
        variables = {}
        for label in self.rows[0]:
            values = np.stack([row[label] for row in self.rows])
            own = tuple(f"{label}.{k}" for k in range(values.ndim - 1))
            variables[label] = Variable((AXIS, *own), values)
        model, last = self.compilation.model, self.rows[-1]
        return PlacementResult(
            name=self.plan.name,
            labelled=Labelled(numbered({}, variables), variables),
            settings={
                "model": model.name, "overrides": dict(self.compilation.overrides),
                "loss": self.plan.records[0].label.removeprefix("loss "),
                "free": list(self.plan.free), "optimizer": self.choice.optimizer.name,
                **dict(self.choice.options), "steps": self.plan.steps,
            },
            seed=self.seed,
            versions=versions(),
            origin=origin_of(self.compilation),
            statistics={
                "steps": len(self.rows) - 1,
                "loss": float(last["loss"]),
                "moved": {name: np.asarray(last[name]).tolist() for name in self.moved},
                "sought": self.at_rest.sought,
            },
            status=status,
        )  # fmt: skip


def _shown(value: torch.Tensor) -> str:
    return f"{float(value.detach()):.4g}" if value.numel() == 1 else "an array"
