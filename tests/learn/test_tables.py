"""Tables, pictures, recordings and made sentences as data."""

from __future__ import annotations

import lzma
import struct
from pathlib import Path
from random import Random
from typing import Any

import numpy
import pytest
from scipy.signal import spectrogram

from dynattn.compilation import Compilation
from dynattn.diagnostics.report import Diagnostic, Source, Span, SpecError
from dynattn.learn.agreement import NOUNS, PREPOSITIONS, VERBS, sentences, vocabulary
from dynattn.learn.fitting import split_rows
from dynattn.learn.mel import frame_count, log_mel, mel_triangles
from dynattn.learn.parts import SamplesData
from dynattn.learn.plan import make_plan, plan_mistakes
from dynattn.learn.words import Words
from dynattn.model.plans import Choice


def spec(folder: Path, inputs: str, network: str, data: str, loss: str) -> Compilation:
    lines = [
        "model m", "param d = 4", "dim T <= 12", *inputs.split("; "), f"network {{ {network} }}",
        f"train {{ data {data}; loss {loss}; batch 8; steps 2 }}",
    ]  # fmt: skip
    return Compilation(Source(str(folder / "m.dyn"), "\n".join(lines)))


def loaded(built: Compilation) -> SamplesData:
    data = make_plan(built.model).data
    assert isinstance(data, SamplesData)
    return data


def refused(built: Compilation) -> Diagnostic:
    with pytest.raises(SpecError) as caught:
        make_plan(built.model)
    (found,) = caught.value.diagnostics
    assert found.fix and found.span is not None
    return found


# ── tables ─────────────────────────────────────────────────────────────────────────────────────

ASKED = "input text: token(12)[T]; input tags: class(3)[T]; input verb: class(T); input x: real[2]"
HEARD = "h = embed(text, d) + embed(tags, d); output y = linear([h[verb], x], 1)"


def table(folder: Path, name: str, text: str, asked: str = ASKED) -> Compilation:
    packed = name.endswith(".xz")
    (folder / name).write_bytes(lzma.compress(text.encode()) if packed else text.encode())
    network = HEARD if asked == ASKED else "output y = linear(x, 1)"
    return spec(folder, asked, network, f'table("{name}", split=[3, 1])', "mean(y^2)")


ROWS = (
    "verb\tx[1]\tx[0]\tmore\ttext\ttags",
    "1\t0.5\t-1\tno\tthe \"cat\" sat\t0 1 2",
    "0\t1e-3\t2\tyes\tsit\t2",
    "1\t0\t0\tno\tthe dog\t0 1",
    "2\t4\t3\t\tthe cat , sat\t0 1 0 2",
)  # fmt: skip


@pytest.mark.parametrize("name", ["a.tsv", "a.tsv.xz", "a.csv"])
def test_every_input_takes_the_column_of_its_name(tmp_path: Path, name: str) -> None:
    text = "\n".join(ROWS)
    if name == "a.csv":
        cells = [row.split("\t") for row in ROWS]
        quoted = [['"' + cell.replace('"', '""') + '"' for cell in row] for row in cells]
        text = "\n".join(",".join(row) for row in quoted)
    data = loaded(table(tmp_path, name, text))
    known = Words(tuple(data.facts["words"]))
    assert data.facts["lengths"] == {"T": [1, 4]} and known.size <= 12
    found = {}
    for part in (data.training, data.validation):
        for group in part.batch(numpy.arange(part.count)):
            for tokens, tags, verb, x in zip(*group.values(), strict=True):
                found[tuple(tags.tolist())] = (known.decode(tokens), int(verb), x.tolist())
    assert [found[tags][1:] for tags in ((0, 1, 2), (2,), (0, 1), (0, 1, 0, 2))] == [
        (1, [-1, 0.5]), (0, [2, pytest.approx(1e-3)]), (1, [0, 0]), (2, [3, 4]),
    ]  # fmt: skip
    texts = {tuple(map(int, row.split("\t")[5].split())): row.split("\t")[4] for row in ROWS[1:]}
    trained = [
        texts[tuple(tags.tolist())]
        for group in data.training.batch(numpy.arange(3))
        for tags in group["tags"]
    ]
    # words come from the training part alone: the one sentence left has words of its own
    assert len(trained) == 3 and set(known.words[2:]) == set(" ".join(trained).split())
    assert set(" ".join(texts.values()).split()) > set(known.words[2:])


