"""Training by several processes: their losses are those of one."""

from __future__ import annotations

import copy
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from dynattn.cli.main import run_command
from dynattn.diagnostics.report import UsageError
from dynattn.learn import processes
from dynattn.learn.evaluate import batch_loss, measure
from dynattn.learn.gradients import PortionedGradient, WholeGradient, plain_sums
from dynattn.learn.metrics import read_metrics
from dynattn.learn.plan import make_plan
from dynattn.learn.processes import ALONE, World, check_shares
from tests.learn.small import small
from tests.learn.test_accumulate import LOSSES, found, ragged

PROJECT = Path(__file__).parents[2]
STEADY = ("dropout(embed(text, C), 0.1)", "embed(text, C)")


class Table:
    """Where the threads of a test meet."""

    def __init__(self, size: int) -> None:
        self.barrier, self.notes = threading.Barrier(size), [None] * size

    def meet(self, rank: int, value: Any) -> list[Any]:
        """What everyone brings."""
        self.notes[rank] = value
        self.barrier.wait()
        found = list(self.notes)
        self.barrier.wait()
        return found


@dataclass(frozen=True)
class Threads(World):
    """A world of threads: the same promises without processes."""

    table: Any = None

    def total(self, numbers: Sequence[float]) -> list[float]:
        return [sum(own) for own in zip(*self.gathered(list(numbers)), strict=True)]

    def gathered(self, value: Any) -> list[Any]:
        return self.table.meet(self.rank, value)

    def _add(self, parameters: Sequence[Tensor]) -> None:
        own = [torch.zeros_like(x) if x.grad is None else x.grad for x in parameters]
        everyone = self.gathered(own)
        for k, parameter in enumerate(parameters):
            parameter.grad = torch.stack([theirs[k] for theirs in everyone]).sum(0)


def together(size: int, task: Any) -> list[Any]:
    """What ``task(world)`` gives in each of some threads."""
    table, results = Table(size), [None] * size

    def run(rank: int) -> None:
        try:
            results[rank] = task(Threads(rank, size, table=table))
        except BaseException:
            table.barrier.abort()
            raise

    threads = [threading.Thread(target=run, args=(rank,)) for rank in range(size)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


@pytest.mark.parametrize("loss", LOSSES)
def test_shares_give_everyone_the_gradient_of_the_whole_batch(loss):
    system, groups = ragged(loss)
    whole = found(WholeGradient(system, lambda g: batch_loss(system, g)), system, groups)

    def share(world: World) -> Any:
        own = ragged(loss)[0]
        return found(PortionedGradient(own, plain_sums(own), 2, world), own, groups)

    for loss_found, gradients in together(3, share):
        assert loss_found == pytest.approx(whole[0], rel=1e-13)
        for name, expected in whole[1].items():
            torch.testing.assert_close(gradients[name], expected, rtol=1e-11, atol=1e-14)


def test_shares_of_the_validation_data_are_measured_to_the_bit(tmp_path):
    compilation = small(tmp_path)
    plan, system = make_plan(compilation.model), compilation.build(dtype=torch.float32)
    given = (plan.training, plan.data, torch.device("cpu"), None)
    alone = measure(system, *given)
    everyone = together(3, lambda world: measure(copy.deepcopy(system), *given, world))
    assert everyone == [alone] * 3


def test_more_processes_than_samples(tmp_path):
    plan = make_plan(small(tmp_path).model, accumulate=2)
    check_shares(plan, ALONE)
    with pytest.raises(UsageError, match="E524: 3 processes with 2 portions each make more"):
        check_shares(plan, World(0, 3))


# ── how torchrun starts us ─────────────────────────────────────────────────────────────────────


def started(monkeypatch, rank: int) -> None:
    for name, value in (("RANK", rank), ("LOCAL_RANK", rank), ("WORLD_SIZE", 2),
                        ("MASTER_ADDR", "localhost"), ("MASTER_PORT", 1)):  # fmt: skip
        monkeypatch.setenv(name, str(value))


@pytest.mark.parametrize("arguments", [["check", "a.dyn"], ["compile", "a.dyn"]])
def test_several_processes_are_for_training(monkeypatch, capfd, arguments):
    started(monkeypatch, 0)
    assert run_command(arguments) == 2
    assert capfd.readouterr().err.startswith(
        "error[E748]: torchrun started 2 processes, and only a training is shared"
    )


def test_one_process_speaks(monkeypatch, capfd):
    started(monkeypatch, 1)
    assert run_command(["compile", "missing.dyn", "--train"]) == 1
    assert capfd.readouterr() == ("", "")


def test_a_process_that_has_ended_is_told(monkeypatch):
    def gone(*_: Any, **__: Any) -> None:
        raise RuntimeError("Connection closed by peer")

    monkeypatch.setattr(torch.distributed, "all_reduce", gone)
    with pytest.raises(UsageError, match="E747: another process of this training has ended"):
        World(0, 2).total([1.0])


@pytest.mark.parametrize(
    ("device", "said"),
    [
        ("cuda", "each process needs a device of its own, and there are 1 of CUDA"),
        ("cuda:0", "each process has a device of its own, and --device cuda:0 is one for all"),
        ("mps", "processes that train together need devices of CUDA, or the CPU, not mps"),
    ],
)
def test_every_process_has_a_device_of_its_own(monkeypatch, device, said):
    started(monkeypatch, 1)
    monkeypatch.setattr(processes, "choose_device", torch.device)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    with pytest.raises(UsageError, match=f"E746: {said}"):
        processes.own_device(device)
    assert processes.own_device("cpu") == torch.device("cpu")
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    if device == "cuda":
        assert processes.own_device(device) == torch.device("cuda", 1)


# ── two processes ──────────────────────────────────────────────────────────────────────────────


def launched(folder: Path, *options: str, count: int = 2) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node",
               str(count), "-m", "dynattn", "compile", str(folder / "small.dyn"), "--train",
               "--device", "cpu", *options]  # fmt: skip
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=folder,
        env={**os.environ, "PYTHONPATH": str(PROJECT), "OMP_NUM_THREADS": "1"},
    )  # fmt: skip


