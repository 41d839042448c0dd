"""The grammar's text and the parser lark makes of it, kept in the user's cache folder."""

from __future__ import annotations

import contextlib
import hashlib
import os
import sys
from functools import cache
from io import BytesIO
from pathlib import Path

import lark

from dynattn.diagnostics.files import write_whole
from dynattn.diagnostics.report import SpecError
from dynattn.syntax.layout import Layout


def grammar_text() -> str:
    """The text of ``dyn.lark``: the packaged copy, else the one of the checkout."""
    package = Path(__file__).parents[1]
    for path in (package / "_grammars" / "dyn.lark", package.parent / "grammars" / "dyn.lark"):
        if path.is_file():
            return path.read_text(encoding="utf-8")
    raise FileNotFoundError(f"dyn.lark is missing beside the package {package}")


@cache
def lark_parser() -> lark.Lark:
    """The parser: from the cache, or made from the grammar and then kept there."""
    text = grammar_text()
    path = cache_path(text)
    parser = cached_parser(path)
    if parser is None:
        parser = lark.Lark(
            text,
            parser="lalr",
            start=["spec", "expr"],
            propagate_positions=True,
            postlex=Layout(),
        )
        keep_parser(parser, path)
    return parser


def cache_path(text: str) -> Path:
    """A file name that changes with the grammar, lark and Python."""
    folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    key = f"{text}\n{Layout.always_accept}\n{lark.__version__}\n{sys.version}"
    return folder / "dynattn" / f"grammar-{hashlib.sha256(key.encode()).hexdigest()[:16]}.lark"


def cached_parser(path: Path) -> lark.Lark | None:
    """The parser kept at ``path``; None where there is none, or the file cannot be read as one."""
    try:
        content = path.read_bytes()
        check, data = content[:32], content[32:]
        if hashlib.sha256(data).digest() != check:
            return None
        parser = lark.Lark.__new__(lark.Lark)
        return parser._load(BytesIO(data), postlex=Layout())
    except Exception:
        return None  # whatever is wrong with a cache, the grammar itself is at hand


def keep_parser(parser: lark.Lark, path: Path) -> None:
    """Write the parser to ``path``; a folder that cannot be written to only costs time."""
    buffer = BytesIO()
    parser.save(buffer, ("postlex",))
    data = buffer.getvalue()
    with contextlib.suppress(SpecError):
        write_whole(path, hashlib.sha256(data).digest() + data)
