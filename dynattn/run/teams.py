"""Who solves the chunks of a sweep: this process, others on this machine, or a cluster."""

from __future__ import annotations

import queue
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from dynattn.diagnostics.report import Diagnostic, SpecError, UsageError
from dynattn.run.division import Chunk
from dynattn.run.errands import WORK
from dynattn.run.provenance import versions
from dynattn.run.worker import Message
from dynattn.run.workers import Workers, cores, how_it_ended

if TYPE_CHECKING:
    from dynattn.run.collection import Collection

Progress = Callable[[float], None]

PATIENCE = 2.0
"""Seconds before anything can be said of how long a sweep takes."""
WORTH = 12.0
"""Seconds that must be left for other processes to pay: each takes some to begin."""
AHEAD = 2
"""Chunks that wait for each worker, so that none is idle while another's results are kept."""
ATTEMPTS = 4
"""So many processes may end over a chunk before its points are given up."""


class Team(Protocol):
    """Several who work; see Workers."""

    count: int

    def put(self, key: Any, message: Message, content: bytes = b"") -> None:
        """Work to do."""
        ...

    def get(self, timeout: float | None = None) -> tuple[Any, dict[str, Any], bytes]:
        """The next answer."""
        ...


Call = Callable[[int], AbstractContextManager[Team]]
"""A team of so many at most."""


@dataclass(frozen=True)
class Wanted:
    """Who is to solve; ``call`` None: this process alone, ``sure`` False: if others do not pay."""

    call: Call | None
    count: int
    sure: bool = True


def team_for(workers: int | None, cluster: str | None) -> Wanted:
    """Who is meant. UsageError E742 where nobody is, E744 where there is no cluster."""
    if cluster is not None:
        if workers is not None:
            fix = "give --workers or --cluster"
            raise UsageError(Diagnostic("E742", "a cluster has the workers that it has", fix=fix))
        from dynattn.run.cluster import Cluster

        return Wanted(partial(Cluster, cluster), 2**16)
    if workers is not None and workers < 1:
        message = f"{workers} workers solve nothing"
        raise UsageError(Diagnostic("E742", message, fix="give 1 or more: --workers 2"))
    if workers == 1:
        return Wanted(None, 1)
    return Wanted(partial(Workers, WORK), workers or cores(), sure=workers is not None)


def check_team(single: str | None, workers: int | None, cluster: str | None) -> None:
    """As ``team_for``; E742 too for workers of a ``single`` experiment, which has one point."""
    if single is not None and (workers is not None or cluster is not None):
        message = f"'{single}' has one point, so there is nothing to share out"
        fix = "leave --workers and --cluster out"
        raise UsageError(Diagnostic("E742", message, fix=fix))
    team_for(workers, cluster)


class _Worthwhile(Exception):
    """So much is left that others are to help; the chunk on its way begins anew."""


def solve_chunks(work: Collection, progress: Progress | None, wanted: Wanted) -> None:
    """Solve all chunks that are left, each once.

    SpecError where one is refused, E745 where a worker has other versions.
    """
    told = _Told(work, progress)
    told.tell()
    call = _callable(work, wanted)
    if call is None or not wanted.sure:
        try:
            _by_ourselves(work, told, able=call is not None)
            return
        except _Worthwhile:
            told.flying.clear()
    if call is not None and (left := len(_left(work))):
        with call(min(wanted.count, left)) as team:
            _by_team(work, told, team)


def _callable(work: Collection, wanted: Wanted) -> Call | None:
    """The team, if any is to be called; UsageError E742 where others cannot solve the points."""
    if wanted.call is None or (not wanted.sure and wanted.count < 2):
        return None
    if work.device == "cpu" and work.errand is not None:
        return wanted.call
    if not wanted.sure:
        return None
    message = "workers solve experiments of the spec's own text, and this one was made in Python"
    if work.device != "cpu":
        message = f"all points are solved by one process on {work.device}"
    raise UsageError(Diagnostic("E742", message, fix="leave workers and cluster out"))


