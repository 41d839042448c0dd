"""A layer declared in a spec, as one part of a PyTorch model of one's own.

Finding: trained inside another model, the layer learns which of two words came first.
"""

from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from torch import nn

import dynattn

SPEC = """model synchronised_words "words as phases that pull on each other"
param V = 8, C = 8
dim T
input words: token(V)[T]
population word[T] { state theta on torus(C) }
layer attend {
  learn eta[C] = 1
  let psi = theta + rotary(C, heads=1) * index
  coupling sync: word -> word over causal(T) {
    weight   softmax(dot(cos(psi[i]), cos(psi[j])) + dot(sin(psi[i]), sin(psi[j])))
    kernel   sin(theta[j] - theta[i])
    strength eta
  }
  evolve { steps 1 }
}
network { theta = embed(words); repeat 2 { attend }; output y = [cos(theta), sin(theta)] }
"""


class FirstWord(nn.Module):
    """Which of the words 0 and 1 comes first? The layer of the spec, then a linear map."""

    def __init__(self, spec: Path) -> None:
        super().__init__()
        self.layer = dynattn.load(spec).build(dtype=torch.float32)
        self.head = nn.Linear(16, 2)

    def forward(self, words: torch.Tensor) -> torch.Tensor:
        """[batch, T] whole numbers to [batch, 2] logits."""
        return self.head(self.layer(words)[:, -1])


def sentences(count: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Words 0 and 1 in either order among others, then the question 7; and which came first."""
    words = torch.randint(2, 7, (count, 6))
    first = torch.randint(0, 2, (count,))
    places = torch.rand(count, 5).argsort(1)[:, :2].sort(1).values
    words.scatter_(1, places, torch.stack([first, 1 - first], 1))
    words[:, -1] = 7
    return words, first


def main() -> None:
    """Train the model and print how often it is right on new sentences."""
    torch.manual_seed(0)
    with TemporaryDirectory() as folder:
        spec = Path(folder, "synchronised_words.dyn")
        spec.write_text(SPEC)
        model = FirstWord(spec)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
    for _ in range(150):
        words, first = sentences(64)
        loss = nn.functional.cross_entropy(model(words), first)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    words, first = sentences(1000)
    right = (model(words).argmax(1) == first).float().mean().item()
    print(f"right on {right:.1%} of new sentences (guessing: 50%)")
    assert right > 0.9


if __name__ == "__main__":
    main()
