"""Where experiments start, and ``continue``: equilibria followed in a parameter."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from dynattn.diagnostics.suggest import did_you_mean
from dynattn.model import constants, searches, swept
from dynattn.model.clauses import by_word, positive
from dynattn.model.draft import Draft, head
from dynattn.model.plans import EVENT_WORDS, ORBITS_LEAVE, Continuation, Record, Start
from dynattn.model.records import record
from dynattn.syntax import tree
from dynattn.syntax.unparse import clause_text, spell

STARTS = (
    "write start init, previous, at branch.fold, at rest[0], saturated, or equilibrium at K = 1"
)
EVENTS = ("fold", "hopf", "branch_point")
"""What an equilibrium may undergo in one parameter."""
TRACED_EVENTS = {
    "fold": ("cusp", "bogdanov_takens"),
    "hopf": ("bautin", "bogdanov_takens"),
}
"""What one of those may undergo in two, by what is followed."""
CYCLE_EVENTS = ("fold", "branch_point", "period_doubling", "neimark_sacker")
"""What a periodic orbit may undergo in one."""
CYCLE_ONLY = tuple(event for event in ORBITS_LEAVE if event not in EVENTS)
"""Where orbits lead on to others."""
CLAUSES = ("detect", "follow", "start", "record", "rtol", "atol", "step", "seed")


def start(draft: Draft, clause: tree.Clause) -> Start | None:
    """``start init | previous | at POINT | equilibrium at c = 0.3``; None with a diagnostic."""
    label = clause_text(clause)
    item = clause.values[0] if len(clause.values) == 1 else None
    match item:
        case tree.Modified(value=tree.At(point=tree.Index() as expr), modifiers=()):
            place = searches.place_named(draft, expr)
            return None if place is None else Start("point", label, clause.span, rest=place)
        case tree.Modified(value=tree.At(point=expr), modifiers=()) if expr is not None:
            point = swept.point(draft, expr)
            return None if point is None else Start("point", label, clause.span, point)
        case tree.Modified(value=tree.Name(name="init" | "previous" as word), modifiers=()):
            return Start(word, label, clause.span)
        case tree.Modified(value=tree.Name(name="saturated"), modifiers=()):
            return _saturated(draft, clause, label)
        case tree.Modified(value=tree.Name(name="equilibrium"), modifiers=()):
            return Start("equilibrium", label, clause.span)
        case tree.Modified(
            value=tree.Name(name="equilibrium"),
            modifiers=(tree.Modifier(value=tree.At(settings=settings, point=None)),),
        ):
            found = [_value(draft, setting) for setting in settings]
            fine = tuple(pair for pair in found if pair is not None)
            return Start("equilibrium", label, clause.span, settings=fine)
    draft.errors.add("E322", f"'{label}' is no place to start", clause.span, STARTS)
    return None


def _saturated(draft: Draft, clause: tree.Clause, label: str) -> Start | None:
    """``start saturated``: only of states that stay above 0 can some be absent."""
    for state in draft.states.values():
        if state.manifold.name != "positive" and not state.averaged:
            name = state.name.rsplit(".", 1)[-1]
            text = f"in a saturated equilibrium what is absent could not grow, and '{name}' is on "
            text += f"{state.manifold}, where nothing is absent"
            fix = "let every state be on positive, or write start equilibrium"
            draft.errors.add("E680", text, clause.span, fix, [(state.span, "declared here")])
            return None
    return Start("saturated", label, clause.span)


def _value(draft: Draft, setting: tree.Setting) -> tuple[str, float] | None:
    name = swept.parameter_named(draft, setting)
    if name is None:
        return None
    value = constants.number_or_none(draft, setting.value)
    fits = value is not None and swept.inside(draft, name, (value,), setting.value)
    return (name, value) if fits and value is not None else None


def gather(draft: Draft, declarations: list[tree.Experiment]) -> None:
    """The ``continue`` experiments by name, before any experiment is checked."""
    for item in declarations:
        if item.kind == "continue":
            draft.branches.setdefault(item.name or item.kind, item)


def continuation(draft: Draft, declaration: tree.Experiment) -> Continuation:
    """One ``continue``, with diagnostics for all that is wrong in it."""
    span = head(declaration.span)
    found = by_word(
        draft,
        declaration.clauses,
        CLAUSES,
        "{} has no place in continue",
        lambda _: None,
        ("detect",),
    )
    settings = [item for item in declaration.clauses if isinstance(item, tree.Setting)]
    wanted = 2 if "follow" in found else 1
    if len(settings) != wanted:
        text = f"continue moves {'two parameters with follow' if wanted == 2 else 'one parameter'}"
        text += f", and this sets {len(settings)}"
        fix = "write K = 0 .. 4" if wanted == 1 else "write K = 0 .. 4; b = 0 .. 1"
        draft.errors.add("E323", text, span, fix)
    ranges = tuple(pair for item in settings if (pair := _range(draft, item)) is not None)
    follows = _followed(draft, found.get("follow"), settings)
    begins = _begin(draft, found) if "start" in found else None
    lost = ("follow" in found and follows is None) or ("start" in found and begins is None)
    known = EVENT_WORDS if lost else _known("follow" in found, follows, begins)
    _events(draft, declaration, known)
    numbers = {
        word: value
        for word in ("rtol", "atol", "step", "seed")
        if word in found and (value := _number(draft, found[word])) is not None
    }
    return Continuation(
        declaration.name or declaration.kind, span, ranges,
        detects=tuple(swept.events_of(declaration)),
        follows=follows,
        start=begins,
        records=tuple(_records(draft, found["record"])) if "record" in found else (),
        **numbers,
    )  # fmt: skip


def _known(
    traced: bool, follows: tuple[str, str] | None, begins: Start | None
) -> tuple[str, ...]:  # fmt: skip
    """What may happen on the way."""
    if traced:
        return TRACED_EVENTS["fold" if follows is None else follows[1]]
    point = None if begins is None else begins.point
    return CYCLE_EVENTS if point is not None and point[1] in ORBITS_LEAVE else EVENTS


def _begin(draft: Draft, found: dict[str, tree.Clause]) -> Start | None:
    clause = found["start"]
    begins = start(draft, clause)
    if "follow" in found:
        text = "what is followed starts at the point that is followed"
        draft.errors.add("E322", text, clause.span, "leave the start out")
    elif begins is not None and begins.point is not None and begins.point[1] not in CYCLE_ONLY:
        _check_plain(draft, begins.point[0], clause)
    fix = "leave it out, or write start equilibrium at K = 1"
    if begins is not None and begins.kind == "previous":
        text = "start previous goes from point to point of a sweep, and continue does so anyway"
        draft.errors.add("E322", text, clause.span, fix)
    if begins is not None and begins.kind == "saturated":
        text = "what is absent in a saturated equilibrium comes back along a branch, at a corner"
        draft.errors.add("E322", text, clause.span, fix)
    return begins


def _records(draft: Draft, clause: tree.Clause) -> Iterator[Record]:
    for item in clause.values:
        kept = record(draft, item)
        if kept is not None and kept.kind != "series":
            text = f"there is no time along a branch, and so no '{kept.label}'"
            draft.errors.add("E321", text, item.span, "record the quantity itself")
        elif kept is not None:
            yield kept


def _number(draft: Draft, clause: tree.Clause) -> Any:
    seed = clause.word == "seed"
    return positive(draft, clause, whole=seed, zero=seed)


def _range(draft: Draft, item: tree.Setting) -> tuple[str, float, float] | None:
    name = swept.parameter_named(draft, item)
    if name is None:
        return None
    if not isinstance(item.value, tree.Range) or item.value.step is not None:
        text = f"continue moves '{name}' through a range, in steps of its own"
        draft.errors.add("E323", text, item.value.span, f"write {name} = 0 .. 1")
        return None
    first = constants.number_or_none(draft, item.value.first)
    last = constants.number_or_none(draft, item.value.last)
    if first is None or last is None:
        return None
    if first == last:
        draft.errors.add("E323", "both ends are the same", item.value.span, "write two ends")
    between = (first + last) / 2 if (first + last) % 2 else first + 0.5
    fits = swept.inside(draft, name, (first, last), item.value)
    fits = fits and swept.may_be_broken(draft, name, between, item.value)
    return (name, first, last) if fits else None


def is_of_equilibria(draft: Draft, name: str) -> bool:
    """Whether a ``continue`` follows equilibria in one parameter."""
    clauses = [item for item in draft.branches[name].clauses if isinstance(item, tree.Clause)]
    return not any(item.word == "follow" or _of_orbits(item) for item in clauses)


def _check_plain(draft: Draft, name: str, clause: tree.Clause) -> None:
    """E322 for a point that is none of a branch of equilibria in one parameter."""
    if is_of_equilibria(draft, name):
        return
    words = [item.word for item in draft.branches[name].clauses if isinstance(item, tree.Clause)]
    traced = "follow" in words
    what = "points in two parameters" if traced else "periodic orbits"
    text = f"'{name}' is a curve of {what}, and continue goes on from equilibria in one parameter"
    fix = "name a point of the continue that it starts from itself"
    draft.errors.add("E322", text, clause.span, fix)


def _of_orbits(clause: tree.Clause) -> bool:
    """Whether it is ``start at NAME.hopf``, or at another point that orbits leave."""
    match [item.value for item in clause.values]:
        case [tree.At(point=tree.Attribute(name=event))]:
            return clause.word == "start" and event in ORBITS_LEAVE
    return False


def _followed(
    draft: Draft, clause: tree.Clause | None, settings: list[tree.Setting]
) -> tuple[str, str] | None:
    if clause is None:
        return None
    value = clause.values[0].value if len(clause.values) == 1 else None
    if value is None or isinstance(value, tree.At):
        draft.errors.add("E320", "follow takes one point", clause.span, "write follow branch.fold")
        return None
    point = swept.point(draft, value)
    if point is None:
        return None
    _check_plain(draft, point[0], clause)
    if point[1] not in TRACED_EVENTS:
        text = f"follow traces folds and Hopf points, and '{clause.values[0].span.text}' is neither"
        draft.errors.add("E320", text, clause.span, "follow a fold or a hopf")
        return None
    moved = swept.parameters_of(draft.branches[point[0]])
    if moved and not any(spell(item.name) in moved for item in settings):
        text = f"'{point[0]}' moves '{moved[0]}', and what it found is followed in that and another"
        draft.errors.add("E323", text, clause.span, f"write {moved[0]} = 0 .. 1 too")
    return point


def _events(draft: Draft, declaration: tree.Experiment, known: tuple[str, ...]) -> None:
    for clause in declaration.clauses:
        if isinstance(clause, tree.Clause) and clause.word == "detect":
            for item in clause.values:
                word = "" if isinstance(item.value, tree.At) else spell(item.value)
                if word not in known:
                    fix = did_you_mean(word, known, f"there are {', '.join(known)}")
                    text = f"'{item.span.text}' is no event to detect"
                    draft.errors.add("E324", text, item.span, fix)
