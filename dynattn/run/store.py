"""The finished chunks of a sweep on disk, so that a killed sweep goes on where it was.

``chunks/plan.json`` says of what sweep, ``chunks/000012.npz`` holds a chunk, ``chunks/log.jsonl``
has a line for each that was computed. A chunk is there as a whole or not at all; the log follows.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

from dynattn.diagnostics.files import make_folder, write_trouble, write_whole
from dynattn.diagnostics.report import Diagnostic, SpecError
from dynattn.run.division import Chunk

FOLDER = "chunks"


@dataclass(frozen=True)
class Store:
    """The chunks of one sweep in the folder of its results."""

    path: Path

    @classmethod
    def open(cls, results: Path, plan: Mapping[str, Any]) -> Store:
        """The store in a folder of results, new or gone on with.

        SpecError E740 where it holds another sweep.
        """
        store = cls(results / FOLDER)
        file = store.path / "plan.json"
        if not file.exists():
            make_folder(store.path)
            write_whole(file, json.dumps(plan, indent=2, ensure_ascii=False) + "\n")
            return store
        try:
            known = json.loads(file.read_text("utf-8"))
        except (OSError, ValueError):
            known = {}
        if different := _difference(known, json.loads(json.dumps(plan))):
            message = f"{results} holds another sweep: {different}"
            fix = "give the spec and the settings that it was begun with, or another place: -o DIR"
            raise SpecError(Diagnostic("E740", message, fix=fix))
        return store

    def has(self, chunk: Chunk) -> bool:
        """Whether a chunk is finished."""
        return self._file(chunk).exists()

    def read(self, chunk: Chunk) -> Any:
        """A finished chunk; None where it is damaged, so that it has to be solved again."""
        from dynattn.run.chunks import solved_of

        try:
            return solved_of(self._file(chunk).read_bytes())
        except (OSError, ValueError, KeyError, EOFError, BadZipFile):
            return None

    def write(self, chunk: Chunk, content: bytes, seconds: float) -> None:
        """Keep a chunk. SpecError E705 where the disk has no room."""
        write_whole(self._file(chunk), content)
        said = {
            "chunk": chunk.number, "points": len(chunk.points), "seconds": round(seconds, 3),
            "at": time.strftime("%Y-%m-%dT%H:%M:%S"),
        }  # fmt: skip
        log = self.path / "log.jsonl"
        with write_trouble(log), open(log, "a", encoding="utf-8") as file:
            file.write(json.dumps(said) + "\n")

    def tidy(self) -> None:
        """Remove what a killed process left half written."""
        for folder in (self.path, self.path.parent):
            for file in folder.glob(".*.tmp"):
                with suppress(OSError):
                    file.unlink()

    def clear(self) -> None:
        """Remove the chunks, once the results have all of them; the plan and the log stay."""
        for file in self.path.glob("*.npz"):
            with suppress(OSError):
                file.unlink()

    def _file(self, chunk: Chunk) -> Path:
        return self.path / f"{chunk.number:06}.npz"

    @contextmanager
    def alone(self) -> Iterator[None]:
        """SpecError E743 where another process is at work here; it ends when this one does."""
        with write_trouble(self.path):
            lock = os.open(self.path / "lock", os.O_CREAT | os.O_RDWR)
        try:
            _lock(lock, self.path)
            yield
        finally:
            os.close(lock)


def is_store(results: Path) -> bool:
    """Whether a sweep was begun in a folder of results."""
    return (results / FOLDER / "plan.json").exists()


def _lock(file: int, path: Path) -> None:
    try:
        import fcntl
    except ImportError:  # of systems without it
        return
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        message = f"another process is at work in {path.parent}"
        fix = "wait until it ends, or choose another place with -o DIR"
        raise SpecError(Diagnostic("E743", message, fix=fix)) from None


def digest(text: str) -> str:
    """Of a text, to tell whether it is the same."""
    return hashlib.sha256(text.encode()).hexdigest()


def _difference(known: Mapping[str, Any], plan: Mapping[str, Any]) -> str:
    """The first thing that is not the same, in words."""
    for name, words in _WORDS.items():
        if known.get(name) != plan.get(name):
            if name in ("text", "key", "chunks") or name not in known:
                return words
            return f"{words}, {known[name]} there and {plan.get(name)} here"
    return ""


_WORDS = {
    "model": "of another model", "experiment": "of another experiment",
    "text": "the text of the spec is another one", "overrides": "of other settings",
    "seed": "of another seed", "grid": "of other points", "repeat": "of other repeats",
    "versions": "made with other versions", "key": "of other arrays, or for another device",
    "chunks": "divided in another way",
}  # fmt: skip
"""What may be different, in the order in which it is told."""
