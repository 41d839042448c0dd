"""The workers of a Dask cluster, which solve chunks as processes of this machine do."""

from __future__ import annotations

import json
import queue
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from dynattn.diagnostics.report import Diagnostic, SpecError, UsageError
from dynattn.run.errands import WORK

TIMEOUT = 20
"""Seconds to wait for a scheduler."""


@dataclass
class Cluster:
    """The workers at the address of a scheduler. Texts and bytes go there and come back.

    Entering raises UsageError E744 where Dask is not installed, nothing answers, or none works.
    """

    address: str
    most: int
    count: int = 1
    """Threads of all workers."""
    _client: Any = None
    _answers: queue.SimpleQueue[Any] = field(default_factory=queue.SimpleQueue)
    _futures: dict[Any, Any] = field(default_factory=dict)

    def __enter__(self) -> Cluster:
        try:
            from distributed import Client
        except ModuleNotFoundError:
            fix = "pip install 'dynattn[cluster]', here and where the workers are"
            raise UsageError(Diagnostic("E744", "Dask is not installed", fix=fix)) from None
        try:
            self._client = Client(self.address, timeout=TIMEOUT, set_as_default=False)
        except (OSError, ValueError, TypeError) as error:
            reason = str(error).split("\n")[0] or type(error).__name__
            message = f"no Dask scheduler answers at {self.address}: {reason}"
            fix = "begin one with 'dask scheduler', and give its address: --cluster tcp://HOST:8786"
            raise UsageError(Diagnostic("E744", message, fix=fix)) from None
        self.count = sum(self._client.nthreads().values())
        if not self.count:
            self._client.close()
            message = f"the Dask scheduler at {self.address} has no workers"
            fix = f"begin some: dask worker {self.address} --nthreads 1"
            raise UsageError(Diagnostic("E744", message, fix=fix))
        return self

    def __exit__(self, *_: object) -> None:
        self._client.cancel(list(self._futures.values()))
        self._client.close()

    def put(self, key: Any, message: Mapping[str, Any], content: bytes = b"") -> None:
        """Work to do; ``key`` comes back with its answer."""
        future = self._client.submit(
            perform_remotely, json.dumps(dict(message)), content, pure=False
        )
        self._futures[key] = future
        future.add_done_callback(lambda done: self._answers.put((key, done)))

    def get(self, timeout: float | None = None) -> tuple[Any, dict[str, Any], bytes]:
        """The next answer; ``{"lost": ...}`` where workers ended over it time after time.

        queue.Empty where there is none in time.
        """
        key, future = self._answers.get(timeout=timeout)
        self._futures.pop(key)
        if future.status == "finished":
            said, content = future.result()
            return key, json.loads(said), content
        if future.status == "cancelled":
            return key, {"lost": "was cancelled"}, b""
        error = future.exception()
        if type(error).__name__ != "KilledWorker":
            raise _cannot_work(self.address, error)
        return key, {"lost": "ended time after time"}, b""


def _cannot_work(address: str, error: BaseException) -> SpecError:
    """E745: scheduler or workers that lack something."""
    while error.__cause__ is not None:
        error = error.__cause__
    reason = str(error).split("\n")[0] or type(error).__name__
    message = f"the cluster at {address} cannot work: {reason}"
    fix = "install the same versions on scheduler and workers: pip install 'dynattn[cluster]'"
    return SpecError(Diagnostic("E745", message, fix=fix))


def perform_remotely(said: str, content: bytes) -> tuple[str, bytes]:
    """What a worker of the cluster does; Dask runs it again where the worker dies."""
    from dynattn.run.worker import answered, work_named

    answer, found = answered(
        work_named(WORK), json.loads(said), content, lambda done: None, lambda: False
    )
    return json.dumps(dict(answer)), found
