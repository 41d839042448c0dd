"""Drawing the results of a spec: what Python's ``result.plot`` and ``dynattn run --plot`` do."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dynattn.compilation import Compilation
from dynattn.diagnostics.files import refuse_folder
from dynattn.present.animation import check_animation, write_animation
from dynattn.present.beside import BESIDE, beside_figure, refusal_among, scene_beside
from dynattn.present.figure import PICTURES as ENDINGS
from dynattn.present.figure import save_figure
from dynattn.present.fitting import finish
from dynattn.present.pictures import PICTURES
from dynattn.present.scene import Scene
from dynattn.present.wanted import (
    Asked,
    check_ending,
    check_kind,
    check_width,
    default_pictures,
    read_word,
    refusal,
    refuse,
)
from dynattn.present.width import drawn_at
from dynattn.run.experiment import find_experiment

if TYPE_CHECKING:
    from dynattn.learn.fit_results import FitResult
    from dynattn.learn.placements import PlacementResult
    from dynattn.run.branches import Followed
    from dynattn.run.measurements import MeasurementResult
    from dynattn.run.searches import SearchResult
    from dynattn.run.simulate import Trajectory
    from dynattn.run.sweep import Sweep

    Drawn = (
        Trajectory | Sweep | Followed | SearchResult | MeasurementResult | PlacementResult
        | FitResult
    )  # fmt: skip


def draw_pictures(
    compilation: Compilation,
    result: Drawn,
    folder: Path,
    wanted: Iterable[Asked],
    *,
    width: float | None = None,
    beside: Sequence[Drawn] = (),
) -> list[Path]:
    """Draw pictures into a folder, ``width`` inches wide, those that can with the results
    ``beside``; the files.
    """
    scene = scene_of(compilation, result)
    others = [scene_beside(compilation, other) for other in beside]
    with drawn_at(width):
        return [
            save_figure(_figure_with(scene, asked, others), folder / asked.file) for asked in wanted
        ]


def _figure_with(scene: Scene, asked: Asked, beside: Sequence[Scene]) -> Any:
    if beside and asked.kind in BESIDE:
        names = names_of(scene, asked)
        return finish(beside_figure(replace(scene, names=names), asked.kind, beside))
    return figure_of(scene, asked)


def figure_of(scene: Scene, asked: Asked) -> Any:
    """The matplotlib figure of a picture that can be drawn."""
    return finish(PICTURES[asked.kind].figure(replace(scene, names=names_of(scene, asked))))


def names_of(scene: Scene, asked: Asked) -> tuple[str, ...]:
    """The labels of what is shown, where not all is."""
    if not asked.names:
        return ()
    found = PICTURES[asked.kind].named(scene.compilation, scene.simulation, asked.names)
    assert isinstance(found, tuple)
    return found


def scene_of(compilation: Compilation, result: Drawn) -> Scene:
    """The result with its experiment, and with the seed of the run, which graphs are drawn from."""
    simulation = find_experiment(compilation.model, result.name)
    if result.seed != compilation.chosen_seed:
        compilation = replace(compilation, seed=result.seed)
    return Scene(compilation, simulation, result)


@dataclass(frozen=True)
class ResultDrawing:
    """Draws the results of one compilation."""

    compilation: Compilation

    def plot(
        self,
        result: Drawn,
        kind: str | None,
        path: str | Path | None,
        beside: Sequence[Drawn] = (),
        width: float | None = None,
    ) -> Any:
        """A figure of the kind, written to ``path`` where one is given; as ``Result.plot``."""
        check_width(width)
        scene = scene_of(self.compilation, result)
        first = next(iter(default_pictures(scene.compilation, scene.simulation)), "series")
        asked, place = read_word(kind or first), None if path is None else Path(path)
        check_kind(asked.kind)
        if place is not None:
            check_ending(place.suffix.lower(), ENDINGS)
        refuse(refusal(scene.compilation, scene.simulation, asked.kind, asked.names))
        others = [scene_beside(self.compilation, other) for other in beside]
        refuse(refusal_among(asked.kind, [scene, *others]) if others else None)
        if place is not None:
            refuse_folder(place)
        with drawn_at(width):
            figure = _figure_with(scene, asked, others)
            if place is not None:
                save_figure(figure, place)
        return figure

    def animate(self, result: Drawn, path: str | Path, frames: int, seconds: float) -> Path:
        """Write the moving picture; as ``Result.animate``."""
        place, scene = Path(path), scene_of(self.compilation, result)
        check_animation(scene.compilation, scene.simulation, place)
        return write_animation(scene, place, frames=frames, seconds=seconds)
