"""Drawing the results of a spec: what Python's ``result.plot`` and ``dynattn run --plot`` do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
from dynattn.present.wanted import check_ending, check_kind, default_pictures, refusal, refuse
from dynattn.run.experiment import find_experiment

if TYPE_CHECKING:
    from dynattn.learn.placements import PlacementResult
    from dynattn.run.branches import Followed
    from dynattn.run.searches import SearchResult
    from dynattn.run.simulate import Trajectory
    from dynattn.run.sweep import Sweep

    Drawn = Trajectory | Sweep | Followed | SearchResult | PlacementResult


def draw_pictures(
    compilation: Compilation,
    result: Drawn,
    folder: Path,
    wanted: Mapping[str, str],
) -> list[Path]:
    """Draw pictures, endings by kind, into a folder; the files."""
    scene = scene_of(compilation, result)
    return [
        save_figure(PICTURES[kind].figure(scene), folder / f"{kind}{suffix}")
        for kind, suffix in wanted.items()
    ]


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
        kind = kind or next(iter(default_pictures(scene.compilation, scene.simulation)), "series")
        place = None if path is None else Path(path)
        check_kind(kind)
        if place is not None:
            check_ending(place.suffix.lower(), ENDINGS)
        refuse(refusal(scene.compilation, scene.simulation, kind))
        for other in beside:
            refuse(beside_refusal(kind, result, other))
        if place is not None:
            refuse_folder(place)
        figure = beside_figure(scene, beside) if beside else PICTURES[kind].figure(scene)
        if place is not None:
            save_figure(figure, place)
        return figure

    def animate(self, result: Drawn, path: str | Path, frames: int, seconds: float) -> Path:
        """Write the moving picture; as ``Result.animate``."""
        place, scene = Path(path), scene_of(self.compilation, result)
        check_animation(scene.compilation, scene.simulation, place)
        return write_animation(scene, place, frames=frames, seconds=seconds)
