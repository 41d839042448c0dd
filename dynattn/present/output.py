"""Writing a file whole: beside its place first, then moved there."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from dynattn.diagnostics.report import Diagnostic, SpecError


def replace_file(path: Path, write: Callable[[Path], object]) -> Path:
    """Let ``write`` fill a temporary file in the same folder, then give it the name ``path``.

    What stood there stays whole until then. Raises SpecError: E561 where a directory has the
    name, E562 where the operating system refuses.
    """
    refuse_directory(path)
    temporary = path.with_name(f".{path.stem}.{os.getpid()}{path.suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write(temporary)
        os.replace(temporary, path)
    except OSError as error:
        raise _refused(path, error) from error
    finally:
        _forget(temporary)
    return path


def refuse_directory(path: Path) -> None:
    """SpecError E561 where a directory has the name that a file is to get."""
    if path.is_dir():
        diagnostic = Diagnostic("E561", f"{path} is a directory", fix="choose another file name")
        raise SpecError(diagnostic)


def write_text(path: Path, text: str) -> Path:
    """Write UTF-8 text whole; the errors of :func:`replace_file`."""
    return replace_file(path, lambda place: place.write_text(text, encoding="utf-8", newline="\n"))


def write_bytes(path: Path, content: bytes) -> Path:
    """Write bytes whole; the errors of :func:`replace_file`."""
    return replace_file(path, lambda place: place.write_bytes(content))


def _refused(path: Path, error: OSError) -> SpecError:
    reason = error.strerror or type(error).__name__
    if isinstance(error, FileExistsError | NotADirectoryError):
        reason = "a folder on the way there is a file"
    return SpecError(
        Diagnostic(
            "E562",
            f"{path} cannot be written: {reason}",
            fix="choose a place that you may write to, on a disk with room",
        )
    )


def _forget(temporary: Path) -> None:
    try:
        temporary.unlink(missing_ok=True)
    except OSError:
        return  # the folder itself is missing or is a file: nothing was left behind
