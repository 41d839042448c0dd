"""Where a fit on its way is kept, so that it goes on after Ctrl-C or a kill as if nothing had been.

``fit.npz`` in the folder of its results: the states that segments begin with, the numbers, and
what the next step depends on besides; it goes when the fit is done.
"""

from __future__ import annotations

import hashlib
import io
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zipfile import BadZipFile

import numpy as np

from dynattn.diagnostics.files import write_whole
from dynattn.diagnostics.report import Diagnostic, SpecError
from dynattn.learn.interruption import Interruption
from dynattn.run.labelled import as_json
from dynattn.run.results import SECONDS, ResultFolder

if TYPE_CHECKING:
    from dynattn.learn.fits import Work
    from dynattn.solve.fit_course import Course
    from dynattn.solve.multiple_shooting import Fitting

FILE = "fit.npz"


class Stopped(Exception):
    """A wish to stop was granted."""


def fit_folder(path: Path, spec: str) -> ResultFolder:
    """A new folder, or that of a fit on its way; SpecError E704 where it has other things."""
    return ResultFolder(path) if (path / FILE).exists() else ResultFolder.open(path, spec)


@dataclass(frozen=True)
class FitStore:
    """The fit that is kept in a folder."""

    path: Path
    identity: dict[str, Any]
    """What fixes its numbers."""

    @classmethod
    def of(cls, work: Work, folder: ResultFolder | None) -> FitStore | None:
        """Where a fit is kept; None without a folder."""
        if folder is None:
            return None
        digest = hashlib.sha256(work.series.times.tobytes() + work.series.values.tobytes())
        for values in work.series.signals.values():
            digest.update(values.tobytes())
        known = {
            "spec": work.compilation.tree.source.text, "experiment": work.plan.name,
            "settings": dict(work.compilation.overrides), "seed": work.seed,
            "data": digest.hexdigest(),
        }  # fmt: skip
        return cls(folder.path / FILE, json.loads(as_json(known)))

    def write(self, fitting: Fitting, course: Course) -> None:
        """Keep it as it is. SpecError E705 where the disk has no room."""
        from dynattn.solve.fit_course import kept

        arrays, rest = kept(fitting, course)
        facts = as_json({"identity": self.identity, **rest})
        stored: dict[str, Any] = {name: x.cpu().numpy() for name, x in arrays.items()}
        buffer = io.BytesIO()
        np.savez(buffer, facts=np.array(facts), **stored)
        write_whole(self.path, buffer.getvalue())

    def resume(self, fitting: Fitting) -> Course | None:
        """Set a fit to where it was; None where nothing is kept.

        SpecError E794 where that is another fit, or is damaged.
        """
        import torch

        from dynattn.solve.fit_course import restore

        if not self.path.exists():
            return None
        facts, arrays = read_store(self.path)
        if names := [n for n, value in self.identity.items() if facts["identity"].get(n) != value]:
            said = f"{self.path.parent} holds another fit: of another {', another '.join(names)}"
            fix = "give the spec, the settings and the data that it was begun with, or another "
            raise SpecError(Diagnostic("E794", said, fix=f"{fix}place: -o DIR"))
        return restore(fitting, {n: torch.from_numpy(x) for n, x in arrays.items()}, facts)


def read_store(path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """(facts, arrays) of a fit on its way; SpecError E794 where they are damaged."""
    try:
        with np.load(path, allow_pickle=False) as read:
            arrays = {name: read[name] for name in read.files}
        return json.loads(str(arrays.pop("facts"))), arrays
    except (OSError, ValueError, KeyError, EOFError, BadZipFile) as problem:
        said = f"{path} cannot be read: {str(problem).rstrip('.')}"
        fix = "choose another place: -o DIR"
        raise SpecError(Diagnostic("E794", said, fix=fix)) from None


@dataclass
class Way:
    """A fit on its way: told, kept from time to time, and stopped between two steps."""

    fitting: Fitting
    steps: int
    store: FitStore | None
    progress: Callable[[float], None] | None
    wish: Interruption = field(default_factory=Interruption)
    kept: float = field(default_factory=time.monotonic)
    """When it was kept last."""

    def __post_init__(self) -> None:
        from dynattn.solve.fit_course import Course

        found = None if self.store is None else self.store.resume(self.fitting)
        self.course = Course() if found is None else found

    def told(self) -> None:
        """After a step. Stopped where someone wishes it."""
        if self.progress is not None:
            self.progress(self.course.part(self.steps))
        if self.course.ended:
            return
        if self.wish.asked or time.monotonic() - self.kept > SECONDS:
            if self.store is not None:
                self.store.write(self.fitting, self.course)
            self.kept = time.monotonic()
        if self.wish.asked:
            raise Stopped

    def done(self) -> None:
        """Nothing is left to go on with."""
        if self.store is not None:
            self.store.path.unlink(missing_ok=True)
