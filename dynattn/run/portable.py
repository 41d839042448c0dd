"""Compilations on their way to another process: JSON, and arrays as bytes without pickle."""

from __future__ import annotations

import json
from collections.abc import Mapping
from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dynattn.diagnostics.report import Source
from dynattn.run.labelled import as_json

if TYPE_CHECKING:
    from dynattn.compilation import Compilation

Arrays = Mapping[str, NDArray[Any]]


def compilation_message(compilation: Compilation) -> dict[str, Any]:
    """What makes the same compilation anew, as JSON knows it; its values go by themselves."""
    return {
        "path": compilation.source.path, "text": compilation.source.text,
        "overrides": json.loads(as_json(dict(compilation.overrides))), "seed": compilation.seed,
        "most_nodes": compilation.most_nodes,
    }  # fmt: skip


def compilation_of(message: Mapping[str, Any], values: Arrays | None = None) -> Compilation:
    """The compilation of a message, with nothing computed yet."""
    from dynattn.compilation import Compilation

    source = Source(message["path"], message["text"])
    weights = None
    if values:
        import torch

        weights = {name: torch.from_numpy(array) for name, array in values.items()}
    return Compilation(
        source, message["overrides"], message["seed"], weights, message["most_nodes"]
    )


def packed(arrays: Arrays) -> bytes:
    """Arrays by name as bytes, in numpy's own format."""
    content = BytesIO()
    np.savez(content, **{f"array {name}": array for name, array in arrays.items()})  # type: ignore[arg-type]
    return content.getvalue()


def unpacked(content: bytes) -> dict[str, NDArray[Any]]:
    """The arrays; ValueError, EOFError or BadZipFile where something is missing."""
    if not content:
        return {}
    with np.load(BytesIO(content), allow_pickle=False) as found:
        return {name.removeprefix("array "): found[name] for name in found.files}
