"""What a training left behind: pictures of what was learned, and a little generated text."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dynattn.cli.screen import note

if TYPE_CHECKING:
    from dynattn.compilation import Compilation
    from dynattn.learn.folder import RunFolder
    from dynattn.learn.parts import SamplesData
    from dynattn.learn.reports import TrainingResult
    from dynattn.learn.text import TextData
    from dynattn.learn.words import Words
    from dynattn.present.parts import Attention

SENTENCE, WORDS = 48, 20
"""Most characters, and most words, of the sentence whose attention is drawn."""


def draw_training(
    compilation: Compilation,
    folder: RunFolder,
    result: TrainingResult,
    data: TextData | SamplesData,
) -> dict[str, Path]:
    """Draw the coupling graph, the loss curve and the learned attention of one sentence."""
    from dynattn.present.attention import draw_arcs, draw_heat_maps
    from dynattn.present.graph import draw_graph

    figures = folder.figures
    drawn, *beside = draw_graph(compilation, figures / "graph.svg", say=note)
    pictures = {"coupling graph": drawn} | {f"its {path.stem}": path for path in beside}
    pictures["loss curve"] = draw_loss(folder, result, figures / "loss.svg")
    attention = learned_attention(result.system, data)
    if attention is not None:
        pictures["attention"] = draw_heat_maps(attention, figures / "attention.png")
        pictures["attention over the text"] = draw_arcs(attention, figures / "attention_arcs.svg")
    return pictures


def draw_loss(folder: RunFolder, result: TrainingResult, path: Path) -> Path:
    """Training and validation loss over steps, in bits per character where the loss is such."""
    from dynattn.learn.metrics import read_metrics
    from dynattn.present.plots import BITS, draw_learning, learning_curves

    curves, unit = learning_curves(read_metrics(folder.metrics))
    baselines = result.baselines if unit == BITS else None
    return draw_learning(curves, path, baselines=baselines, unit=unit, title=result.model)


def learned_attention(system: Any, data: TextData | SamplesData) -> Attention | None:
    """The weights of every layer and head over one sentence of the validation text."""
    import torch

    from dynattn.learn.text import TextData
    from dynattn.learn.words import Words
    from dynattn.present.attention import text_tokens
    from dynattn.present.parts import Attention

    if not isinstance(data, TextData):
        return None
    symbols = sentence(data)
    (name,) = (item.name for item in system.model.inputs)
    found = system.attention_weights(**{name: torch.as_tensor(symbols).to(system.device)[None]})
    if not found:
        return None
    weights = torch.stack([weight[0] for _, _, weight in found]).double().cpu().numpy()
    if isinstance(data.alphabet, Words):
        tokens = tuple(data.alphabet.words[number] for number in symbols.tolist())
    else:
        tokens = text_tokens(data.alphabet.decode(symbols))
    return Attention(tokens, weights, tuple(layer for layer, _, _ in found))


def sentence(data: TextData) -> Any:
    """A whole line of the validation text, neither short nor long, as int64 symbols."""
    import numpy

    from dynattn.learn.words import Words

    if isinstance(data.alphabet, Words):
        return line_of(data.validation[:20_000], data.alphabet, min(WORDS, data.context))
    text = data.alphabet.decode(data.validation[:20_000])
    lines = text.split(b"\n")[1:-1]
    wanted = [line for line in lines if SENTENCE // 2 <= len(line) <= SENTENCE]
    chosen = wanted[0] if wanted else text[:SENTENCE]
    return numpy.array(data.alphabet.encode(chosen), dtype=numpy.int64)


def line_of(words: Any, known: Words, most: int) -> Any:
    """The first whole line of at least half of ``most`` words; the first ``most`` without any."""
    import numpy

    from dynattn.learn.words import END

    ends = numpy.flatnonzero(words == known.places[END])
    lines = (words[a + 1 : b] for a, b in pairwise(ends.tolist()))
    return next((line for line in lines if most // 2 <= len(line) <= most), words[:most])


def sample_text(system: Any, data: TextData | SamplesData, length: int) -> str:
    """``length`` characters that the trained system writes after a line end; '' without a text."""
    from dynattn.learn.generate import sample
    from dynattn.learn.text import TextData

    if not isinstance(data, TextData):
        return ""

    text = sample(system, b"\n", length, context=data.context, alphabet=data.alphabet)
    return text.decode("utf-8", "replace")
