"""``train`` without data: numbers of a model are moved by gradients of what it does at rest.

Folds and equilibria are found once, followed by Newton's method as the numbers move, and sought
anew where that leads nowhere. All gradients are those of implicit functions.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from dynattn.diagnostics.report import Collector, Diagnostic, NumericalError, SpecError
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
    from dynattn.solve.equilibria import Rest
    from dynattn.solve.folds import Fold
    from dynattn.solve.rest_problem import RestProblem

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

    NumericalError E655 where a fold or an equilibrium is lost on the way, or the loss is no number;
    E656 where nothing that moves changes the loss. Their ``partial`` is the result up to there.
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
            fix = "move what the fold or the equilibrium depends on: free K, or learn"
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

        points = {".".join(key): self.at_rest.fold(key, number) for key in self.plan.points}
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


class Following:
    """Folds and the equilibrium of a system whose numbers move."""

    def __init__(self, run: _Run) -> None:
        self.run = run
        self.folds: dict[tuple[str, str, str], Fold] = {}
        self.problems: dict[str, RestProblem] = {}
        self.rest: Rest | None = None
        self.sought = 0
        """How often one was sought from the beginning."""

    def fold(self, key: tuple[str, str, str], number: int) -> torch.Tensor:
        """The value of the parameter at a fold, with its gradient."""
        from dynattn.solve.folds import locate_fold, value_with_gradient

        known = self.folds.get(key)
        found = None
        if known is not None:
            found = locate_fold(self._problem(), key[2], known.y, known.value)
        if found is None or self._far(key, found.value, known):
            y, value = self._seek(key, number)
            found = locate_fold(self._problem(), key[2], y, value)
        if found is None:
            text = f"'{key[0]}.{key[1]}' is no fold that moves with a parameter"
            raise self.run.failure(number, text, "name a fold of a smooth branch")
        self.folds[key] = found
        return value_with_gradient(self._problem(), found)

    def _far(self, key: tuple[str, str, str], value: float, known: Fold | None) -> bool:
        """Whether Newton's method has led to another one, or out of the branch's range."""
        plan = self._branch(key[0])
        ((_, first, last),) = plan.ranges
        if not min(first, last) <= value <= max(first, last):
            return True
        return known is not None and abs(value - known.value) > 0.25 * abs(last - first)

    def _branch(self, name: str) -> Any:
        return next(i for i in self.run.compilation.model.continuations if i.name == name)

    def _seek(self, key: tuple[str, str, str], number: int) -> tuple[torch.Tensor, float]:
        """The fold of the branch, followed anew with the numbers as they are."""
        from dynattn.run.branches import special_point

        self.sought += 1
        run = self.run
        values = {name: x.detach() for name, x in run.moved.items() if name != key[2]}
        known = dict(run.compilation.values or {})
        there = replace(run.compilation, values=known | values) if number else run.compilation
        try:
            _, point = special_point(there, key[:2], run.plan.span, run.seed, run.device)
        except NumericalError as error:
            text = error.diagnostics[0].message
            fix = "let the range of the branch be wider, or take smaller steps: lr="
            raise run.failure(number, text, fix) from None
        return point.step.y, point.value

    def _problem(self) -> RestProblem:
        from dynattn.solve.packing import packing_of
        from dynattn.solve.rest_problem import rest_problem

        if "" not in self.problems:
            states = self.run.system.initial_states()
            self.problems[""] = rest_problem(self.run.system, packing_of(states, 0))
        return self.problems[""]

    def states(self, number: int) -> Mapping[str, torch.Tensor]:
        """The equilibrium, with its gradient."""
        import torch

        from dynattn.solve.equilibria import newton, with_gradients
        from dynattn.solve.settling import settled

        run, rest = self.run, None
        if self.rest is not None:
            with torch.no_grad():
                rest = newton(self._problem(), self.rest.y)
            moved = (rest.y - self.rest.y).abs().amax()
            if not bool(rest.found) or float(moved) > 0.5 * max(1.0, float(rest.y.abs().amax())):
                rest = None
        if rest is None:
            self.sought += 1
            with torch.no_grad():
                first = {n: x.detach() for n, x in run.system.initial_states().items()}
                try:
                    _, rest = settled(run.system, first, span=run.plan.span)
                except NumericalError as error:
                    fix = "start where the model comes to rest, or take smaller steps: lr="
                    raise run.failure(number, error.diagnostics[0].message, fix) from None
        self.rest = rest
        return with_gradients(self._problem(), rest)[0]


def _shown(value: torch.Tensor) -> str:
    return f"{float(value.detach()):.4g}" if value.numel() == 1 else "an array"
