"""Processes that torchrun starts together: how many there are, and which one this is."""

from __future__ import annotations

import os

NEEDED = ("RANK", "LOCAL_RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")
"""Environment variables that torchrun sets."""


def process_count() -> int:
    """How many processes were started together; 1 where this one was started alone."""
    together = all(os.environ.get(name) for name in NEEDED)
    return int(os.environ["WORLD_SIZE"]) if together else 1


def is_first() -> bool:
    """Whether this process is the one that writes and prints."""
    return process_count() == 1 or int(os.environ["RANK"]) == 0
