"""Text from a trained system, one symbol after the other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from dynattn.diagnostics.report import Diagnostic, SpecError
from dynattn.learn.reader import Reader
from dynattn.learn.text import BYTES, Alphabet
from dynattn.learn.words import Words
from dynattn.run.threads import threads_set


def sample(
    system: Any,
    prompt: bytes = b"\n",
    length: int = 400,
    *,
    context: int,
    temperature: float = 1.0,
    top_k: int | None = None,
    seed: int = 0,
    alphabet: Alphabet | Words = BYTES,
    stride: int = 1,
    told: Callable[[str], None] = lambda text: None,
) -> bytes:
    """``length`` further symbols after ``prompt`` (UTF-8), without the prompt.

    Each is drawn from softmax(logits / temperature), among the ``top_k`` likeliest where that is
    given; temperature 0 takes the likeliest. The system sees the last ``context`` symbols at most;
    once there are more, the oldest ``stride`` are forgotten at once. ``told`` hears where symbols
    cost a whole forward each. Raises SpecError for settings out of range or a prompt the model has
    no symbols for.
    """
    _check(temperature, top_k, length)
    reader = Reader(system, context, stride)
    generator = torch.Generator().manual_seed(seed)
    symbols = _encode(prompt or b"\n", alphabet)
    was_training = system.training
    system.eval()
    with torch.no_grad(), threads_set():
        _check_prompt(symbols, len(reader.logits([0])))
        reader.begin()
        for text in reader.costs(len(symbols) + length - 1):
            told(text)
        for _ in range(length):
            logits = reader.logits(symbols)
            symbols.append(_draw(logits[: alphabet.size], temperature, top_k, generator))
    system.train(was_training)
    return alphabet.decode(symbols[len(symbols) - length :])


def _check(temperature: float, top_k: int | None, length: int) -> None:
    wrong = (
        f"temperature {temperature:g} is below 0" if temperature < 0
        else f"top_k {top_k} is below 1" if top_k is not None and top_k < 1
        else f"length {length} is below 0" if length < 0
        else ""
    )  # fmt: skip
    if wrong:
        fix = "temperature is from 0 on, top_k from 1 on, length from 0 on"
        raise SpecError(Diagnostic("E571", wrong, fix=fix))


def _encode(prompt: bytes, alphabet: Alphabet | Words) -> list[int]:
    try:
        return [int(symbol) for symbol in alphabet.encode(prompt)]
    except UnicodeDecodeError:
        message, fix = "the prompt is not UTF-8", "write it in UTF-8"
    except ValueError as error:
        message = f"the prompt has {error.args[0]!r}, which the training text does not have"
        fix = "write the prompt with characters of the training text"
    raise SpecError(Diagnostic("E572", message, fix=fix))


def _check_prompt(symbols: list[int], size: int) -> None:
    highest = max(symbols)
    if highest >= size:
        message = f"the prompt has byte {highest}, and the model knows those below {size}"
        raise SpecError(Diagnostic("E572", message, fix="write the prompt without that character"))


def _draw(
    logits: torch.Tensor, temperature: float, top_k: int | None, generator: torch.Generator
) -> int:
    if temperature == 0:
        return int(logits.argmax())
    if top_k is not None and top_k < len(logits):
        threshold = logits.topk(top_k).values[-1]
        logits = logits.masked_fill(logits < threshold, -torch.inf)
    chances = torch.softmax(logits / temperature, dim=-1)
    return int(torch.multinomial(chances, 1, generator=generator))
