"""Writing files whole or not at all: a temporary file beside the target, then one rename."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path

from dynattn.diagnostics.report import Diagnostic, SpecError

_NO_ROOM = {errno.ENOSPC: "the disk is full", errno.EDQUOT: "the disk quota is used up",
            errno.EFBIG: "the file is larger than the system allows"}  # fmt: skip


def write_whole(path: Path, data: bytes) -> None:
    """Put ``data`` at ``path``; whatever stood there stays whole until all of it is on disk.

    A disk that fills or a place that refuses raises SpecError, and leaves no temporary file.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with write_trouble(path):
        try:
            with open(temporary, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
        except BaseException:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)
            raise


@contextlib.contextmanager
def write_trouble(path: Path) -> Iterator[None]:
    """Turns the system's refusal to write ``path`` into a diagnostic."""
    try:
        yield
    except OSError as error:
        raise SpecError(_diagnostic(path, error)) from None


def _diagnostic(path: Path, error: OSError) -> Diagnostic:
    if error.errno in _NO_ROOM:
        return Diagnostic(
            "E552",
            f"{path} could not be written: {_NO_ROOM[error.errno]}",
            fix="make room, then go on with --resume; what was written before is whole",
        )
    if error.errno in (errno.ENOTDIR, errno.EEXIST, errno.EISDIR):
        return _taken(path)
    reason = (error.strerror or str(error)).lower()
    return Diagnostic(
        "E553", f"{path} could not be written: {reason}", fix="choose another place with -o DIR"
    )


def _taken(path: Path) -> Diagnostic:
    blocker = next((p for p in (path, *path.parents) if p.exists() and not p.is_dir()), path)
    what = "a file" if blocker.is_file() else "something that is no folder"
    return Diagnostic(
        "E550",
        f"{path} cannot be made: {blocker} is {what}",
        fix="choose another place with -o DIR, or move the file away",
    )


def make_folder(path: Path) -> None:
    """Make a folder and those above it; SpecError where a file stands in the way."""
    with write_trouble(path):
        path.mkdir(parents=True, exist_ok=True)
