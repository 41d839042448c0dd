"""What a trained system says comes next, symbol by symbol: by what it kept of those before."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from dynattn.diagnostics.report import Diagnostic, SpecError
from dynattn.lower.decoding import Decoder, NotIncremental
from dynattn.lower.module import System


class Reader:
    """Reads symbols that come one after the other; it sees the last ``context`` at most.

    Symbol numbers decide which it sees, not how they are computed: all up to ``context``, and then
    the oldest ``stride`` fewer each time that there are more.
    """

    def __init__(self, system: Any, context: int, stride: int = 1) -> None:
        """SpecError E571 where the model cannot see so many symbols."""
        self.system, self.context, self.stride = system, context, stride
        self.obstacle = ""
        """Why each symbol takes a forward of all that are seen; empty where it does not."""
        self._decoder: Decoder | None = None
        self._start = 0
        _check_window(system, context, stride)
        try:
            if isinstance(system, System):
                self._decoder = Decoder(system)
        except NotIncremental as error:
            self.obstacle = str(error)

    def begin(self) -> None:
        """A new text begins."""
        self._start = 0
        if self._decoder is not None:
            self._decoder.begin()

    def start(self, count: int) -> int:
        """The first symbol that is seen of ``count``."""
        return -(-max(0, count - self.context) // self.stride) * self.stride

    def costs(self, count: int) -> list[str]:
        """What of a text of ``count`` symbols takes a forward of all that are seen, in words."""
        if self.obstacle:
            return [f"every symbol takes a whole forward, since {self.obstacle}"]
        if self._decoder is None or count <= self.context:
            return []
        text = f"from symbol {self.context + 1} on the window of {self.context} moves on"
        if self.stride == 1:
            return [f"{text} by one, which takes a whole forward each: --stride moves it further"]
        return [f"{text} by {self.stride} at a time, which takes a whole forward each time"]

    def logits(self, symbols: Sequence[int]) -> torch.Tensor:
        """[V] in float64 on the CPU: what comes after the symbols, which continue those before.

        SpecError E573 where the system gives no such numbers.
        """
        start = self.start(len(symbols))
        if self._decoder is None:
            return self._last(self.system, symbols[start:])
        if start != self._start:
            self.begin()
            self._start = start
        return self._last(self._decoder, symbols[start + self._decoder.length :])

    def _last(self, network: Any, symbols: Sequence[int]) -> torch.Tensor:
        device = next(self.system.parameters()).device
        found = network(torch.tensor([list(symbols)], device=device))
        if not torch.is_tensor(found) or found.dim() != 3:
            message = "the model has no single output with one row of logits per token"
            fix = "sample from a model with input text: token(V)[T] and one output of V logits"
            raise SpecError(Diagnostic("E573", message, fix=fix))
        return found[0, -1].double().cpu()


def _check_window(system: Any, context: int, stride: int) -> None:
    limits = [d.limit for d in system.model.dims] if isinstance(system, System) else []
    limit = min((n for n in limits if n is not None), default=None)
    wrong = (
        f"context {context} is below 1" if context < 1
        else f"context {context} is above {limit}, the most that the model reads"
        if limit is not None and context > limit
        else f"stride {stride} is not from 1 to the context, {context}"
        if not 1 <= stride <= context
        else ""
    )  # fmt: skip
    if wrong:
        fix = "the context is what the model was trained with, or what dim T allows"
        raise SpecError(Diagnostic("E571", wrong, fix=fix))
