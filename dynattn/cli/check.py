"""``dynattn check``: every mistake of a spec at once, in a moment."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from dynattn.diagnostics.report import Diagnostic, SpecError

if TYPE_CHECKING:
    from dynattn.compilation import Compilation
    from dynattn.diagnostics.report import Source
    from dynattn.model.model import Model
    from dynattn.syntax.tree import SyntaxTree


@click.command(
    epilog="""\b
Examples
  dynattn check kuramoto.dyn
  dynattn check specs/*.dyn
  dynattn check kuramoto.dyn --json
"""
)
@click.argument("files", metavar="FILE...", nargs=-1, required=True)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object to stdout.")
def check(files: tuple[str, ...], as_json: bool) -> int:
    """Report every mistake in the files. Exit code 1 where there is one."""
    from dynattn.cli.screen import diagnostic_facts, print_diagnostics, print_json, print_line

    found = {path: mistakes_in(path) for path in files}
    if as_json:
        listed = [diagnostic_facts(item) for items in found.values() for item in items]
        print_json({"ok": not listed, "files": list(files), "diagnostics": listed})
    else:
        for path, items in found.items():
            if items:
                print_diagnostics(items, False)
            else:
                print_line(f"{path}: no mistakes")
    return 1 if any(found.values()) else 0


def mistakes_in(path: str) -> tuple[Diagnostic, ...]:
    """Everything that is wrong with one file and shows without torch, in the order of its text."""
    from dynattn.cli.settings import open_spec

    compilation = None
    try:
        compilation = open_spec(path)
        tree = compilation.tree
    except SpecError as error:
        rest = () if compilation is None else mistakes_beside(compilation.source, error.diagnostics)
        return SpecError((*error.diagnostics, *rest)).diagnostics
    try:
        model = compilation.model
    except SpecError as error:
        beside = (*clocks_beside(tree, error.diagnostics), *choices_beside(tree))
        return SpecError((*error.diagnostics, *beside)).diagnostics
    return SpecError((*mistakes_of(model), *graph_mistakes(compilation))).diagnostics


def mistakes_of(model: Model) -> tuple[Diagnostic, ...]:
    """What is wrong with the experiments and the training of a model that is right itself."""
    from dynattn.run.clock import clock_mistakes, model_mistakes
    from dynattn.run.measurement_refusals import measurement_refusals

    found = first_of_each([item for run in model.simulations for item in clock_mistakes(run)])
    found += [item for run in model.simulations for item in model_mistakes(model, run)]
    found += [it for plan in model.measurements for it in measurement_refusals(model, plan)]
    if model.placements:
        from dynattn.learn.placements import placement_mistakes

        found += [item for plan in model.placements for item in placement_mistakes(model, plan)]
    if model.fits:
        from dynattn.learn.fittable import fit_mistakes

        found += [item for plan in model.fits for item in fit_mistakes(model, plan)]
    if model.training is None:
        return tuple(first_of_each(found))
    # Data and optimisers have much to load.
    from dynattn.learn.plan import plan_mistakes

    return (*found, *plan_mistakes(model))


def first_of_each(found: Sequence[Diagnostic]) -> list[Diagnostic]:
    """One of several alike: what the other experiments have from the first ``simulate``."""
    return list({(item.code, item.message): item for item in reversed(found)}.values())


def graph_mistakes(compilation: Compilation) -> tuple[Diagnostic, ...]:
    """What is wrong with graphs that have to be made to be known."""
    if all(item.graph.source in ("everyone", "causal") for item in compilation.model.couplings):
        return ()
    try:
        _ = compilation.network
    except SpecError as error:
        return error.diagnostics
    return ()


def clocks_beside(tree: SyntaxTree, known: Sequence[Diagnostic]) -> list[Diagnostic]:
    """What is wrong with methods and steps of experiments in a spec that has other mistakes too.

    An experiment with a mistake of its own says nothing certain of its clock, and what is recorded
    is not known without the rest of the model.
    """
    from dynattn.model.draft import Draft
    from dynattn.model.experiments import declare_experiments
    from dynattn.model.quantities import declare_values
    from dynattn.run.clock import clock_mistakes
    from dynattn.syntax.tree import Experiment, Quantities

    draft = Draft({})
    for item in tree.declarations:
        if isinstance(item, Quantities) and item.keyword == "param":
            declare_values(draft, item)
    runs = [i for i in tree.declarations if isinstance(i, Experiment) and i.kind != "train"]
    wrong = {item.span.line for item in known if item.span is not None}
    bad = {i.span.line for i in runs if wrong & set(range(i.span.line, i.span.end_line + 1))}
    found = declare_experiments(draft, runs)[0]
    told = {item.code for item in known}
    mistakes = [item for run in found if run.span.line not in bad for item in clock_mistakes(run)]
    return [item for item in first_of_each(mistakes) if item.code not in told]


def choices_beside(tree: SyntaxTree) -> tuple[Diagnostic, ...]:
    """What is wrong with optimiser and schedule in a spec that has other mistakes too."""
    from dynattn.diagnostics.report import Collector
    from dynattn.learn.optimizers import read_optimizer
    from dynattn.learn.schedules import read_schedule
    from dynattn.model.draft import Draft
    from dynattn.model.training import choice
    from dynattn.syntax.tree import Clause, Experiment

    found = Collector()
    trains = [i for i in tree.declarations if isinstance(i, Experiment) and i.kind == "train"]
    for clause in (item for train in trains for item in train.clauses):
        if not isinstance(clause, Clause) or clause.word not in ("optimizer", "schedule"):
            continue
        chosen = choice(Draft({}), clause)
        if chosen is not None and clause.word == "optimizer":
            read_optimizer(chosen, found)
        elif chosen is not None:
            read_schedule(chosen, 1, found)
    return tuple(found.found)


CERTAIN = frozenset({
    "E202", "E203", "E205", "E207", "E208", "E209", "E213", "E216", "E302", "E303", "E306",
    "E307", "E402", "E601",
})  # fmt: skip
"""Codes of mistakes that do not follow from a declaration that could not be read."""


def mistakes_beside(source: Source, known: Sequence[Diagnostic]) -> list[Diagnostic]:
    """What is certainly wrong beside the syntax errors of a spec."""
    from dynattn.model.check import check
    from dynattn.syntax.inherit import whole_rest

    if any(not item.code.startswith("E1") or item.span is None for item in known):
        return []
    if any(item.span and item.span.source.path != source.path for item in known):
        return []  # the errors are another file's, which this one rests on
    try:
        tree = whole_rest(source)
        if tree is not None:
            check(tree)
    except SpecError as error:
        lines = {item.span.line for item in known if item.span is not None}
        return [
            item for item in error.diagnostics
            if item.code in CERTAIN and item.span is not None and item.span.line not in lines
        ]  # fmt: skip
    return []
