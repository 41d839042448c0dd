"""Words of a text: which there are, and the source ``words``: lines, or windows of running text."""

from __future__ import annotations

import hashlib
import re
import string
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from dynattn.diagnostics.report import Diagnostic, SpecError
from dynattn.learn.fitting import facts_of, fitted, padded, refused, split_rows
from dynattn.learn.options import KNOWN, option_span
from dynattn.learn.parts import SamplesData
from dynattn.learn.pieces import BEGIN, END, pieces
from dynattn.learn.reading import DataFile, read_data, read_parts
from dynattn.learn.text import TextData
from dynattn.learn.text_source import check_context, check_lengths, split_text, text_input
from dynattn.model.composition import InputUse
from dynattn.model.model import Model
from dynattn.model.plans import Choice

UNKNOWN = "<unk>"
"""What stands for a word that is not among those known; ``END`` at the end of every line."""


@dataclass(frozen=True)
class Words:
    """How words become integers: each one's place in ``words``, that of ``UNKNOWN`` is 0."""

    words: tuple[str, ...] = field(repr=False)

    @property
    def size(self) -> int:
        """How many different integers there can be."""
        return len(self.words)

    @cached_property
    def places(self) -> dict[str, int]:
        """The integer of each word."""
        return {word: place for place, word in enumerate(self.words)}

    def numbers(self, words: Iterable[str]) -> Any:
        """The integers of words; those not known are ``UNKNOWN``."""
        import numpy

        places = self.places
        return numpy.array([places.get(word, 0) for word in words], numpy.int64)

    def encode(self, text: bytes) -> Any:
        """The integers of a text; ValueError with the word that is not among those known."""
        found = in_words(text.decode("utf-8"))
        for word in found:
            if word not in self.places:
                raise ValueError(word)
        return self.numbers(found)

    def decode(self, numbers: Any) -> bytes:
        """The text of integers; a line ends where ``END`` stands."""
        known = self.words
        found = (known[n] if n < len(known) else UNKNOWN for n in map(int, numbers))
        return "".join("\n" if word == END else f"{word} " for word in found).encode()


def in_words(text: str) -> list[str]:
    """The words of a text in their order; what stands between blanks is one, ``END`` a line end."""
    return text.replace("\n", f" {END} ").split()


_KEPT = re.compile(r"(<unk>|<eos>|<\|endoftext\|>)")
_APART = re.compile(r"""([.,!?;:()\[\]{}"'])""")
_MARKS = re.compile(f"[{re.escape(string.punctuation)}]")


def prepared(text: str, letters: str, marks: str) -> str:
    """The text with small letters only (``lower``), and with marks as words of their own
    (``apart``) or none (``dropped``); ``<unk>``, ``<eos>`` and ``<|endoftext|>`` stay.
    """
    change = {
        "kept": lambda part: part,
        "apart": lambda part: _APART.sub(r" \1 ", part),
        "dropped": lambda part: _MARKS.sub(" ", part),
    }[marks]
    text = text.lower() if letters == "lower" else text
    return "".join(part if n % 2 else change(part) for n, part in enumerate(_KEPT.split(text)))


def most_frequent(words: Iterable[str], size: int, marks: Sequence[str] = (END,)) -> Words:
    """``UNKNOWN``, the marks and the most frequent words, ``size`` in all; equals by alphabet."""
    counts = Counter(words)
    for word in (UNKNOWN, *marks):
        counts.pop(word, None)
    ranked = sorted(counts, key=lambda word: (-counts[word], word))
    return Words((UNKNOWN, *marks, *ranked[: size - 1 - len(marks)]))


# ── the source ─────────────────────────────────────────────────────────────────────────────────


def check_words(choice: Choice, options: Mapping[str, Any], model: Model) -> InputUse:
    """The input that the words fill; SpecError where it does not fit. The file is looked for
    when it is read: a spec may be checked where its data is not.
    """
    use = text_input(choice, model, "words")
    if options["context"] is not None:
        check_context(choice, options["context"], use, model)
    _check_pieces(choice, options)
    alone = options["context"] is None or options["pieces"] is not None
    if alone and str(use.axes[0]) not in {dim.name for dim in model.dims}:
        what = "line" if options["pieces"] is None else "piece"
        message = f"each {what} is a sample of its own length, and 'text' has {use.axes[0]} words"
        fix = "declare dim T; input text: token(V)[T]; or write context= for windows"
        raise refused("E514", message, choice, fix)
    assert use.type.classes is not None
    size = use.type.classes.value(model.sizes)
    if size < 3:
        message = f"{use.type.classes} = {size} has no room for a word beside {UNKNOWN} and {END}"
        raise refused("E508", message, choice, f"set {use.type.classes} to 3 or more")
    if options["vocabulary"] is not None and options["vocabulary"] > size:
        message = f"vocabulary={options['vocabulary']} is more than {use.type.classes} = {size}"
        span = option_span(choice, "vocabulary")
        raise SpecError(Diagnostic("E508", message, span, f"write vocabulary={size} or less"))
    return use


def _check_pieces(choice: Choice, options: Mapping[str, Any]) -> None:
    """SpecError E731 for pieces of no length, or without room for a word."""
    kind, context = options["pieces"], options["context"]
    if kind is None or (context is not None and context >= 3):
        return
    message = f"pieces={kind} does not say how long a piece is"
    if context is not None:
        message = f"a piece of {context} symbols has no word between {BEGIN} and {END}"
    span = option_span(choice, "pieces" if context is None else "context")
    raise SpecError(Diagnostic("E731", message, span, "write context=50"))