@pytest.mark.parametrize(
    ("row", "text", "code", "said"),
    [
        (0, "verb\tx[1]\tx[0]\tmore\twords\ttags", "E519", "'a.tsv' has no column 'text'"),
        (2, "0\t1\t2\tyes\tsit", "E519", "line 3 of 'a.tsv' has 5 cells for 6 names"),
        (2, "0\tone\t2\tyes\tsit\t2", "E519", "'x[1]' is 'one' in line 3 of 'a.tsv'"),
        (3, "1\tnan\t2\tyes\tsit on\t2 2", "E519", "finite real number: line 4 of 'a.tsv'"),
        (2, "a\t1\t2\tyes\tsit\t2", "E519", "'verb' is 'a' in line 3 of 'a.tsv'"),
        (2, "0\t1\t2\tyes\tsit\t3", "E519", "'tags' holds 3, and its classes are 0 .. 2: line 3"),
        (4, "4\t1\t2\tyes\ta b c d\t0 0 0 0", "E519", "holds 4, and its classes are 0 .. 3: line"),
        (2, "0\t1\t2\tyes\tsit on\t2", "E522", "line 3 of 'a.tsv' has T = 1 in 'tags', and 2 in"),
        (2, "0\t1\t2\tyes\t\t2", "E522", "'text' is empty in line 3 of 'a.tsv'"),
        (2, f"0\t1\t2\tyes\t{'a ' * 13}\t{'0 ' * 13}", "E522",
         "line 3 of 'a.tsv' has T = 13, above dim T <= 12"),
    ],
)  # fmt: skip
def test_lines_that_do_not_fit_are_named(
    tmp_path: Path, row: int, text: str, code: str, said: str
) -> None:
    found = refused(table(tmp_path, "a.tsv", "\n".join([*ROWS[:row], text, *ROWS[row + 1 :]])))
    assert found.code == code and said in found.message


CHOICE = Choice("table", (), {}, Span(Source("m.dyn", ""), 1, 1, 1, 1))


@pytest.mark.parametrize("split", [[0.9, 0.1], [0.8, 0.2], [2 / 3, 1 / 3]])
def test_shares_that_sum_to_one_leave_no_sample_out(split: list[float]) -> None:
    for total in range(10, 60):
        rows = split_rows(total, split, CHOICE)
        assert len(rows[0]) == int(split[0] * total)
        assert sorted([*rows[0], *rows[1]]) == list(range(total))


def test_shares_below_one_leave_samples_out() -> None:
    rows = split_rows(8, [0.5, 0.25], CHOICE)
    assert [len(part) for part in rows] == [4, 2]


def test_a_column_that_is_missing_is_no_other_entry_misspelt(tmp_path: Path) -> None:
    found = refused(table(tmp_path, "a.tsv", "\n".join(ROWS).replace("x[1]", "y[1]", 1)))
    assert found.fix is not None and found.fix.startswith("did you mean 'y[1]'")
    without = [row.split("\t") for row in ROWS]
    place = without[0].index("x[1]")
    found = refused(
        table(tmp_path, "a.tsv", "\n".join("\t".join(r[:place] + r[place + 1 :]) for r in without))
    )
    assert found.fix is not None and found.fix.startswith("add it; its columns are: ")


def test_tables_that_are_none(tmp_path: Path) -> None:
    assert "ends in neither" in refused(table(tmp_path, "a.txt", "\n".join(ROWS))).message
    assert "has no samples" in refused(table(tmp_path, "a.tsv", ROWS[0])).message
    found = refused(table(tmp_path, "a.tsv", ROWS[0], "input x: real[T, 2]"))
    assert found.code == "E514" and "'x'" in found.message
    (tmp_path / "b.csv").write_bytes("x\né".encode("latin1"))
    built = spec(
        tmp_path, "input x: real[2]", "output y = linear(x, 1)", 'table("b.csv")', "mean(y)"
    )
    assert refused(built).code == "E517"


