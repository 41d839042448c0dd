"""A process that works for another: messages come in on stdin, answers go out on what was stdout.

A message is a line of JSON, and the bytes whose number it names. The process ends when stdin does,
so that none goes on alone after the one that asks was killed.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import IO, Any

START = "import sys; sys.path[:] = sys.argv[2:]; from dynattn.run.worker import main; main()"
"""What the interpreter runs; its arguments are what does the work, and where modules are found."""
STOP = {"stop": True}
BETWEEN = 0.1
"""Seconds from one message about what is done to the next."""

Message = Mapping[str, Any]
Answer = tuple[Message, bytes]
Told = Callable[[float], None]
"""Hears how much is done."""
Stops = Callable[[], bool]
"""Whether the work is to stop, with all of it saved."""
Work = Callable[[Message, bytes, Told, Stops], Answer]


def write_message(file: IO[bytes], message: Message, content: bytes = b"") -> None:
    """A line of JSON, then the bytes."""
    line = json.dumps({**message, "bytes": len(content)})
    file.write(line.encode() + b"\n" + content)
    file.flush()


def read_message(file: IO[bytes]) -> tuple[dict[str, Any], bytes] | None:
    """The next one; None where there is no whole one any more."""
    line = file.readline()
    if not line.endswith(b"\n"):
        return None
    message = json.loads(line)
    count = message.pop("bytes")
    content = file.read(count)
    return (message, content) if len(content) == count else None


def work_named(name: str) -> Work:
    """The function ``module:function``."""
    module, function = name.split(":")
    return getattr(import_module(module), function)


def main() -> None:
    """Do all the work that is asked for, until stdin ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # who asked for the work says when to stop
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints is no answer
    tasks: queue.Queue[tuple[dict[str, Any], bytes]] = queue.Queue()
    stopped = threading.Event()
    threading.Thread(target=_listen, args=(tasks, stopped), daemon=True).start()
    work = work_named(sys.argv[1])
    while True:
        message, content = tasks.get()
        write_message(answers, *answered(work, message, content, _teller(answers), stopped.is_set))


def answered(work: Work, message: Message, content: bytes, told: Told, stops: Stops) -> Answer:
    """What the work gives, or what it was refused for."""
    from dynattn.diagnostics.report import SpecError

    try:
        return work(message, content, told, stops)
    except SpecError as error:
        return {"refused": [[d.code, d.message, d.fix] for d in error.diagnostics]}, b""


def _teller(answers: IO[bytes]) -> Told:
    last = 0.0

    def told(done: float) -> None:
        nonlocal last
        if time.monotonic() - last >= BETWEEN:
            last = time.monotonic()
            write_message(answers, {"done": done})

    return told


def _listen(tasks: queue.Queue[tuple[dict[str, Any], bytes]], stopped: threading.Event) -> None:
    while (found := read_message(sys.stdin.buffer)) is not None:
        if found[0] == STOP:
            stopped.set()
        else:
            tasks.put(found)
    os._exit(0)
