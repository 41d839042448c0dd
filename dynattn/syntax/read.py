"""Files to sources: what a path may be, and how large and in which encoding its file."""

from __future__ import annotations

import re
import stat
from pathlib import Path

from dynattn.diagnostics.report import Diagnostic, Source, Span, SpecError
from dynattn.diagnostics.suggest import did_you_mean

MAX_BYTES = 1_000_000
"""Largest spec."""

NOTHING = re.compile(r"(?:\s|;|#[^\n]*(?:\n|$))*")


def read_source(path: str | Path) -> Source:
    """The text of a spec file, line ends as ``\\n``.

    Raises SpecError: no such file E120, a folder E121, not UTF-8 E122, empty E123, over
    MAX_BYTES E124, unreadable E125.
    """
    path = Path(path)
    try:
        content = content_of(path)
    except (FileNotFoundError, NotADirectoryError):
        raise refusal("E120", f"there is no file '{path}'", similar_file(path)) from None
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise refusal("E125", f"'{path}' cannot be read: {reason}", "check the file") from None
    text = decoded(content, path).replace("\r\n", "\n")
    source = Source(str(path), text)
    refuse_empty(source)
    return source


def content_of(path: Path) -> bytes:
    facts = path.stat()
    if stat.S_ISDIR(facts.st_mode):
        raise refusal("E121", f"'{path}' is a folder", "name a .dyn file in it")
    if facts.st_size > MAX_BYTES:
        raise too_large(path, facts.st_size)
    with path.open("rb") as file:  # a pipe tells no size: read no more than is allowed
        content = file.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise too_large(path, len(content))
    return content


def similar_file(path: Path) -> str:
    """A fix for a missing file: a spec of nearly that name beside it."""
    names = [item.name for item in path.parent.glob("*.dyn")] if path.parent.is_dir() else []
    return did_you_mean(path.name, names, "check the name and the folder")


def too_large(path: Path, size: int) -> SpecError:
    message = f"'{path}' has {size:,} bytes; a spec has at most {MAX_BYTES:,}"
    return refusal("E124", message, "keep data in files of their own, read with file(...)")


def decoded(content: bytes, path: Path) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        message = f"'{path}' is not UTF-8: byte 0x{content[error.start]:02X} in line {line}"
        raise refusal("E122", message, "save the file as UTF-8") from None


def refuse_empty(source: Source) -> None:
    """Refuse a text of nothing but blanks and comments."""
    if NOTHING.fullmatch(source.text):
        fix = "a spec begins with `model NAME`; `dynattn new` writes a first one"
        start = Span(source, 1, 1, 1, 2)
        raise SpecError(Diagnostic("E123", f"'{source.path}' holds no declaration", start, fix))


def refusal(code: str, message: str, fix: str) -> SpecError:
    return SpecError(Diagnostic(code, message, None, fix))