# ── pictures ───────────────────────────────────────────────────────────────────────────────────

PICTURE = "input image: real[4, 3]; input label: class(5)"


def pictures(folder: Path, path: str, inputs: str = PICTURE) -> Compilation:
    network = "output logits = linear(flatten(image), 5)" if "4, 3" in inputs else (
        "output logits = linear(image, 5)"
    )  # fmt: skip
    data = f'images("{path}", split=[0.9, 0.1])'
    return spec(folder, inputs, network, data, "cross_entropy(logits, label)")


def idx(array: Any) -> bytes:
    head = bytes((0, 0, 8, array.ndim)) + struct.pack(f">{array.ndim}I", *array.shape)
    return head + array.astype(numpy.uint8).tobytes()


def shown(data: SamplesData) -> set[bytes]:
    both = (data.training, data.validation)
    return {
        (255 * image).round().astype(numpy.uint8).tobytes() + bytes([label])
        for part in both
        for image, label in zip(part.arrays["image"], part.arrays["label"], strict=True)
    }


def test_pictures_of_an_npz_file_and_of_idx_files(tmp_path: Path) -> None:
    rng = numpy.random.default_rng(0)
    image, label = rng.integers(0, 256, (40, 4, 3)).astype(numpy.uint8), rng.integers(0, 5, 40)
    wanted = {x.tobytes() + bytes([y]) for x, y in zip(image, label, strict=True)}
    numpy.savez(tmp_path / "a.npz", x_train=image, y_train=label, x_test=image[:3])
    numpy.savez(tmp_path / "b.npz", image=image / 255, label=label)
    (tmp_path / "train-images-idx3-ubyte").write_bytes(idx(image))
    (tmp_path / "train-labels-idx1-ubyte").write_bytes(idx(label))
    for path in ("a.npz", "b.npz", "train-images-idx3-ubyte"):
        data = loaded(pictures(tmp_path, path))
        assert data.samples == 36 and shown(data) == wanted
    flat = loaded(pictures(tmp_path, "a.npz", PICTURE.replace("4, 3", "12")))
    assert flat.training.arrays["image"].shape == (36, 12)
    assert float(flat.training.arrays["image"].max()) <= 1


def test_pictures_that_do_not_fit(tmp_path: Path) -> None:
    image, label = numpy.ones((40, 4, 3), numpy.uint8), numpy.ones(40, int)
    numpy.savez(tmp_path / "a.npz", image=image, label=label)
    found = refused(pictures(tmp_path, "a.npz", PICTURE.replace("4, 3", "13")))
    assert (
        found.code == "E519" and "4 x 3 = 12 numbers, and the input 'image' has 13" in found.message
    )
    network, data = "output y = linear(x, 1)", 'images("a.npz")'
    assert refused(spec(tmp_path, "input x: real[12]", network, data, "mean(y)")).code == "E514"
    numpy.savez(tmp_path / "c.npz", image=image, label=label[:3])
    assert "labels [3]" in refused(pictures(tmp_path, "c.npz")).message
    numpy.savez(tmp_path / "d.npz", x=image, label=label)
    assert "has the arrays x, label" in refused(pictures(tmp_path, "d.npz")).message
    (tmp_path / "e.png").write_bytes(b"x")
    assert "neither an npz file nor an idx file" in refused(pictures(tmp_path, "e.png")).message
    (tmp_path / "t-images-idx3").write_bytes(idx(image)[:-1])
    (tmp_path / "t-labels-idx1").write_bytes(idx(label))
    assert "or is cut short" in refused(pictures(tmp_path, "t-images-idx3")).message


# ── recordings ─────────────────────────────────────────────────────────────────────────────────


