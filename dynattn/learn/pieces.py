"""Words cut into pieces between ``<bos>`` and ``<eos>``, as arXiv 2606.12059 cuts its texts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

BEGIN, END = "<bos>", "<eos>"

SHORTEST = 5
"""A piece of a line has so many symbols at least; shorter ones tell nothing and are left out."""


def pieces(text: str, kind: str, context: int) -> Iterator[tuple[str, ...]]:
    """The pieces of a text, ``context`` symbols long or shorter where it ends.

    ``text``: its lines one after the other, cut every ``context - 2`` words, each piece between
    ``BEGIN`` and ``END``. ``lines``: each line between them, cut every ``context`` symbols.
    """
    if kind == "text":
        words = text.split()
        for part in _cut(words, context - 2):
            yield (BEGIN, *part, END)
        return
    for line in text.split("\n"):
        if line.strip():
            whole = _cut((BEGIN, *line.split(), END), context)
            yield from (tuple(part) for part in whole if len(part) >= SHORTEST)


def _cut(words: Sequence[str], length: int) -> Iterator[Sequence[str]]:
    return (words[first : first + length] for first in range(0, len(words), length))