def losses(folder: Path) -> list[tuple[str, float]]:
    return [(line["kind"], line["loss"]) for line in read_metrics(folder / "metrics.jsonl")]


@pytest.mark.slow
def test_two_processes_give_the_losses_of_one(tmp_path):
    small(tmp_path, STEADY)
    out, err = launched(tmp_path, "-o", "two", "--json").communicate(timeout=300)
    assert out.count('{"ok": true') == 1, err
    assert run_command(["compile", str(tmp_path / "small.dyn"), "--train", "--device", "cpu",
                        "-o", str(tmp_path / "one"), "--json"]) == 0  # fmt: skip
    one, two = losses(tmp_path / "one"), losses(tmp_path / "two")
    assert [kind for kind, _ in two] == [kind for kind, _ in one]
    assert [x for _, x in two] == pytest.approx([x for _, x in one], rel=1e-6)
    assert json.loads((tmp_path / "two" / "settings.json").read_text())["processes"] == 2


@pytest.mark.slow
def test_two_processes_are_interrupted_and_go_on_exactly(tmp_path):
    """With dropout, whose random numbers differ between the processes."""
    small(tmp_path, ("steps 12", "steps 400"))
    log = tmp_path / "cut" / "metrics.jsonl"
    process = launched(tmp_path, "-o", "cut")
    for _ in range(600):
        if log.exists() and log.read_text().count("\n") > 20:
            break
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=120)
    stopped = json.loads((tmp_path / "cut" / "checkpoints" / "last.json").read_text())["step"]
    assert 0 < stopped < 400
    assert not (tmp_path / "cut" / "result.json").exists()
    for options in (("--resume", "cut"), ("-o", "whole")):
        process = launched(tmp_path, *options, "--json")
        _, err = process.communicate(timeout=300)
        assert process.returncode == 0, err
    assert losses(tmp_path / "cut") == losses(tmp_path / "whole")
