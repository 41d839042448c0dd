"""``harmonics m in 1 .. M`` and ``successors l in 0 .. 1``: the further sums of a coupling."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import product

from dynattn.diagnostics.report import Span
from dynattn.model import constants, typing
from dynattn.model.axes import is_free
from dynattn.model.expressions import Context
from dynattn.model.frustration import HARMONIC
from dynattn.model.parts import GraphUse
from dynattn.model.summands import Counter
from dynattn.model.terms import Term, Type
from dynattn.syntax import tree

LARGEST = 64
"""More harmonics or successors than this are a slip of the pen: each is a sum of its own."""


@dataclass(frozen=True)
class Loops:
    """The counters of a coupling: ``m`` of its harmonics, ``l`` of its successors."""

    harmonics: Counter | None
    successors: Counter | None

    @property
    def counters(self) -> tuple[Counter, ...]:
        """Those there are, in the order of the sums."""
        return tuple(c for c in (self.harmonics, self.successors) if c is not None)


def loops(context: Context, clauses: Mapping[str, tree.Clause], graph: GraphUse) -> Loops | None:
    """The counters of a coupling; None with diagnostics."""
    found: dict[str, Counter | None] = {"harmonics": None, "successors": None}
    for word in found:
        if word in clauses:
            taken = {c.name: c for c in found.values() if c is not None}
            found[word] = _counter(context, clauses[word], taken)
            if found[word] is None:
                return None
    after = found["successors"]
    if after is not None and not _has_order(context, clauses["successors"], after, graph):
        return None
    return Loops(found["harmonics"], after)


def _counter(context: Context, clause: tree.Clause, taken: Mapping[str, Counter]) -> Counter | None:
    axis = clause.axis
    assert axis is not None and axis.name and isinstance(axis.size, tree.Range), "by the grammar"
    found = constants.range_size(context.draft, axis.size)
    if not is_free(context, axis.name, axis.span, taken) or found is None:
        return None
    first, count = found[0], constants.count(context.draft, found[1])
    if count is None or count > LARGEST:
        text = f"{clause.word} run over at most {LARGEST} values, known in advance"
        context.draft.errors.add("E307", text, axis.size.span, "write a smaller range")
        return None
    return Counter(axis.name, first, first + count - 1, found[1])


def _has_order(context: Context, clause: tree.Clause, counter: Counter, graph: GraphUse) -> bool:
    """Whether the senders are a sequence in which each has successors."""
    if counter.first < 0:
        text = f"'{counter.name}' begins at {counter.first}: successors are 0 or more places on"
        context.draft.errors.add("E306", text, clause.span, "begin at 0")
        return False
    if graph.source not in ("everyone", "causal"):
        fix = "couple over causal(T) or everyone(T)"
        context.draft.not_yet("successors over this graph", clause.span, fix)
        return False
    return True


def shown(context: Context, found: Loops, span: Span) -> Context:
    """The context in which the clauses are read as they are written, counters as names."""
    kind = Type(dtype="integer")
    names = [c.name for c in found.counters]
    holes = {n: Term("counter", (), kind, span, n) for n in names}
    successor = found.successors.name if found.successors else 0
    return _inside(context, found, holes, successor)


def each(context: Context, found: Loops, span: Span) -> Iterator[tuple[int, Context]]:
    """Every value of the successors' counter, with the context in which the counters are
    numbers.
    """
    ranges = [range(c.first, c.last + 1) for c in found.counters]
    for values in product(*ranges):
        numbers = dict(zip((c.name for c in found.counters), values, strict=True))
        holes = {n: typing.number(v, span) for n, v in numbers.items()}
        successor = numbers[found.successors.name] if found.successors else 0
        yield successor, _inside(context, found, holes, successor)


def _inside(
    context: Context, found: Loops, holes: dict[str, Term], successor: int | str
) -> Context:
    if found.harmonics is not None:
        holes[HARMONIC] = holes[found.harmonics.name]
    assert context.ends is not None, "counters belong to couplings"
    ends = replace(context.ends, successor=successor)
    return replace(context, ends=ends, holes={**context.holes, **holes}, names_used=set())
