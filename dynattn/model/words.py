"""``param M = SU(2)``, ``param act = softplus``, ``param solution = euler``: a manifold, a function
or one of the ways in which a layer evolves, under a name that ``--set`` changes.

What is named stands where its name stood, before anything else is read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from dynattn.diagnostics.report import Diagnostic, SpecError, UsageError
from dynattn.diagnostics.suggest import did_you_mean, nearest
from dynattn.model.draft import Draft, head
from dynattn.model.scope import RESERVED, Symbol
from dynattn.syntax import tree as syntax
from dynattn.syntax.parse import parse_expression
from dynattn.syntax.walk import mapped
from dynattn.vocabulary.functions import ELEMENTWISE, FUNCTION_NAMES
from dynattn.vocabulary.manifolds import MANIFOLDS

MANIFOLD, FUNCTION, WAY = "manifold", "function", "way to evolve"

FUNCTIONS = tuple(n for n in FUNCTION_NAMES if n in ELEMENTWISE and ELEMENTWISE[n].arity == 1)
"""Functions that may have another name: those of one number."""


@dataclass(frozen=True)
class Word:
    """A parameter of the model whose value is a word."""

    kind: str
    entry: syntax.Quantity
    value: syntax.Expr
    """As the spec has it."""
    allowed: tuple[str, ...] = ()
    """The other ways of the layers that it is about."""


Words = Mapping[str, Word]


def words_of(tree: syntax.SyntaxTree) -> Words:
    """The parameters of the model whose values are words, by name."""
    entries = [
        entry for item in tree.declarations
        if isinstance(item, syntax.Quantities) and item.keyword == "param"
        for entry in item.entries
    ]  # fmt: skip
    numbers = {entry.name for entry in entries}
    ways = [_ways(item) for item in tree.declarations if isinstance(item, syntax.Layer)]
    found = [(e, e.init.value) for e in entries if e.init and not e.init.drawn]
    words = {entry.name: _word_of(entry, value, ways) for entry, value in found}
    return {
        name: word for name, word in words.items()
        if word is not None and _called(word.value) not in numbers
    }  # fmt: skip


def _word_of(
    entry: syntax.Quantity, value: syntax.Expr, ways: Sequence[tuple[str, ...]]
) -> Word | None:
    name = _called(value)
    if name in MANIFOLDS:
        return Word(MANIFOLD, entry, value)
    if not isinstance(value, syntax.Name) or name in RESERVED:
        return None
    meant = [names for names in ways if nearest(name, names)]
    if any(name in names for names in ways) or (meant and name not in FUNCTIONS):
        named = [names for names in ways if name in names] or meant
        return Word(WAY, entry, value, tuple(dict.fromkeys(n for names in named for n in names)))
    return Word(FUNCTION, entry, value) if name in FUNCTIONS else None


def _ways(layer: syntax.Layer) -> tuple[str, ...]:
    """The names of the ways in which a layer may evolve."""
    found = [item.name for item in layer.body if isinstance(item, syntax.Evolve)]
    return tuple(name for name in found if name is not None)


def _called(expr: syntax.Expr) -> str:
    """The name that an expression is or calls."""
    match expr:
        case syntax.Name(name=name) | syntax.Call(function=syntax.Name(name=name)):
            return name
    return ""


def without_words(
    draft: Draft, tree: syntax.SyntaxTree, words: Words, settings: Mapping[str, Any]
) -> syntax.SyntaxTree:
    """The tree with what is named in place of the names, ``settings`` being those of the names;
    of every layer the way in which it evolves has lost its name.
    """
    values: dict[str, syntax.Expr] = {}
    for name, word in words.items():
        if word.entry.axes or word.entry.manifold is not None or word.entry.limits is not None:
            text = f"'{name}' is a {word.kind}, and no number that has axes, a range or a manifold"
            fix = f"write param {name} = {word.value.span.text}"
            draft.errors.add("E339", text, word.entry.span, fix)
        if word.kind == WAY and _called(word.value) not in word.allowed:
            text = f"no layer evolves in a way called '{_called(word.value)}'"
            fix = did_you_mean(_called(word.value), word.allowed)
            draft.errors.add("E765", text, word.value.span, fix)
        draft.scope.declare(Symbol(word.kind, name, word.entry.name_span), draft.errors)
        values[name] = _set(name, word, settings[name]) if name in settings else word.value
    items = [_without(item, words) for item in tree.declarations]
    kept = [_placed(item, words, values) for item in items if item is not None]
    chosen = tuple(_choice(draft, item, words, values) for item in kept)
    return replace(tree, declarations=chosen)


def _without(item: Any, words: Words) -> Any:
    """A declaration without the entries that are words; None where nothing is left."""
    if not isinstance(item, syntax.Quantities) or item.keyword != "param":
        return item
    kept = tuple(e for e in item.entries if e.name not in words or words[e.name].entry is not e)
    return replace(item, entries=kept) if kept else None


def _placed(node: Any, words: Words, values: Mapping[str, syntax.Expr]) -> Any:
    node = mapped(node, lambda part: _placed(part, words, values))
    match node:
        case syntax.Quantity(manifold=syntax.Name(name=name)) if _is(words, name, MANIFOLD):
            return replace(node, manifold=values[name])
        case syntax.Call(function=syntax.Name(name=name, span=span)) if _is(words, name, FUNCTION):
            return replace(node, function=syntax.Name(span, _called(values[name])))
    return node


def _is(words: Words, name: str, kind: str) -> bool:
    return name in words and words[name].kind == kind


# ── settings ───────────────────────────────────────────────────────────────────────────────────


def _set(name: str, word: Word, value: Any) -> syntax.Expr:
    """What a setting names; UsageError E702 for anything else."""
    try:
        found = parse_expression(value, f"{name}={value}") if isinstance(value, str) else None
    except SpecError:
        found = None
    if found is not None and _ALLOWED[word.kind](word, found):
        return found
    message = f"'{name}' is a {word.kind}, and it is set to {value}"
    raise UsageError(Diagnostic("E702", message, None, _one(name, word, str(value))))


_ALLOWED: Mapping[str, Callable[[Word, syntax.Expr], bool]] = {
    MANIFOLD: lambda word, expr: _called(expr) in MANIFOLDS,
    FUNCTION: lambda word, expr: isinstance(expr, syntax.Name) and expr.name in FUNCTIONS,
    WAY: lambda word, expr: isinstance(expr, syntax.Name) and expr.name in word.allowed,
}


def _one(name: str, word: Word, value: str) -> str:
    """A fix: words that are allowed."""
    if word.kind == MANIFOLD:
        return f"name one, as in {name}=sphere(3)"
    if word.kind == FUNCTION:
        return did_you_mean(value, FUNCTIONS, f"name one of one number, as in {name}=relu")
    return did_you_mean(value, word.allowed, f"there are {', '.join(word.allowed)}")


# ── ways to evolve ─────────────────────────────────────────────────────────────────────────────


def _choice(draft: Draft, item: Any, words: Words, values: Mapping[str, syntax.Expr]) -> Any:
    """A layer whose way to evolve has no name, the others keeping theirs; anything else as it is.

    E765 where no parameter names one of them, or several do.
    """
    ways = _ways(item) if isinstance(item, syntax.Layer) else ()
    if not ways:
        return item
    said = [n for n, word in words.items() if word.kind == WAY and {*ways} & {*word.allowed}]
    if len(said) != 1:
        text = f"layer '{item.name}' evolves in one of several ways, and no parameter says in which"
        fix = f"write param solution = {ways[0]} in the model"
        if said:
            quoted = [f"'{name}'" for name in said]
            both = " and ".join([", ".join(quoted[:-1]), quoted[-1]])
            text, fix = f"{both} say in which way layer '{item.name}' evolves", "keep one of them"
        draft.errors.add("E765", text, head(item.span), fix)
    wanted = _called(values[said[0]]) if len(said) == 1 else ways[0]
    wanted = wanted if wanted in ways else ways[0]
    return replace(item, body=tuple(_unnamed(part, wanted) for part in item.body))


def _unnamed(part: Any, wanted: str) -> Any:
    named = isinstance(part, syntax.Evolve) and part.name == wanted
    return replace(part, name=None) if named else part