def test_frames_are_spectra_in_triangles_of_the_mel_scale() -> None:
    rate, mels = 8000, 20
    sound = numpy.random.default_rng(0).standard_normal(3000)
    made = log_mel(sound, rate, mels)
    assert made.shape == (frame_count(3000, rate), mels) == (18, 20)
    window = numpy.hanning(201)[:-1]
    _, _, spectra = spectrogram(
        sound, rate, window, noverlap=40, nfft=256, scaling="spectrum", mode="complex",
        detrend=False,  # type: ignore[arg-type]
    )  # fmt: skip
    whole = abs(spectra.T * window.sum()) ** 2
    powers = whole @ mel_triangles(rate, 256, mels).T
    numpy.testing.assert_allclose(made, 10 * numpy.log10(powers), rtol=1e-9)
    tone = numpy.sin(2 * numpy.pi * 1000 * numpy.arange(3000) / rate)
    heights = 700 * (10 ** (numpy.linspace(0, 2595 * numpy.log10(1 + 4000 / 700), 22) / 2595) - 1)
    loudest = int(log_mel(tone, rate, mels).mean(0).argmax())
    assert loudest == int(abs(heights[1:-1] - 1000).argmin())
    assert (log_mel(numpy.zeros(400), rate, mels) == -100).all()


HEARING = "input frames: real[T, 6]; input label: class(3)"


def recordings(
    folder: Path, options: str = "features=logmel(6, 12)", inputs: str = HEARING, **change: Any
) -> Compilation:
    rng = numpy.random.default_rng(0)
    counts = rng.integers(200, 3000, 30)
    offsets = numpy.concatenate([[0], numpy.cumsum(counts)])
    arrays = {
        "audio": rng.integers(-9000, 9000, offsets[-1]).astype(numpy.int16), "offsets": offsets,
        "rate": 8000, "label": rng.integers(0, 3, 30),
    } | change  # fmt: skip
    numpy.savez(folder / "s.npz", **{name: a for name, a in arrays.items() if a is not None})
    return spec(
        folder, inputs, "output logits = linear(mean(frames), 3)",
        f'audio("s.npz", {options})', "cross_entropy(logits, label)",
    )  # fmt: skip


