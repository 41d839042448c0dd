"""Training with the matrix products of a step in bfloat16."""

from __future__ import annotations

import pytest
import torch

from dynattn.compilation import Compilation
from dynattn.diagnostics.report import Source, SpecError
from dynattn.learn.evaluate import batch_loss
from dynattn.learn.folder import new_run
from dynattn.learn.metrics import read_metrics
from dynattn.learn.train import train
from dynattn.lower.precision import PRODUCTS, has_products, round_products
from tests.learn.small import small

STEADY = ("dropout(embed(text, C), 0.1)", "embed(text, C)")


def losses(folder):
    return [line["loss"] for line in read_metrics(folder.metrics) if line["kind"] == "train"]


def test_a_short_training_stays_near_that_in_float32(tmp_path):
    """Each loss of 40 steps within 2 % of the float32 one, and some of them not the same."""
    longer, runs = small(tmp_path, STEADY, ("steps 12", "steps 40")), []
    for precision in (None, "bfloat16"):
        folder = new_run("small", tmp_path / str(precision))
        train(longer, folder, device="cpu", threads=1, precision=precision)
        runs.append(losses(folder))
    assert runs[1] != runs[0]
    assert runs[1] == pytest.approx(runs[0], rel=2e-2)
    assert runs[1][-1] < runs[1][0]


def test_only_products_in_training_are_rounded(tmp_path):
    system = small(tmp_path, STEADY).build(dtype=torch.float32)
    batch = [{"text": torch.randint(128, (4, 16), generator=torch.Generator().manual_seed(0))}]
    exact = batch_loss(system, batch).detach()
    round_products(system, torch.bfloat16)
    environment = system.environment(batch[0])
    assert environment["output logits"].dtype == torch.float32
    by_hand = torch.nn.functional.linear(
        system.get_parameter("x.embed.weight")[batch[0]["text"]].bfloat16(),
        system.get_parameter("logits.linear.weight").bfloat16(),
    ).float() + system.get_parameter("logits.linear.bias")  # fmt: skip
    rough = environment["output logits"]
    torch.testing.assert_close(rough, by_hand, rtol=1e-2, atol=1e-4)
    assert batch_loss(system, batch).detach() != exact
    system.eval()
    assert batch_loss(system, batch).detach() == exact
    batch_loss(system.train(), batch).backward()
    assert all(x.grad is not None and x.grad.dtype == torch.float32 for x in system.parameters())


def test_the_block_and_resuming_keep_the_precision(tmp_path):
    rough = small(tmp_path, STEADY, ("batch 4", "precision bfloat16; batch 4"))
    whole, cut = (new_run("small", tmp_path / name) for name in ("whole", "cut"))
    train(rough, whole, device="cpu", threads=1)
    asked = iter([False, True])
    train(rough, cut, device="cpu", threads=1, stops=lambda: next(asked))
    train(rough, cut, device="cpu", threads=1, resume=True)
    assert losses(cut) == losses(whole)
    plain = new_run("small", tmp_path / "plain")
    train(rough, plain, device="cpu", threads=1, precision="float32")
    assert losses(plain) != losses(whole)


def test_a_model_without_products(tmp_path):
    text = 'model flat "A loss of one number"\nparam n = 3\ninput x: real[n]\nlearn w[n] = 1\n'
    text += "network { output y = dot(w, x) }\n"
    text += 'train { data arrays("a.npz"); loss mean(y^2); steps 1; precision bfloat16 }\n'
    import numpy

    path = tmp_path / "flat.dyn"
    path.write_text(text)
    numpy.savez(tmp_path / "a.npz", x=numpy.ones((40, 3), numpy.float32))
    flat = Compilation(Source(str(path), text))
    assert not has_products(flat.build())
    with pytest.raises(SpecError, match="E527: 'flat' has no linear maps or attention, whose"):
        train(flat, new_run("flat", tmp_path / "run"), device="cpu")


def test_every_product_is_an_operation():
    from dynattn.lower.operations import OPERATIONS

    assert set(PRODUCTS) <= set(OPERATIONS)
