"""Samples of different lengths: exactly those taken one at a time, and no padding anywhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from dynattn.compilation import Compilation
from dynattn.diagnostics.report import Source
from dynattn.lower.module import System

SPEC = """
model tokens
param V = 7, d = 4, H = 2, D = 2
dim T <= 12
input text: token(V)[T]
input verb: class(T)
input label: class(2)

population token[T] { state theta on torus(d) }

layer sync {
  learn eta[d] = 0.3
  let psi = theta + rotary(d, heads=H) * index
  coupling all: token -> token over causal(T) {
    heads    H
    weight   softmax(dot(cos(psi[i]), cos(psi[j])) / sqrt(d/H))
    kernel   sin(theta[j] - theta[i])
    strength eta
  }
  coupling even: token -> token over everyone(T) { strength 0.2; normalize degree }
  evolve { steps 2 }
}

layer attend(x: real[T, d]) {
  let u = layer_norm(x)
  let q = linear(u, d, bias=false)
  let k = linear(u, d, bias=false)
  population anchor[T] { learn r[H] on sphere(D) }
  population unit[T]   { state z[H] on sphere(D) }
  coupling lock: anchor -> unit over everyone(T) {
    heads  H
    weight softplus(dot(q[i], k[j]) / sqrt(d/H))
    kernel r[j]
  }
  evolve { until equilibrium }
  readout attended: anchor -> unit over everyone(T) {
    heads  H
    weight normalized(relu(1 + dot(z[i], r[j])))
    kernel k[j]
  }
  output x + linear(attended, d)
}

network {
  theta = embed(text)
  sync
  x = cos(theta) + sinusoidal(T, d)
  x = attend(x)
  output logits = linear(layer_norm(x), V)
  output logit = (1 + order(theta)) * linear([layer_norm(x)[verb], mean(x)], 1)
}

