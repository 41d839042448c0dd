"""``dynattn export``: a trained model for use where dynattn is not."""

from __future__ import annotations

from pathlib import Path

import click

from dynattn.cli.settings import JSON
from dynattn.diagnostics.report import Diagnostic, UsageError


@click.command(
    epilog="""\b
Examples
  dynattn export runs/kuramoto_attention-1 -o model
  python model/kuramoto_attention.py --prompt "ROMEO:"
  dynattn export runs/kuramoto_attention-1 --format torch -o model.pt2
"""
)
@click.argument("run", metavar="RUN")
@click.option("-o", "--output", required=True, metavar="PATH", help="The folder, or file, to make.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["python", "torch"]),
    default="python",
    show_default=True,
    help="Python and its weights, or a graph of torch.export.",
)
@click.option(
    "--checkpoint",
    type=click.Choice(["best", "last"]),
    default="best",
    show_default=True,
    help="Which weights.",
)
@JSON
def export(run: str, output: str, form: str, checkpoint: str, as_json: bool) -> None:
    """Write a trained model for use elsewhere: Python that needs torch alone, with its weights,
    the spec and the vocabulary, or a graph that torch.export.load reads.
    """
    from dynattn.cli.screen import print_json, print_line

    path, target = Path(run), Path(output)
    if path.is_file():
        message = f"'{run}' is a file, and export needs the folder of a run"
        fix = "train first: dynattn compile SPEC --train"
        raise UsageError(Diagnostic("E709", message, fix=fix))
    from dynattn.cli.compile import own_tableau
    from dynattn.interface import load_run
    from dynattn.learn import exporting
    from dynattn.learn.folder import open_run, read_json
    from dynattn.run.threads import threads_set

    spec = load_run(path, checkpoint)
    vocabulary = exporting.vocabulary_of(read_json(open_run(path).settings)["data"])
    with threads_set():
        if form == "torch":
            traced = exporting.export_graph(spec, target, vocabulary)
            files, ranges = (target,), {name: list(ends) for name, ends in traced.ranges.items()}
        else:
            files, ranges = exporting.export_python(spec, target, vocabulary, own_tableau(spec)), {}
    if as_json:
        facts = {"axes": ranges} if ranges else {}
        print_json({"ok": True, "files": [str(file) for file in files], **facts})
        return
    for file in files:
        print_line(f"wrote {file}")
    for name, (least, greatest) in ranges.items():
        print_line(f"{name} from {least} to {greatest}")
    if form == "torch":
        print_line(f'load it: torch.export.load("{target}").module()')
    else:
        print_line(f"try: python {files[0]}")
