"""Recordings with labels: of an npz file, or of a folder with one folder of wav files per label."""

from __future__ import annotations

import hashlib
import io
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

from dynattn.diagnostics.suggest import did_you_mean
from dynattn.learn.arrays import arrays_in, file_facts
from dynattn.learn.fitting import refused, split_rows
from dynattn.learn.rates import ONE_RATE, check_asked, rate_of
from dynattn.learn.reading import find_folder, read_data
from dynattn.model.plans import Choice

LISTS = {"validation": "validation_list.txt", "test": "testing_list.txt"}
"""Files of a folder that name the recordings to measure on, as Speech Commands has them."""


@dataclass(frozen=True)
class Recordings:
    """Sounds from -1 to 1, ``rate`` samples a second, with their labels and what each is called.

    ``rows``: the places of those to train on and to measure on.
    """

    sounds: list[Any] = field(repr=False)
    rate: int
    labels: Any = field(repr=False)
    names: Sequence[str] = field(repr=False)
    rows: tuple[Any, Any] = field(repr=False)
    facts: Mapping[str, Any]


def load_recordings(choice: Choice, options: Mapping[str, Any]) -> Recordings:
    """What the path names; SpecError for the first thing that does not fit."""
    folder = find_folder(options["path"], choice.span)
    if folder is not None:
        return _of_folder(folder, choice, options)
    return _of_arrays(choice, options)


# ── an npz file ────────────────────────────────────────────────────────────────────────────────


def _of_arrays(choice: Choice, options: Mapping[str, Any]) -> Recordings:
    file = read_data(options["path"], choice.span, options["checksum"])
    arrays = arrays_in(file, options["path"], choice)
    sounds, labels = _cut(arrays, options, choice)
    rate = rate_of(arrays, options, choice)
    names = [f"recording {row} (from 0)" for row in range(len(labels))]
    rows = split_rows(len(labels), options["split"], choice)
    if options["held"] is not None:
        rows = _held(arrays[options["held"]], len(labels), options, choice)
    return Recordings(sounds, rate, labels, names, rows, file_facts("audio", file))


def _cut(
    arrays: Mapping[str, Any], options: Mapping[str, Any], choice: Choice
) -> tuple[list[Any], Any]:
    """The recordings and their labels."""
    import numpy

    _check_names(arrays, options, choice)
    audio, offsets, labels = arrays["audio"], arrays["offsets"], arrays[options["label"]]
    count = len(labels)
    good = offsets.shape == (count + 1,) and offsets.dtype.kind in "iu" and audio.ndim == 1
    if not good or offsets[0] < 0 or offsets[-1] > len(audio) or (numpy.diff(offsets) < 0).any():
        message = f"the {count} recordings of '{options['path']}' do not lie between its offsets"
        fix = f"recording i is audio[offsets[i]:offsets[i+1]]: give {count + 1} offsets, ascending"
        raise refused("E519", message, choice, fix)
    scale = float(numpy.iinfo(audio.dtype).max) + 1 if audio.dtype.kind in "iu" else 1.0
    return [audio[a:b] / scale for a, b in pairwise(offsets)], labels


def _check_names(arrays: Mapping[str, Any], options: Mapping[str, Any], choice: Choice) -> None:
    """SpecError E519 for an array that is missing."""
    rate = () if options["rate"] else ("rate",)
    held = () if options["held"] is None else (options["held"],)
    for name in ("audio", "offsets", *rate, options["label"], *held):
        if name in arrays:
            continue
        message = f"'{options['path']}' has no array '{name}'"
        known = f"its arrays are: {', '.join(arrays) or 'none'}"
        fix = "store all recordings end to end as audio, their offsets, and the rate in Hz"
        fix = "name the labels: label=digit" if name == options["label"] else fix
        fix = "write the rate in Hz: rate=8000" if name == "rate" else fix
        raise refused("E519", message, choice, did_you_mean(name, arrays, f"{fix}; {known}"))


def _held(
    values: Any, count: int, options: Mapping[str, Any], choice: Choice
) -> tuple[Any, Any]:  # fmt: skip
    """Training: the recordings whose number is not below the bound."""
    import numpy

    if values.shape != (count,) or values.dtype.kind not in "biuf":
        message = f"'{options['held']}' is {values.dtype}{list(values.shape)}, and there are "
        message += f"{count} recordings"
        raise refused("E519", message, choice, "hold out by one number per recording")
    below = values < options["below"]
    if not below.any() or below.all():
        message = f"held={options['held']}, below={options['below']} leaves a part empty"
        fix = f"its numbers go from {values.min()} to {values.max()}"
        raise refused("E515", message, choice, fix)
    return numpy.flatnonzero(~below), numpy.flatnonzero(below)


