"""Special points of branches and the equilibrium of a system whose numbers move.

They are found once, followed by Newton's method, and sought anew where that leads nowhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from dynattn.diagnostics.report import NumericalError
from dynattn.run.branches import WORDS

if TYPE_CHECKING:
    import torch

    from dynattn.learn.placements import _Run
    from dynattn.solve.equilibria import Rest
    from dynattn.solve.rest_problem import RestProblem
    from dynattn.solve.singularities import Singularity, Solved

FAR = 0.25
"""Of its branch's range: a point that has moved farther in one step is another one."""

TORN = 1e-8
"""What a branch point's slack may change by, per unit of a number that is moved."""


class Following:
    """What is followed in a run."""

    def __init__(self, run: _Run) -> None:
        self.run = run
        self.known: dict[tuple[str, str], Singularity] = {}
        self.problems: dict[str, RestProblem] = {}
        self.rest: Rest | None = None
        self.sought = 0
        """How often one was sought from the beginning."""

    def points(self, number: int) -> dict[str, torch.Tensor]:
        """What is read at special points, by name, with gradients."""
        places = dict.fromkeys(key[:2] for key in self.run.plan.points)
        solved = {place: self._solved(place, number) for place in places}
        return {
            ".".join(key): self._read(solved[key[:2]], key) for key in self.run.plan.points
        }  # fmt: skip

    def _read(self, solved: Solved, key: tuple[str, str, str]) -> torch.Tensor:
        from dynattn.solve.parameters import parameters_set

        name, system = key[2], self.run.system
        ((moved, _, _),) = self._branch(key[0]).ranges
        if name == moved:
            return solved.value
        if name in {item.name for item in system.model.observables}:
            with parameters_set(system, {moved: solved.value}):
                return system.observe(0.0, dict(solved.states))[name]
        assert solved.frequency is not None
        return solved.frequency

    def _solved(self, place: tuple[str, str], number: int) -> Solved:
        """A special point as a function of what is moved."""
        from dynattn.solve.singularities import solved_with_gradients

        before, found = self.known.get(place), None
        if before is not None:
            found = self._located(place, before.y, before.value, before.frequency)
        if found is None or self._far(place, found.value, before):
            point = self._seek(place, number)
            found = self._located(place, point.step.y, point.value, point.frequency)
        if found is None:
            text = f"'{place[0]}.{place[1]}' is no {WORDS[place[1]]} that moves with a parameter"
            raise self.run.failure(number, text, "name one of a smooth branch")
        self.known[place] = found
        solved = solved_with_gradients(found)
        self._check_whole(place, solved, number)
        return solved

    def _check_whole(self, place: tuple[str, str], solved: Solved, number: int) -> None:
        """A branch point goes on only while a symmetry, or a state that stays, holds it."""
        import torch

        moved = self.run.moved
        if solved.slack is None or not solved.slack.requires_grad:
            return
        slopes = torch.autograd.grad(
            solved.slack, list(moved.values()), retain_graph=True, allow_unused=True
        )
        for name, slope in zip(moved, slopes, strict=True):
            if slope is not None and float(slope.abs().max()) > TORN:
                text = f"'{place[0]}.{place[1]}' is none once '{name}' moves: the branches part"
                fix = f"leave '{name}' where it is, or place a fold instead"
                raise self.run.failure(number, text, fix)

    def _located(
        self, place: tuple[str, str], y: torch.Tensor, value: float, frequency: float | None
    ) -> Singularity | None:
        from dynattn.solve.singularities import locate_singularity

        ((moved, first, last),) = self._branch(place[0]).ranges
        return locate_singularity(
            self._problem(), place[1], moved, y, value, frequency, abs(last - first)
        )

    def _far(self, place: tuple[str, str], value: float, known: Singularity | None) -> bool:
        """Whether Newton's method has led to another one, or out of the branch's range."""
        ((_, first, last),) = self._branch(place[0]).ranges
        if not min(first, last) <= value <= max(first, last):
            return True
        return known is not None and abs(value - known.value) > FAR * abs(last - first)

    def _branch(self, name: str) -> Any:
        return next(i for i in self.run.compilation.model.continuations if i.name == name)

    def _seek(self, place: tuple[str, str], number: int) -> Any:
        """The point of the branch, followed anew with the numbers as they are."""
        from dynattn.run.branches import special_point

        self.sought += 1
        run = self.run
        ((moved, _, _),) = self._branch(place[0]).ranges
        values = {name: x.detach() for name, x in run.moved.items() if name != moved}
        known = dict(run.compilation.values or {})
        there = replace(run.compilation, values=known | values) if number else run.compilation
        try:
            _, point = special_point(there, place, run.plan.span, run.seed, run.device)
        except NumericalError as error:
            text = error.diagnostics[0].message
            fix = "let the range of the branch be wider, or take smaller steps: lr="
            raise run.failure(number, text, fix) from None
        if point.kind == "branch_point" and point.multiplicity > 1:
            text = f"at '{place[0]}.{place[1]}' {point.multiplicity} directions are free at once"
            fix = "place a point where one is, or break the symmetry of the network"
            raise run.failure(number, text, fix)
        return point

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
        from dynattn.solve.settling import check_rests, settled

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
                    check_rests(run.system, run.plan.span, fixed=False)
                    _, rest = settled(run.system, first, span=run.plan.span)
                except NumericalError as error:
                    fix = "start where the model comes to rest, or take smaller steps: lr="
                    raise run.failure(number, error.diagnostics[0].message, fix) from None
        self.rest = rest
        return with_gradients(self._problem(), rest)[0]
