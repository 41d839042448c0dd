"""Angles and plain numbers: what a term becomes when an angle in it has made a whole turn.

A plain number is the same after it; an angle is another by whole multiples of 2 pi, and stands for
the same point of its circle. Anything else that is made of angles jumps.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from dynattn.diagnostics.report import Span
from dynattn.model import readouts, trials
from dynattn.model.differentiate import NoDerivative
from dynattn.model.draft import Draft
from dynattn.model.made_points import manifold_of
from dynattn.model.parts import Draw
from dynattn.model.terms import GLOBAL, Term
from dynattn.vocabulary.functions import CONSTANTS
from dynattn.vocabulary.manifolds import MANIFOLDS

PERIODIC = ("sin", "cos", "tan", "cis")
PASSING = frozenset({
    "let", "receiver", "sender", "entry", "column", "aligned", "spread", "split", "joined",
    "member", "array", "concat", "add", "sub", "neg", "sum", "flatten", "transpose",
})  # fmt: skip
"""Of an angle they make an angle."""

PRODUCTS = ("mul", "dot", "matmul")
COUNTS = ("bernoulli", "poisson", "integers", "multinomial")
"""Distributions of whole numbers."""

TURN = 2 * CONSTANTS["pi"]
TRIALS = 8
MOST_NUMBERS = 100_000
"""Larger arrays are not tried."""


@dataclass(frozen=True)
class Fault:
    """Something made of an angle that is neither an angle nor a number."""

    term: Term
    argument: Term
    """The angle in it."""
    inside: str = ""
    """The periodic function that it stands in."""


@dataclass(frozen=True)
class Kind:
    """What a term is: an angle or not, and what in it jumps."""

    angle: bool = False
    faults: tuple[Fault, ...] = ()


@dataclass
class Turns:
    """The kinds of terms, read once each."""

    draft: Draft
    variables: Mapping[str, bool]
    """Of a network: which variables hold angles."""
    whole: dict[str, Span] = field(default_factory=dict)
    """Parameters that multiply angles, and so have to be whole numbers."""
    known: dict[int, tuple[Term, Kind]] = field(default_factory=dict)

    def is_phase(self, term: Term) -> bool:
        """Whether a term is a point of a manifold of angles."""
        use = manifold_of(self.draft, term)
        return use is not None and MANIFOLDS[use.name].phase

    def of(self, term: Term) -> Kind:
        """The kind of a term."""
        if id(term) not in self.known:
            self.known[id(term)] = term, self._of(term)
        return self.known[id(term)][1]

    def _of(self, term: Term) -> Kind:
        if self.is_phase(term) or (term.op == "variable" and self.variables.get(term.payload)):
            return Kind(angle=True)
        if term.op == "coupling":
            return self._sum(term)
        if term.op == "called":
            return self.of(term.args[0])  # distance and logmap know where a turn ends
        kinds = [self.of(argument) for argument in term.args]
        faults = _once(fault for kind in kinds for fault in kind.faults)
        angles = [a for a, kind in zip(term.args, kinds, strict=True) if kind.angle]
        if term.op in PERIODIC:
            inner = (Fault(f.term, f.argument, f.inside or term.op) for f in faults)
            return Kind(faults=tuple(inner))
        if not angles:
            return Kind(faults=faults)
        if self._is_angle(term, angles):
            return Kind(True, faults)
        return Kind(faults=() if _is_zero(term) else (*faults, Fault(term, angles[0])))

    def _sum(self, term: Term) -> Kind:
        """The sum of a readout; those of couplings are judged where they are declared."""
        found = self.draft.couplings.get(term.payload)
        if found is None or found.acts:
            return Kind()
        faults: list[Fault] = []
        for part in readouts.terms_of(found):
            kind = self.of(part)
            faults += [*kind.faults, *([Fault(part, part)] if kind.angle else [])]
        return Kind(faults=_once(faults))

    def _is_angle(self, term: Term, angles: list[Term]) -> bool:
        if term.op in PASSING:
            return True
        if term.op in PRODUCTS and len(angles) == 1:
            others = [a for a in term.args if a is not angles[0]]
            return not _is_zero(term) and all(self.is_whole(other) for other in others)
        return term.op == "div" and _number(term.args[1]) in (1, -1)

    # ── whole numbers ──────────────────────────────────────────────────────────────────────────

    def is_whole(self, term: Term, note: bool = True) -> bool:
        """Whether a term is made of whole numbers; ``note``: its parameters then have to be."""
        if term.op == "parameter":
            return self._is_whole_parameter(term, note)
        if term.type.dtype in ("integer", "truth") and not term.args:
            return True
        if term.op == "number":
            return _number(term) is not None and float(term.payload).is_integer()
        if term.type.dtype == "truth" or term.op in ("sign", "floor"):
            return True
        parts = term.args[:1] if term.op == "entry" else term.args
        made = term.op in PASSING or term.op in (*PRODUCTS, "abs")
        return made and bool(parts) and all(self.is_whole(part, note) for part in parts)

    def _is_whole_parameter(self, term: Term, note: bool) -> bool:
        name, found = term.payload, self.draft.parameters.get(term.payload)
        if name in self.draft.values:
            whole = float(self.draft.values[name]).is_integer()
            if whole and note:
                self.whole.setdefault(name, term.span)
            return whole
        if found is None or found.learned or found.dtype == "complex":
            return False
        if not isinstance(found.init, Draw):
            return self.is_whole(found.init, note)
        if found.init.distribution == "choice":
            return all(self.is_whole(argument) for argument in found.init.arguments)
        return found.init.distribution in COUNTS

    # ── trials ─────────────────────────────────────────────────────────────────────────────────

    def jumps(self, term: Term, angle: bool) -> bool:
        """Whether a term of a fault jumps where angles turn, at random numbers.

        ``angle``: it may be another by whole turns. True where no trial can tell.
        """
        import numpy

        for trial in range(TRIALS):
            rng, drawn = numpy.random.default_rng(trial), dict[Any, Any]()
            try:
                found = [self._value(term, drawn, rng, turned) for turned in (False, True)]
            except (NoDerivative, ValueError, TypeError, IndexError):
                return True
            before, after = (1.0 * numpy.asarray(value) for value in found)
            if not (numpy.isfinite(before).all() and numpy.isfinite(after).all()):
                return True
            change = after - before
            change = change - TURN * numpy.round(change.real / TURN) if angle else change
            if (abs(change) > 1e-7 * (1 + abs(before))).any():
                return True
        return False

    def _value(
        self, term: Term, drawn: dict[Any, Any], rng: Any, turned: bool, at: str = ""
    ) -> Any:
        """The value of a term, each quantity a random one of its own, angles turned or not."""

        def leaf(part: Term) -> Any:
            if part.op == "number":
                return part.payload
            if part.op in ("receiver", "sender", "aligned"):
                end = f"{at}{part.op}{part.payload or ''}"
                return self._value(part.args[0], drawn, rng, turned, end)
            if part.op == "entry" and part.args[0].type.place != GLOBAL:
                return None
            if part.args and part.op not in ("joined", "delayed", "entry", "member"):
                return None
            return self._drawn(part, drawn, rng, turned, at)

        return trials.value(term, leaf)

    def _drawn(self, leaf: Term, drawn: dict[Any, Any], rng: Any, turned: bool, at: str) -> Any:
        inner = f"{leaf.args[0].op} {leaf.args[0].payload}" if leaf.op == "entry" else ""
        if leaf.op == "coupling" and self.of(leaf).faults:
            raise NoDerivative(leaf)
        key = (at, leaf.op, str(leaf.payload), inner)
        if key not in drawn:
            shape = self._shape_of(leaf)
            x = rng.uniform(0.5, 1.5, shape)
            x = x + 1j * rng.uniform(0.5, 1.5, shape) if leaf.type.dtype == "complex" else x
            x = rng.integers(1, 4, shape) if self.is_whole(leaf, note=False) else x
            x = rng.uniform(-3, 3, shape) if self.of(leaf).angle else x
            drawn[key] = x, rng.choice([-3, -2, -1, 1, 2, 3], shape)
        x, turns = drawn[key]
        return x + TURN * turns if turned and self.of(leaf).angle else x

    def _shape_of(self, leaf: Term) -> tuple[int, ...]:
        known = {n: int(v) for n, v in self.draft.values.items()}
        sizes = {name: 3 for name in self.draft.dims} | known
        shape = tuple(int(size.value(sizes)) for size in leaf.type.shape)
        count = 1
        for length in shape:
            count *= length
        if count > MOST_NUMBERS:
            raise NoDerivative(leaf)
        return shape


def _once(faults: Iterable[Fault]) -> tuple[Fault, ...]:
    return tuple({id(fault.term): fault for fault in faults}.values())


def _number(term: Term) -> Any:
    while term.op in ("let", "neg"):
        inner = _number(term.args[0])
        return -inner if term.op == "neg" and inner is not None else inner
    found = term.payload if term.op == "number" else None
    return found if isinstance(found, int | float) else None


def _is_zero(term: Term) -> bool:
    """Whether a product with 0: nothing is left of the angle in it."""
    return term.op == "mul" and 0 in (_number(argument) for argument in term.args)