# ── a folder ───────────────────────────────────────────────────────────────────────────────────


def _of_folder(folder: Path, choice: Choice, options: Mapping[str, Any]) -> Recordings:
    """Each label's folder of wav files; labels are numbered in the order of ``labels``, or of the
    alphabet.
    """
    import numpy

    labels = _labels(folder, choice, options)
    files = [
        (number, file)
        for number, label in enumerate(labels)
        for file in sorted((folder / label).glob("*.wav"))
    ]
    names = [f"{file.parent.name}/{file.name}" for _, file in files]
    sounds, rate, digest, size = [], 0, hashlib.sha256(), 0
    for (_, file), name in zip(files, names, strict=True):
        content = file.read_bytes()
        digest.update(f"{name} {hashlib.sha256(content).hexdigest()}\n".encode())
        size += len(content)
        own, sound = _wav(content, name, choice)
        if rate and own != rate:
            message = f"'{name}' has {own} samples a second, and those before it {rate}"
            raise refused("E738", message, choice, ONE_RATE)
        if not rate:
            check_asked(own, options, f"'{name}'", choice)
        rate = own
        sounds.append(sound)
    rows = _listed(folder, names, choice, options)
    facts = {"source": "audio", "path": str(folder), "bytes": size, "sha256": digest.hexdigest()}
    facts["labels"] = list(labels)
    return Recordings(sounds, rate, numpy.array([n for n, _ in files]), names, rows, facts)


def _labels(folder: Path, choice: Choice, options: Mapping[str, Any]) -> tuple[str, ...]:
    there = sorted(
        item.name for item in folder.iterdir()
        if item.is_dir() and not item.name.startswith(("_", ".")) and any(item.glob("*.wav"))
    )  # fmt: skip
    if not there:
        message = f"'{folder}' has no folders of wav files"
        raise refused("E738", message, choice, "give each label a folder: yes/1.wav, no/1.wav")
    asked = tuple((options["labels"] or " ".join(there)).replace(",", " ").split())
    for label in asked:
        if label not in there:
            fix = did_you_mean(label, there, f"there are: {', '.join(there)}")
            raise refused("E738", f"there is no folder of recordings '{label}'", choice, fix)
    return asked


def _wav(content: bytes, name: str, choice: Choice) -> tuple[int, Any]:
    """The samples a second, and the sound of one channel, from -1 to 1."""
    import numpy
    from scipy.io import wavfile

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", wavfile.WavFileWarning)  # chunks that are no sound
            rate, sound = wavfile.read(io.BytesIO(content))
    except (ValueError, OSError, EOFError) as error:
        message = f"'{name}' is no wav file: {error}"
        raise refused(
            "E738", message, choice, "save it as PCM, or as numbers with a point"
        ) from None
    if sound.ndim != 1:
        message = f"'{name}' has {sound.shape[-1]} channels"
        raise refused("E738", message, choice, "mix them to one")
    if sound.dtype.kind == "u":
        return rate, sound / 128.0 - 1.0
    scale = float(numpy.iinfo(sound.dtype).max) + 1 if sound.dtype.kind == "i" else 1.0
    return rate, sound / scale


def _listed(
    folder: Path, names: Sequence[str], choice: Choice, options: Mapping[str, Any]
) -> tuple[Any, Any]:
    """Recordings in no list, and those of the list to measure on; a split without such lists."""
    import numpy

    known = {name: row for row, name in enumerate(names)}
    lists = {part: _list(folder / name) for part, name in LISTS.items()}
    chosen = lists[options["measure"]]
    if chosen is None and options["measure"] == "test":
        message = f"'{folder}' has no {LISTS['test']}"
        raise refused("E738", message, choice, "list the recordings of the test in it, or split")
    if chosen is None:
        return split_rows(len(names), options["split"], choice)
    held = {name for listed in lists.values() for name in listed or ()}
    training = [row for name, row in known.items() if name not in held]
    measured = [known[name] for name in chosen if name in known]
    if not training or not measured:
        message = f"{LISTS[options['measure']]} leaves no recordings to train on, or to measure on"
        raise refused(
            "E515", message, choice, "its lines are as yes/1.wav, of the labels asked for"
        )
    return numpy.array(training), numpy.array(measured)


def _list(path: Path) -> list[str] | None:
    return path.read_text("utf-8").split() if path.is_file() else None


def fitted_to(sounds: Sequence[Any], samples: int) -> Iterator[Any]:
    """Sounds cut, or filled up with silence, to so many samples."""
    import numpy

    for sound in sounds:
        yield numpy.pad(sound[:samples], (0, max(0, samples - len(sound))))
