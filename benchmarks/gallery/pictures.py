"""Which picture shows a spec best, and how it is drawn."""

from __future__ import annotations

import importlib
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from benchmarks.classics.truth import SPECS, shipped
from dynattn.interface import Spec, load
from dynattn.model.plans import Continuation, Search, Simulation
from dynattn.run.experiment import Plan, find_experiment

CLASSICS = Path(__file__).parents[1] / "classics"
LARGEST = 150_000
"""Bytes up to which a vector file is taken even where pixels are fewer."""


@dataclass(frozen=True)
class Picture:
    """A picture of a spec, perhaps of other sizes and times than those it ships with."""

    caption: str = ""
    """What there is to see."""
    experiment: str | None = None
    """None: the classic's own, or the first."""
    kind: str | None = None
    """As ``dynattn run --plot`` names it, or ``diagram``, ``loss`` or ``attention``."""
    beside: str | None = None
    """A second sweep, in the same panels."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    changes: str = ""
    """Declarations that replace those of the spec."""
    differs: str = ""
    """What the changes mean, for the caption: ``sphere(3) for circle``."""


def classic(name: str) -> Any:
    """The module that holds what is known of a spec; None where there is none."""
    known = (CLASSICS / f"{name}.py").exists()
    return importlib.import_module(f"benchmarks.classics.{name}") if known else None


def picture_of(name: str) -> Picture:
    """The one in PICTURES, or the first that is drawn by default of the classic's experiment."""
    return PICTURES.get(name, Picture())


def experiment_of(name: str) -> str | None:
    """The experiment that is drawn; None: the first, or there is none."""
    return picture_of(name).experiment or getattr(classic(name), "EXPERIMENT", None)


def changed(name: str) -> Spec:
    """The spec as it is drawn."""
    picture = picture_of(name)
    if picture.changes:
        return shipped(name, picture.changes, **picture.settings)
    return load(SPECS / f"{name}.dyn", **picture.settings)


def caption(name: str) -> str:
    """What there is to see, what was run, and in what it differs from the spec."""
    picture, spec = picture_of(name), changed(name)
    if picture.kind == "diagram":
        return picture.caption
    if picture.kind in ("loss", "attention"):
        ran = "`train`"
    else:
        names = [experiment_of(name), *([picture.beside] if picture.beside else [])]
        ran = " and ".join(_spelled(find_experiment(spec.model, one)) for one in names)
    other = [f"{key} = {value}" for key, value in picture.settings.items()]
    other += [picture.differs] if picture.differs else []
    how = ", ".join([ran, *other])
    return f"{picture.caption.removesuffix('.')} ({how})." if picture.caption else f"{how}."


def _spelled(experiment: Plan) -> str:
    if isinstance(experiment, Simulation):
        kind = "sweep" if experiment.settings else "simulate"
    else:
        kind = {Continuation: "continue", Search: "equilibria"}.get(type(experiment), "train")
    return f"`{kind}`" if experiment.name == kind else f"`{kind} {experiment.name}`"


def draw(name: str, folder: Path) -> Path:
    """Draw the picture into the folder, in place of an older one."""
    with tempfile.TemporaryDirectory() as work:
        paths = _drawn(name, Path(work))
        vector, pixels = (path.stat().st_size for path in paths)
        small = paths[0] if vector <= max(LARGEST, pixels) else paths[1]
        for old in folder.glob(f"{name}.*"):
            old.unlink()
        folder.mkdir(exist_ok=True)
        place = folder / f"{name}{small.suffix}"
        place.write_bytes(small.read_bytes())
    return place


def _drawn(name: str, folder: Path) -> list[Path]:
    """The picture as .svg and as .png."""
    picture, spec = picture_of(name), changed(name)
    paths = [folder / f"{name}.svg", folder / f"{name}.png"]
    if picture.kind == "diagram":
        for path in paths:
            spec.graph(path, level="population")
    elif picture.kind in ("loss", "attention"):
        _draw_learned(name, spec, picture.kind, paths)
    else:
        _draw_result(name, spec, picture, paths)
    return paths


def _draw_result(name: str, spec: Spec, picture: Picture, paths: list[Path]) -> None:
    from dynattn.present.figure import entitle, save_figure

    result = spec.run(experiment_of(name))
    beside = [spec.run(picture.beside)] if picture.beside else []
    figure = result.plot(picture.kind, beside=beside)
    entitle(figure, figure.get_suptitle().replace(f"changed_{name}", name))
    for path in paths:
        save_figure(figure, path)


def _draw_learned(name: str, spec: Spec, kind: str, paths: list[Path]) -> None:
    """Train it, and draw the loss, or the attention over one sentence."""
    from dynattn.cli.outcome import draw_loss, learned_attention
    from dynattn.learn.folder import new_run
    from dynattn.learn.plan import make_plan
    from dynattn.learn.train import train
    from dynattn.present.attention import draw_heat_maps

    with tempfile.TemporaryDirectory() as work:
        folder = new_run(spec.model.name, Path(work) / "run")
        result = train(spec, folder, device="cpu", threads=1)
        attention = learned_attention(result.system, make_plan(spec.model).data)
        for path in paths:
            if kind == "loss":
                draw_loss(folder, replace(result, model=name), path)
            else:
                assert attention is not None
                draw_heat_maps(attention, path)


