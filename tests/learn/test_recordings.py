"""Recordings in folders, as Speech Commands has them, and those that an array holds out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy
import pytest
from scipy.io import wavfile

from dynattn.compilation import Compilation
from dynattn.diagnostics.report import Diagnostic, Source, SpecError
from dynattn.learn.mel import log_mel
from dynattn.learn.parts import SamplesData
from dynattn.learn.plan import make_plan

RATE = 8000


def load(folder: Path, options: str = "", path: str = "words") -> SamplesData:
    text = f"""
model heard
dim T <= 20
input frames: real[T, 6]
input label: class(3)
network {{ output logits = linear(mean(frames), 3) }}
train {{
  data audio("{path}", features=logmel(6, 20){options})
  loss cross_entropy(logits, label); steps 1
}}
"""
    found = make_plan(Compilation(Source(str(folder / "s.dyn"), text)).model).data
    assert isinstance(found, SamplesData)
    return found


def wrong(folder: Path, options: str = "", path: str = "words") -> Diagnostic:
    with pytest.raises(SpecError) as caught:
        load(folder, options, path)
    (found,) = caught.value.diagnostics
    assert found.fix
    return found


def sound(seed: int, samples: int = 2000) -> Any:
    return numpy.random.default_rng(seed).integers(-9000, 9000, samples).astype(numpy.int16)


@pytest.fixture
def words(tmp_path: Path) -> Path:
    for label, name in enumerate(("no", "stop", "yes", "_background_noise_")):
        (tmp_path / "words" / name).mkdir(parents=True)
        for k in range(4):
            file = tmp_path / "words" / name / f"{k}.wav"
            wavfile.write(file, RATE, sound(10 * label + k, 2000 + 160 * k))
    return tmp_path


def test_each_folder_is_a_label(words: Path) -> None:
    data = load(words, ", split=[9, 3]")
    assert (data.samples, data.validation.count) == (9, 3)
    assert data.facts["labels"] == ["no", "stop", "yes"] and data.facts["rate"] == RATE
    both = (data.training, data.validation)
    labels = numpy.concatenate([part.arrays["label"] for part in both])
    assert numpy.bincount(labels).tolist() == [4, 4, 4]
    lengths = numpy.concatenate([part.lengths["T"] for part in both])
    assert set(lengths.tolist()) == {12, 13, 14, 15}
    assert set(load(words, ", seconds=0.2").training.lengths["T"].tolist()) == {9}


def test_the_lists_say_what_is_measured_on(words: Path) -> None:
    (words / "words" / "validation_list.txt").write_text("yes/2.wav\nno/0.wav\nother/1.wav\n")
    (words / "words" / "testing_list.txt").write_text("stop/1.wav\n")
    data = load(words, ', labels="yes no"')
    assert (data.samples, data.validation.count) == (6, 2)
    assert data.validation.arrays["label"].tolist() == [0, 1]  # in the order that labels= says
    length, frames = data.validation.lengths["T"][0], data.validation.arrays["frames"][0]
    wanted = log_mel(sound(22, 2320) / 32768, RATE, 6)
    apart = numpy.corrcoef(frames[:length, 2], wanted[:, 2])
    assert length == len(wanted) and apart[0, 1] > 0.999999
    test = load(words, ", measure=test")
    assert (test.samples, test.validation.arrays["label"].tolist()) == (9, [1])
    assert wrong(words, ', labels="yes nope"').code == "E738"
    assert wrong(words, ', labels="yes no", measure=test').code == "E515"


def test_folders_that_do_not_fit(words: Path) -> None:
    assert "testing_list" in wrong(words, ", measure=test").message
    (words / "bare").mkdir()
    assert "no folders" in wrong(words, path="bare").message
    place = words / "words" / "yes" / "0.wav"
    wavfile.write(place, 16000, sound(1))
    found = wrong(words)
    assert (
        found.code == "E738" and "16000 samples a second, and those before it 8000" in found.message
    )
    wavfile.write(place, RATE, sound(1).reshape(-1, 2))
    assert "2 channels" in wrong(words).message
    place.write_bytes(b"no sound")
    assert "is no wav file" in wrong(words).message
    wavfile.write(place, RATE, sound(1, 100))
    assert wrong(words).message.startswith("yes/0.wav has 100 samples")


def test_an_array_holds_out(tmp_path: Path) -> None:
    arrays = {
        "audio": sound(0, 2000 * 12), "offsets": 2000 * numpy.arange(13),
        "digit": numpy.arange(12) % 3, "index": numpy.arange(12) // 3,
    }  # fmt: skip
    numpy.savez(tmp_path / "d.npz", **arrays)
    given = f", rate={RATE}, label=digit, held=index, below="
    data = load(tmp_path, given + "1", "d.npz")
    assert (data.samples, data.validation.arrays["label"].tolist()) == (9, [0, 1, 2])
    assert wrong(tmp_path, given + "9", "d.npz").code == "E515"
    assert (
        wrong(tmp_path, given.replace("held=index", "held=offsets") + "1", "d.npz").code == "E519"
    )
    found = wrong(tmp_path, ", label=digit", "d.npz")
    assert "no array 'rate'" in found.message and "rate=8000" in found.fix
