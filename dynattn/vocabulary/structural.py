"""Functions that look across coordinates, nodes or places; here those of networks and training."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Structural:
    """A function that looks across coordinates, nodes or places; its rule is in the checker.

    ``kind``: ``coordinates`` (within a node), ``nodes`` (over the population), ``learned`` (owns
    weights), ``fixed`` (constant arrays), ``time``, ``sequence`` or ``loss``.
    """

    name: str
    kind: str
    signature: str
    doc: str


NETWORK_FUNCTIONS = (
    Structural("mlp", "learned", "mlp(x, hidden=h, out=n, dropout=0)", "W2 gelu(W1 x + b1) + b2"),
    Structural(
        "layer_norm",
        "learned",
        "layer_norm(x)",
        "(x - mean)/sqrt(variance + 1e-5) on the last coordinate axis, times a gain, plus a bias",
    ),
    Structural(
        "dropout",
        "coordinates",
        "dropout(x, p)",
        "in training a share p of the numbers is 0 and the others are divided by 1 - p",
    ),
    Structural(
        "sinusoidal",
        "fixed",
        "sinusoidal(T, d)",
        "sin and cos of index / 10000^(2k/d) in turn, at each of T places",
    ),
    Structural("flatten", "nodes", "flatten(x)", "one vector of all nodes"),
    Structural(
        "cross_entropy",
        "loss",
        "cross_entropy(logits, target)",
        "mean negative log-likelihood, nats",
    ),
    Structural(
        "binary_cross_entropy",
        "loss",
        "binary_cross_entropy(logit, target)",
        "the same of two classes, from one logit",
    ),
    Structural(
        "accuracy", "loss", "accuracy(logits, target)", "share of targets with the largest logit"
    ),
)
