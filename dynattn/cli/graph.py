"""``dynattn graph``: the coupling graph of a spec or a trained run, as pictures and files."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dynattn.cli.settings import JSON, SEED, SET, open_spec
from dynattn.diagnostics.report import Diagnostic, UsageError

if TYPE_CHECKING:
    from dynattn.present.parts import GraphParts


@click.command(
    epilog="""\b
Examples
  dynattn graph kuramoto.dyn
  dynattn graph kuramoto.dyn -o net.svg -o net.html
  dynattn graph kuramoto.dyn --set N=100 --level nodes -o nodes.png
  dynattn graph runs/kuramoto_attention-1 --level attention -o attention.png
"""
)
@click.argument("what", metavar="SPEC|RUN")
@click.option(
    "-o",
    "--output",
    "outputs",
    metavar="FILE",
    multiple=True,
    help="Where to draw it; svg, png, pdf, dot, graphml, json or html. NAME.svg unless given.",
)
@click.option(
    "--level",
    default="auto",
    show_default=True,
    help="What is drawn: auto, population, nodes, adjacency or attention.",
)
@SET
@SEED
@JSON
def graph(
    what: str,
    outputs: tuple[str, ...],
    level: str,
    settings: tuple[str, ...],
    seed: int | None,
    as_json: bool,
) -> None:
    """Draw the coupling graph."""
    from dynattn.cli.screen import note, print_json, print_line
    from dynattn.present.graph import draw_graph

    if Path(what).is_dir() and (settings or seed is not None):
        message = "a run folder has its settings and its seed; --set and --seed are for specs"
        raise UsageError(Diagnostic("E708", message, fix="leave them out"))
    if Path(what).is_dir():
        parts = run_parts(Path(what))
    else:
        parts = spec_parts(what, settings, seed, level)
    files = [
        str(path)
        for output in outputs or (f"{parts.name}.svg",)
        for path in draw_graph(parts, output, level=level, say=note)
    ]
    if as_json:
        print_json({"ok": True, "files": files})
    else:
        print_line("\n".join(f"wrote {path}" for path in files))


def spec_parts(path: str, settings: tuple[str, ...], seed: int | None, level: str) -> GraphParts:
    """The graph of a spec; where its nodes are drawn, coloured by the state at the start."""
    from dynattn.present.nodes import MOST_NODES
    from dynattn.present.parts import parts_of

    compilation = open_spec(path, settings, seed)
    parts = parts_of(compilation)
    if level not in ("auto", "nodes") or not parts.drawable or parts.node_count > MOST_NODES:
        return parts
    states = {name: value.numpy() for name, value in compilation.build().initial_states().items()}
    return replace(parts, states=parts_of(compilation, states).states)


def run_parts(path: Path) -> GraphParts:
    """The graph of a trained run, with what its layers attend to in one sentence."""
    from dynattn.cli.outcome import learned_attention
    from dynattn.interface import load_run
    from dynattn.learn.plan import make_plan
    from dynattn.present.parts import parts_of

    spec = load_run(path)
    attention = learned_attention(spec.build(), make_plan(spec.model).data)
    return parts_of(spec, attention=attention)
