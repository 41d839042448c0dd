"""Several runs at a time, each in a process of its own."""

from __future__ import annotations

import queue
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from dynattn.diagnostics.report import Diagnostic, SpecError
from dynattn.learn.tasks import Task
from dynattn.run.workers import Workers, how_it_ended, is_last

Heard = Callable[[Task, int | None], None]
"""Hears how many updates of a task are done; None where the task has ended."""


def perform_all(tasks: Sequence[Task], jobs: int, heard: Heard) -> bool:
    """Make the runs, ``jobs`` at a time; False where Ctrl-C stopped them, with all of it saved.

    SpecError with what a run was refused for, or E726 where its process ended before it did.
    """
    with Workers("dynattn.learn.tasks:perform_message", min(jobs, len(tasks))) as workers:
        for k, task in enumerate(tasks):
            workers.put(k, *task.message())
        return _collect(workers, tasks, heard)


def _collect(workers: Workers, tasks: Sequence[Task], heard: Heard) -> bool:
    """Listen until every run is done; after Ctrl-C until each that was begun is saved."""
    left, asked, whole = len(tasks), False, True
    wrong: list[Diagnostic] = []
    while left:
        try:
            k, answer, _ = workers.get(timeout=1.0)
        except queue.Empty:
            continue
        except KeyboardInterrupt:
            if asked:
                raise
            asked = True
            left -= workers.stop()
            continue
        left -= is_last(answer)
        whole &= answer.get("ended", True)
        wrong += _wrong(tasks[k], answer)
        heard(tasks[k], int(answer["done"]) if "done" in answer else None)
    if wrong:
        raise SpecError(wrong)
    return whole and not asked


def _wrong(task: Task, answer: Mapping[str, Any]) -> list[Diagnostic]:
    """What an answer tells that ends the comparison."""
    if "code" in answer:
        message = (
            f"the process of {task.name} {how_it_ended(answer['code'])} before its run was done"
        )
        fix = "call it again: it goes on; with too little memory take fewer at once: --jobs 1"
        return [Diagnostic("E726", message, fix=fix)]
    return [
        Diagnostic(code, f"{task.name}: {message}", fix=fix)
        for code, message, fix in answer.get("refused", ())
    ]
