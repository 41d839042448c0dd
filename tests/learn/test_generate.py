"""Sampling text from a system."""

from __future__ import annotations

import pytest
import torch

from dynattn.diagnostics.report import Source, SpecError
from dynattn.interface import Spec
from dynattn.learn.generate import sample
from dynattn.learn.reader import Reader
from dynattn.learn.text import Alphabet
from tests.lower.decoded import ROW_BY_ROW, layer


class Successor(torch.nn.Module):
    """Says that the next letter of the alphabet comes next; remembers the longest window."""

    def __init__(self, symbols: int = 128) -> None:
        super().__init__()
        self.sharpness = torch.nn.Parameter(torch.tensor(50.0))
        self.symbols = symbols
        self.longest = 0

    def forward(self, text: torch.Tensor) -> torch.Tensor:
        self.longest = max(self.longest, text.shape[1])
        following = (text + 1) % self.symbols
        return self.sharpness * torch.nn.functional.one_hot(following, self.symbols)


def refused(**options):
    with pytest.raises(SpecError) as caught:
        sample(Successor(), options.pop("prompt", b"a"), 3, context=4, **options)
    (found,) = caught.value.diagnostics
    return found.code, found.message


def test_text_follows_the_model_and_the_context_is_cut():
    system = Successor()
    assert sample(system, b"abc", 6, context=4) == b"defghi"
    assert system.longest == 4


def test_the_same_seed_gives_the_same_text():
    flat = Successor()
    flat.sharpness.data.fill_(0.0)
    texts = [sample(flat, b"a", 40, context=4, seed=seed) for seed in (0, 0, 1)]
    assert texts[0] == texts[1] != texts[2]


def test_temperature_zero_takes_the_likeliest():
    weak = Successor()
    weak.sharpness.data.fill_(0.01)
    assert sample(weak, b"a", 4, context=4, temperature=0) == b"bcde"


def test_top_k_leaves_the_others_out():
    weak = Successor()
    weak.sharpness.data.fill_(0.01)
    assert sample(weak, b"a", 4, context=4, top_k=1) == b"bcde"


def test_an_empty_prompt_is_a_line_end():
    assert sample(Successor(), b"", 1, context=4) == b"\x0b"


def test_characters():
    letters = Alphabet("äöü")
    assert sample(Successor(3), "ä".encode(), 2, context=4, alphabet=letters).decode() == "öü"


def test_settings_out_of_range():
    assert refused(temperature=-1.0) == ("E571", "temperature -1 is below 0")
    assert refused(top_k=0) == ("E571", "top_k 0 is below 1")


def test_prompts_the_model_has_no_symbols_for():
    message = "the prompt has byte 200, and the model knows those below 128"
    assert refused(prompt=b"\xc8") == ("E572", message)
    unknown = "the prompt has 'z', which the training text does not have"
    assert refused(prompt=b"z", alphabet=Alphabet("ab")) == ("E572", unknown)
    wrong = refused(prompt=b"\xff", alphabet=Alphabet("ab"))
    assert wrong == ("E572", "the prompt is not UTF-8")


def test_a_model_without_logits():
    class Mean(Successor):
        def forward(self, text: torch.Tensor) -> torch.Tensor:
            return text.double().mean()

    with pytest.raises(SpecError) as caught:
        sample(Mean(), b"a", 1, context=4)
    (found,) = caught.value.diagnostics
    message = "the model has no single output with one row of logits per token"
    assert (found.code, found.message) == ("E573", message)


# ── symbol by symbol ───────────────────────────────────────────────────────────────────────────


def small(text: str):
    return Spec(Source("m.dyn", text), {}, 0).build().eval()


@pytest.mark.parametrize("stride", [1, 3, 8])
def test_a_text_read_symbol_by_symbol_is_that_of_whole_forwards(stride):
    system = small(ROW_BY_ROW["fused"])
    reader, symbols = Reader(system, 8, stride), [3]
    for k in range(30):
        seen = symbols[reader.start(len(symbols)) :]
        assert 8 - stride < len(seen) <= 8 or len(symbols) <= 8
        with torch.no_grad():
            whole = system(torch.tensor([seen]))[0, -1]
        torch.testing.assert_close(reader.logits(symbols), whole, rtol=0, atol=1e-12)
        symbols.append(k % 7)


def test_with_a_stride_of_one_the_last_symbols_are_seen():
    reader = Reader(small(ROW_BY_ROW["fused"]), 8)
    assert [reader.start(n) for n in (1, 8, 9, 20)] == [0, 0, 1, 12]


def test_what_takes_a_whole_forward_is_told():
    told: list[str] = []
    system, alphabet = small(ROW_BY_ROW["fused"]), Alphabet("abcdefg")
    sample(system, b"a", 8, context=8, alphabet=alphabet, told=told.append)
    assert told == []
    sample(system, b"a", 9, context=8, alphabet=alphabet, told=told.append)
    sample(system, b"a", 9, context=8, alphabet=alphabet, stride=4, told=told.append)
    everyone = small(layer("kernel tanh(x[j] - x[i])", graph="everyone(T)"))
    sample(everyone, b"a", 2, context=8, alphabet=alphabet, told=told.append)
    assert told == [
        "from symbol 9 on the window of 8 moves on by one, which takes a whole forward each: "
        "--stride moves it further",
        "from symbol 9 on the window of 8 moves on by 4 at a time, which takes a whole forward "
        "each time",
        "every symbol takes a whole forward, since layer attend: the sum 'attend.sync' reaches over"
        " everyone, not causal(token) (line 8)",
    ]


def test_windows_out_of_range():
    system = small(ROW_BY_ROW["fused"])
    cases: tuple[tuple[dict[str, int], str], ...] = (
        ({"context": 41}, "context 41 is above 40, the most that the model reads"),
        ({"context": 0}, "context 0 is below 1"),
        ({"context": 8, "stride": 9}, "stride 9 is not from 1 to the context, 8"),
    )
    for options, message in cases:
        window = (options["context"], options.get("stride", 1))
        with pytest.raises(SpecError) as caught:
            Reader(system, *window)
        assert caught.value.diagnostics[0].message == message