def load_words(choice: Choice, options: Mapping[str, Any], model: Model) -> TextData | SamplesData:
    """Windows of ``context`` words, or pieces; without ``context`` each line is a sample."""
    use = check_words(choice, options, model)
    assert use.type.classes is not None
    size = options["vocabulary"] or use.type.classes.value(model.sizes)
    parts = _parts(choice, options)
    how = (options["letters"], options["marks"])
    texts = {file.path.name: prepared(_text(file, choice), *how) for file in parts}
    load = _running if options["context"] is not None else _lines
    load = load if options["pieces"] is None else _pieces
    facts = {
        "source": "words",
        "path": str(parts[0].path if len(parts) == 1 else parts[0].path.parent),
        "bytes": sum(file.size for file in parts),
        "sha256": _checksum(parts),
    }
    return load(texts, size, choice, options, model, facts)


def _parts(choice: Choice, options: Mapping[str, Any]) -> tuple[DataFile, ...]:
    """One file; of a folder those to train and to measure on."""
    test = options["measure"] == "test"
    if options["checksum"] is not None and not test:
        return (read_data(options["path"], choice.span, options["checksum"]),)
    parts = read_parts(options["path"], choice.span, options["measure"])
    if test and len(parts) == 1:
        message = "measure=test is of a folder with test.txt, and this is a file"
        span = option_span(choice, "measure")
        raise SpecError(Diagnostic("E515", message, span, "name the folder, or leave it out"))
    if len(parts) > 1 and "split" in choice.options:
        message = f"the folder '{options['path']}' has its own parts, and split= asks for others"
        span = option_span(choice, "split")
        raise SpecError(Diagnostic("E515", message, span, "leave out split="))
    return parts


def _checksum(parts: Sequence[DataFile]) -> str:
    if len(parts) == 1:
        return parts[0].sha256
    return hashlib.sha256("".join(file.sha256 for file in parts).encode()).hexdigest()


def _text(file: DataFile, choice: Choice) -> str:
    try:
        text = file.content.decode("utf-8")
    except UnicodeDecodeError as error:
        message = f"the data file '{file.path.name}' is not UTF-8: byte {error.start} is wrong"
        raise refused("E517", message, choice, "save it as UTF-8") from None
    return text if text.endswith("\n") else text + "\n"


def _known(options: Mapping[str, Any]) -> Words | None:
    """The words of other data, which are to be used; None without such data."""
    facts = options.get(KNOWN)
    return None if facts is None else Words(tuple(facts["words"]))


def _running(
    texts: Mapping[str, str], size: int, choice: Choice, options: Mapping[str, Any], model: Model,
    facts: Mapping[str, Any],
) -> TextData:  # fmt: skip
    words = [in_words(text) for text in texts.values()]
    if options["split"] is None:
        words = [[word for part in words for word in part]] * 2
    elif len(words) == 1:
        first, second = split_text(len(words[0]), options["split"], choice)[:2]
        words = [words[0][:first], words[0][first : first + second]]
    known = _known(options) or most_frequent(words[0], size)
    training, validation = (known.numbers(part) for part in words)
    check_lengths(training, validation, options, choice)
    more = {"context": options["context"], "words": list(known.words)}
    counts = {"training": len(training), "validation": len(validation)}
    return TextData(training, validation, options["context"], known, {**facts, **more, **counts})


def _lines(
    texts: Mapping[str, str], size: int, choice: Choice, options: Mapping[str, Any], model: Model,
    facts: Mapping[str, Any],
) -> SamplesData:  # fmt: skip
    """Each line with words in it, ``END`` behind them."""
    lines = [
        (f"line {number} of '{name}'", [*line.split(), END])
        for name, text in texts.items()
        for number, line in enumerate(text.split("\n"), start=1)
        if line.strip()
    ]
    first = sum(bool(line.strip()) for line in next(iter(texts.values())).split("\n"))
    rows = (range(first), range(first, len(lines)))
    if len(texts) == 1 or options["split"] is None:
        rows = split_rows(len(lines), options["split"], choice)
    known = _known(options) or most_frequent(
        (word for row in rows[0] for word in lines[row][1]), size
    )
    axis = model.inputs[0].axes[0]
    array, lengths = padded([known.numbers(words) for _, words in lines])
    whole = fitted(
        {"text": array}, {str(axis): lengths}, model, choice,
        lambda row: lines[row][0],
    )  # fmt: skip
    training, validation = (whole.rows(list(part)) for part in rows)
    return SamplesData(
        training, validation,
        {**facts, "words": list(known.words), **facts_of(training, validation)},
        options["batches"] == "mixed",
    )  # fmt: skip


def _pieces(
    texts: Mapping[str, str], size: int, choice: Choice, options: Mapping[str, Any], model: Model,
    facts: Mapping[str, Any],
) -> SamplesData:  # fmt: skip
    """Pieces of ``context`` symbols, and shorter ones where a text or a line ends."""
    kind, context = options["pieces"], options["context"]
    found = [list(pieces(text, kind, context)) for text in texts.values()]
    rows = (range(len(found[0])), range(len(found[0]), sum(map(len, found))))
    whole = [piece for part in found for piece in part]
    if not whole:
        raise refused("E508", "the text has no piece to learn from", choice, "give it more words")
    if len(texts) == 1 or options["split"] is None:
        rows = split_rows(len(whole), options["split"], choice)
    own = (word for row in rows[0] for word in whole[row])
    known = _known(options) or most_frequent(own, size, (END, BEGIN))
    axis = str(model.inputs[0].axes[0])
    array, lengths = padded([known.numbers(piece) for piece in whole])
    every = fitted({"text": array}, {axis: lengths}, model, choice)
    training, validation = (every.rows(list(part)) for part in rows)
    more = {"context": context, "pieces": kind, "words": list(known.words)}
    return SamplesData(
        training, validation, {**facts, **more, **facts_of(training, validation)},
        options["batches"] == "mixed",
    )  # fmt: skip
