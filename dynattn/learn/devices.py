"""Where the numbers are computed: devices by name."""

from __future__ import annotations

import re

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
