"""Checkpoints: whole, refused where they do not fit, never lost."""

from __future__ import annotations

import os
from pathlib import Path

import numpy
import pytest
import torch
from safetensors import safe_open

from dynattn.diagnostics import files
from dynattn.diagnostics.report import Source, SpecError
from dynattn.learn.checkpoint import (
    check_complete,
    generator_state,
    put_generator,
    put_weights,
    read_checkpoint,
    save_checkpoint,
)
from dynattn.vocabulary.distributions import stream
from tests.learn.small import SPEC, bigram

SOURCE = Source("small.dyn", SPEC)


def save_at(path: Path, system: torch.nn.Module, step: int = 1, spec: Source = SOURCE) -> None:
    save_checkpoint(path, system, model="small", spec=spec, state={"step": step})


def diagnostic(call, *arguments):
    with pytest.raises(SpecError) as caught:
        call(*arguments)
    (found,) = caught.value.diagnostics
    return found


def test_weights_come_back_as_they_were(tmp_path):
    before, after = bigram(20, 4), bigram(20, 4, seed=1)
    save_at(tmp_path / "best.safetensors", before)
    put_weights(read_checkpoint(tmp_path / "best.safetensors"), after, tmp_path, SOURCE)
    assert all(
        torch.equal(a, b) for a, b in zip(before.parameters(), after.parameters(), strict=True)
    )


def test_the_file_carries_its_spec_and_can_be_read_by_anyone(tmp_path):
    save_at(tmp_path / "best.safetensors", bigram(20, 4), step=7)
    with safe_open(tmp_path / "best.safetensors", framework="numpy") as file:
        assert sorted(file.keys()) == [
            "logits.linear.bias", "logits.linear.weight", "x.embed.weight",
        ]  # fmt: skip
        assert file.metadata()["spec"] == SPEC
        assert file.metadata()["model"] == "small"
    assert '"step": 7' in (tmp_path / "best.json").read_text()


def test_no_checkpoint(tmp_path):
    found = diagnostic(read_checkpoint, tmp_path / "best.safetensors")
    message = f"there is no checkpoint {tmp_path / 'best.safetensors'}"
    assert (found.code, found.message) == ("E540", message)


@pytest.mark.parametrize("damage", [lambda raw: raw[:-100], lambda raw: raw[:4], lambda raw: b""])
def test_a_truncated_checkpoint(tmp_path, damage):
    path = tmp_path / "best.safetensors"
    save_at(path, bigram(20, 4))
    path.write_bytes(damage(path.read_bytes()))
    found = diagnostic(read_checkpoint, path)
    assert found.code == "E541"
    assert found.message.startswith(f"the checkpoint {path} is damaged or cut short: ")


def test_a_corrupt_header(tmp_path):
    path = tmp_path / "best.safetensors"
    save_at(path, bigram(20, 4))
    raw = bytearray(path.read_bytes())
    raw[20:40] = b"#" * 20
    path.write_bytes(bytes(raw))
    assert diagnostic(read_checkpoint, path).code == "E541"


def test_another_shape(tmp_path):
    path = tmp_path / "best.safetensors"
    save_at(path, bigram(20, 4))
    found = diagnostic(put_weights, read_checkpoint(path), bigram(20, 6), path)
    assert found.code == "E542"
    assert found.message == (
        f"the checkpoint {path} is of another spec: "
        "x.embed.weight is [20, 4] in it and [20, 6] in the spec; "
        "logits.linear.weight is [20, 4] in it and [20, 6] in the spec"
    )


def test_other_names(tmp_path):
    path = tmp_path / "best.safetensors"
    save_at(path, torch.nn.Linear(4, 2))
    found = diagnostic(put_weights, read_checkpoint(path), bigram(20, 4), path)
    assert found.message == (
        f"the checkpoint {path} is of another spec: it has no x.embed.weight; "
        "it has no logits.linear.weight; it has no logits.linear.bias; and 2 more"
    )


def test_another_text_of_the_same_shapes(tmp_path):
    path = tmp_path / "best.safetensors"
    save_at(path, bigram(20, 4))
    other = Source("small.dyn", SPEC.replace("batch 4", "batch 8"))
    found = diagnostic(put_weights, read_checkpoint(path), bigram(20, 4), path, other)
    assert found.message == (
        f"the checkpoint {path} is of another spec: "
        "the text of model 'small' it was trained with differs"
    )


def test_weights_alone_are_not_enough_to_go_on(tmp_path):
    path = tmp_path / "last.safetensors"
    save_at(path, bigram(20, 4))
    found = diagnostic(check_complete, read_checkpoint(path), path)
    message = f"the checkpoint {path} holds weights alone: training cannot go on from it"
    assert (found.code, found.message) == ("E541", message)


def test_a_generator_goes_on_where_it_was():
    rng, other = stream(0, "data"), stream(1, "data")
    rng.integers(0, 1000, 17)
    put_generator(generator_state(rng), other)
    assert numpy.array_equal(rng.integers(0, 1000, 50), other.integers(0, 1000, 50))


# ── a disk that fills ──────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("place", ["replace", "fsync"])
def test_a_full_disk_leaves_the_checkpoint_before(tmp_path, monkeypatch, place):
    path = tmp_path / "best.safetensors"
    save_at(path, bigram(20, 4), step=1)
    before = path.read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(files.os, place, full)
    found = diagnostic(save_at, path, bigram(20, 4), 2)
    message = f"{path} cannot be written: the disk is full"
    assert (found.code, found.message) == ("E705", message)
    assert path.read_bytes() == before
    assert sorted(item.name for item in tmp_path.iterdir()) == ["best.json", "best.safetensors"]
