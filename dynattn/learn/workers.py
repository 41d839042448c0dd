"""Several runs at a time, each in a process of its own with one thread of torch."""

from __future__ import annotations

import json
import os
import pickle
import queue
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from dynattn.diagnostics.report import Diagnostic, SpecError
from dynattn.learn.tasks import Task
from dynattn.learn.worker import START, STOP

Heard = Callable[[Task, int | None], None]
"""Hears how many updates of a task are done; None where the task has ended."""


def cores() -> int:
    """How many processors this process may use."""
    with suppress(AttributeError):  # of systems without it
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def perform_all(tasks: Sequence[Task], jobs: int, heard: Heard) -> bool:
    """Make the runs, ``jobs`` at a time; False where Ctrl-C stopped them, with all of it saved.

    SpecError with what a run was refused for, or E726 where its process ended before it did.
    """
    waiting: queue.SimpleQueue[Task] = queue.SimpleQueue()
    for task in tasks:
        waiting.put(task)
    answers: queue.SimpleQueue[tuple[Task | None, dict[str, Any]]] = queue.SimpleQueue()
    with _started(min(jobs, len(tasks)), waiting, answers) as processes:
        return _collect(processes, waiting, answers, heard)


@contextmanager
def _started(count: int, waiting: Any, answers: Any) -> Iterator[list[subprocess.Popen[str]]]:
    """So many workers, each served by a thread; none is left afterwards."""
    call = [sys.executable, "-I", "-c", START, *(path for path in sys.path if path)]
    processes = [
        subprocess.Popen(
            call, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
        )
        for _ in range(count)
    ]
    threads = [
        threading.Thread(target=_serve, args=(process, waiting, answers), daemon=True)
        for process in processes
    ]
    for thread in threads:
        thread.start()
    try:
        yield processes
    finally:
        for process in processes:
            process.kill()
        for process, thread in zip(processes, threads, strict=True):
            thread.join()  # it reads to the end
            with suppress(OSError):  # what was not read
                process.communicate()


def _serve(process: subprocess.Popen[str], waiting: Any, answers: Any) -> None:
    """Give one worker task after task and pass its answers on; (None, {}) at the end."""
    assert process.stdin is not None and process.stdout is not None
    with suppress(queue.Empty):
        while True:
            task = waiting.get_nowait()
            with suppress(OSError):
                process.stdin.write(pickle.dumps(task).hex() + "\n")
                process.stdin.flush()
            answer: dict[str, Any] = {}
            while not answer.keys() & {"ended", "refused", "code"}:
                line = process.stdout.readline()
                answer = json.loads(line) if line else {"code": process.wait()}
                answers.put((task, answer))
            if "code" in answer:
                break
    answers.put((None, {}))


def _collect(
    processes: Sequence[subprocess.Popen[str]], waiting: Any, answers: Any, heard: Heard
) -> bool:
    """Listen until every worker is done; after Ctrl-C until each has saved its run."""
    left, asked, whole = len(processes), False, True
    wrong: list[Diagnostic] = []
    while left:
        try:
            task, answer = answers.get(timeout=1.0)
        except queue.Empty:
            continue
        except KeyboardInterrupt:
            if asked:
                raise
            asked = True
            _stop(processes, waiting)
            continue
        left -= task is None
        if task is not None:
            whole &= answer.get("ended", True)
            wrong += _wrong(task, answer)
            heard(task, answer.get("step"))
    if wrong:
        raise SpecError(wrong)
    return whole and not asked


def _stop(processes: Sequence[subprocess.Popen[str]], waiting: Any) -> None:
    with suppress(queue.Empty):
        while True:
            waiting.get_nowait()
    for process in processes:
        assert process.stdin is not None
        with suppress(OSError):
            process.stdin.write(STOP + "\n")
            process.stdin.flush()


def _wrong(task: Task, answer: dict[str, Any]) -> list[Diagnostic]:
    """What an answer tells that ends the comparison."""
    if "code" in answer:
        code = answer["code"]
        how = f"was killed (signal {-code})" if code < 0 else f"ended with exit code {code}"
        message = f"the process of {task.name} {how} before its run was done"
        fix = "call it again: it goes on; with too little memory take fewer at once: --jobs 1"
        return [Diagnostic("E726", message, fix=fix)]
    return [
        Diagnostic(code, f"{task.name}: {message}", fix=fix)
        for code, message, fix in answer.get("refused", ())
    ]
