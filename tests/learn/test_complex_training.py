"""Complex learned parameters: certified, trained, saved and gone on with."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import numpy as np
import torch

import dynattn
from dynattn.compilation import Compilation
from dynattn.diagnostics.report import Source
from dynattn.learn.folder import RunFolder, new_run
from dynattn.learn.metrics import read_metrics
from dynattn.learn.reports import Silence, StepReport
from dynattn.learn.train import train
from dynattn.lower.certify import certify
from dynattn.lower.pairs import real_numbers
from dynattn.present.summary import parameter_count, parameters

MIX = """model collective_modes extends kuramoto_attention
param P = 6
layer mix {
  learn U[P, C] on complex ~ normal(0, 0.02)
  learn W[C, P] on complex ~ normal(0, 0.02)
  learn a[P] = 1, b[P] = 0, eta[C] = 1
  let z = cis(theta)
  let Z = conj(U) @ z / sqrt(C)
  drift theta: eta * im(conj(z) * (W @ (Z * silu(a*abs(Z) + b))))
}
train {
  data text("little.txt", context=12)
  batch 4; steps 4
}
"""
SMALL = {"C": 8, "H": 2, "depth": 1, "V": 256}


def compilation(folder: Path) -> Compilation:
    path = folder / "collective_modes.dyn"
    path.write_text(MIX)
    (folder / "little.txt").write_text("to be or not to be, that is the question. " * 12)
    return Compilation(Source(str(path), MIX), SMALL)


def losses(folder: Path) -> list[float]:
    return [row["loss"] for row in read_metrics(folder / "metrics.jsonl") if row["kind"] == "train"]


def test_a_layer_of_complex_matrices_is_certified(tmp_path: Path) -> None:
    assert certify(compilation(tmp_path)).passed


def test_a_complex_number_counts_as_two(tmp_path: Path) -> None:
    """4 P C real numbers of the two matrices, 2 P + C of the rest of mix."""
    spec = compilation(tmp_path)
    told = parameter_count(spec.model, spec.network)["learned"]
    assert told == real_numbers(spec.build().parameters())
    plain = Compilation(Source("plain.dyn", MIX.replace(" on complex", " on real")), SMALL)
    rest = parameter_count(plain.model, plain.network)["learned"]
    assert told - rest == 2 * 6 * 8
    shown = {row[0]: row[3] for row in parameters(spec.model, spec.network).rows}
    assert (shown["mix.U"], shown["mix.a"]) == (str(2 * 6 * 8), "6")


def test_a_complex_matrix_of_a_group_counts_as_two() -> None:
    text = "model turn\ninput x: real[2]\nlearn X on SU(2)\n"
    text += "network { output y = norm(re(X @ x)) }\n"
    spec = Compilation(Source("turn.dyn", text))
    assert parameter_count(spec.model, spec.network)["learned"] == 8
    assert real_numbers(spec.build().parameters()) == 8


def test_training_moves_complex_weights_and_goes_on_where_it_was_cut(tmp_path: Path) -> None:
    spec = compilation(tmp_path)
    before = dict(spec.build().named_parameters())
    whole = train(spec, new_run("w", tmp_path / "w"), device="cpu", threads=1)
    after = dict(dynattn.load(whole.folder).build().named_parameters())
    moved = after["mix.0.U"] - before["mix.0.U"].to(after["mix.0.U"].dtype)
    assert moved.is_complex()
    assert moved.real.abs().min() > 0 and moved.imag.abs().min() > 0
    cut = new_run("c", tmp_path / "c")
    first = train(spec, cut, device="cpu", threads=1, progress=Interrupt())
    assert first.interrupted
    train(spec, RunFolder(cut.path), device="cpu", threads=1, resume=True)
    assert losses(cut.path) == losses(whole.folder)


class Interrupt(Silence):
    def step(self, report: StepReport) -> None:
        if report.step == 2:
            os.kill(os.getpid(), signal.SIGINT)


def test_the_optimizer_lowers_a_loss_of_both_parts() -> None:
    spec = Compilation(Source("c.dyn", "model c\npopulation p[3] { state z on complex; "
                              "learn w on complex ~ normal(0, 1); drift w - z }"))  # fmt: skip
    system = spec.build()
    w = system.get_parameter("p.w")
    optimizer = torch.optim.AdamW([w], lr=0.1, weight_decay=0)
    for _ in range(400):
        optimizer.zero_grad()
        (w - torch.tensor([1j, 2.0, -1 - 1j])).abs().square().sum().backward()
        optimizer.step()
    np.testing.assert_allclose(w.detach().numpy(), [1j, 2, -1 - 1j], atol=1e-2)
