"""Recordings with labels as training data: frames of spectra, as many as each recording has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dynattn.learn.fitting import facts_of, fitted, refused
from dynattn.learn.mel import WINDOW, frame_count, log_mel
from dynattn.learn.options import KNOWN
from dynattn.learn.parts import Part, SamplesData
from dynattn.learn.recordings import Recordings, fitted_to, load_recordings
from dynattn.model.composition import InputUse
from dynattn.model.model import Model
from dynattn.model.plans import Choice

LEAST_SPREAD = 1e-5
"""Standard deviations below count as this, in dB."""


def check_audio(choice: Choice, options: Mapping[str, Any], model: Model) -> InputUse:
    """The input of the frames; SpecError for inputs that are not frames and their label. The file
    is looked for when it is read: a spec may be checked where its data is not.
    """
    mels, most = options["features"].arguments
    dims = {dim.name: dim.limit for dim in model.dims}
    frames = _frames_input(model, mels)
    if frames is None or str(frames.axes[0]) not in dims:
        message = f"audio fills 'frames', of {mels} numbers each, and their 'label'"
        fix = f"declare dim T; input frames: real[T, {mels}]; input label: class(10)"
        raise refused("E514", message, choice, fix)
    limit = dims[str(frames.axes[0])]
    if limit is not None and most > limit:
        message = f"there are up to {most} frames, more than dim {frames.axes[0]} <= {limit}"
        raise refused("E516", message, choice, f"write logmel({mels}, {limit}), or raise the limit")
    return frames


def _frames_input(model: Model, mels: int) -> InputUse | None:
    """The input of ``mels`` numbers at each place, beside a label and nothing else."""
    uses = {use.name: use for use in model.inputs}
    frames, label = uses.get("frames"), uses.get("label")
    if frames is None or label is None or len(uses) != 2:
        return None
    if label.type.classes is None or label.axes or frames.type.classes is not None:
        return None
    fits = len(frames.axes) == 2 and frames.axes[1].value(model.sizes) == mels
    return frames if fits else None


def load_audio(choice: Choice, options: Mapping[str, Any], model: Model) -> SamplesData:
    """Frames in dB, each mel with mean 0 and standard deviation 1 over the training part."""
    import numpy

    dim = str(check_audio(choice, options, model).axes[0])
    found = load_recordings(choice, options)
    sounds, seconds = found.sounds, options["seconds"]
    if seconds is not None:
        sounds = list(fitted_to(sounds, round(seconds * found.rate)))
    count, most = options["features"].arguments
    frames, lengths = _frames(sounds, found, count, most, choice)
    arrays, rows = {"frames": frames, "label": found.labels}, found.rows
    part = fitted(arrays, {dim: lengths}, model, choice, lambda row: found.names[row])
    mels = _mels(part, rows[0], dim) if options.get(KNOWN) is None else _known(options, choice)
    frames = (part.arrays["frames"] - numpy.array(mels["mean"])) / numpy.array(mels["spread"])
    part = Part({**part.arrays, "frames": frames.astype(numpy.float32)}, part.lengths, part.along)
    training, validation = part.rows(rows[0]), part.rows(rows[1])
    about = {"rate": found.rate, "mels": mels}
    facts = {**found.facts, **about, **facts_of(training, validation)}
    return SamplesData(training, validation, facts, options["batches"] == "mixed")


def _frames(
    sounds: list[Any], found: Recordings, mels: int, most: int, choice: Choice
) -> tuple[Any, Any]:  # fmt: skip
    """[recordings, longest, mels] with padding, and how many frames each has, ``most`` at most."""
    import numpy

    rate = found.rate
    counts = [frame_count(len(sound), rate) for sound in sounds]
    if 0 in counts:
        row = counts.index(0)
        message = f"{found.names[row]} has {len(sounds[row])} samples at {rate} Hz, less than "
        message += f"a window of {WINDOW * 1000:g} ms"
        raise refused("E522", message, choice, "leave out the recording")
    lengths = numpy.minimum(numpy.array(counts), most)
    frames = numpy.zeros((len(sounds), int(lengths.max()), mels))
    for row, sound in enumerate(sounds):
        frames[row, : lengths[row]] = log_mel(sound, rate, mels)[: lengths[row]]
    return frames, lengths


def _mels(part: Part, training: Any, dim: str) -> dict[str, list[float]]:
    """Mean and standard deviation of each mel over the training part."""
    import numpy

    frames, lengths = part.arrays["frames"], part.lengths[dim]
    own = numpy.concatenate([frames[row, : lengths[row]] for row in training]).astype(float)
    spread = numpy.maximum(own.std(0), LEAST_SPREAD)
    return {"mean": own.mean(0).tolist(), "spread": spread.tolist()}


def _known(options: Mapping[str, Any], choice: Choice) -> dict[str, list[float]]:
    """Those of the data that a run was trained on."""
    if "mels" in options[KNOWN]:
        return options[KNOWN]["mels"]
    message = "the run does not say how its mels were scaled: it was trained by an earlier version"
    raise refused("E727", message, choice, "train it again")
