"""Data sources: what ``data NAME(...)`` in ``train`` may name, each a table entry."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from dynattn.diagnostics.report import Collector
from dynattn.learn.agreement import check_agreement, load_agreement
from dynattn.learn.arrays import check_arrays, load_arrays
from dynattn.learn.audio import check_audio, load_audio
from dynattn.learn.images import check_images, load_images
from dynattn.learn.options import KNOWN, Option, find_entry, read_options
from dynattn.learn.parts import SamplesData
from dynattn.learn.spirals import check_spiral, load_spiral
from dynattn.learn.strings import COPY, INDUCTION, check_strings, load_strings
from dynattn.learn.tables import check_table, load_table
from dynattn.learn.text import TextData
from dynattn.learn.text_source import check_text, load_text
from dynattn.learn.words import check_words, load_words
from dynattn.model.model import Model
from dynattn.model.plans import Choice


@dataclass(frozen=True)
class DataSource:
    """One source. ``load(choice, options, model)`` returns the data, or raises SpecError."""

    name: str
    options: tuple[Option, ...]
    positional: tuple[str, ...]
    check: Callable[[Choice, Mapping[str, Any], Model], object]
    """SpecError for what shows without reading the data."""
    load: Callable[[Choice, Mapping[str, Any], Model], TextData | SamplesData]
    """The options have ``KNOWN`` too."""


def load_data(
    choice: Choice, model: Model, known: Mapping[str, Any] | None = None
) -> TextData | SamplesData:
    """The data of ``train``; SpecError with every mistake of its options.

    ``known``: the facts of other data, in whose vocabulary this is to be; all of a file is then
    measured on.
    """
    source, options = check_data(choice, model)
    whole = {"split": None} if known is not None and "split" in options else {}
    return source.load(choice, {**options, **whole, KNOWN: known}, model)


def check_data(choice: Choice, model: Model) -> tuple[DataSource, Mapping[str, Any]]:
    """The source and its options; SpecError for what shows without reading the data."""
    found = Collector()
    source = find_entry(SOURCES, choice, "data source", "E510", found)
    options = read_options(choice, source.options, found, source.positional) if source else {}
    found.raise_if_any()
    assert source is not None
    source.check(choice, options, model)
    return source, options


_PATH = Option("path", "text")
_SPLIT = Option("split", "numbers", (0.9, 0.1), low=0, above=True, length=(2,))
_CHECKSUM = Option("checksum", "text", None)
_BATCHES = Option("batches", "word", "similar", words=("similar", "mixed"))
"""Whether the samples of a batch are of similar length."""
_MEASURE = Option("measure", "word", "validation", words=("validation", "test"))
"""Which part is measured on."""

_ENTRIES = (
    DataSource(
        "text",
        (
            _PATH,
            Option("context", "whole", low=2),
            Option("split", "numbers", (0.9, 0.1), low=0, above=True, length=(2, 3)),
            _CHECKSUM,
            Option("symbols", "word", "bytes", words=("bytes", "characters")),
        ),
        ("path",),
        check_text,
        load_text,
    ),
    DataSource(
        "words",
        (
            _PATH,
            Option("vocabulary", "whole", None, low=3),
            Option("context", "whole", None, low=2),
            Option("pieces", "word", None, words=("text", "lines")),
            Option("letters", "word", "kept", words=("kept", "lower")),
            Option("marks", "word", "kept", words=("kept", "apart", "dropped")),
            _MEASURE,
            _SPLIT,
            _CHECKSUM,
            _BATCHES,
        ),
        ("path",),
        check_words,
        load_words,
    ),
    DataSource(
        "arrays", (_PATH, _SPLIT, _CHECKSUM, _BATCHES), ("path",), check_arrays, load_arrays
    ),
    DataSource("table", (_PATH, _SPLIT, _CHECKSUM, _BATCHES), ("path",), check_table, load_table),
    DataSource("images", (_PATH, _SPLIT, _CHECKSUM), ("path",), check_images, load_images),
    DataSource(
        "audio",
        (
            _PATH,
            Option("features", "call", low=1, words=("logmel",), length=(2,)),
            Option("label", "name", "label"),
            Option("labels", "text", None),
            Option("rate", "whole", None, low=1000),
            Option("seconds", "number", None, low=0, above=True),
            Option("held", "name", None),
            Option("below", "whole", 1),
            _MEASURE,
            _SPLIT,
            _CHECKSUM,
            _BATCHES,
        ),
        ("path",),
        check_audio,
        load_audio,
    ),
    DataSource(
        "agreement",
        (
            Option("seed", "whole", 0, low=0),
            Option("samples", "whole", 40000, low=1),
            Option("validation", "whole", 4000, low=1),
            _MEASURE,
        ),
        (),
        check_agreement,
        load_agreement,
    ),
    DataSource(
        "spiral",
        (
            Option("turns", "number", 1.25, low=0),
            Option("noise", "number", 0.02, low=0),
            Option("seed", "whole", 0, low=0),
            Option("samples", "whole", 900, low=1),
            Option("validation", "whole", 2000, low=1),
            _MEASURE,
        ),
        (),
        check_spiral,
        load_spiral,
    ),
)

_ENTRIES += tuple(
    DataSource(
        task.name,
        (
            Option("length", "whole", 16, low=2),
            Option("shortest", "whole", None, low=2),
            Option("symbols", "word", "distinct", words=("distinct", "any")),
            Option("seed", "whole", 0, low=0),
            Option("samples", "whole", 20000, low=1),
            Option("validation", "whole", 1000, low=1),
            _MEASURE,
            _BATCHES,
        ),
        (),
        check_strings(task),
        load_strings(task),
    )
    for task in (COPY, INDUCTION)
)

SOURCES: dict[str, DataSource] = {entry.name: entry for entry in _ENTRIES}
