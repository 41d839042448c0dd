"""A process that makes runs of a comparison: tasks come in on stdin, one line each way.

It ends when stdin does, so that none goes on alone after the comparison was killed.
"""

from __future__ import annotations

import json
import os
import pickle
import queue
import signal
import sys
import threading
import time
from typing import TextIO

START = "import sys; sys.path[:] = sys.argv[1:]; from dynattn.learn.worker import main; main()"
"""What the interpreter runs; its arguments are the paths that modules are found in."""
STOP = "stop"
BETWEEN = 0.1
"""Seconds from one message about steps to the next."""


def main() -> None:
    """Make every run that is asked for, until stdin ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # who asked for the runs says when to stop
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
    os.dup2(2, 1)  # what a library prints is no answer
    tasks: queue.Queue[str] = queue.Queue()
    stopped = threading.Event()
    threading.Thread(target=_listen, args=(tasks, stopped), daemon=True).start()
    while True:
        _work(tasks.get(), answers, stopped)


def _listen(tasks: queue.Queue[str], stopped: threading.Event) -> None:
    for line in sys.stdin:
        if line.strip() == STOP:
            stopped.set()
        else:
            tasks.put(line)
    os._exit(0)


def _work(line: str, answers: TextIO, stopped: threading.Event) -> None:
    from dynattn.diagnostics.report import SpecError
    from dynattn.learn.tasks import perform

    last = 0.0

    def told(step: int) -> None:
        nonlocal last
        if time.monotonic() - last >= BETWEEN:
            last = time.monotonic()
            print(json.dumps({"step": step}), file=answers)

    try:
        answer = {"ended": perform(pickle.loads(bytes.fromhex(line)), told, stopped.is_set)}
    except SpecError as error:
        answer = {"refused": [[d.code, d.message, d.fix] for d in error.diagnostics]}
    print(json.dumps(answer), file=answers)
