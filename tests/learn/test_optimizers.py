"""Optimisers and schedules: options, weight decay where it belongs, and the pace of a run."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch

from dynattn.diagnostics.report import Collector
from dynattn.learn.optimizers import (
    OPTIMIZERS,
    decays,
    declared_parameter,
    make_optimizer,
    read_optimizer,
)
from dynattn.learn.schedules import SCHEDULES, read_schedule
from dynattn.model.plans import Choice, Training
from dynattn.model.terms import ManifoldUse
from tests.learn.small import bigram, small

LINE = "adamw(lr=1e-2, weight_decay=0.1, decay=matrices)"


def training(folder, before: str, after: str) -> Training:
    """The train block of the spec with other words in it."""
    found = small(folder, (before, after)).model.training
    assert found is not None
    return found


def chosen(folder, words: str) -> Choice:
    """The optimiser that the words name."""
    return training(folder, LINE, words).optimizer


def found_in(read, *arguments):
    errors = Collector()
    read(*arguments, errors)
    (only,) = errors.found
    return only


def test_an_unknown_optimizer(tmp_path):
    found = found_in(read_optimizer, chosen(tmp_path, "adamv(lr=1)"))
    assert (found.code, found.message) == ("E520", "unknown optimizer 'adamv'")
    assert found.fix == "did you mean 'adam'?"
    assert found.span is not None and found.span.text == "adamv"


def test_an_unknown_option_of_an_optimizer(tmp_path):
    found = found_in(read_optimizer, chosen(tmp_path, "sgd(momentun=0.9)"))
    assert (found.code, found.message) == ("E511", "unknown option 'momentun' of 'sgd'")
    assert found.fix == "did you mean 'momentum'?"
    assert found.span is not None and found.span.text == "momentun"


def test_an_option_out_of_range(tmp_path):
    found = found_in(read_optimizer, chosen(tmp_path, "adamw(lr=0)"))
    assert (found.code, found.message) == ("E512", "lr=0: lr is a number above 0, at most 1e+06")
    assert found.fix == "write lr= and a number above 0, at most 1e+06"


def test_a_list_of_the_wrong_length(tmp_path):
    found = found_in(read_optimizer, chosen(tmp_path, "adam(betas=[0.9])"))
    message = "betas=[0.9]: betas is a list of 2 numbers from 0 to 1"
    assert (found.code, found.message) == ("E512", message)


def test_a_word_that_is_near_a_known_one(tmp_path):
    found = found_in(read_optimizer, chosen(tmp_path, "adam(decay=matrix)"))
    message = "decay='matrix': decay is all or matrices"
    assert (found.code, found.message) == ("E512", message)
    assert found.fix == "did you mean 'matrices'?"


def test_values_without_a_name_are_refused(tmp_path):
    found = found_in(read_optimizer, chosen(tmp_path, "sgd(0.1)"))
    message = "'sgd' takes 0 values without a name, 1 given"
    assert (found.code, found.message) == ("E512", message)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimizer_lowers_a_loss(tmp_path, name):
    system = bigram(20, 4)
    model = small(tmp_path).model
    setup = read_optimizer(chosen(tmp_path, f"{name}(lr=1e-2)"), Collector())
    optimizer = make_optimizer(setup, system.named_parameters(), model.parameter)
    text = torch.arange(20).repeat(3, 1)
    system.eval()
    losses = []
    for _ in range(20):
        optimizer.zero_grad()
        loss = system.loss(text=text)["loss"]
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < losses[0]


def test_decay_of_matrices_reaches_nothing_else(tmp_path):
    system = bigram(20, 4)
    setup = read_optimizer(chosen(tmp_path, LINE), Collector())
    model = small(tmp_path).model
    optimizer = make_optimizer(setup, system.named_parameters(), model.parameter)
    decaying = [p for g in optimizer.param_groups if g["weight_decay"] > 0 for p in g["params"]]
    assert [id(p) for p in decaying] == [id(system.get_parameter("logits.linear.weight"))]


def test_points_of_a_manifold_never_decay(tmp_path):
    matrix = small(tmp_path).model.parameter["logits.linear.weight"]
    on_sphere = replace(matrix, manifold=ManifoldUse("sphere", (), ()))
    on_real = replace(matrix, manifold=ManifoldUse("real", (), ()))
    assert decays(matrix, "matrices") and decays(on_real, "all")
    assert not decays(on_sphere, "all") and not decays(on_sphere, "matrices")


def test_copies_of_a_layer_share_a_declaration(tmp_path):
    parameters = {"attend.gate.linear.weight": "declared", "eta": "plain"}
    assert declared_parameter("attend.2.gate.linear.weight", parameters) == "declared"  # type: ignore[arg-type]
    assert declared_parameter("eta", parameters) == "plain"  # type: ignore[arg-type]


# ── schedules ──────────────────────────────────────────────────────────────────────────────────


SCHEDULE = "cosine(warmup=0.1, floor=0.1)"


def pace(tmp_path, words, steps):
    errors = Collector()
    found = read_schedule(training(tmp_path, SCHEDULE, words).schedule, steps, errors)
    errors.raise_if_any()
    return found


def test_an_unknown_schedule(tmp_path):
    found = found_in(read_schedule, training(tmp_path, SCHEDULE, "cosin(warmup=0.1)").schedule, 10)
    assert (found.code, found.message) == ("E521", "unknown schedule 'cosin'")
    assert found.fix == "did you mean 'cosine'?"


def test_a_floor_above_one(tmp_path):
    found = found_in(read_schedule, training(tmp_path, SCHEDULE, "cosine(floor=2)").schedule, 10)
    message = "floor=2: floor is a number from 0 to 1"
    assert (found.code, found.message) == ("E512", message)
    assert found.span is not None and found.span.text == "floor"


def test_warmup_rises_in_equal_parts(tmp_path):
    cosine = pace(tmp_path, "cosine(warmup=0.04)", 100)
    assert [cosine.factor(step) for step in range(4)] == [0.25, 0.5, 0.75, 1.0]
    assert pace(tmp_path, "cosine(warmup=10)", 100).warmup == 10


def test_cosine_falls_to_its_floor(tmp_path):
    cosine = pace(tmp_path, "cosine(warmup=10, floor=0.1)", 110)
    assert cosine.factor(10) == 1.0
    assert math.isclose(cosine.factor(60), 0.55)
    assert math.isclose(cosine.factor(110), 0.1)


def test_linear_and_constant(tmp_path):
    linear = pace(tmp_path, "linear(floor=0.2)", 100)
    assert math.isclose(linear.factor(50), 0.6)
    assert {pace(tmp_path, "constant", 100).factor(step) for step in range(100)} == {1.0}


def test_without_a_schedule_the_rate_is_constant():
    found = read_schedule(None, 10, Collector())
    assert (found.schedule, found.factor(0)) == (SCHEDULES["constant"], 1.0)
