"""Token by token, with what past tokens contribute kept: the outputs of the whole sequence."""

from __future__ import annotations

import pytest
import torch

from dynattn.diagnostics.report import Source
from dynattn.interface import Spec, load
from dynattn.lower.decoding import Decoder, NotIncremental
from tests.lower.decoded import ROW_BY_ROW, layer

LANGUAGE_MODELS = {
    "kuramoto_attention": {},
    "frustrated_synchronization": {},
    "collective_modes": {},
    "softmax_transformer": {},
    "softmax_attention": {"V": 50},
    "oscillator_attention": {"V": 50},
    "group_attention": {},
}
"""Those that ship, with settings that make them small."""


def built(text, dtype=torch.float64):
    return Spec(Source("m.dyn", text), {}, 3).build(dtype=dtype).eval()


def furthest(system, length=16, pieces=(5, 1, 3)):
    """How far outputs for pieces of a text, then single tokens, are from those for all of it."""
    text = torch.randint(0, 7, (2, length), generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        whole = system(text)
    sizes = [*pieces, *[1] * (length - sum(pieces))]
    decoder = Decoder(system)
    found = torch.cat([decoder(part) for part in text.split(sizes, 1)], 1)
    return float((found - whole).abs().max())


@pytest.mark.parametrize("name", LANGUAGE_MODELS)
def test_every_language_model_that_ships(name):
    spec = load(f"specs/{name}.dyn", **LANGUAGE_MODELS[name])
    assert furthest(spec.build(dtype=torch.float64).eval()) < 1e-10
    assert furthest(spec.build(dtype=torch.float32).eval()) < 1e-5


@pytest.mark.parametrize("name", ROW_BY_ROW)
def test_every_form_of_a_causal_sum(name):
    system = built(ROW_BY_ROW[name])
    assert furthest(system, 12) < 1e-12
    assert furthest(system, 12, pieces=()) < 1e-12


def test_a_new_sequence_knows_nothing_of_the_one_before():
    system = built(ROW_BY_ROW["fused"])
    decoder = Decoder(system)
    text = torch.tensor([[1, 2, 3]])
    first = decoder(text)
    decoder(text)
    decoder.begin()
    assert torch.equal(decoder(text), first)


def test_a_new_sequence_follows_the_parameters():
    system = built(ROW_BY_ROW["scalar waves"].replace("index[i]*0.1", "k*index[i]").replace(
        "layer attend {", "layer attend { learn k = 0.1"))  # fmt: skip
    decoder, text = Decoder(system), torch.tensor([[1, 2, 3]])
    decoder(text)
    with torch.no_grad():
        for parameter in system.parameters():
            parameter.mul_(2)
        decoder.begin()
        torch.testing.assert_close(decoder(text), system(text), rtol=0, atol=1e-12)


def test_a_sequence_has_the_length_that_the_model_allows():
    decoder = Decoder(built(ROW_BY_ROW["fused"]))
    decoder(torch.zeros(1, 39, dtype=torch.int64))
    assert decoder.limit == 40
    with pytest.raises(ValueError, match="T = 41, at most 40"):
        decoder(torch.zeros(1, 2, dtype=torch.int64))


SEES_ALL = {
    layer("kernel tanh(x[j] - x[i])", graph="everyone(T)"):
        "layer attend: the sum 'attend.sync' reaches over everyone, not causal(token)",
    layer("kernel tanh(x[j] - x[i]); normalize size"):
        "layer attend: it reads the length T of the whole sequence",
    layer("kernel tanh(x[j] - x[i])", "  drift x: mean(x)"):
        "layer attend: it reads a sum, a mean or one place of the whole sequence",
    layer("kernel tanh(x[j] - x[i]) - x[i]", evolve="until equilibrium"):
        "layer attend: it runs until it is at rest",
    layer("kernel tanh(x[j] - x[i])", evolve="t 0 .. 1; method tsit5"):
        "layer attend: it chooses its steps",
    layer("kernel tanh(x[j] - x[i])", "  noise x: 0.1"):
        "layer attend: its laws hold noise",
}  # fmt: skip


@pytest.mark.parametrize("text", SEES_ALL, ids=range(len(SEES_ALL)))
def test_what_has_to_see_the_whole_sequence_is_told(text):
    with pytest.raises(NotIncremental) as caught:
        Decoder(built(text))
    assert str(caught.value).split(" (line")[0] == SEES_ALL[text]


def test_states_that_begin_at_random_are_told():
    spec = load("benchmarks/papers/specs/oscillator_euler.dyn", V=50)
    with pytest.raises(NotIncremental, match="layer attend: its states begin at random"):
        Decoder(spec.build())
