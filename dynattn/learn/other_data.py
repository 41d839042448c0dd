"""Data beside a run's own, in the run's own vocabulary: all of it is measured on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy

from dynattn.diagnostics.report import Diagnostic, Source, Span, SpecError, UsageError
from dynattn.learn.data import SOURCES, load_data
from dynattn.learn.parts import Part, SamplesData
from dynattn.learn.text import TextData
from dynattn.model.model import Model
from dynattn.model.plans import Choice
from dynattn.model.training import read_choice

OPTION = "--data"
PAIRS = "pairs"
ON_TEXT = ("text", "words")
TABLES = (".csv", ".tsv", ".jsonl")


def other_choice(text: str, own: Choice) -> Choice:
    """``text("b.txt", context=64)`` as it is written; of a path alone the kind and the options of
    the run's own data, or, of a table beside running text, ``pairs``.

    SpecError E727 for data of another kind.
    """
    head, bracket, _ = text.partition("(")
    if bracket and text.rstrip().endswith(")") and head.strip().isidentifier():
        given = read_choice(OPTION, text)
    else:
        if "path" not in SOURCES[own.name].positional:
            message = f"the run was trained on data that is made, {own.name}(), not of a file"
            raise UsageError(Diagnostic("E727", message, fix=f'give --data "{own.name}(seed=1)"'))
        table = own.name in ON_TEXT and text.removesuffix(".xz").endswith(TABLES)
        span = Span(Source(OPTION, text), 1, 1, 1, len(text) + 1)
        given = Choice(PAIRS if table else own.name, (text,), {}, span)
    if given.name == PAIRS:
        return given
    if given.name != own.name:
        message = f"the run was trained on data of the kind '{own.name}', not '{given.name}'"
        inside = '"FILE"' if "path" in SOURCES[own.name].positional else "..."
        raise SpecError(Diagnostic("E727", message, given.span, f"write {own.name}({inside})"))
    kept = {name: value for name, value in own.options.items() if name not in _OF_A_FILE}
    return Choice(own.name, given.arguments or (), {**kept, **given.options}, given.span)


_OF_A_FILE = ("path", "split", "checksum")


def load_other(
    choice: Choice, model: Model, facts: Mapping[str, Any]
) -> tuple[TextData | SamplesData, str]:
    """The data, all of it to measure on, in the vocabulary of ``facts``, those of a run's data; and
    what is to be said of it.
    """
    data = load_data(choice, model, known=facts)
    if isinstance(data, TextData):
        return data, _unknown(data.validation, facts)
    words = data.validation.arrays.get("text") if "words" in facts else None
    return data, "" if words is None else _unknown(_inside(data.validation, words), facts)


def _inside(part: Part, words: Any) -> Any:
    """The words that are no padding."""
    dim = part.along.get("text")
    if dim is None or dim not in part.lengths:
        return words.reshape(-1)
    return words[numpy.arange(words.shape[1]) < part.lengths[dim][:, None]]


def _unknown(symbols: Any, facts: Mapping[str, Any]) -> str:
    """How many words the run does not know; '' where there are none."""
    if "words" not in facts or not len(symbols):
        return ""
    share = float((numpy.asarray(symbols) == 0).mean())
    return f"{share:.1%} of the words are not among those of the run: <unk>" if share else ""
