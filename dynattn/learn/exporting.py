"""A trained model for use elsewhere: as Python with its weights, or as a graph of operations."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from dynattn.compilation import Compilation
from dynattn.diagnostics.files import make_empty_folder, write_whole
from dynattn.diagnostics.report import Diagnostic, SpecError
from dynattn.lower.emit import emit_files
from dynattn.lower.emit_outside import ending
from dynattn.lower.tracing import trace

if TYPE_CHECKING:
    from dynattn.lower.tracing import Traced


def vocabulary_of(data: Mapping[str, Any]) -> dict[str, Any] | None:
    """What the symbols of a run on running text are, from the facts of its data; else None."""
    if "context" not in data or not {"characters", "words"} & data.keys():
        return None
    symbols = list(data.get("words") or data["characters"])
    kind = "words" if "words" in data else "characters" if symbols else "bytes"
    size = len(symbols) or 256
    return {"kind": kind, "context": data["context"], "size": size, "symbols": symbols}


def export_python(
    spec: Compilation, folder: Path, vocabulary: Mapping[str, Any] | None, tableau: Any = None
) -> tuple[Path, ...]:
    """Write NAME.py, which needs torch alone, its weights, the spec and the vocabulary; the files.

    ``tableau`` is that of ``emit``. SpecError E752 for what a file of Python does not hold, E704
    where the folder has something in it.
    """
    name = spec.model.name
    system = spec.build(dtype=torch.float32)
    make_empty_folder(folder)
    main = ending(name, vocabulary is not None) if spec.model.network else None
    try:
        files = emit_files(
            folder / f"{name}.py", spec.model, spec.network, spec.program, seed=spec.chosen_seed,
            tableau=tableau, weights=system.state_dict(), main=main, as_trained=True,
        )  # fmt: skip
    except SpecError as error:
        folder.rmdir()
        raise SpecError([_refused(item) for item in error.diagnostics]) from None
    beside = [(folder / f"{name}.dyn", spec.source.text)]
    if vocabulary is not None:
        text = json.dumps(vocabulary, ensure_ascii=False, indent=1)
        beside.append((folder / f"{name}.json", text))
    return (*files, *(write_whole(path, text) for path, text in beside))


def _refused(item: Diagnostic) -> Diagnostic:
    """What an emitted file does not hold, as an export says it."""
    if item.code != "E401":
        return item
    text = item.message.split(" in an emitted file")[0].removesuffix(",")
    message = f"{text} cannot be written as a file of Python"
    fix = "--format torch, unless it draws or chooses its steps; or use dynattn where it runs"
    return Diagnostic("E752", message, item.span, fix)


def export_graph(spec: Compilation, path: Path, vocabulary: Mapping[str, Any] | None) -> Traced:
    """Write the network as ``torch.export`` has it, with the spec and the vocabulary inside.

    SpecError E750 and E751 for a network that is no graph of operations.
    """
    traced = trace(spec.build(dtype=torch.float32))
    beside = {"model.dyn": spec.source.text}
    if vocabulary is not None:
        beside["vocabulary.json"] = json.dumps(vocabulary, ensure_ascii=False)
    write_whole(path, lambda file: torch.export.save(traced.program, file, extra_files=beside))
    return traced
