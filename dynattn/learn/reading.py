"""Data files: found, read, unpacked and compared with their checksum."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from dynattn.diagnostics.report import Diagnostic, Span, SpecError
from dynattn.diagnostics.suggest import did_you_mean
from dynattn.learn.samples import SAMPLES, find_sample

_XZ_START = b"\xfd7zXZ\x00"


@dataclass(frozen=True)
class DataFile:
    """A data file in memory. ``content`` is unpacked; size and checksum are the file's own."""

    path: Path
    content: bytes
    size: int
    sha256: str


def read_data(path: str, span: Span, checksum: str | None = None) -> DataFile:
    """The file a spec names: relative to the spec, else one that ships with the package.

    SpecError where it is missing, empty, a folder, not readable, cut short, damaged, or where its
    sha256 is not ``checksum`` (nor, for a file that ships, the one it shipped with).
    """
    place = find_data(path, span)
    raw = _read(place, path, span)
    actual = hashlib.sha256(raw).hexdigest()
    if place.parent != _spec_folder(span) and place == find_sample(path):
        _compare_shipped(path, len(raw), actual, span)
    content = _unpack(raw, path, span) if place.suffix == ".xz" else raw
    if checksum is not None:
        _compare(path, checksum, actual, len(raw), span)
    if not content:
        fix = "name a file with text in it"
        raise SpecError(Diagnostic("E502", f"the data file '{path}' is empty", span, fix))
    return DataFile(place, content, len(raw), actual)


PARTS = {"training": "train", "validation": "valid", "test": "test"}
"""What the texts of a folder are called: ``train.txt`` and ``valid.txt``, or packed ``.txt.xz``."""


def read_parts(path: str, span: Span, measure: str = "validation") -> tuple[DataFile, ...]:
    """The file a spec names; of a folder the text to train on and that to measure on."""
    place = _find(path, span)
    if not place.is_dir():
        return (read_data(path, span),)
    found = []
    for name in (PARTS["training"], PARTS[measure]):
        packed = not (place / f"{name}.txt").exists() and (place / f"{name}.txt.xz").exists()
        found.append(read_data(f"{path}/{name}.txt{'.xz' if packed else ''}", span))
    return tuple(found)


def _spec_folder(span: Span) -> Path:
    return Path(span.source.path).parent


def find_data(path: str, span: Span) -> Path:
    """Where the file is; SpecError where there is none, or a folder of that name."""
    place = _find(path, span)
    if place.is_dir():
        message = f"the data file '{path}' is a folder: {place}"
        raise SpecError(Diagnostic("E503", message, span, "name a file in it"))
    return place


def find_folder(path: str, span: Span) -> Path | None:
    """Where the folder is; None where the path names no folder."""
    place = _spec_folder(span) / path
    return place if place.is_dir() else None


def _find(path: str, span: Span) -> Path:
    beside = _spec_folder(span) / path
    if beside.exists():
        return beside
    shipped = find_sample(path)
    if shipped is not None:
        return shipped
    near = (item.name for item in beside.parent.glob("*")) if beside.parent.is_dir() else ()
    fix = did_you_mean(beside.name, {*near, *SAMPLES}, f"these ship: {', '.join(SAMPLES)}")
    message = f"there is no data file '{path}'; looked for {beside} and among the files that ship"
    raise SpecError(Diagnostic("E501", message, span, fix))


def _read(place: Path, path: str, span: Span) -> bytes:
    try:
        return place.read_bytes()
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        message = f"the data file '{path}' cannot be read: {reason}"
        raise SpecError(Diagnostic("E509", message, span, "look at its permissions")) from None


def _unpack(raw: bytes, path: str, span: Span) -> bytes:
    if raw and not raw.startswith(_XZ_START[: len(raw)]):
        message = f"the data file '{path}' is not xz: it begins with other bytes"
        raise SpecError(Diagnostic("E507", message, span, "drop .xz from its name, or pack it"))
    import lzma

    parts: list[bytes] = []
    complete = not raw
    try:
        while raw:
            decoder = lzma.LZMADecompressor()
            parts.append(decoder.decompress(raw))
            complete, raw = decoder.eof, decoder.unused_data.lstrip(b"\0")
    except lzma.LZMAError:
        message = f"the data file '{path}' is damaged: its xz packing does not unpack"
        raise SpecError(Diagnostic("E507", message, span, "fetch it again")) from None
    if not complete:
        message = f"the data file '{path}' is cut short: its xz packing goes on after the last byte"
        raise SpecError(Diagnostic("E505", message, span, "fetch it again"))
    return b"".join(parts)


def _compare(path: str, checksum: str, actual: str, size: int, span: Span) -> None:
    expected = checksum.removeprefix("sha256:").removeprefix("sha256").strip().lower()
    if expected == actual:
        return
    message = (
        f"the data file '{path}' has another checksum: expected sha256 {expected}, "
        f"found {actual} ({size} bytes)"
    )
    raise SpecError(Diagnostic("E506", message, span, "fetch it again, or correct checksum="))


def _compare_shipped(path: str, size: int, actual: str, span: Span) -> None:
    sample = SAMPLES[path]
    if sample.sha256 == actual:
        return
    cut = size < sample.size
    message = (
        f"the data file '{path}' that ships is {'cut short' if cut else 'changed'}: expected "
        f"{sample.size} bytes, sha256 {sample.sha256}, found {size} bytes, {actual}"
    )
    fix = "install dynattn again, or put your own copy beside the spec"
    raise SpecError(Diagnostic("E505" if cut else "E506", message, span, fix))
