"""The training loop: a compiled spec and a run folder in, trained weights on disk out."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from typing import Any

import numpy
import torch

from dynattn.compilation import Compilation
from dynattn.diagnostics.files import write_whole
from dynattn.diagnostics.report import Diagnostic, NumericalError, SpecError
from dynattn.learn import checkpoint as saved
from dynattn.learn.budget import Budget
from dynattn.learn.compiled import CompiledLoss
from dynattn.learn.devices import choose_device
from dynattn.learn.evaluate import batch_loss, measure, move, one_by_one
from dynattn.learn.folder import RunFolder, write_json
from dynattn.learn.gradients import Gradient, PortionedGradient, WholeGradient, plain_sums
from dynattn.learn.interruption import Interruption
from dynattn.learn.layer_lines import layer_at
from dynattn.learn.layer_statistics import after_update, before_update, layer_of
from dynattn.learn.metrics import MetricsLog, NoLog
from dynattn.learn.optimizers import make_optimizer
from dynattn.learn.plan import EVALUATION_BATCHES, Plan, make_plan
from dynattn.learn.portions import Groups, portions
from dynattn.learn.processes import ALONE, World, check_shares
from dynattn.learn.reports import (
    EvaluationReport,
    Reporter,
    RunSettings,
    Silence,
    Statistics,
    StepReport,
    TrainingResult,
)
from dynattn.learn.retraction import kept_on_manifolds
from dynattn.learn.settings import (
    as_started,
    check_resumable,
    gather_settings,
    stored_settings,
)
from dynattn.lower.module import System
from dynattn.lower.precision import has_products, round_products
from dynattn.model.model import Model
from dynattn.run.threads import default_threads, threads_set
from dynattn.solve.compiler import Compiler, compiler_of
from dynattn.vocabulary.distributions import stream


@dataclass
class _Run:
    """One run on its way."""

    plan: Plan
    settings: RunSettings
    folder: RunFolder
    model: Model
    system: Any
    optimizer: torch.optim.Optimizer
    rng: numpy.random.Generator
    device: torch.device
    reporter: Reporter
    stops: Callable[[], bool] | None
    gradient: Gradient
    world: World
    step: int = 0
    best: float = math.inf
    statistics: Statistics | None = None
    began: float = field(default_factory=time.perf_counter)


def train(
    compilation: Compilation,
    folder: RunFolder,
    *,
    device: str = "auto",
    threads: int | None = None,
    resume: bool = False,
    progress: Reporter | None = None,
    compiled: bool | Compiler = False,
    budget: Budget | None = None,
    stops: Callable[[], bool] | None = None,
    accumulate: int | None = None,
    precision: str | None = None,
    world: World = ALONE,
) -> TrainingResult:
    """Train a spec's system in ``folder``, or go on with the run that stands there.

    A run that was interrupted and resumed gives the losses of one that was not, bit for bit on a
    CPU with one thread. ``compiled``: the loss and its gradient are one graph of torch.compile, the
    same but for rounding. ``accumulate``: in how many portions a batch is computed, for less
    memory, the same but for rounding too. ``precision``: of matrix products in a step, ``float32``
    or ``bfloat16``. ``budget``: how long, instead of what the spec says. Going on keeps what the
    run began with, unless it is given. Ctrl-C saves and returns a result that says so, or, where
    ``stops`` is given, so does the first update after which it is true. ``world``: the processes
    that train together, each with its share of every batch; the first one writes.

    Raises SpecError for a wrong ``train`` block, data or checkpoint, UsageError for a device that
    is not there, NumericalError where the loss is no number any more.
    """
    where = choose_device(device)
    stored = stored_settings(folder) if resume else {}
    compiled = compiled or bool(stored.get("compiled", False))
    compilation = as_started(compilation, folder) if resume else compilation
    budget = Budget("steps", stored["steps"]) if stored else budget
    accumulate = accumulate or stored.get("accumulate")
    plan = make_plan(compilation.model, budget, accumulate, precision or stored.get("precision"))
    check_shares(plan, world)
    seed = compilation.chosen_seed
    threads = threads or int(stored.get("threads", default_threads()))
    cuda = [where] if where.type == "cuda" else []
    with threads_set(threads), torch.random.fork_rng(cuda):
        torch.manual_seed(seed)
        system = compilation.build(dtype=torch.float32, device=where)
        settings = gather_settings(
            compilation, plan, system, seed, where, threads, bool(compiled), world.size
        )  # fmt: skip
        run = _Run(
            plan, settings, folder, compilation.model, system,
            make_optimizer(
                plan.optimizer, system.named_parameters(), compilation.model.parameter
            ),
            stream(seed, "train.data"), where, progress or Silence(),
            stops, _gradient(system, compiled, plan, world), world,
        )  # fmt: skip
        if resume:
            check_resumable(folder, settings, stored, compilation.model.source)
            _go_on(run)
        else:
            _write_settings(run)
        return _train(run)


def _gradient(system: System, compiled: bool | Compiler, plan: Plan, world: World) -> Gradient:
    """What computes the loss of a batch and its gradient."""
    _round(system, plan)
    compiler = compiler_of(system, compiled)
    ready = None if compiler is None else CompiledLoss(system, compiler, plan.training.span)
    if plan.accumulate * world.size == 1:
        return WholeGradient(system, ready or partial(batch_loss, system))
    sums = ready.sums if ready else plain_sums(system)
    return PortionedGradient(system, sums, plan.accumulate, world)


def _round(system: System, plan: Plan) -> None:
    """Let the products of the system be as precise as the plan says."""
    if plan.precision == "float32":
        return
    if not has_products(system):
        message = f"'{system.model.name}' has no linear maps or attention, whose products "
        fix = "leave out precision"
        span = plan.training.span
        raise SpecError(Diagnostic("E527", message + f"{plan.precision} is for", span, fix))
    round_products(system, getattr(torch, plan.precision))


def _write_settings(run: _Run) -> None:
    if not run.world.first:
        return
    write_whole(run.folder.spec, run.model.source.text)
    write_json(run.folder.settings, asdict(run.settings))


def _go_on(run: _Run) -> None:
    """Set everything that moves to where the last checkpoint left it."""
    last = saved.read_checkpoint(run.folder.last)
    saved.put_weights(last, run.system, run.folder.last, run.model.source)
    saved.check_complete(last, run.folder.last)
    saved.put_optimizer(last, run.system, run.optimizer)
    saved.put_random(last, run.device)
    saved.put_generator(last.state["data_generator"], run.rng)
    run.system.white.call = last.state.get("calls", 0)
    run.step = last.state["step"]
    best = last.state["best_loss"]
    run.best = math.inf if best is None else best


def _train(run: _Run) -> TrainingResult:
    run.reporter.start(run.settings, run.folder.path, run.step)
    run.system.train()
    log = NoLog()
    if run.world.first:
        log = MetricsLog(run.folder, run.step, run.settings.tensorboard)
    with log, _asked(run.stops) as asked, _telling_of_failure(run.reporter):
        while run.step < run.plan.steps:
            report = _update(run)
            log.step(report)
            run.reporter.step(report)
            if run.plan.evaluates_after(run.step):
                _evaluate(run, log)
                _save_last(run)
            if run.world.total([asked()])[0]:
                return _interrupted(run)
        return _finish(run, log)


@contextlib.contextmanager
def _asked(stops: Callable[[], bool] | None) -> Iterator[Callable[[], bool]]:
    """Whether to stop after this update: by ``stops``, or by Ctrl-C where it is None."""
    if stops is not None:
        yield stops
        return
    with Interruption() as interruption:
        yield lambda: interruption.asked


@contextlib.contextmanager
def _telling_of_failure(reporter: Reporter) -> Iterator[None]:
    try:
        yield
    except BaseException:
        reporter.failed()
        raise


def _update(run: _Run) -> StepReport:
    """One update of the weights."""
    began = time.perf_counter()
    training = run.plan.training
    rate = run.plan.optimizer.rate * run.plan.pace.factor(run.step)
    for group in run.optimizer.param_groups:
        group["lr"] = rate
    inputs = move(run.plan.data.draw(run.rng, training.batch), run.device)
    run.world.reseed(run.system, run.settings.seed, run.step)
    value = run.gradient(inputs)
    if not math.isfinite(value):
        raise _not_finite(run, "the loss", value, inputs)
    norm = _clip(run, inputs)
    watched = run.world.first and run.plan.watches(run.step + 1)
    before = before_update(run.system) if watched else None
    with kept_on_manifolds(run.system, run.model.parameter):
        run.optimizer.step()
    run.step += 1
    tokens = sum(array.numel() for group in inputs for array in group.values())
    pace = tokens / (time.perf_counter() - began)
    if before is not None:
        run.statistics = after_update(run.system, before, inputs)
    return StepReport(run.step, value, rate, norm, pace, run.statistics if watched else None)


def _clip(run: _Run, inputs: Groups) -> float:
    """Clip the gradient; its norm before."""
    gradients = [x.grad for x in run.system.parameters() if x.grad is not None]
    size = torch.nn.utils.get_total_norm(gradients)
    norm, limit = float(size), run.plan.training.clip
    if not math.isfinite(norm):
        raise _not_finite(run, "the gradient's norm", norm, inputs)
    if limit is not None:
        torch.nn.utils.clip_grads_with_norm_(run.system.parameters(), limit, size)
    return norm


def _not_finite(run: _Run, what: str, value: float, inputs: Groups) -> NumericalError:
    """The diagnostic of a number that is none, at the line that made it where that can be found."""
    parts = portions(inputs, run.plan.accumulate * run.world.size)
    found = (run.system.trace_nan(**one_by_one(part)) for part in parts)
    node = next((node for node in found if node is not None), None)
    span = node.span if node is not None else run.plan.training.loss.span
    layer = "" if node is None or span is None else layer_at(run.model, span)
    broken = _first_broken(run.system) if node is None else ""
    inside = f", first in layer {layer}" if layer else f", first that of {broken}" if broken else ""
    at = f"{what} is {value:g} after {run.step} of {run.plan.steps} steps{inside}"
    fix = "lower the learning rate (lr=), clip gradients (clip 1.0) or lengthen warmup="
    if run.folder.last.exists():
        fix += f"; the checkpoint before it is whole: {run.folder.last}"
    return NumericalError(Diagnostic("E580", at, span, fix))


def _first_broken(system: System) -> str:
    """The first layer of whose parameters the gradient is no number; '' where there is none."""
    return next(
        (layer_of(name) for name, x in system.named_parameters()
         if x.grad is not None and not bool(x.grad.isfinite().all())), "",
    )  # fmt: skip


def _evaluate(run: _Run, log: NoLog) -> None:
    """Measure a fixed part of the validation data; keep the weights where they are the best."""
    limit = EVALUATION_BATCHES * run.plan.training.batch
    report = _measured(run, limit)
    if report.best:
        run.best = report.loss
        _save(run, run.folder.best, asdict(report), None)
    log.evaluated(report)
    run.reporter.evaluated(report)


def _measured(run: _Run, limit: int | None) -> EvaluationReport:
    found = measure(
        run.system, run.plan.training, run.plan.data, run.device, limit, run.world
    )  # fmt: skip
    if not math.isfinite(found.loss):
        inputs, _ = next(run.plan.data.validation_batches(run.plan.training.batch, limit))
        raise _not_finite(run, "the validation loss", found.loss, move(inputs, run.device))
    best = run.world.told(found.loss < run.best or not run.folder.best.exists())
    return EvaluationReport(
        run.step, found.loss, found.bits_per_character, found.records, found.samples,
        limit is None, best,
    )  # fmt: skip


def _save_last(run: _Run) -> None:
    state = {
        "step": run.step,
        "best_loss": run.best if math.isfinite(run.best) else None,
        "data_generator": saved.generator_state(run.rng),
        "calls": run.system.white.call,
    }
    rest = saved.optimizer_tensors(run.system, run.optimizer) | saved.random_tensors(run.device)
    _save(run, run.folder.last, state, rest)


def _save(run: _Run, path: Any, state: Mapping[str, Any], rest: Any) -> None:
    if not run.world.first:
        return
    saved.save_checkpoint(
        path, run.system, model=run.model.name, spec=run.model.source, state=state, rest=rest
    )
    run.reporter.saved(path)


def _result(run: _Run, interrupted: bool, final: EvaluationReport | None) -> TrainingResult:
    return TrainingResult(
        run.folder.path, run.model.name, run.model.source.path, run.step, run.plan.steps,
        interrupted, time.perf_counter() - run.began, run.settings.baselines, final, run.statistics,
        run.system,
    )  # fmt: skip


def _interrupted(run: _Run) -> TrainingResult:
    _save_last(run)
    result = _result(run, True, None)
    run.reporter.interrupted(result)
    return result


def _finish(run: _Run, log: NoLog) -> TrainingResult:
    """Measure the best weights on the whole validation part."""
    run.world.told(None)  # the first process has saved them now
    best = saved.read_checkpoint(run.folder.best)
    saved.put_weights(best, run.system, run.folder.best, run.model.source)
    report = replace(_measured(run, None), step=best.state["step"], best=True)
    log.evaluated(report)
    run.reporter.evaluated(report)
    result = _result(run, False, report)
    about = {"steps": run.step, "seconds": result.seconds, **asdict(report)}
    if run.world.first:
        write_json(run.folder.result, {**about, "baselines": dict(run.settings.baselines)})
    run.reporter.done(result)
    return result