def _left(work: Collection) -> list[Chunk]:
    return [chunk for chunk in work.chunks if chunk.number not in work.ended]


@dataclass
class _Told:
    """Tells how much is done."""

    work: Collection
    progress: Progress | None
    flying: dict[int, float] = field(default_factory=dict)
    """Points that are done of chunks on their way."""

    def tell(self) -> float:
        """The fraction of all points."""
        work = self.work
        done = sum(len(c.points) for c in work.chunks if c.number in work.ended)
        fraction = min(1.0, (done + sum(self.flying.values())) / work.done.size)
        if self.progress is not None:
            self.progress(fraction)
        return fraction

    def moved(self, chunk: Chunk, part: float) -> float:
        """So much of a chunk is done; points beside one that fails begin again: no step back."""
        before = self.flying.get(chunk.number, 0.0)
        self.flying[chunk.number] = max(before, part * len(chunk.points))
        return self.tell()

    def ended(self, chunk: Chunk) -> None:
        """Nothing of a chunk is on its way any more."""
        self.flying.pop(chunk.number, None)
        self.tell()


def _by_ourselves(work: Collection, told: _Told, able: bool) -> None:
    """One chunk after another; _Worthwhile where so much is left that others are to help."""
    began, before = time.monotonic(), told.tell()

    def moved(chunk: Chunk, part: float) -> None:
        fraction, seconds = told.moved(chunk, part), time.monotonic() - began
        if not able or seconds < PATIENCE or len(_left(work)) < 2:
            return
        if fraction > before and seconds * (1 - fraction) / (fraction - before) > WORTH:
            raise _Worthwhile

    for chunk in _left(work):
        found = work.solver.solve(chunk, _begin(work, chunk), partial(moved, chunk))
        work.accept(chunk, found)
        told.ended(chunk)


def _begin(work: Collection, chunk: Chunk) -> Mapping[str, Any]:
    return {} if chunk.after is None else work.reached.get(chunk.after, {})


def _by_team(work: Collection, told: _Told, team: Team) -> None:
    ready = deque(_left(work))
    flying: dict[int, Chunk] = {}
    ends: Counter[int] = Counter()
    while ready or flying:
        for chunk in _next(work, ready, AHEAD * team.count - len(flying)):
            flying[chunk.number] = chunk
            team.put(chunk.number, *work.errand.chunk_message(chunk, _begin(work, chunk)))
        try:
            number, answer, content = team.get(timeout=1.0)
        except queue.Empty:
            continue
        chunk = flying[number]
        if "done" in answer:
            told.moved(chunk, answer["done"])
            continue
        del flying[number]
        how = _how_it_was_lost(answer)
        if how is None:
            _check(answer)
            work.accept_bytes(chunk, content)
        elif ends[number] + 1 < ATTEMPTS:
            ends[number] += 1
            ready.appendleft(chunk)
        else:
            work.lose(chunk, how)
            ready = deque(item for item in ready if item.number not in work.ended)
        told.ended(chunk)


def _next(work: Collection, ready: deque[Chunk], most: int) -> list[Chunk]:
    """Chunks that can be begun now, taken out of those that are ready."""
    able = [c for c in ready if c.after is None or c.after in work.ended][: max(0, most)]
    for chunk in able:
        ready.remove(chunk)
    return able


def _how_it_was_lost(answer: Mapping[str, Any]) -> str | None:
    return how_it_ended(answer["code"]) if "code" in answer else answer.get("lost")


def _check(answer: Mapping[str, Any]) -> None:
    """SpecError with what a worker refused; E745 where it has other versions than this process."""
    if "refused" in answer:
        raise SpecError([Diagnostic(code, text, fix=fix) for code, text, fix in answer["refused"]])
    ours = versions()
    for name, theirs in answer["versions"].items():
        if name != "python" and ours.get(name) != theirs:
            message = f"a worker has {name} {theirs}, and this process has {ours.get(name)}"
            fix = "install the same versions everywhere: pip install -c constraints.txt"
            raise SpecError(Diagnostic("E745", message, fix=fix))
