"""Several processes that work at a time, each with one thread of torch."""

from __future__ import annotations

import os
import queue
import subprocess
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from dynattn.run.worker import START, STOP, read_message, write_message


def cores() -> int:
    """How many processors this process may use."""
    with suppress(AttributeError):  # of systems without it
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@dataclass
class Workers:
    """``count`` processes that do ``work``, a function named ``module:function``.

    What is ``put`` is done by whichever is free, in order. A process that ends before its work is
    told of, and another takes its place. None is left at the end of ``with``.
    """

    work: str
    count: int
    processes: dict[int, subprocess.Popen[bytes]] = field(default_factory=dict)
    _waiting: queue.SimpleQueue[Any] = field(default_factory=queue.SimpleQueue)
    _answers: queue.SimpleQueue[Any] = field(default_factory=queue.SimpleQueue)
    _threads: list[threading.Thread] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _closed: bool = False

    def __enter__(self) -> Workers:
        for number in range(self.count):
            self.processes[number] = self._start()
            self._threads.append(threading.Thread(target=self._serve, args=(number,), daemon=True))
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._drop()
        with self._lock:
            self._closed = True
            for process in self.processes.values():
                process.kill()
        for _thread in self._threads:
            self._waiting.put(None)
        for thread in self._threads:
            thread.join()
        for process in self.processes.values():
            with suppress(OSError, ValueError):  # what was not read
                process.communicate()

    def put(self, key: Any, message: Mapping[str, Any], content: bytes = b"") -> None:
        """Work to do; ``key`` comes back with its answers."""
        self._waiting.put((key, message, content))

    def get(self, timeout: float | None = None) -> tuple[Any, dict[str, Any], bytes]:
        """The next answer: ``{"done": ...}`` on the way, ``{"code": ...}`` where the process ended
        before, else the last one of its work. queue.Empty where there is none in time.
        """
        return self._answers.get(timeout=timeout)

    def stop(self) -> int:
        """Let all that is being done stop; how much was waiting, which is not begun any more."""
        dropped = self._drop()
        for process in self.processes.values():
            assert process.stdin is not None
            with suppress(OSError, ValueError):
                write_message(process.stdin, STOP)
        return dropped

    def _drop(self) -> int:
        count = 0
        with suppress(queue.Empty):
            while True:
                self._waiting.get_nowait()
                count += 1
        return count

    def _start(self) -> subprocess.Popen[bytes]:
        paths = (path for path in sys.path if path)
        call = [sys.executable, "-I", "-c", START, self.work, *paths]
        pipe = subprocess.PIPE
        return subprocess.Popen(call, stdin=pipe, stdout=pipe, start_new_session=True)

    def _serve(self, number: int) -> None:
        while (found := self._waiting.get()) is not None:
            key, message, content = found
            process = self.processes[number]
            assert process.stdin is not None and process.stdout is not None
            with suppress(OSError):
                write_message(process.stdin, message, content)
            while True:
                answer = read_message(process.stdout) or ({"code": process.wait()}, b"")
                if "code" in answer[0]:
                    self._replace(number, process)
                self._answers.put((key, *answer))
                if "done" not in answer[0]:
                    break

    def _replace(self, number: int, process: subprocess.Popen[bytes]) -> None:
        with suppress(OSError, ValueError):
            process.communicate()
        with self._lock:
            if not self._closed:
                self.processes[number] = self._start()


def is_last(answer: Mapping[str, Any]) -> bool:
    """Whether no other answer to the same work follows."""
    return "done" not in answer


def how_it_ended(code: int) -> str:
    """In words, for an exit code as ``subprocess`` gives it."""
    return f"was killed (signal {-code})" if code < 0 else f"ended with exit code {code}"
