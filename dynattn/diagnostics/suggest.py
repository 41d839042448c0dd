"""Did you mean: the known name nearest to a misspelt one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

NONE: Mapping[str, str] = {}


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The one of ``known`` that ``word`` most likely stands for, or None where none is near."""
    import difflib

    names = sorted(set(known))
    by_lower = {name.lower(): name for name in names}
    if word.lower() in by_lower:
        return by_lower[word.lower()]
    close = difflib.get_close_matches(word, names, n=1, cutoff=0.6)
    return close[0] if close else None


def did_you_mean(
    word: str, known: Iterable[str], otherwise: str = "", habits: Mapping[str, str] = NONE
) -> str:
    """A fix sentence: "did you mean 'omega'?", or ``otherwise`` where no known name is near.

    ``habits``: what to write for words of mathematics and of other languages.
    """
    if word in habits:
        return f"write {habits[word]}"
    found = nearest(word, known)
    return f"did you mean '{found}'?" if found else otherwise
