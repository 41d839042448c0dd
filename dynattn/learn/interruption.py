"""Ctrl-C and SIGTERM as a wish that is granted between two steps, not in the middle of one."""

from __future__ import annotations

import signal
import threading
from types import FrameType
from typing import Any

from dynattn.diagnostics.launch import process_count


class Interruption:
    """While inside, the first Ctrl-C or, of a process alone, SIGTERM only sets ``asked``; a second
    one stops at once.

    Signals reach the main thread alone; in another thread nothing is changed. Of several processes
    torchrun ends those that wait for one that is gone by SIGTERM: they do not wait on.
    """

    def __init__(self) -> None:
        self.asked = False
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Interruption:
        if threading.current_thread() is threading.main_thread():
            alone = process_count() == 1
            for number in (signal.SIGINT, signal.SIGTERM) if alone else (signal.SIGINT,):
                self._before[number] = signal.signal(number, self._ask)
        return self

    def __exit__(self, *_: object) -> None:
        for number, before in self._before.items():
            signal.signal(number, before)

    def _ask(self, number: int, frame: FrameType | None) -> None:
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True