train {
  data arrays("a.npz")
  loss LOSS
  record RECORDS
  batch 4; steps 3
}
"""
PENALTY = "cross_entropy(logits, next(text)) + 0.1 * norm(logit)"
RECORDS = (
    "exp(cross_entropy(logits, next(text)))", "accuracy(logits, text)", "accuracy(logit, label)",
    "mean(logits^2)", "mean(logit)", "0.5*T", "mean(index)",
)  # fmt: skip
LENGTHS = (3, 7, 3, 2, 12, 7, 1)

Samples = dict[str, list[Tensor]]
Means = Callable[[list[dict[str, Tensor]]], Tensor]


def built(loss: str, records: tuple[str, ...] = RECORDS) -> System:
    text = SPEC.replace("LOSS", loss).replace("RECORDS", ", ".join(records))
    return Compilation(Source("tokens.dyn", text)).build(dtype=torch.float64)


def samples(lengths: tuple[int, ...] = LENGTHS, seed: int = 0) -> Samples:
    rng = torch.Generator().manual_seed(seed)
    return {
        "text": [torch.randint(7, (n,), generator=rng) for n in lengths],
        "verb": [torch.randint(n, (), generator=rng) for n in lengths],
        "label": [torch.randint(2, (), generator=rng) for _ in lengths],
    }


def one_by_one(system: System, given: Samples) -> list[dict[str, Tensor]]:
    """Inputs and outputs of every sample, each run alone."""
    found = []
    for text, verb, label in zip(given["text"], given["verb"], given["label"], strict=True):
        outputs = system(text=text[None], verb=verb[None], label=label[None])
        found.append(
            {name: value[0] for name, value in outputs.items()}
            | {"text": text, "verb": verb, "label": label}
        )
    return found


def surprises(ran: list[dict[str, Tensor]]) -> Tensor:
    """-log p of every token that has one before it, in one row."""
    rows = [F.log_softmax(r["logits"][:-1], -1) for r in ran]
    return torch.cat(
        [-p.gather(1, r["text"][1:, None])[:, 0] for p, r in zip(rows, ran, strict=True)]
    )


def answers(ran: list[dict[str, Tensor]]) -> Tensor:
    """log(1 + e^x) - y x of every sample."""
    return torch.stack([F.softplus(r["logit"][0]) - r["label"] * r["logit"][0] for r in ran])


def close(found: Tensor, wanted: Tensor) -> None:
    torch.testing.assert_close(found, wanted, rtol=1e-12, atol=1e-12)


def gradients(system: System, loss: Tensor) -> dict[str, Tensor]:
    parts = torch.autograd.grad(loss, list(system.parameters()), materialize_grads=True,
                                allow_unused=True)  # fmt: skip
    return dict(zip((name for name, _ in system.named_parameters()), parts, strict=True))


LOSSES: dict[str, Means] = {
    "cross_entropy(logits, next(text))": lambda ran: surprises(ran).mean(),
    "binary_cross_entropy(logit, label)": lambda ran: answers(ran).mean(),
    "cross_entropy(logits, next(text)) + 0.5*binary_cross_entropy(logit, label)": (
        lambda ran: surprises(ran).mean() + 0.5 * answers(ran).mean()
    ),
    "mean((logits - 1)^2)": lambda ran: torch.cat([(r["logits"] - 1) ** 2 for r in ran]).mean(),
    PENALTY: lambda ran: (
        surprises(ran).mean() + 0.1 * torch.stack([r["logit"].norm() for r in ran]).mean()
    ),
    "cross_entropy(logits, next(text)) * norm(logit) / T": lambda ran: torch.stack(
        [surprises(ran).mean() * r["logit"].norm() / len(r["text"]) for r in ran]
    ).mean(),
}


@pytest.mark.parametrize("loss", LOSSES)
def test_a_loss_and_its_gradient_are_means_over_all_there_is(loss: str) -> None:
    system, given = built(loss, ("loss",)), samples()
    found, wanted = system.loss(**given)["loss"], LOSSES[loss](one_by_one(system, given))
    close(found, wanted)
    slopes = gradients(system, wanted)
    assert sum(int((slope != 0).any()) for slope in slopes.values()) >= 10
    for name, slope in gradients(system, found).items():
        close(slope, slopes[name])


def test_records_are_made_of_means_over_all_there_is() -> None:
    system, given = built("cross_entropy(logits, next(text))"), samples()
    found, ran = system.loss(**given), one_by_one(system, given)
    lengths = torch.tensor(LENGTHS).double()
    rows = torch.cat([r["logits"] for r in ran])
    assert surprises(ran).shape == (sum(LENGTHS) - len(LENGTHS),)
    wanted: dict[str, Any] = {
        "exp(cross_entropy(logits, next(text)))": surprises(ran).mean().exp(),
        "accuracy(logits, text)": (rows.argmax(-1) == torch.cat(given["text"])).double().mean(),
        "accuracy(logit, label)": torch.stack(
            [((r["logit"][0] > 0) == (r["label"] > 0)).double() for r in ran]
        ).mean(),
        "mean(logits^2)": (rows**2).mean(),
        "mean(logit)": torch.cat([r["logit"] for r in ran]).mean(),
        "0.5*T": 0.5 * lengths.mean(),
        "mean(index)": torch.cat([torch.arange(n).double() for n in LENGTHS]).mean(),
    }
    for label, value in wanted.items():
        close(found[label], value.to(found[label].dtype))


def test_outputs_are_those_of_each_sample_alone_in_the_order_given() -> None:
    system, given = built("cross_entropy(logits, next(text))"), samples()
    outputs, ran = system(**given), one_by_one(system, given)
    for name in ("logits", "logit"):
        for found, alone in zip(outputs[name], ran, strict=True):
            close(found, alone[name])
    assert [len(rows) for rows in outputs["logits"]] == list(LENGTHS)


def test_a_longer_sample_in_the_batch_changes_nothing_for_the_others() -> None:
    system, short = built("cross_entropy(logits, next(text))"), samples((3, 4, 3))
    longer = {name: [*given, more] for (name, given), more in zip(
        short.items(), (v[0] for v in samples((12,), seed=5).values()), strict=True
    )}  # fmt: skip
    for name in ("logits", "logit"):
        before, after = system(**short)[name], system(**longer)[name]
        assert all(torch.equal(a, b) for a, b in zip(before, after[:3], strict=True))


def test_a_list_of_one_length_is_the_batch_of_it() -> None:
    system, given = built("cross_entropy(logits, next(text))"), samples((5, 5, 5))
    whole = {name: torch.stack(values) for name, values in given.items()}
    assert all(torch.equal(system.loss(**given)[k], v) for k, v in system.loss(**whole).items())


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"text": [torch.ones(13).long()] * 3}, "sample 0 of 'text' has T = 13, at most 12"),
        ({"text": [torch.ones(2).long(), torch.ones(0).long(), torch.ones(2).long()]},
         "sample 1 of 'text' has T = 0"),
        ({"text": [torch.ones(2).long()] * 2}, "2 of 'text', 3 of 'verb'"),
        ({"text": [torch.ones(2, 2).long()] * 3}, "sample 0 of .text. has the shape .2, 2., not"),
    ],
)  # fmt: skip
def test_samples_that_do_not_fit_are_named(change: dict[str, Any], text: str) -> None:
    system = built("cross_entropy(logits, next(text))", ("loss",))
    with pytest.raises(ValueError, match=text):
        system(**(samples((3, 4, 3)) | change))


def test_two_inputs_of_one_dim_have_one_length() -> None:
    text = """
model two
dim T
input a: real[T, 2]
input b: real[T, 2]
network { output y = linear(mean(a * b), 1) }
"""
    system = Compilation(Source("two.dyn", text)).build(dtype=torch.float64)
    given = [torch.ones(3, 2), torch.ones(2, 2)], [torch.ones(3, 2), torch.ones(4, 2)]
    with pytest.raises(ValueError, match="in sample 1, T is 2 in one input and 4 in another"):
        system(*given)
    with pytest.raises(ValueError, match="T is 3 in one input and 4 in another"):
        system(torch.ones(1, 3, 2), torch.ones(1, 4, 2))


def test_attention_weights_are_of_samples_of_one_length() -> None:
    system, given = built("cross_entropy(logits, next(text))", ("loss",)), samples((3, 4))
    with pytest.raises(TypeError, match="samples of one length"):
        system.attention_weights(**given)