def test_recordings_have_as_many_frames_as_they_last(tmp_path: Path) -> None:
    data = loaded(recordings(tmp_path))
    counts = numpy.random.default_rng(0).integers(200, 3000, 30)
    wanted = sorted(min(12, 1 + (n - 200) // 160) for n in counts.tolist())
    lengths = [*data.training.lengths["T"], *data.validation.lengths["T"]]
    assert sorted(lengths) == wanted and min(wanted) < max(wanted) == 12
    part = data.training
    own = numpy.concatenate(
        [part.arrays["frames"][row, :n] for row, n in enumerate(part.lengths["T"])]
    )
    numpy.testing.assert_allclose(own.mean(0), 0, atol=1e-6)
    numpy.testing.assert_allclose(own.std(0), 1, rtol=1e-5)


def test_recordings_that_do_not_fit(tmp_path: Path) -> None:
    def told(*arguments: Any, **change: Any) -> tuple[str, str]:
        found = refused(recordings(tmp_path, *arguments, **change))
        return found.code, found.message

    options = "features=logmel(6, 12)"
    assert told(f"{options}, label=digit")[1] == "'s.npz' has no array 'digit'"
    assert told(rate=None) == ("E519", "'s.npz' has no array 'rate'")
    assert told("features=logmel(6, 13)")[0] == "E516"
    assert told("features=mfcc(6, 12)")[0] == "E512"
    assert told("features=logmel(6)")[0] == "E512"
    assert told("label=label") == ("E513", "'audio' needs features")
    assert told("features=logmel(7, 12)")[0] == "E514"
    offsets = numpy.arange(31) * 300
    assert told(offsets=offsets[:-1])[1].startswith("the 30 recordings of 's.npz' do not lie")
    assert told(offsets=offsets[::-1])[0] == "E519"
    offsets[4] -= 150
    code, text = told(offsets=offsets)
    assert code == "E522" and text.startswith("recording 3 (from 0) has 150 samples at 8000 Hz")


# ── made sentences ─────────────────────────────────────────────────────────────────────────────


def test_sentences_agree_where_their_label_says_so() -> None:
    words = vocabulary()
    made, lengths = sentences(Random(0), 4000)
    text, verb, label, hard = (made[name] for name in ("text", "verb", "label", "hard"))
    nouns, verbs = ([pair.split() for pair in part.split("|")] for part in (NOUNS, VERBS))
    assert (len(words), len(nouns), len(verbs)) == (169, 50, 30)
    number = {pair[k]: k for pair in nouns if pair[0] != pair[1] for k in (0, 1)}
    forms = {pair[k]: k for pair in verbs for k in (0, 1)}
    between = 0
    for row, place, agrees, apart, length in zip(text, verb, label, hard, lengths, strict=True):
        said = [words[n] for n in row[:length]]
        assert (said[0], said[1], said[-2], said[-1]) == ("<bos>", "the", ".", "<eos>")
        assert length == place + 3 and length in (6, 9) and said[place] in forms
        if said[2] in number:
            assert (number[said[2]] == forms[said[place]]) == agrees
        if length == 9:
            assert said[3] in PREPOSITIONS.split("|") and said[4] == "the"
            if said[5] in number and said[2] in number:
                assert (number[said[5]] != number[said[2]]) == apart
        between += apart
        assert length == 9 or (not apart and not row[6:].any())
    assert abs((lengths == 9).mean() - 0.6) < 0.03 and abs(label.mean() - 0.5) < 0.03
    assert abs(between / 4000 - 0.3) < 0.03


SENTENCE = "input text: token(169)[T]; input verb: class(T); input label: class(2)"
JUDGE = "x = embed(text, d); output logit = linear(x[verb], 1)"


def judged(folder: Path, options: str, inputs: str = SENTENCE, network: str = JUDGE) -> Compilation:
    loss = "binary_cross_entropy(logit, label)" if network == JUDGE else "mean(y)"
    return spec(folder, inputs, network, f"agreement({options})", loss)


def test_sentences_come_from_the_seed(tmp_path: Path) -> None:
    first, again, other = (
        loaded(judged(tmp_path, f"seed={seed}, samples=50, validation=20")) for seed in (0, 0, 1)
    )
    assert (first.samples, first.validation.count) == (50, 20)
    assert first.facts == again.facts and first.facts["sha256"] != other.facts["sha256"]
    assert not (first.training.arrays["text"][:20] == first.validation.arrays["text"]).all()
    groups = first.draw(numpy.random.default_rng(0), 30)
    assert {group["text"].shape[1] for group in groups} == {6, 9}


def test_sentences_that_do_not_fit(tmp_path: Path) -> None:
    found = refused(judged(tmp_path, "", SENTENCE.replace("169", "100")))
    assert found.code == "E508" and "169 words, more than 100" in found.message
    found = refused(judged(tmp_path, "", "input x: real[2]", "output y = linear(x, 1)"))
    assert found.code == "E514"
    fixed = SENTENCE.replace("[T]", "[8]").replace("class(T)", "class(8)")
    assert refused(judged(tmp_path, "", fixed)).code == "E514"


def test_sentences_filled_up_and_those_to_test_on(tmp_path: Path) -> None:
    fixed = SENTENCE.replace("[T]", "[11]").replace("class(T)", "class(11)")
    fixed += "; input hard: class(2)"
    options = "samples=50, validation=20, measure="
    data, test = (
        loaded(judged(tmp_path, options + part, fixed)) for part in ("validation", "test")
    )
    text, hard = (data.training.arrays[name] for name in ("text", "hard"))
    ends = (text == vocabulary().index("<eos>")).argmax(1)
    assert text.shape == (50, 11) and set(ends.tolist()) == {5, 8} and set(hard.tolist()) == {0, 1}
    assert all(
        not row[end + 1 :].any() and row[: end + 1].all()
        for row, end in zip(text, ends, strict=True)
    )
    assert (test.training.arrays["text"] == text).all()
    assert (test.validation.arrays["text"] != data.validation.arrays["text"]).any()


def test_files_are_looked_for_when_they_are_read(tmp_path: Path) -> None:
    for built in (pictures(tmp_path, "none.npz"), recordings(tmp_path)):
        (tmp_path / "s.npz").unlink(missing_ok=True)
        assert plan_mistakes(built.model) == ()
        assert refused(built).code == "E501"
