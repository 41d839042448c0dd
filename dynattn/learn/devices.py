"""Where the numbers are computed: devices by name, and threads."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator

import torch

from dynattn.diagnostics.report import Diagnostic, UsageError


def available_devices() -> tuple[str, ...]:
    """Names of the devices that are there: ``cpu``, then CUDA's and Apple's."""
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    cuda = ("cuda", *(f"cuda:{number}" for number in range(count))) if count else ()
    return ("cpu", *cuda, *(("mps",) if torch.backends.mps.is_available() else ()))


def choose_device(name: str = "auto") -> torch.device:
    """The device called ``name``; ``auto`` is the first of cuda, mps, cpu that is there."""
    there = available_devices()
    if name == "auto":
        return torch.device(next(kind for kind in ("cuda", "mps", "cpu") if kind in there))
    if name in there:
        return torch.device(name)
    real = re.fullmatch(r"cpu|cuda(:\d+)?|mps", name)
    message = f"'{name}' {'is not there on this machine' if real else 'is not a device'}"
    raise UsageError(Diagnostic("E703", message, fix=f"this machine has {', '.join(there)}"))


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
