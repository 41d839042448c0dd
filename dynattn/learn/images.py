"""Labelled pictures as training data: an npz file of a data set, or a pair of idx files."""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping
from typing import Any

from dynattn.learn.arrays import arrays_in, file_facts
from dynattn.learn.fitting import facts_of, fitted, in_parts, refused
from dynattn.learn.parts import SamplesData
from dynattn.learn.reading import DataFile, read_data
from dynattn.model.model import Model
from dynattn.model.plans import Choice

INPUTS = ("image", "label")
NAMES = (("x_train", "y_train"), INPUTS)
"""What the arrays of an npz file are called."""


def check_images(choice: Choice, options: Mapping[str, Any], model: Model) -> object:
    """SpecError E514 for inputs that are not an image and its label. The file is looked for when
    it is read: a spec may be checked where its data is not.
    """
    uses = {use.name: use for use in model.inputs}
    image, label = (uses.get(name) for name in INPUTS)
    if image is not None and label is not None and len(uses) == 2:
        own = any(not size.names <= set(model.sizes) for size in image.axes)
        if (
            image.type.classes is None
            and label.type.classes is not None
            and not (label.axes or own)
        ):
            return None
    fix = "declare input image: real[h, w]; input label: class(10)"
    raise refused("E514", "images fill the inputs 'image', of numbers, and 'label'", choice, fix)


def load_images(choice: Choice, options: Mapping[str, Any], model: Model) -> SamplesData:
    """The pictures, their numbers from 0 to 1; those that a file keeps for tests are left alone."""
    check_images(choice, options, model)
    path = options["path"]
    file = read_data(path, choice.span, options["checksum"])
    pixels, labels = (_npz if path.endswith(".npz") else _idx)(file, path, choice)
    if len(pixels) != len(labels) or labels.ndim != 1 or pixels.ndim < 2:
        message = f"'{path}' has images {list(pixels.shape)} and labels {list(labels.shape)}"
        raise refused("E519", message, choice, "give one label per image")
    (use,) = (use for use in model.inputs if use.name == "image")
    sizes = [size.value(model.sizes) for size in use.axes]
    if math.prod(sizes) != math.prod(pixels.shape[1:]):
        shape = " x ".join(map(str, pixels.shape[1:]))
        message = f"an image is {shape} = {math.prod(pixels.shape[1:])} numbers, and the input "
        message += f"'image' has {math.prod(sizes)}"
        raise refused("E519", message, choice, "let the sizes of the input multiply to as many")
    scale = 255 if pixels.dtype.kind in "iu" else 1
    images = (pixels / scale).astype("float32").reshape(len(pixels), *sizes)
    whole = fitted({"image": images, "label": labels}, {}, model, choice)
    training, validation = in_parts(whole, options["split"], choice)
    facts = {**file_facts("images", file), **facts_of(training, validation)}
    return SamplesData(training, validation, facts)


def _npz(file: DataFile, path: str, choice: Choice) -> tuple[Any, Any]:
    arrays = arrays_in(file, path, choice)
    for image, label in NAMES:
        if image in arrays and label in arrays:
            return arrays[image], arrays[label]
    message = f"'{path}' has the arrays {', '.join(arrays) or 'none'}"
    raise refused("E519", message, choice, "call them image and label, or x_train and y_train")


def _idx(file: DataFile, path: str, choice: Choice) -> tuple[Any, Any]:
    """The images of one idx file, and the labels of the one beside it."""
    if "images-idx3" not in path:
        message = f"'{path}' is neither an npz file nor an idx file of images"
        fix = "name a file like data.npz or train-images-idx3-ubyte.xz"
        raise refused("E519", message, choice, fix)
    beside = path.replace("images-idx3", "labels-idx1")
    labels = read_data(beside, choice.span)
    return _numbers(file, path, 3, choice), _numbers(labels, beside, 1, choice)


def _numbers(file: DataFile, path: str, axes: int, choice: Choice) -> Any:
    """Bytes behind a head of big-endian whole numbers: 0, 0, 8, axes, and the size of each."""
    import numpy

    head = 4 + 4 * axes
    sizes = struct.unpack(f">{axes}I", file.content[4:head]) if len(file.content) >= head else ()
    good = file.content[:4] == bytes((0, 0, 8, axes)) and sizes
    if not good or len(file.content) != head + math.prod(sizes):
        message = f"'{path}' is no idx file of bytes with {axes} axes, or is cut short"
        raise refused("E519", message, choice, "fetch it again")
    return numpy.frombuffer(file.content, numpy.uint8, offset=head).reshape(sizes)
