"""``dynattn graph``: the coupling graph of a spec or a trained run, as pictures and files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from dynattn.cli.settings import JSON, SEED, SET, open_spec

if TYPE_CHECKING:
    from dynattn.compilation import Compilation
    from dynattn.present.parts import Attention, GraphParts


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

    parts = graph_parts(open_spec(what, settings, seed), level)
    files = [
        str(path)
        for output in outputs or (f"{parts.name}.svg",)
        for path in draw_graph(parts, output, level=level, say=note)
    ]
    if as_json:
        print_json({"ok": True, "files": files})
    else:
        print_line("\n".join(f"wrote {path}" for path in files))


def graph_parts(compilation: Compilation, level: str) -> GraphParts:
    """The graph to draw: trained, with its attention; where nodes are drawn, with their states."""
    from dynattn.present.nodes import MOST_NODES
    from dynattn.present.parts import parts_of

    if compilation.values is not None:
        from dynattn.run.threads import threads_set

        with threads_set():
            return parts_of(compilation, attention=trained_attention(compilation))
    parts = parts_of(compilation)
    if level not in ("auto", "nodes") or not parts.drawable or parts.node_count > MOST_NODES:
        return parts
    states = {name: value.numpy() for name, value in compilation.build().initial_states().items()}
    return parts_of(compilation, states)


def trained_attention(compilation: Compilation) -> Attention | None:
    """What the layers of a trained run attend to in one sentence of its validation text."""
    from dynattn.cli.outcome import learned_attention
    from dynattn.learn.plan import make_plan

    return learned_attention(compilation.build(), make_plan(compilation.model).data)
