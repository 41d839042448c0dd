"""What experiments keep, and the conditions that end them."""

from __future__ import annotations

from dynattn.diagnostics.suggest import did_you_mean
from dynattn.model import constants, typing
from dynattn.model.clauses import only_value
from dynattn.model.draft import Draft
from dynattn.model.expressions import Context, translate
from dynattn.model.plans import Record, Until
from dynattn.model.terms import GLOBAL, Term
from dynattn.syntax import tree
from dynattn.syntax.unparse import modified_text, spell

FORMS = "write r, final(r), average(r) after 50, or time when r < 0.4"


def record(draft: Draft, item: tree.Modified) -> Record | None:
    """``r``, ``average(r) after 50``, ``final(r)``, ``time when r < 0.4``."""
    words = [modifier.word for modifier in item.modifiers]
    match item.value, words:
        case tree.Name(name="time"), ["when"]:
            expr = item.modifiers[0].value
            assert not isinstance(expr, tree.At), "the grammar: at is a word of its own"
            return first_time(draft, expr, modified_text(item), "time when")
        case tree.Call(function=tree.Name(name="average"), arguments=(expr,)), [] | ["after"]:
            return _kept(draft, "average", expr, item)
        case tree.Call(function=tree.Name(name="final"), arguments=(expr,)), []:
            return _kept(draft, "final", expr, item)
        case (tree.At(), _) | (_, [_, *_]):
            call = item.value.function if isinstance(item.value, tree.Call) else None
            word = call.name if isinstance(call, tree.Name) else ""
            fix = did_you_mean(word, ("average", "final"), FORMS)
            draft.errors.add("E321", "this cannot be recorded", item.span, fix)
            return None
        case expr, _:
            return _kept(draft, "series", expr, item)


def _kept(draft: Draft, kind: str, expr: tree.Expr, item: tree.Modified) -> Record | None:
    after = None
    for modifier in item.modifiers:
        assert not isinstance(modifier.value, tree.At), "the grammar: at is a word of its own"
        after = constants.number_or_none(draft, modifier.value)
    term = _quantity(draft, expr)
    return None if typing.is_unknown(term) else Record(kind, modified_text(item), term, after)


def _quantity(draft: Draft, expr: tree.Expr) -> Term:
    return translate(Context(draft, draft.scope, sums=""), expr)


def first_time(draft: Draft, expr: tree.Expr, label: str, word: str = "when") -> Record | None:
    """The first time at which a condition holds; None with a diagnostic."""
    term = condition(draft, expr, word)
    if term is None:
        return None
    if term.op not in ("lt", "le", "gt", "ge"):
        return Record("time", label, term)
    small, large = term.args if term.op in ("lt", "le") else term.args[::-1]
    margin = typing.combine(draft.errors, "sub", [large, small], term.span)
    return Record("time", label, margin, margin=">" if term.op in ("lt", "gt") else ">=")


def condition(draft: Draft, expr: tree.Expr, word: str) -> Term | None:
    """A condition on the whole model; None with a diagnostic."""
    term = _quantity(draft, expr)
    if typing.is_unknown(term):
        return None
    if term.type.dtype != "truth":
        text = f"{word} needs a condition, and '{spell(expr)}' is none"
        draft.errors.add("E321", text, expr.span, f"compare it: {word} {spell(expr)} < 0.1")
        return None
    if term.type.place != GLOBAL or term.type.shape:
        text = f"{word} needs one condition, and this has one for every node or coordinate"
        fix = "take the min, max, mean or count over the nodes"
        draft.errors.add("E321", text, expr.span, fix)
        return None
    return term


def until(draft: Draft, clause: tree.Clause) -> Until | None:
    """``until EXPR`` and ``until equilibrium``; None with a diagnostic."""
    expr = only_value(draft, clause, "write until r < 0.1, or until equilibrium")
    if expr is None:
        return None
    if isinstance(expr, tree.Name) and expr.name == "equilibrium":
        return Until("equilibrium", None, clause.span)
    term = condition(draft, expr, "until")
    return None if term is None else Until(spell(expr), term, clause.span)
