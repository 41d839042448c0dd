"""``equilibria``: all places of rest, from many starts, at each of the settings."""

from __future__ import annotations

from typing import Any

from dynattn.diagnostics.suggest import did_you_mean
from dynattn.model import swept
from dynattn.model.clauses import by_word, positive
from dynattn.model.draft import Draft, head
from dynattn.model.plans import Awaited, Record, Search
from dynattn.model.records import record
from dynattn.syntax import tree
from dynattn.syntax.unparse import spell

CLAUSES = ("starts", "spread", "record", "seed")


def gather(draft: Draft, declarations: list[tree.Experiment]) -> None:
    """The ``equilibria`` by name, before any experiment is checked."""
    for item in declarations:
        if item.kind == "equilibria":
            draft.searches.setdefault(item.name or item.kind, item)


def search(draft: Draft, declaration: tree.Experiment) -> Search:
    """One ``equilibria``, with diagnostics for all that is wrong in it."""
    settings: dict[str, tuple[float, ...]] = {}
    found = by_word(
        draft, declaration.clauses, CLAUSES, "{} has no place in equilibria",
        lambda clause: _set(draft, clause, settings),
    )  # fmt: skip
    numbers: dict[str, Any] = {
        word: value
        for word in ("starts", "spread", "seed")
        if word in found
        and (value := positive(draft, found[word], word != "spread", word == "seed")) is not None
    }
    return Search(
        declaration.name or declaration.kind, head(declaration.span),
        settings=tuple(settings.items()), records=_records(draft, found.get("record")), **numbers,
    )  # fmt: skip


def _set(draft: Draft, clause: tree.Setting, settings: dict[str, tuple[float, ...]]) -> None:
    setting = swept.setting(draft, clause)
    if setting is None:
        return
    if isinstance(setting, Awaited):
        text = f"equilibria takes numbers, and '{setting.label}' waits for another experiment"
        draft.errors.add("E654", text, clause.span, "run that one, and write the number it finds")
    elif setting[0] in settings:
        text = f"{setting[0]} is set twice"
        draft.errors.add("E402", text, clause.span, "write its values as one list")
    else:
        settings[setting[0]] = setting[1]


def _records(draft: Draft, clause: tree.Clause | None) -> tuple[Record, ...]:
    found = []
    for item in clause.values if clause is not None else ():
        kept = record(draft, item)
        if kept is not None and kept.kind != "series":
            text = f"there is no time at an equilibrium, and so no '{kept.label}'"
            draft.errors.add("E321", text, item.span, "record the quantity itself")
        elif kept is not None:
            found.append(kept)
    return tuple(found)


def place_named(draft: Draft, expr: tree.Index) -> tuple[str, int] | None:
    """The experiment and the number of ``rest[0]``; None with a diagnostic."""
    name, items = spell(expr.value), expr.items
    if name not in draft.searches:
        text = f"there is no 'equilibria {name}' to start at one of"
        fix = did_you_mean(name, draft.searches, f"add it: equilibria {name} {{ starts 20 }}")
        draft.errors.add("E320", text, expr.span, fix)
        return None
    number = items[0].value if len(items) == 1 and isinstance(items[0], tree.Number) else None
    if number is None or number != int(number):
        text, fix = (
            "an equilibrium has a number from 0 on",
            f"write {name}[0]: the stable ones come first",
        )
        draft.errors.add("E320", text, expr.span, fix)
        return None
    clauses = draft.searches[name].clauses
    varies = [c for c in clauses if isinstance(c, tree.Setting) and _is_list(c.value)]
    if varies:
        text = f"'{name}' looks at several values of '{spell(varies[0].name)}', and so has several"
        fix = f"add one without them: equilibria other {{ }}, and start at other[{number}]"
        draft.errors.add("E320", text, expr.span, fix)
        return None
    return name, int(number)


def _is_list(expr: tree.Expr) -> bool:
    return isinstance(expr, tree.ListOf | tree.Range) or (
        isinstance(expr, tree.Call) and spell(expr.function) in swept.SPACED
    )
