"""A small language model for the tests of training: two matrices, a bias, and dropout."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from dynattn.compilation import Compilation
from dynattn.diagnostics.report import Source
from dynattn.lower.module import System

SPEC = """model small "Predicts a byte from the one before"

param V = 128, C = 8
dim T

input text: token(V)[T]

network {
  x = dropout(embed(text, C), 0.1)
  output logits = linear(x, V)
}

train {
  data      text("words.txt", context=16)
  loss      cross_entropy(logits, next(text))
  record    loss / log(2)
  optimizer adamw(lr=1e-2, weight_decay=0.1, decay=matrices)
  schedule  cosine(warmup=0.1, floor=0.1); clip 1.0
  batch 4; steps 12; seed 3
}
"""
TEXT = ("the cat sat on the mat, and the dog sat on the log. " * 20).encode()

Change = tuple[str, str]
"""Words of the spec, and those that take their place."""


def changed(*changes: Change) -> str:
    """The spec's text with other words."""
    text = SPEC
    for before, after in changes:
        assert before in text, before
        text = text.replace(before, after)
    return text


def small(folder: Path, *changes: Change, **options: Any) -> Compilation:
    """The spec as a file of ``folder``, beside its data; ``options`` are of the compilation."""
    path = folder / "small.dyn"
    text = changed(*changes)
    path.write_text(text)
    if not (folder / "words.txt").exists():
        (folder / "words.txt").write_bytes(TEXT)
    return Compilation(Source(str(path), text), **options)


def bigram(V: int, C: int, seed: int = 0) -> System:
    """The spec's module with other sizes, as training builds it."""
    spec = Compilation(Source("small.dyn", SPEC), {"V": V, "C": C}, seed)
    return spec.build(dtype=torch.float32)
