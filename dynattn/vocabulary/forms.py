"""Forms that the sum of a coupling may be given by name."""

from __future__ import annotations

FORMS: dict[str, frozenset[str]] = {
    "mean_field": frozenset({"mean_field"}),
    "blocks": frozenset({"blocks"}),
    "low_rank": frozenset({"low_rank"}),
    "prefix": frozenset({"prefix"}),
    "window": frozenset({"window"}),
    "roll": frozenset({"roll"}),
    "fft": frozenset({"fft"}),
    "dense": frozenset({"dense", "weighted"}),
    "sparse": frozenset({"csr"}),
    "attention": frozenset({"attention", "successor_attention"}),
    "edges": frozenset({"edges", "pairs"}),
}
"""By the word in a spec: what the array program calls it."""


def word_of(form: str) -> str:
    """The word for a form of the array program."""
    return next(word for word, forms in FORMS.items() if form in forms)
