"""A small language model for the tests of training: two matrices, a bias, and dropout.

Its spec is text, so that places in diagnostics are real; the checked model is made here by hand,
so that these tests stand on the learn room alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from dynattn.diagnostics.report import Source, Span
from dynattn.model.composition import Dim, InputUse
from dynattn.model.model import Model
from dynattn.model.parts import Parameter
from dynattn.model.plans import Choice, Record, Training
from dynattn.model.terms import GLOBAL, Place, Term, Type
from dynattn.vocabulary.sizes import named

SPEC = """model small "Predicts a byte from the one before"

param V = 128, C = 8
dim T

input text: token(V)[T]

network {
  x = embed(text, C)
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


def span_of(source: Source, words: str) -> Span:
    """Where the words stand in the source."""
    for number, line in enumerate(source.lines, 1):
        if words in line:
            column = line.index(words) + 1
            return Span(source, number, column, number, column + len(words))
    raise ValueError(words)


def choice(source: Source, words: str, name: str, *arguments: Any, **options: Any) -> Choice:
    """A choice whose span covers ``words``."""
    return Choice(name, arguments, options, span_of(source, words))


def spec_source(folder: Path, text: str = SPEC) -> Source:
    """The spec as a file of ``folder``, beside its data."""
    path = folder / "small.dyn"
    path.write_text(text)
    if not (folder / "words.txt").exists():
        (folder / "words.txt").write_bytes(TEXT)
    return Source(str(path), text)


def training_of(source: Source, **changes: Any) -> Training:
    """The train block of the spec, with some entries changed."""
    span = span_of(source, "cross_entropy(logits, next(text))")
    loss = Term("cross_entropy", (), Type(), span)
    entries: dict[str, Any] = {
        "span": span_of(source, "train"),
        "data": choice(
            source, 'text("words.txt", context=16)', "text", "words.txt", context=16
        ),
        "loss": loss,
        "records": (Record("value", "loss / log(2)", loss),),
        "optimizer": choice(
            source, "adamw(lr=1e-2, weight_decay=0.1, decay=matrices)", "adamw",
            lr=1e-2, weight_decay=0.1, decay="matrices",
        ),
        "schedule": choice(
            source, "cosine(warmup=0.1, floor=0.1)", "cosine", warmup=0.1, floor=0.1
        ),
        "clip": 1.0, "batch": 4, "steps": 12, "epochs": None, "seed": 3,
    }  # fmt: skip
    return Training(**{**entries, **changes})


def model_of(source: Source, limit: int | None = None, V: int = 128, **changes: Any) -> Model:
    """The checked model of the spec; ``changes`` are of its train block."""
    at = span_of(source, "input text: token(V)[T]")
    text = Type(Place("global"), (), "integer", None, named("V"))
    v, c = named("V"), named("C")
    parameters = tuple(
        Parameter(name, GLOBAL, shape, Term("number", (), Type(), at, 0), at, True, role=role)
        for name, shape, role in (
            ("x.embed.weight", (v, c), "table"),
            ("logits.linear.weight", (v, c), "matrix"),
            ("logits.linear.bias", (v,), "bias"),
        )
    )
    return Model(
        name="small", doc="", source=source, sizes={"V": V, "C": 8},
        dims=(Dim("T", limit, at),), parameters=parameters, populations=(), couplings=(), laws=(),
        layers=(), inputs=(InputUse("text", text, (named("T"),), at),), network=(), observables=(),
        simulations=(), training=training_of(source, **changes),
    )  # fmt: skip


class Bigram(torch.nn.Module):
    """logits = linear(dropout(embed(text))), with parameters named as in the spec."""

    def __init__(self, symbols: int, width: int) -> None:
        super().__init__()
        self.x = torch.nn.ModuleDict({"embed": torch.nn.Embedding(symbols, width)})
        self.dropout = torch.nn.Dropout(0.1)
        self.logits = torch.nn.ModuleDict({"linear": torch.nn.Linear(width, symbols)})

    def forward(self, text: torch.Tensor) -> torch.Tensor:
        return self.logits["linear"](self.dropout(self.x["embed"](text)))

    def trace_nan(self, **inputs: torch.Tensor) -> None:
        """Nothing is known of where a NaN was made."""

    def loss(self, text: torch.Tensor) -> dict[str, torch.Tensor]:
        logits = self(text)[:, :-1].flatten(0, 1)
        loss = torch.nn.functional.cross_entropy(logits, text[:, 1:].flatten())
        return {"loss": loss, "loss / log(2)": loss / torch.log(torch.tensor(2.0))}


@dataclass(frozen=True)
class SmallCompilation:
    """What training needs of a compilation."""

    model: Model
    overrides: Mapping[str, Any] = field(default_factory=dict)
    seed: int | None = None
    module: type[Bigram] = Bigram

    @property
    def chosen_seed(self) -> int:
        assert self.model.training is not None
        return self.model.training.seed if self.seed is None else self.seed

    def build(self, seed: int | None = None, dtype: Any = None, device: Any = "cpu") -> Bigram:
        made = self.module(self.model.sizes["V"], self.model.sizes["C"])
        generator = torch.Generator().manual_seed(self.chosen_seed if seed is None else seed)
        with torch.no_grad():
            for value in made.parameters():
                value.copy_(torch.randn(value.shape, generator=generator) * 0.1)
        return made.to(device=device, dtype=dtype)


def small(folder: Path, **changes: Any) -> Any:
    """The compilation of the spec in ``folder``; ``changes`` are of its train block."""
    return SmallCompilation(model_of(spec_source(folder), **changes))
