"""The gradient of a batch's loss: of the whole batch at once, or portion by portion."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor

from dynattn.learn.portions import Groups, portions
from dynattn.learn.processes import ALONE, World

Sums = Callable[[int, Groups, Mapping[str, Any]], tuple[Tensor, tuple[int, ...]]]
"""Of a stage of the loss, some samples, and the means of earlier stages: every mean of the stage
times the count it was taken of, [means], and these counts.
"""


class Gradient(Protocol):
    """Computes a batch's loss, and leaves its gradient in the parameters."""

    def __call__(self, groups: Groups) -> float:
        """The loss; what stood in the parameters' ``grad`` is gone."""
        ...


class WholeGradient:
    """All samples of a batch at once."""

    def __init__(self, system: Any, loss: Callable[[Groups], Tensor]) -> None:
        self.system, self.loss = system, loss

    def __call__(self, groups: Groups) -> float:
        """As of ``Gradient``."""
        loss = self.loss(groups)
        self.system.zero_grad(set_to_none=True)
        loss.backward()
        return float(loss.detach())


class PortionedGradient:
    """One portion of a batch after the other, so that no more than one is in memory.

    The loss and the gradient are those of the whole batch, up to rounding. A loss f(m) of one mean
    m = (sum over portions of s_j) / n has the gradient f'(m)/n times the sum of those of s_j, so
    that every portion is computed once. Of several means the weight of each has to be known
    before; then they are computed once more, the first time without gradients.

    Each process of ``world`` computes ``count`` portions; all of them have the whole gradient.
    """

    def __init__(self, system: Any, sums: Sums, count: int, world: World = ALONE) -> None:
        self.system, self.sums, self.count, self.world = system, sums, count, world
        self.learned = list(system.parameters())

    def __call__(self, groups: Groups) -> float:
        """As of ``Gradient``."""
        self.system.zero_grad(set_to_none=True)
        first = self.world.rank * self.count
        parts = portions(groups, self.count * self.world.size)[first : first + self.count]
        means = self.system.objective.means
        if len(means) == 1 and len(means[0]) == 1:
            return self._of_one_mean(parts, means[0][0])
        return self._of_means(parts, means)

    # ── one mean ───────────────────────────────────────────────────────────────────────────────

    def _of_one_mean(self, parts: Sequence[Groups], name: str) -> float:
        total, count = 0.0, 0
        for part in parts:
            found, counts = self.sums(0, part, {})
            if counts[0]:
                found.sum().backward()
            total, count = total + float(found.detach().sum()), count + counts[0]
        total, count = self.world.total((total, count))
        self.world.add_gradients(self.learned)
        mean = self._leaf(total / count if count else float("nan"))
        loss, slopes, direct = self._ahead({name: mean})
        self._scale(float(slopes[name]) / max(count, 1))
        self._add(direct)
        return loss

    # ── several means ──────────────────────────────────────────────────────────────────────────

    def _of_means(self, parts: Sequence[Groups], stages: Sequence[Sequence[str]]) -> float:
        again = _Again(self.system)
        known: dict[str, Tensor] = {}
        counts: dict[str, float] = {}
        for stage, names in enumerate(stages):
            with torch.no_grad():
                found = [self.sums(stage, part, known) for part in again.each(parts)]
            for k, name in enumerate(names):
                count = sum(numbers[k] for _, numbers in found)
                total = sum(float(sums[k]) for sums, _ in found)
                total, counts[name] = self.world.total((total, count))
                known[name] = self._leaf(total / counts[name] if counts[name] else float("nan"))
        loss, slopes, direct = self._ahead(known)
        for stage, names in reversed(list(enumerate(stages))):
            weights = torch.stack([slopes[name] / max(counts[name], 1) for name in names])
            before = {name: known[name] for own in stages[:stage] for name in own}
            for part in again.each(parts):
                found, _ = self.sums(stage, part, before)
                if found.requires_grad:
                    (found * weights).sum().backward()
            # the means of this stage may be taken with those of earlier ones
            self.world.add_gradients(list(before.values()))
            for name, mean in before.items():
                if mean.grad is not None:
                    slopes[name], mean.grad = slopes[name] + mean.grad, None
        self.world.add_gradients(self.learned)
        self._add(direct)
        return loss

    # ── what both need ─────────────────────────────────────────────────────────────────────────

    def _leaf(self, value: float) -> Tensor:
        origin = next(iter(self.learned))
        kind = origin.real.dtype if origin.is_complex() else origin.dtype
        return torch.tensor(value, dtype=kind, device=origin.device, requires_grad=True)

    def _ahead(
        self, means: Mapping[str, Tensor]
    ) -> tuple[float, dict[str, Tensor], list[Tensor | None]]:
        """The loss of the means, its slope in each of them, and in the parameters themselves."""
        loss = self.system.objective.of_means(means, self.system.training)["loss"]
        wanted = [*means.values(), *self.learned]
        found = torch.autograd.grad(loss, wanted, allow_unused=True)
        slopes = {
            name: torch.zeros_like(mean) if slope is None else slope
            for (name, mean), slope in zip(means.items(), found, strict=False)
        }
        return float(loss.detach()), slopes, list(found[len(means) :])

    def _scale(self, factor: float) -> None:
        for parameter in self.learned:
            if parameter.grad is not None:
                parameter.grad.mul_(factor)

    def _add(self, direct: Sequence[Tensor | None]) -> None:
        for parameter, slope in zip(self.learned, direct, strict=True):
            if slope is not None:
                parameter.grad = slope if parameter.grad is None else parameter.grad + slope


class _Again:
    """Goes through portions, every time with the same random numbers for each."""

    def __init__(self, system: Any) -> None:
        self.system = system
        self.states: dict[int, tuple[Tensor, Tensor | None, int]] = {}

    def each(self, parts: Sequence[Groups]) -> Iterator[Groups]:
        """The portions; before each, the generators are set to where they were the first time."""
        for number, part in enumerate(parts):
            if number not in self.states:
                self.states[number] = self._state()
            else:
                self._set(self.states[number])
            yield part

    def _state(self) -> tuple[Tensor, Tensor | None, int]:
        device = self.system.device
        other = torch.cuda.get_rng_state(device) if device.type == "cuda" else None
        return torch.get_rng_state(), other, self.system.white.call

    def _set(self, state: tuple[Tensor, Tensor | None, int]) -> None:
        torch.set_rng_state(state[0])
        if state[1] is not None:
            torch.cuda.set_rng_state(state[1], self.system.device)
        self.system.white.call = state[2]


def plain_sums(system: Any) -> Sums:
    """As they are computed where nothing is compiled."""

    def sums(
        stage: int, groups: Groups, known: Mapping[str, Any]
    ) -> tuple[Tensor, tuple[int, ...]]:
        found = (system.environment(group) for group in groups)
        return system.objective.sums(stage, found, known, system.training)

    return sums
