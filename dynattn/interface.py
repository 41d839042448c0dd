"""What Python users hold: a spec that builds, runs and draws itself, and ``load``."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dynattn.compilation import Compilation
from dynattn.diagnostics.report import NumericalError, Source, SpecError
from dynattn.model.unused import unused_names

if TYPE_CHECKING:
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
        from dynattn.present.drawing import ResultDrawing
        from dynattn.run.experiment import run_experiment

        drawing = ResultDrawing(self)
        try:
            return replace(run_experiment(self, name, **options), drawing=drawing)
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


def load_run(path: Path) -> Spec:
    """The spec of a run folder as it was trained, with the best checkpoint's weights."""
    from dynattn.learn.checkpoint import read_checkpoint
    from dynattn.learn.folder import open_run, read_json
    from dynattn.syntax.read import read_source

    folder = open_run(path)
    settings = read_json(folder.settings)
    weights = read_checkpoint(folder.best).weights
    # Paths of data are relative to where the spec stood when it was trained.
    source = Source(settings["spec"], read_source(folder.spec).text)
    return Spec(source, settings["overrides"], settings["seed"], weights)
