"""Drawing the results of a spec: what Python's ``result.plot`` and ``dynattn run --plot`` do."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dynattn.compilation import Compilation
from dynattn.diagnostics.files import refuse_folder
from dynattn.present.animation import check_animation, write_animation
from dynattn.present.beside import beside_figure, beside_refusal
from dynattn.present.figure import PICTURES as ENDINGS
from dynattn.present.figure import save_figure
from dynattn.present.pictures import PICTURES
from dynattn.present.scene import Scene
from dynattn.present.wanted import (
    Asked,
    check_ending,
    check_kind,
    default_pictures,
    read_word,
    refusal,
    refuse,
)
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
) -> list[Path]:
    """Draw pictures into a folder; the files."""
    scene = scene_of(compilation, result)
    return [save_figure(figure_of(scene, asked), folder / asked.file) for asked in wanted]


def figure_of(scene: Scene, asked: Asked) -> Any:
    """The matplotlib figure of a picture that can be drawn."""
    picture, names = PICTURES[asked.kind], asked.names
    if names:
        found = picture.named(scene.compilation, scene.simulation, names)
        assert isinstance(found, tuple)
        names = found
    return picture.figure(replace(scene, names=names))


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
    ) -> Any:
        """A figure of the kind, written to ``path`` where one is given; as ``Result.plot``."""
        scene = scene_of(self.compilation, result)
        first = next(iter(default_pictures(scene.compilation, scene.simulation)), "series")
        asked, place = read_word(kind or first), None if path is None else Path(path)
        check_kind(asked.kind)
        if place is not None:
            check_ending(place.suffix.lower(), ENDINGS)
        refuse(refusal(scene.compilation, scene.simulation, asked.kind, asked.names))
        for other in beside:
            refuse(beside_refusal(asked.kind, result, other))
        if place is not None:
            refuse_folder(place)
        figure = beside_figure(scene, beside) if beside else figure_of(scene, asked)
        if place is not None:
            save_figure(figure, place)
        return figure

    def animate(self, result: Drawn, path: str | Path, frames: int, seconds: float) -> Path:
        """Write the moving picture; as ``Result.animate``."""
        place, scene = Path(path), scene_of(self.compilation, result)
        check_animation(scene.compilation, scene.simulation, place)
        return write_animation(scene, place, frames=frames, seconds=seconds)
