"""How many threads torch uses."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

import torch


def default_threads() -> int:
    """The number of threads where nothing is said: ``OMP_NUM_THREADS``, else one.

    With one thread a run is the same everywhere and can be resumed bit for bit; a second one, on
    two cores that others use too, made a step of a small layer six times slower.
    """
    allowed = os.environ.get("OMP_NUM_THREADS", "")
    return int(allowed) if allowed.isdigit() and int(allowed) else 1


@contextlib.contextmanager
def threads_set(count: int | None = None) -> Iterator[None]:
    """Let torch use ``count`` threads, or the default, inside; as many as before after it."""
    before = torch.get_num_threads()
    torch.set_num_threads(count or default_threads())
    try:
        yield
    finally:
        torch.set_num_threads(before)
