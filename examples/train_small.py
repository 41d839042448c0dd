"""Train a small language-model layer on the text that ships, then load it and let it write.

Finding: after 60 steps the layer is far better than guessing, and the folder holds all of it.
"""

import math
from pathlib import Path
from tempfile import TemporaryDirectory

import dynattn
from dynattn.learn.folder import new_run
from dynattn.learn.generate import sample
from dynattn.learn.train import train

SPEC = """model small_attention "one synchronising layer on characters"
param V = 128, C = 16, H = 2
dim T
input text: token(V)[T]
population token[T] { state theta on torus(C) }
layer attend {
  learn eta[C] = 1
  let psi = theta + rotary(C, heads=H) * index
  coupling sync: token -> token over causal(T) {
    heads    H
    weight   softmax(dot(cos(psi[i]), cos(psi[j])) + dot(sin(psi[i]), sin(psi[j])))
    kernel   sin(theta[j] - theta[i])
    strength eta
  }
  evolve { steps 1 }
}
network { theta = embed(text); attend; output logits = linear([cos(theta), sin(theta)], V) }
train {
  data      text("tinyshakespeare.txt", context=32)
  loss      cross_entropy(logits, next(text))
  optimizer adamw(lr=3e-2)
  batch 16; steps 60
}
"""


def main() -> None:
    """Train in a temporary folder and print bits per character and a little text."""
    with TemporaryDirectory() as place:
        spec = Path(place, "small_attention.dyn")
        spec.write_text(SPEC)
        result = train(dynattn.load(spec), new_run("small", Path(place, "run")), device="cpu")
        trained = dynattn.load(result.folder).build()
    assert result.final is not None
    bits = result.final.bits_per_character
    assert bits is not None
    print(f"{bits:.2f} bits per character (guessing among 128: {math.log2(128):.2f})")
    print(sample(trained, b"\n", 80, context=32).decode())
    assert bits < 5


if __name__ == "__main__":
    main()
