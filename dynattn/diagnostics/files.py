"""Writing files whole or not at all; what the system refuses becomes a diagnostic (E704, E705)."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from dynattn.diagnostics.report import Diagnostic, SpecError

Content = str | bytes | memoryview | Callable[[BinaryIO], object]

_NO_ROOM = {errno.ENOSPC: "the disk is full", errno.EDQUOT: "the disk quota is used up",
            errno.EFBIG: "the file is larger than the system allows"}  # fmt: skip


def write_whole(path: Path, content: Content) -> Path:
    """Put a text (as UTF-8), bytes, or what a function writes at ``path``; folders are made.

    What stood there stays whole until all of it is on disk. SpecError E704 where the place is
    taken, E705 where the system refuses; no temporary file is left then.
    """
    refuse_folder(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with write_trouble(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with open(temporary, "wb") as file:
                _fill(file, content)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
        except BaseException:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)
            raise
    return path


def _fill(file: BinaryIO, content: Content) -> None:
    if callable(content):
        content(file)
    else:
        file.write(content.encode() if isinstance(content, str) else content)


def refuse_folder(path: Path) -> None:
    """SpecError E704 where a folder has the name that a file is to get."""
    if path.is_dir():
        message, fix = f"{path} is a folder", "choose another file name"
        raise SpecError(Diagnostic("E704", message, fix=fix))


def make_folder(path: Path) -> None:
    """Make a folder and those above it; SpecError E704 where a file stands in the way, or E705."""
    with write_trouble(path):
        path.mkdir(parents=True, exist_ok=True)


def make_empty_folder(path: Path) -> None:
    """As ``make_folder``; SpecError E704 where the folder is there and has something in it."""
    if path.is_dir() and any(path.iterdir()):
        fix = "choose another place with -o DIR"
        raise SpecError(Diagnostic("E704", f"{path} is not empty", fix=fix))
    make_folder(path)


@contextlib.contextmanager
def write_trouble(path: Path) -> Iterator[None]:
    """Turns the system's refusal to write ``path`` into a diagnostic."""
    try:
        yield
    except OSError as error:
        raise SpecError(refusal(path, error)) from None


def refusal(place: Path | str, error: OSError) -> Diagnostic:
    """The diagnostic for the system's refusal to write ``place``."""
    if error.errno in _NO_ROOM:
        message = f"{place} cannot be written: {_NO_ROOM[error.errno]}"
        return Diagnostic("E705", message, fix="make room; what was written before is whole")
    if isinstance(place, Path) and error.errno in (errno.ENOTDIR, errno.EEXIST, errno.EISDIR):
        return _taken(place)
    reason = (error.strerror or str(error)).lower()
    message = f"{place} cannot be written: {reason}"
    return Diagnostic("E705", message, fix="choose another place with -o")


def _taken(path: Path) -> Diagnostic:
    blocker = next((p for p in (path, *path.parents) if p.exists() and not p.is_dir()), path)
    what = "a file" if blocker.is_file() else "something that is no folder"
    fix = "choose another place with -o, or move the file away"
    return Diagnostic("E704", f"{path} cannot be made: {blocker} is {what}", fix=fix)
