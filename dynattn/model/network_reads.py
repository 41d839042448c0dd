"""What the steps of a network read: a value that nothing reads is a mistake."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from dynattn.diagnostics.report import Span
from dynattn.model.composition import AssignStep, CallStep, OutputStep, RepeatStep, Step
from dynattn.model.draft import Draft
from dynattn.model.terms import Term, walk

Tell = Callable[[str, Span], None]


def refuse_unread(draft: Draft, steps: Sequence[Step]) -> None:
    """A diagnostic for every value of a variable that no later step reads."""

    def tell(name: str, span: Span) -> None:
        text = f"nothing reads this value of '{name}'"
        draft.errors.add("E443", text, span, "use it in what follows, or delete the line")

    _wanted_before(steps, frozenset(), tell)


def _wanted_before(
    steps: Sequence[Step], wanted: frozenset[str], tell: Tell | None
) -> frozenset[str]:
    """The variables that the steps and what follows them (``wanted``) read."""
    for step in reversed(steps):
        match step:
            case AssignStep(name, False, value):
                if tell and name not in wanted:
                    tell(name, value.span)
                wanted = (wanted - {name}) | _read(value)
            case AssignStep(value=value) | OutputStep(value=value):
                wanted |= _read(value)
            case CallStep(target=name):
                if tell and name not in wanted:
                    tell(name, step.span)
                values = [value for _, value in step.arguments]
                wanted = (wanted - {name}) | _read(*values)
            case RepeatStep():
                # What the first step of a round reads, the last of the round before may write.
                again = wanted | _wanted_before(step.steps, wanted, None)
                again |= _wanted_before(step.steps, again, None)
                wanted = _wanted_before(step.steps, again, tell)
    return wanted


def _read(*values: Term) -> frozenset[str]:
    return frozenset(term.payload for term in walk(*values) if term.op == "variable")
