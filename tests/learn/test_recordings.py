"""Recordings in folders, as Speech Commands has them, and those that an array holds out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy
import pytest
from scipy.io import wavfile

from dynattn.compilation import Compilation
from dynattn.diagnostics.report import Diagnostic, Source, SpecError
from dynattn.learn.data import load_data
from dynattn.learn.mel import log_mel
from dynattn.learn.other_data import load_other, other_choice
from dynattn.learn.parts import SamplesData
from dynattn.learn.plan import make_plan

RATE = 8000


def stored(folder: Path, **others: Any) -> None:
    """Eight recordings as an npz file."""
    sounds = [sound(k) for k in range(8)]
    offsets = numpy.cumsum([0, *map(len, sounds)])
    arrays: dict[str, Any] = {"audio": numpy.concatenate(sounds), "offsets": offsets}
    arrays |= {"label": numpy.arange(8) % 3, **others}
    numpy.savez(folder / "d.npz", **arrays)


def heard(folder: Path, options: str = "", path: str = "words") -> Compilation:
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
    return Compilation(Source(str(folder / "s.dyn"), text))


def load(folder: Path, options: str = "", path: str = "words") -> SamplesData:
    found = make_plan(heard(folder, options, path).model).data
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


# ── rates ──────────────────────────────────────────────────────────────────────────────────────

UNEQUAL = numpy.array([8000] * 5 + [16000] * 3)


@pytest.mark.parametrize(
    ("rate", "options", "code", "said"),
    [
        (UNEQUAL, "", "E738", "recording 5 (from 0) of 'd.npz' has 16000 samples a second, and"),
        (16000, ", rate=8000", "E738", "'d.npz' has 16000 samples a second, and rate= says 8000"),
        (0, "", "E519", "the array 'rate' of 'd.npz' holds no number of samples a second"),
        ("8 kHz", "", "E519", "the array 'rate' of 'd.npz' holds no number of samples a second"),
        (numpy.array([]), "", "E519", "the array 'rate' of 'd.npz' holds no number of samples"),
        (numpy.nan, "", "E519", "the array 'rate' of 'd.npz' holds no number of samples a second"),
    ],
)
def test_rates_of_an_npz_file_that_do_not_fit(tmp_path, rate, options, code, said):
    stored(tmp_path, rate=rate)
    found = wrong(tmp_path, options, "d.npz")
    assert found.code == code
    assert found.message.startswith(said)


@pytest.mark.parametrize("rate", [8000, numpy.full(8, 8000), 8000.0])
def test_one_rate_however_it_is_stored(tmp_path, rate):
    stored(tmp_path, rate=rate)
    assert load(tmp_path, "", "d.npz").facts["rate"] == 8000
    assert load(tmp_path, ", rate=8000", "d.npz").facts["rate"] == 8000


def test_a_folder_of_another_rate_than_is_asked_for(words: Path) -> None:
    found = wrong(words, ", rate=16000")
    assert (found.code, found.message) == (
        "E738", "'no/0.wav' has 8000 samples a second, and rate= says 16000"
    )  # fmt: skip


def test_other_recordings_have_the_rate_of_the_run(words: Path) -> None:
    stored(words, rate=16000)
    model = heard(words).model
    assert model.training is not None
    own = model.training.data
    facts = load_data(own, model).facts
    for other in (str(words / "d.npz"), f'audio("{words}/d.npz", rate=16000)'):
        with pytest.raises(
            SpecError, match=r"E738: '.*d[.]npz' has 16000 samples a second, and the"
        ):
            load_other(other_choice(other, own), model, facts)
    stored(words, rate=8000)
    data, _ = load_other(other_choice(str(words / "d.npz"), own), model, facts)
    assert isinstance(data, SamplesData) and data.validation.count == 8
