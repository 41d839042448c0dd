"""Moving pictures of states: a file that is whole or not there."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import chain
from pathlib import Path
from shutil import which
from tempfile import TemporaryDirectory
from typing import Any

from dynattn.compilation import Compilation
from dynattn.diagnostics.files import refuse_folder, write_whole
from dynattn.diagnostics.report import Diagnostic, SpecError, UsageError
from dynattn.present.figure import frames_of, style
from dynattn.present.pictures import states_figure
from dynattn.present.scene import Scene
from dynattn.present.shading import Motion
from dynattn.present.wanted import Plan, animation_refusal, check_ending, refuse

MOVING = (".gif", ".mp4")
"""Endings of moving pictures."""

DOTS = 100
"""Pixels of an inch."""

SLOWEST, FASTEST = 4, 50
"""Frames of a second."""


def check_animation(compilation: Compilation, simulation: Plan, path: Path) -> None:
    """All that can be refused before anything runs: UsageError E711, E712 or E713, SpecError E704
    or E714.
    """
    check_ending(path.suffix.lower(), MOVING)
    refuse_folder(path)
    if path.suffix.lower() == ".mp4" and which("ffmpeg") is None:
        fact = f"{path} needs the program ffmpeg, which is not on the path"
        fix = f"install it, or write {path.with_suffix('.gif').name}"
        raise UsageError(Diagnostic("E712", fact, fix=fix))
    refuse(animation_refusal(compilation, simulation))


def write_animation(
    scene: Scene,
    path: Path,
    *,
    frames: int = 200,
    seconds: float = 8.0,
    progress: Callable[[float], None] | None = None,
) -> Path:
    """Write the states over the saved times, in about so many seconds; ``progress`` is given the
    fraction done. An interruption leaves what stood at ``path`` as it was. SpecError E712 where
    ffmpeg fails.
    """
    with style():
        figure, motion, count = states_figure(scene, moving=True)
        chosen = frames_of(count, max(1, frames))
        rate = min(FASTEST, max(SLOWEST, round(len(chosen) / seconds)))
        images = _images(figure, motion, chosen, progress)
        write = _write_gif if path.suffix.lower() == ".gif" else _write_mp4
        return write(path, images, rate)


def _images(
    figure: Any, motion: Motion, chosen: list[int], progress: Callable[[float], None] | None
) -> Iterator[Any]:
    """RGB images of the moments; what does not move is drawn once."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from PIL import Image

    figure.set_dpi(DOTS)
    canvas = FigureCanvasAgg(figure)
    motion.to(chosen[0])
    canvas.draw()  # which finds the layout
    figure.set_layout_engine("none")
    moving = sorted(motion.artists, key=lambda artist: artist.get_zorder())
    for artist in moving:
        artist.set_animated(True)
    canvas.draw()
    ground = canvas.copy_from_bbox(figure.bbox)
    for number, k in enumerate(chosen):
        motion.to(k)
        canvas.restore_region(ground)
        for artist in moving:
            artist.draw(canvas.get_renderer())
        yield Image.fromarray(_pixels(canvas))
        if progress is not None:
            progress((number + 1) / len(chosen))


def _pixels(canvas: Any) -> Any:
    """[height, width, 3] of a canvas, both even, as video wants."""
    import numpy

    pixels = numpy.asarray(canvas.buffer_rgba())[..., :3]
    return numpy.ascontiguousarray(pixels[: len(pixels) // 2 * 2, : pixels.shape[1] // 2 * 2])


def _write_gif(path: Path, images: Iterator[Any], rate: int) -> Path:
    """One palette for all: that of the first image, since colours stay and only places change."""
    first = next(images)
    palette = first.quantize(255)
    plain = (image.quantize(palette=palette, dither=0) for image in images)
    shown = first.quantize(palette=palette, dither=0)

    def fill(file: Any) -> None:
        shown.save(file, "GIF", save_all=True, append_images=plain, duration=round(1000 / rate),
                   loop=0)  # fmt: skip

    return write_whole(path, fill)


def _write_mp4(path: Path, images: Iterator[Any], rate: int) -> Path:
    with TemporaryDirectory(prefix="dynattn-") as folder:
        made, log = Path(folder, "moving.mp4"), Path(folder, "log.txt")
        first = next(images)
        size = f"{first.width}x{first.height}"
        command = ["ffmpeg", "-loglevel", "error", "-f", "rawvideo", "-pix_fmt", "rgb24", "-s",
                   size, "-r", str(rate), "-i", "-", "-pix_fmt", "yuv420p", str(made)]  # fmt: skip
        with open(log, "wb") as errors:
            process = subprocess.Popen(command, stdin=subprocess.PIPE, stderr=errors)
            try:
                _feed(process, first, images)
            except BaseException:
                process.kill()
                raise
            finally:
                process.wait()
        if process.returncode or not made.exists():
            lines = log.read_text(errors="replace").strip().splitlines()
            fact = f"ffmpeg could not write {path}: {lines[-1] if lines else 'it says nothing'}"
            raise SpecError(Diagnostic("E712", fact, fix="write a .gif"))
        return write_whole(path, made.read_bytes())


def _feed(process: subprocess.Popen[bytes], first: Any, images: Iterator[Any]) -> None:
    """Give it all images; where ffmpeg ends before its time, it tells why."""
    assert process.stdin is not None
    try:
        with suppress(BrokenPipeError):
            for image in chain([first], images):
                process.stdin.write(image.tobytes())
    finally:
        with suppress(BrokenPipeError):
            process.stdin.close()
