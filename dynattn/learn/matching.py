"""Widths of specs chosen so that they learn as many numbers as the first spec of a comparison."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache

from dynattn.compilation import Compilation
from dynattn.diagnostics.report import Diagnostic, SpecError, UsageError
from dynattn.diagnostics.suggest import did_you_mean
from dynattn.learn.entrants import count_parameters

NEAR = 0.02
"""No width that learns fewer or more by this share of the numbers is taken."""
LARGEST = 2**20
"""No width is larger."""


@dataclass(frozen=True)
class Matched:
    """Specs by name, and what was chosen for them, one sentence each."""

    specs: Mapping[str, Compilation]
    remarks: tuple[str, ...]


def matched_specs(specs: Mapping[str, Compilation], asked: Sequence[str]) -> Matched:
    """The specs with chosen widths; ``asked``: ``PARAM`` of all but the first, or ``NAME:PARAM``.

    UsageError E728 where a name is not there, or no width learns nearly as many numbers.
    """
    found, remarks = dict(specs), []
    first = next(iter(specs))
    target = count_parameters(specs[first])
    for label, name in read_matches(asked, tuple(specs)).items():
        chosen, count = _chosen(label, specs[label], name, target)
        found[label] = _with(specs[label], name, chosen)
        remarks.append(
            f"'{label}' has {name} = {chosen}, chosen so that it learns {count:,} numbers, "
            f"{count / target - 1:+.2%} of the {target:,} of '{first}'"
        )
    return Matched(found, tuple(remarks))


def read_matches(asked: Sequence[str], labels: Sequence[str]) -> dict[str, str]:
    """The name of a parameter by spec."""
    found: dict[str, str] = {}
    for text in asked:
        label, colon, name = text.rpartition(":")
        if colon and label not in labels[1:]:
            fact = "is what others are matched to" if label in labels else "is not there"
            fix = did_you_mean(label, labels[1:], f"there are: {', '.join(labels[1:])}")
            raise _refusal(f"--match {text}: the spec '{label}' {fact}", fix)
        found |= dict.fromkeys([label] if colon else labels[1:], name)
    return found


def _refusal(message: str, fix: str) -> UsageError:
    return UsageError(Diagnostic("E728", message, fix=fix))


def _with(spec: Compilation, name: str, value: int) -> Compilation:
    return replace(spec, overrides={**spec.overrides, name: value})


def _chosen(label: str, spec: Compilation, name: str, target: int) -> tuple[int, int]:
    """The width and how many numbers it learns."""
    start = _width(label, spec, name)

    @cache
    def count(width: int) -> int | None:
        """None for a width that a spec cannot have: heads may not share it."""
        try:
            return count_parameters(_with(spec, name, width))
        except SpecError:
            return None

    step = _step(start, count)
    widths = [step * k for k in _around(lambda k: count(step * k) or 0, target)]
    known = [(abs(n - target), width, n) for width in widths if (n := count(width)) is not None]
    gap, width, numbers = min(known, default=(target, start, count(start) or 0))
    if gap > NEAR * target:
        message = (
            f"no {name} of '{label}' comes within {NEAR:.0%} of {target:,} learned numbers: with "
            f"{name} = {width} they are {numbers:,}"
        )
        raise _refusal(message, "name another parameter, such as the width of a hidden layer")
    return width, numbers


def _width(label: str, spec: Compilation, name: str) -> int:
    """The value that the spec gives the parameter, a whole number."""
    known = [p.name for p in spec.model.declared if not p.learned]
    if name not in known:
        fix = did_you_mean(name, known, f"it has: {', '.join(known)}")
        raise _refusal(f"--match {name}: '{label}' has no parameter '{name}'", fix)
    value = spec.model.sizes.get(name)
    if value is None or value != int(value) or value < 1:
        message = f"--match {name}: it is no whole number in '{label}'"
        raise _refusal(message, "name a width: how many coordinates, modes or hidden numbers")
    return int(value)


def _step(start: int, count: Callable[[int], int | None]) -> int:
    """The least step between widths that the spec can have."""
    divisors = [d for d in range(1, start + 1) if start % d == 0]
    return next((d for d in divisors if count(start + d) is not None), start)


def _around(count: Callable[[int], int], target: int) -> tuple[int, int]:
    """The two neighbours between which a count that never falls passes the target."""
    high = 1
    while count(high) < target and high < LARGEST:
        high *= 2
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if count(middle) < target else (low, middle)
    return max(1, low), high
