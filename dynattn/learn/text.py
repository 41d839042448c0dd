"""Text as training data: windows of bytes or characters from one file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dynattn.learn.parts import Batch

if TYPE_CHECKING:
    import numpy

    from dynattn.learn.words import Words


@dataclass(frozen=True)
class Alphabet:
    """How text becomes integers: each character's place in ``characters``; bytes where it is ''."""

    characters: str = ""

    @property
    def size(self) -> int:
        """The number of different symbols there can be."""
        return len(self.characters) or 256

    def encode(self, text: bytes) -> Any:
        """The symbols of a UTF-8 text; ValueError with the character that is not among them."""
        import numpy

        if not self.characters:
            return numpy.frombuffer(text, numpy.uint8)
        places = {character: place for place, character in enumerate(self.characters)}
        try:
            symbols = [places[character] for character in text.decode("utf-8")]
        except KeyError as error:
            raise ValueError(error.args[0]) from None
        return numpy.array(symbols, numpy.int32)

    def decode(self, symbols: Any) -> bytes:
        """The text of a sequence of symbols; those that stand for nothing become '?'."""
        if not self.characters:
            return bytes(symbol if symbol < 256 else 63 for symbol in map(int, symbols))
        known = self.characters
        return "".join(known[s] if s < len(known) else "?" for s in map(int, symbols)).encode()


BYTES = Alphabet()


@dataclass(frozen=True)
class TextData:
    """One text in two parts. Every array is of symbols; windows have ``context`` of them.

    A window of T symbols makes T - 1 predictions. Windows of the validation part share one symbol
    with their neighbours, so that every symbol but the first is predicted once; what is left at
    the end and fills no window is not.
    """

    training: Any = field(repr=False)
    validation: Any = field(repr=False)
    context: int
    alphabet: Alphabet | Words
    facts: Mapping[str, Any]

    input: str = "text"
    test: Any = field(repr=False, default=None)
    """What a third share of the text keeps apart; None without one."""

    @property
    def samples(self) -> int:
        """Windows side by side in the training part: the length of an epoch."""
        return max(1, len(self.training) // self.context)

    def draw(self, rng: numpy.random.Generator, count: int) -> Batch:
        """``count`` windows from random places of the training part, [count, context] int64."""
        starts = rng.integers(0, len(self.training) - self.context + 1, size=count)
        return ({self.input: _windows(self.training, starts, self.context)},)

    def validation_batches(
        self, size: int, limit: int | None = None
    ) -> Iterator[tuple[Batch, int]]:
        """Windows of the validation part, ``size`` at a time, with their number.

        All of them, or ``limit`` that are spread evenly and always the same.
        """
        starts = self.validation_starts(limit)
        for first in range(0, len(starts), size):
            chosen = starts[first : first + size]
            yield ({self.input: _windows(self.validation, chosen, self.context)},), len(chosen)

    def validation_starts(self, limit: int | None = None) -> Any:
        """Where the windows of the validation part begin."""
        import numpy

        last = len(self.validation) - self.context
        starts = numpy.arange(0, last + 1, max(1, self.context - 1))
        if limit is None or limit >= len(starts):
            return starts
        return starts[numpy.linspace(0, len(starts) - 1, limit).round().astype(numpy.int64)]

    def baselines(self) -> dict[str, float]:
        """Bits per character of the validation part by statistics of the training part."""
        if not isinstance(self.alphabet, Alphabet):
            return {}
        from dynattn.learn.baselines import bigram_bits, unigram_bits

        parts = (self.training, self.validation, self.alphabet.size)
        return {"unigram": unigram_bits(*parts), "bigram": bigram_bits(*parts)}


def _windows(symbols: Any, starts: Any, context: int) -> Any:
    import numpy

    return symbols[starts[:, None] + numpy.arange(context)].astype(numpy.int64)
