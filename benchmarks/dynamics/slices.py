"""Slices of data sets for small trainings: cut once, from files whose sums are checked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from dynattn.diagnostics.report import Source, Span
from dynattn.learn.reading import DataFile, read_data

PICTURES = {
    "fashion": (
        "fashion_mnist_small/fashion_mnist_small.npz",
        "24e792b6911d8d70362f525be02123093ab34fe7c2944de08fb2203f86e60e15",
    ),
    "cifar10": (
        "cifar10_small/cifar10_small.npz",
        "e091092dd7902a1edf9d585107cd7fffe89f9d821d4edd9021e99160411b5807",
    ),
}
MNIST = {
    "images": (
        "mnist/train-images-idx3-ubyte.xz",
        "fb3b00bad14061626e11c6cf652aab4e6c0b5b92ae48522935cbd3e47c7670aa",
    ),
    "labels": (
        "mnist/train-labels-idx1-ubyte.xz",
        "463b3d3b78b1c10a483c24c06fbc34d194bac2ad156085235aac5d6470b9c3cc",
    ),
}
COUNT = 5000
"""Pictures of a slice: the first ones."""
PIECE, PIECES = 13, 24_000
"""Characters of a piece of Shakespeare, the last of which is to be told, and how many pieces:
evenly spread, none over another.
"""


def cut(folder: Path | None, out: Path) -> None:
    """Write ``mnist.npz``, ``fashion.npz``, ``cifar10.npz`` and ``shakespeare.npz`` unless they are
    there.
    """
    made = {"mnist": mnist, "fashion": pictures, "cifar10": pictures, "shakespeare": shakespeare}
    for name, make in made.items():
        place = out / f"{name}.npz"
        if place.exists():
            continue
        if folder is None and make is not shakespeare:
            raise SystemExit("give the folder of the data: --data FOLDER")
        out.mkdir(parents=True, exist_ok=True)
        np.savez(place, **make(folder or Path(), name))


def read(folder: Path, path: str, checksum: str | None) -> DataFile:
    """A file of the folder; SpecError where its sum is another."""
    source = Source(str(folder.resolve() / "slices.dyn"), path)
    return read_data(path, Span(source, 1, 1, 1, len(path) + 1), checksum)


def mnist(folder: Path, name: str) -> dict[str, Any]:
    """The first pictures to train on, from the idx files."""
    images, labels = (read(folder, *MNIST[part]).content for part in ("images", "labels"))
    pixels = np.frombuffer(images, np.uint8, COUNT * 784, 16).reshape(COUNT, 28, 28)
    return {"image": pixels, "label": np.frombuffer(labels, np.uint8, COUNT, 8)}


def pictures(folder: Path, name: str) -> dict[str, Any]:
    """The first pictures to train on, and of CIFAR-10 those to test on behind its 4,000."""
    path, checksum = PICTURES[name]
    read(folder, path, checksum)
    with np.load(folder / path) as file:
        image = np.concatenate([file["x_train"], file["x_test"]])[:COUNT]
        label = np.concatenate([file["y_train"], file["y_test"]])[:COUNT]
    return {"image": image, "label": label}


def shakespeare(folder: Path, name: str) -> dict[str, Any]:
    """Pieces of the text that ships: twelve characters and the one behind them."""
    text = read(Path(), "tinyshakespeare.txt", None).content.decode()
    number = {symbol: k for k, symbol in enumerate(sorted(set(text)))}
    whole = np.array([number[c] for c in text[: len(text) // PIECE * PIECE]], np.int64)
    pieces = whole.reshape(-1, PIECE)
    rows = pieces[np.linspace(0, len(pieces) - 1, PIECES).astype(int)]
    return {"text": rows[:, :-1], "label": rows[:, -1]}
