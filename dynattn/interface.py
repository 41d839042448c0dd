"""What Python users hold: a spec that builds, runs and draws itself, and ``load``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dynattn.compilation import Compilation
from dynattn.diagnostics.report import Diagnostic, NumericalError, Source, SpecError
from dynattn.model.unused import unused_names

if TYPE_CHECKING:
    from dynattn.learn.comparison import Comparison
    from dynattn.learn.score import Score
    from dynattn.model.model import Model


class Spec(Compilation):
    """The compilation of a whole file, with the verbs of the command line."""

    @cached_property
    def model(self) -> Model:
        """The checked model; SpecError with every mistake of the spec, or with every name that
        nothing in it uses.
        """
        model, unused = super().model, unused_names(self.tree)
        if unused:
            raise SpecError(unused)
        return model

    def run(self, name: str | None = None, **options: Any) -> Any:
        """Run the spec's experiment ``name`` (its first one unless given) and return the result,
        which draws itself: ``result.plot("states", "final.svg")``, ``result.animate("out.gif")``.
        Where the numbers fail, so does the ``partial`` result of the NumericalError.
        """
        from dynattn.learn.experiments import run_any
        from dynattn.present.drawing import ResultDrawing

        drawing = ResultDrawing(self)
        try:
            return replace(run_any(self, name, **options), drawing=drawing)
        except NumericalError as error:
            if error.partial is not None:
                error.partial = replace(error.partial, drawing=drawing)
            raise

    def equilibria(self, **options: Any) -> Any:
        """Where the model is at rest, from many starts: ``starts=20``, ``spread``, ``seed``,
        ``folder``. The result holds states, observables, eigenvalues and verdicts.
        """
        from dynattn.run.equilibria import find_equilibria

        return find_equilibria(self, **options)

    def graph(self, path: str | Path, **options: Any) -> list[Path]:
        """Draw the coupling graph to ``path``, whose ending says the format; the files written."""
        from dynattn.present.graph import draw_graph

        return draw_graph(self, path, **options)


def load(path: str | Path, *, seed: int | None = None, **overrides: Any) -> Spec:
    """A spec file with parameters set by name, or a run folder with its trained weights.

    ``seed`` None means the spec's own. SpecError where the text is wrong, or the folder is no run.
    """
    path = Path(path)
    if path.is_dir():
        return load_run(path)
    from dynattn.syntax.read import read_source

    return Spec(read_source(path), overrides, seed)


def load_run(path: Path, checkpoint: str = "best") -> Spec:
    """The spec of a run folder as it was trained, with the weights of its ``best`` or ``last``
    checkpoint.
    """
    from dynattn.learn.checkpoint import read_checkpoint
    from dynattn.learn.folder import open_run, read_json
    from dynattn.learn.settings import check_text
    from dynattn.syntax.read import read_source

    folder = open_run(path)
    settings = read_json(folder.settings)
    stored = read_checkpoint(getattr(folder, checkpoint))
    text = read_source(folder.spec).text
    check_text(stored, folder, text)
    # Paths of data are relative to where the spec stood when it was trained.
    source = Source(settings["spec"], text)
    return Spec(source, settings["overrides"], settings["seed"], stored.weights)


def compare(
    specs: Sequence[str | Path | Compilation] | Mapping[str, str | Path | Compilation],
    seeds: int | Sequence[int] = 5,
    *,
    steps: float | None = None,
    epochs: float | None = None,
    samples: float | None = None,
    tokens: float | None = None,
    folder: str | Path | None = None,
    **options: Any,
) -> Comparison:
    """Train specs over the same seeds under one budget; the result holds runs and statistics.

    ``specs`` are files or what ``load`` returns, with a name each in a mapping. One of ``steps``,
    ``epochs``, ``samples`` and ``tokens`` at most is how long, None: as the specs say. Runs that
    stand in ``folder`` are taken, or gone on with. ``options``: ``jobs`` at a time, ``device``,
    ``fail`` (``["accuracy<0.85"]``), ``measure`` to show first, ``match`` (``["two:hidden"]``, a
    width chosen for as many learned numbers), ``watcher``. Table and figure are written into the
    folder: ``result.table()``, ``result.rows``, ``result.values("name")``.
    """
    from dynattn.learn.budget import chosen_budget
    from dynattn.learn.contest import contest
    from dynattn.present.comparison import draw_comparison

    budget = chosen_budget(steps=steps, epochs=epochs, samples=samples, tokens=tokens)
    place = Path(folder) if folder is not None else None
    result = contest(named_specs(specs), seeds=seeds, budget=budget, folder=place, **options)
    draw_comparison(result, result.folder / "comparison.svg")
    return result


def named_specs(
    specs: Sequence[str | Path | Compilation] | Mapping[str, str | Path | Compilation],
) -> dict[str, Compilation]:
    """Specs by name: their own where none is given, or that of the file where two share one.

    SpecError E721 where two specs would still have one name.
    """
    if isinstance(specs, Mapping):
        return {name: _spec(item) for name, item in specs.items()}
    found = [_spec(item) for item in specs]
    names = [item.model.name for item in found]
    if len(set(names)) < len(names):
        names = [Path(item.source.path).stem for item in found]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        message = f"two of the specs are called '{twice}'"
        fix = "give each a name of its own: dynattn compare one=A.dyn two=A.dyn --set two:K=3"
        raise SpecError(Diagnostic("E721", message, fix=fix))
    return dict(zip(names, found, strict=True))


def _spec(item: str | Path | Compilation) -> Compilation:
    return item if isinstance(item, Compilation) else load(item)


def evaluate(
    run: str | Path,
    data: str | None = None,
    *,
    part: str = "validation",
    checkpoint: str = "best",
    device: str = "cpu",
) -> Score:
    """Measure a run folder on its own ``part``, ``validation`` or ``test``, or on other ``data``: a
    path, a source as in ``train``, or ``pairs("FILE")``. ``checkpoint``: ``best`` or ``last``.
    """
    from dynattn.learn.folder import open_run
    from dynattn.learn.score import score

    folder = open_run(Path(run))
    spec = load_run(folder.path, checkpoint)
    return score(spec, folder, checkpoint=checkpoint, part=part, data=data, device=device)
