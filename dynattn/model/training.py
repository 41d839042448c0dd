"""The ``train`` experiment."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from dynattn.diagnostics.report import Source
from dynattn.diagnostics.suggest import did_you_mean, nearest
from dynattn.model import constants, typing
from dynattn.model.clauses import by_word, only_value, positive
from dynattn.model.complex_numbers import must_be_real
from dynattn.model.draft import Draft, head, value_of
from dynattn.model.expressions import Context, translate
from dynattn.model.losses import averaged
from dynattn.model.plans import PRECISIONS, Choice, Record, Training
from dynattn.model.scope import Scope, Symbol
from dynattn.model.terms import Term
from dynattn.syntax import tree
from dynattn.syntax.parse import parse
from dynattn.syntax.unparse import spell

REQUIRED = ("data", "loss")
OPTIONAL = (
    "record", "optimizer", "schedule", "clip", "batch", "steps", "epochs", "seed", "free",
    "accumulate", "precision",
)  # fmt: skip


def declare_training(draft: Draft, declaration: tree.Experiment) -> Training | None:
    """Data, loss, optimizer and the rest; None with diagnostics."""
    clauses = _clauses(draft, declaration)
    if clauses is None:
        return None
    span = head(declaration.span)
    loss = _loss(draft, clauses["loss"])
    default = Choice("adamw", (), {}, span)
    steps = _number(draft, clauses, "steps", True, None)
    epochs = _number(draft, clauses, "epochs", False, None)
    if not clauses.keys() & {"steps", "epochs"}:
        draft.errors.add("E403", "train does not say how long", span, "write steps 1000")
    data = choice(draft, clauses["data"])
    batch = _number(draft, clauses, "batch", True, 32)
    optimizer = choice(draft, clauses["optimizer"]) if "optimizer" in clauses else default
    schedule = choice(draft, clauses["schedule"]) if "schedule" in clauses else None
    clip = _number(draft, clauses, "clip", False, None)
    seed = _number(draft, clauses, "seed", True, 0)
    free = free_parameters(draft, clauses["free"]) if "free" in clauses else ()
    accumulate = _portions(draft, clauses, batch)
    precision = _precision(draft, clauses["precision"]) if "precision" in clauses else "float32"
    if loss is None or data is None:
        return None
    records = _records(draft, clauses, loss)
    return Training(
        span=span, data=data, loss=loss, records=records, optimizer=optimizer or default,
        schedule=schedule, clip=clip, batch=batch, steps=steps, epochs=epochs, seed=seed,
        free=free, accumulate=accumulate, precision=precision,
    )  # fmt: skip


def _portions(draft: Draft, clauses: Mapping[str, tree.Clause], batch: int) -> int:
    """In how many portions the gradient of a batch is computed."""
    count = _number(draft, clauses, "accumulate", True, 1)
    if count > batch:
        text = f"accumulate {count} makes more portions of a batch than it has samples, {batch}"
        fix = f"write accumulate {batch} or less, or a larger batch"
        draft.errors.add("E524", text, clauses["accumulate"].span, fix)
    return count


def _precision(draft: Draft, clause: tree.Clause) -> str:
    """Of the matrix products of a step."""
    value = only_value(draft, clause, "write precision bfloat16")
    if value is None or (isinstance(value, tree.Name) and value.name in PRECISIONS):
        return "float32" if value is None else value.name
    shown = spell(value)
    text = f"precision is {' or '.join(PRECISIONS)}, not {shown}"
    fix = did_you_mean(shown, PRECISIONS, "write precision bfloat16")
    draft.errors.add("E526", text, value.span, fix)
    return "float32"


def free_parameters(draft: Draft, clause: tree.Clause) -> tuple[str, ...]:
    """The parameters of ``free K, omega``, by their full names."""
    found: list[str] = []
    for item in clause.values:
        term = None
        if not isinstance(item.value, tree.At) and not item.modifiers:
            term = translate(Context(draft, draft.scope), item.value)
        if term is not None and typing.is_unknown(term):
            continue
        if term is None or term.op != "parameter" or draft.parameters[term.payload].learned:
            text = f"training can move parameters, and '{item.span.text}' is none"
            fix = "name what is declared with param; learn is moved anyhow"
            draft.errors.add("E327", text, item.span, fix)
        else:
            found.append(term.payload)
    return tuple(found)


def refuse_setting(draft: Draft, clause: tree.Setting) -> None:
    """E327: a value is given where the parameter is declared."""
    text = f"train sets nothing, and '{spell(clause.name)}' is set here"
    fix = "give its value where it is declared, or write free K to have it moved"
    draft.errors.add("E327", text, clause.span, fix)


def _clauses(draft: Draft, declaration: tree.Experiment) -> dict[str, tree.Clause] | None:
    if _is_misspelt_series(draft, declaration):
        return None
    known, setting = (*REQUIRED, *OPTIONAL), partial(refuse_setting, draft)
    found = by_word(draft, declaration.clauses, known, "unknown word {} in train", setting)
    missing = [word for word in REQUIRED if word not in found]
    for word in missing:
        fix = 'write data text("my.txt", context=128)' if word == "data" else "write loss EXPR"
        draft.errors.add("E403", f"train has no {word}", head(declaration.span), fix)
    return None if missing else found


def _is_misspelt_series(draft: Draft, declaration: tree.Experiment) -> bool:
    """Whether the data are ``series`` but for a slip of the pen, which is told: what else stands
    there has its place in a fit, and none in other trainings.
    """
    for clause in declaration.clauses:
        if isinstance(clause, tree.Clause) and clause.word == "data" and not draft.has_network:
            call = clause.values[0].value
            name = call.function if isinstance(call, tree.Call) else call
            if isinstance(name, tree.Name) and nearest(name.name, ("series",)):
                text = f"unknown data source '{name.name}'"
                draft.errors.add("E510", text, name.span, "did you mean 'series'?")
                return True
    return False


def _number(
    draft: Draft, clauses: Mapping[str, tree.Clause], word: str, whole: bool, default: Any
) -> Any:
    if word not in clauses:
        return default
    value = positive(draft, clauses[word], whole, zero=word == "seed")
    return default if value is None else value


def _loss(draft: Draft, clause: tree.Clause) -> Term | None:
    scope = Scope("the loss", draft.scope)
    term = translate(Context(draft, scope, owner="loss", averages=True), value_of(clause))
    if typing.is_unknown(term) or not must_be_real(draft.errors, term, "a loss"):
        return None
    return averaged(draft, term)


def _records(draft: Draft, clauses: Mapping[str, tree.Clause], loss: Term) -> tuple[Record, ...]:
    if "record" not in clauses:
        return ()
    scope = Scope("record", draft.scope)
    scope.symbols["loss"] = Symbol(
        "definition", "loss", loss.span, Term("let", (loss,), loss.type, loss.span, "loss")
    )
    found = []
    for item in clauses["record"].values:
        expr = item.value
        if isinstance(expr, tree.At) or item.modifiers:
            text, fix = "train records quantities as they are", "name one: record accuracy(y, z)"
            draft.errors.add("E321", text, item.span, fix)
            continue
        term = translate(Context(draft, scope, owner="record", averages=True), expr)
        if typing.is_unknown(term) or not must_be_real(draft.errors, term, "what train records"):
            continue
        found.append(Record("value", spell(expr), averaged(draft, term)))  # type: ignore[arg-type]
    return tuple(found)


def read_choice(name: str, text: str) -> Choice:
    """A source of data that stands outside a spec; ``name`` is what its text is called in messages.

    SpecError for what is no name with options.
    """
    source = Source(name, f"model given\ntrain {{\ndata {text}\n}}\n")
    (experiment,) = (
        item for item in parse(source).declarations if isinstance(item, tree.Experiment)
    )
    draft = Draft({})
    clause = experiment.clauses[0]
    found = choice(draft, clause) if isinstance(clause, tree.Clause) else None
    draft.errors.raise_if_any()
    assert found is not None  # else there was a mistake
    return found


def choice(draft: Draft, clause: tree.Clause) -> Choice | None:
    """``adamw(lr=3e-3)``, ``cosine``, ``text("a.txt", context=128)``."""
    alone = len(clause.values) == 1 and not clause.values[0].modifiers
    match clause.values[0].value if alone else None:
        case tree.Name(name=name):
            return Choice(name, (), {}, clause.span)
        case tree.Call(function=tree.Name()) as call:
            return _choice(draft, call)
    draft.errors.add(
        "E310",
        f"{clause.word} takes a name with options",
        clause.span,
        f"write {clause.word} NAME(option=1)",
    )
    return None


def _choice(draft: Draft, call: tree.Call) -> Choice:
    assert isinstance(call.function, tree.Name)
    arguments = tuple(_plain(draft, item) for item in call.arguments)
    options = {k.name: _plain(draft, k.value) for k in call.keywords}
    return Choice(call.function.name, arguments, options, call.span)


def _plain(draft: Draft, expr: tree.Expr) -> Any:
    """A number, a string, a word, a truth value, a choice with options, or a list of them."""
    match expr:
        case tree.Text(value=value):
            return value
        case tree.ListOf(items=items):
            return tuple(_plain(draft, item) for item in items)
        case tree.Name(name="true" | "false" as word):
            return word == "true"
        case tree.Name(name=name) if name not in draft.values:
            return name
        case tree.Call(function=tree.Name(name=name)) if name not in constants.CALLS:
            return _choice(draft, expr)
    return constants.number_or_none(draft, expr)
