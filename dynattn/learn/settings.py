"""The settings of a run: gathered when it begins, compared when it goes on."""

from __future__ import annotations

import platform
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import torch

from dynattn.compilation import Compilation
from dynattn.diagnostics.report import Diagnostic, Source, SpecError
from dynattn.learn.checkpoint import Checkpoint, spec_sha256
from dynattn.learn.folder import RunFolder, open_run, read_json
from dynattn.learn.metrics import has_tensorboard
from dynattn.learn.plan import Plan, choice_facts, json_values
from dynattn.learn.reports import RunSettings
from dynattn.lower.pairs import real_numbers

_PACKAGES = ("dynattn", "torch", "numpy", "safetensors")


def gather_settings(
    compilation: Compilation,
    plan: Plan,
    system: torch.nn.Module,
    seed: int,
    device: torch.device,
    threads: int,
    compiled: bool = False,
    processes: int = 1,
) -> RunSettings:
    """Everything that fixes a run."""
    model = compilation.model
    pace = plan.pace
    return RunSettings(
        model=model.name,
        spec=model.source.path,
        spec_sha256=spec_sha256(model.source.text),
        overrides=json_values(compilation.overrides),
        seed=seed,
        device=str(device),
        dtype="float32",
        threads=threads,
        parameters=real_numbers(system.parameters()),
        steps=plan.steps,
        batch=plan.training.batch,
        evaluate_every=plan.evaluate_every,
        optimizer=choice_facts(plan.optimizer.optimizer.name, plan.optimizer.options),
        schedule=choice_facts(pace.schedule.name, {"warmup": pace.warmup, "floor": pace.floor}),
        clip=plan.training.clip,
        data=dict(plan.data.facts),
        baselines=plan.data.baselines(),
        versions={"python": platform.python_version(), **_versions()},
        tensorboard=has_tensorboard(),
        compiled=compiled,
        accumulate=plan.accumulate,
        precision=plan.precision,
        processes=processes,
    )


def _versions() -> dict[str, str]:
    return {name: found for name in _PACKAGES if (found := _version(name))}


def _version(name: str) -> str:
    """The version of what is imported; else of what is installed, else ''."""
    imported = getattr(sys.modules.get(name), "__version__", "")
    try:
        return imported or version(name)
    except PackageNotFoundError:
        return ""


def stored_settings(folder: RunFolder) -> dict[str, Any]:
    """The settings of the run in ``folder``; SpecError where there is none."""
    return read_json(open_run(folder.path).settings)


def as_started(compilation: Compilation, folder: RunFolder) -> Compilation:
    """The compilation with the overrides and the seed of the run in ``folder``.

    What it has of its own stays, and ``check_resumable`` refuses it where it differs. SpecError
    E543 for a run of another spec, whose settings have no meaning here.
    """
    stored = stored_settings(folder)
    if stored["spec_sha256"] != spec_sha256(compilation.tree.source.text):
        raise SpecError(_changed_spec(folder, compilation.tree.source))
    seed = stored["seed"] if compilation.seed is None else compilation.seed
    return replace(compilation, overrides=compilation.overrides or stored["overrides"], seed=seed)


def check_resumable(
    folder: RunFolder, settings: RunSettings, stored: Mapping[str, Any], source: Source
) -> None:
    """SpecError where the run is finished, or where going on would not be the same run."""
    if folder.result.exists():
        message = f"the run in {folder.path} is finished: {stored['steps']} steps"
        fix = f"sample from it: dynattn sample {folder.path}; or start a new run without --resume"
        raise SpecError(Diagnostic("E546", message, fix=fix))
    check_same(folder, asdict(settings), stored, source)


def check_same(
    folder: RunFolder, now: Mapping[str, Any], stored: Mapping[str, Any], source: Source
) -> None:
    """SpecError where the run was started with another spec, other settings or other data than
    ``now``: ``overrides``, ``seed``, ``steps`` and ``data``.
    """
    if stored["spec_sha256"] != spec_sha256(source.text):
        raise SpecError(_changed_spec(folder, source))
    for name in ("overrides", "seed", "steps"):
        before, wanted = stored[name], now[name]
        if before != wanted:
            message = f"the run in {folder.path} was started with {name} {before}, not {wanted}"
            raise SpecError(Diagnostic("E544", message, fix="give the same, or start a new run"))
    before, wanted = stored["data"]["sha256"], now["data"]["sha256"]
    if before != wanted:
        message = f"the data of the run in {folder.path} has changed: sha256 {before}, now {wanted}"
        fix = f"put back the data it was started with, {stored['data']['bytes']} bytes"
        raise SpecError(Diagnostic("E544", message, fix=fix))


def check_text(checkpoint: Checkpoint, folder: RunFolder, text: str) -> None:
    """SpecError E542 where the text in the run folder is not the one that was trained."""
    if text != checkpoint.spec:
        change = first_change(checkpoint.spec.splitlines(), text.splitlines())
        message = f"{folder.spec} was changed after it was trained: {change}"
        fix = "put the text back; a changed one is another file, trained anew"
        raise SpecError(Diagnostic("E542", message, fix=fix))


def first_change(before: Sequence[str], after: Sequence[str]) -> str:
    """The first line that differs, as it was and as it is."""
    number = next(
        (k for k, pair in enumerate(zip(before, after, strict=False)) if pair[0] != pair[1]),
        min(len(before), len(after)),
    )
    old = before[number].strip() if number < len(before) else "(end of text)"
    new = after[number].strip() if number < len(after) else "(end of text)"
    return f"line {number + 1} was '{old}', and is '{new}'"


def _changed_spec(folder: RunFolder, source: Source) -> Diagnostic:
    change = first_change(folder.spec.read_text("utf-8").splitlines(), source.lines)
    message = f"the run in {folder.path} was started with another spec: {change}"
    fix = f"go on with the text it was started with, {folder.spec}, or start a new run"
    return Diagnostic("E543", message, fix=fix)
