"""Specs trained over the same seeds under one budget, each run in a folder of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Protocol

from dynattn.compilation import Compilation
from dynattn.diagnostics.files import make_folder
from dynattn.diagnostics.report import Diagnostic, SpecError, UsageError
from dynattn.learn.budget import Budget
from dynattn.learn.comparison import Comparison, SeedRun, read_run
from dynattn.learn.devices import choose_device
from dynattn.learn.entrants import Entrant, common_measures, read_entrants, remarks
from dynattn.learn.folder import RUNS, RunFolder, read_json
from dynattn.learn.matching import matched_specs
from dynattn.learn.measures import find_measure, read_failure
from dynattn.learn.plan import json_values
from dynattn.learn.settings import check_same, stored_settings
from dynattn.learn.tasks import Task, ended, perform
from dynattn.learn.workers import perform_all
from dynattn.run.workers import cores


class Watcher(Protocol):
    """Listens to a comparison."""

    def start(self, comparison: Comparison, done: int, total: int, jobs: int) -> None:
        """It begins, with so many of all updates done before."""
        pass

    def moved(self, steps: int) -> None:
        """So many updates more are done."""
        pass

    def ended(self, run: SeedRun, left: int) -> None:
        """A run has its end; so many have not."""
        pass

    def close(self) -> None:
        """Nothing more will be told."""
        pass


class Quiet(Watcher):
    """A Watcher that says nothing."""


def contest(
    specs: Mapping[str, Compilation],
    *,
    seeds: int | Sequence[int] = 5,
    budget: Budget | None = None,
    folder: Path | None = None,
    jobs: int | None = None,
    device: str = "auto",
    fail: Sequence[str] = (),
    measure: str | None = None,
    match: Sequence[str] = (),
    watcher: Watcher | None = None,
) -> Comparison:
    """Train every spec with every seed, and tell what came out.

    ``match``: parameters chosen so that the specs learn as many numbers as the first (E728).

    Runs that ``folder`` holds already are taken, and those it holds in part go on as if they had
    not been interrupted. Ctrl-C saves and returns what there is. SpecError where specs cannot be
    compared (E721 to E723) or the folder holds other runs (E724).
    """
    wanted = read_seeds(seeds)
    matched = matched_specs(specs, match)
    entrants = read_entrants(matched.specs, budget)
    where = str(choose_device(device))
    names = common_measures(entrants)
    failures = tuple(read_failure(text, names) for text in fail)
    if measure is not None:
        first = find_measure(measure, names, f"--measure {measure}")
        names = (first, *(name for name in names if name != first))
    place = folder or RUNS / ("compare-" + "-".join(specs))
    _check_folder(place, entrants, wanted)
    tasks = _tasks(entrants, wanted, place, where)
    comparison = Comparison(
        place, tuple(specs), wanted, {item.label: item.parameters for item in entrants},
        {item.label: item.plan.steps for item in entrants}, names, failures,
        _read(tasks), (*matched.remarks, *remarks(entrants)),
    )  # fmt: skip
    make_folder(place)
    comparison.save()
    most = jobs or (cores() if where == "cpu" else 1)
    left = [task for task in tasks if not ended(RunFolder(task.folder))]
    whole = not left or _perform(comparison, left, most, watcher or Quiet())
    result = replace(comparison, runs=_read(tasks), interrupted=not whole)
    result.save()
    return result


def read_seeds(seeds: int | Sequence[int]) -> tuple[int, ...]:
    """0, 1, .. so many; or the seeds themselves. UsageError E720 where there is none."""
    found = tuple(range(seeds)) if isinstance(seeds, int) else tuple(seeds)
    if not found or min(found) < 0 or len(set(found)) < len(found):
        shown = seeds if isinstance(seeds, int) else ", ".join(map(str, seeds)) or "none"
        message = f"--seeds {shown}: a comparison needs one seed or more, each once, from 0 on"
        raise UsageError(Diagnostic("E720", message, fix="say how many: --seeds 5"))
    return found


def _tasks(
    entrants: Sequence[Entrant], seeds: Sequence[int], place: Path, device: str
) -> tuple[Task, ...]:
    """Every run, seed by seed, so that an interrupted comparison has whole pairs."""
    return tuple(
        Task(
            item.label, seed, replace(item.compilation, seed=seed), _place(place, item, seed),
            Budget("steps", item.plan.steps), device, item.plan.steps,
        )
        for seed in seeds
        for item in entrants
    )  # fmt: skip


def _place(place: Path, entrant: Entrant, seed: int) -> Path:
    return place / entrant.label / f"seed-{seed}"


def _read(tasks: Sequence[Task]) -> tuple[SeedRun, ...]:
    return tuple(read_run(task.label, task.seed, RunFolder(task.folder)) for task in tasks)


def _check_folder(place: Path, entrants: Sequence[Entrant], seeds: Sequence[int]) -> None:
    """SpecError E724 where runs of other specs, settings or data stand in the folder."""
    if place.is_dir() and any(place.iterdir()) and not (place / "comparison.json").exists():
        message = f"{place} has other things in it than a comparison"
        raise SpecError(Diagnostic("E724", message, fix="choose another folder with -o DIR"))
    for entrant in entrants:
        for seed in seeds:
            folder = RunFolder(_place(place, entrant, seed))
            if folder.settings.exists():
                _check_run(folder, entrant, seed)


def _check_run(folder: RunFolder, entrant: Entrant, seed: int) -> None:
    now = {
        "overrides": json_values(entrant.compilation.overrides),
        "seed": seed,
        "steps": entrant.plan.steps,
        "data": entrant.plan.data.facts,
    }
    try:
        source = entrant.compilation.tree.source  # with what it extends, as the run keeps it
        check_same(folder, now, stored_settings(folder), source)
    except SpecError as error:
        fix = "give the specs and the settings that it was started with, or another folder: -o DIR"
        found = [Diagnostic("E724", item.message, fix=fix) for item in error.diagnostics]
        raise SpecError(found) from None


def _perform(comparison: Comparison, tasks: Sequence[Task], jobs: int, watcher: Watcher) -> bool:
    """Make the runs that are left; False where Ctrl-C stopped them."""
    done = {task.name: _steps_done(task) for task in tasks}
    total = sum(comparison.steps[run.label] for run in comparison.runs)
    before = total - sum(task.steps for task in tasks) + sum(done.values())
    watcher.start(comparison, before, total, min(jobs, len(tasks)))

    def heard(task: Task, step: float | None) -> None:
        now = done[task.name] if step is None else int(step)
        run = None
        if step is None and ended(folder := RunFolder(task.folder)):
            run, now = read_run(task.label, task.seed, folder), task.steps
        watcher.moved(now - done[task.name])
        done[task.name] = now
        if run is not None:
            watcher.ended(run, sum(not ended(RunFolder(item.folder)) for item in tasks))

    try:
        if min(jobs, len(tasks)) > 1:
            return perform_all(tasks, jobs, heard)
        for task in tasks:
            if not perform(task, partial(heard, task)):
                return False
            heard(task, None)
        return True
    except KeyboardInterrupt:  # between two runs, or for the second time
        return False
    finally:
        watcher.close()


def _steps_done(task: Task) -> int:
    state = RunFolder(task.folder).last.with_suffix(".json")
    return read_json(state)["step"] if state.exists() else 0