PICTURES: dict[str, Picture] = {
    "metronomes": Picture(
        "Dots: measured phases, at unequal times, some missing; lines: the fitted model, of which "
        "coupling, phase lag and eight frequencies were found; below, what is between.",
        experiment="fit",
    ),
    "adaptive": Picture("The rule by which weights learn decides on clusters and rhythm."),
    "akorn": Picture(
        "Bits per character of the text.",
        kind="loss",
        changes="train { batch 16; steps 300 }",
        differs="300 steps of 16",
    ),
    "lohe_sphere": Picture("The least coupling already orders half of it."),
    "lohe_su2": Picture("Spins align as the coupling outweighs the spread of their turning."),
    "swarmalators": Picture("The ring state: the phase is the angle.", "simulate", "states"),
    "wilson_cowan": Picture("Activity of every region.", kind="raster"),
    "chimera": Picture(
        "Phases (above) and local order: smooth where oscillators lock, speckled where they drift, "
        "though all are alike.",
        kind="raster",
    ),
    "consensus": Picture("Every opinion, coming to one.", kind="states"),
    "delayed_kuramoto": Picture(
        "The rhythm found after a kick: a staircase of the stable solutions of one equation."
    ),
    "echo_state": Picture(
        "Two copies forget that they began apart, up to a radius near 1 and, as they are driven, "
        "somewhat beyond.",
        "forgetting",
    ),
    "explosive": Picture(
        "Order jumps up at a larger coupling than that at which it falls.", "up", beside="down"
    ),
    "fitzhugh_nagumo": Picture(
        "A kick at t = 20 sends waves round both ways, which end where they meet.", kind="raster"
    ),
    "friedkin_johnsen": Picture(
        "Opinions move towards each other and stay apart: dispute remains.",
        kind="states",
        settings={"N": 60},
    ),
    "inertia": Picture(
        "On the way up the locked group grows late; on the way down it holds.", "up", beside="down"
    ),
    "kuramoto": Picture(
        "Order sets in as the coupling grows; five draws of the frequencies, mean and deviation.",
        "transition",
        settings={"N": 200},
        changes="sweep transition { K = 0 .. 4 by 0.25; repeat 5; t 0 .. 60 every 0.5; "
        "record average(r) after 30 }",
        differs="5 repeats",
    ),
    "kuramoto_general": Picture(
        "Phases of every node: all come to one rhythm, each with its own lead or lag.",
        kind="raster",
        settings={"N": 100},
        changes="simulate { t 0 .. 40 every 0.2; method rk4; step 0.02; record theta }",
        differs="up to t = 40",
    ),
    "kuramoto_onset": Picture("Nothing below K = 1, and a square root above it."),
    "lotka_volterra": Picture(
        "The more the interactions differ, the more species die out.", "edge"
    ),
    "may_leonard": Picture("Each rules for longer than the one before.", kind="states"),
    "modern_hopfield": Picture(
        "The more patterns, the more cues end elsewhere; 16 numbers hold hundreds of patterns."
    ),
    "replicator": Picture("Four games that circle for ever.", kind="states"),
    "sakaguchi": Picture("A lag slows the rhythm, until none is left in common."),
    "second_harmonic": Picture(
        "Every phase goes to one of two, half a turn apart.",
        "simulate",
        "raster",
        settings={"N": 100},
        changes="simulate { t 0 .. 10 every 0.05; record theta }",
        differs="up to t = 10",
    ),
    "stuart_landau": Picture("Amplitude death: frequencies that are too broad stop all of them."),
    "swing": Picture(
        "The grid near its limit, its buses coloured by phase: power flows from ahead to behind.",
        kind="graph",
        settings={"stress": 6},
    ),
    "synchronization": Picture(
        "On the way to one point of the sphere.",
        kind="states",
        changes="population unit { state x on sphere(3) }\nsimulate { t 0 .. 5 every 0.1 }",
        differs="with `sphere(3)` for `circle`, up to t = 5",
    ),
    "uninformed": Picture("The compromise is lost beyond a conflict: R falls.", "conflict"),
    "tidal": Picture("The network: two sets of weights, run through four times.", kind="diagram"),
    "oscillator_attention": Picture("The network of its layers.", kind="diagram"),
    "frustrated_synchronization": Picture("The network of its layers.", kind="diagram"),
    "collective_modes": Picture("The network of its layers.", kind="diagram"),
    "softmax_attention": Picture("The network of its layers.", kind="diagram"),
    "softmax_transformer": Picture("The network of its layers.", kind="diagram"),
    "kuramoto_attention": Picture(
        "What its heads attend to in a line of text: rows are the tokens that look, columns those "
        "looked at.",
        kind="attention",
        settings={"depth": 1, "C": 64, "H": 2},
        changes="train { batch 16; steps 400 }",
        differs="400 steps of 16",
    ),
    "group_attention": Picture(
        "Bits per character of the text, for states on SU(2).",
        kind="loss",
        settings={"depth": 1},
        changes="train { steps 300 }",
        differs="300 steps",
    ),
    "vicsek": Picture("Noise ends the order of headings where sigma^2 = K, at sigma = 2."),
    "winfree": Picture("Beyond a coupling all stop: death."),
}  # fmt: skip
"""By name of the spec."""
