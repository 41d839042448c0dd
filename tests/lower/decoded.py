"""Layers of every kind that a token of a sequence can hear those before it by, as whole specs."""

from __future__ import annotations

HEAD = """
model m "one layer over the tokens of a text"
param V = 7, d = 6
dim T <= 40
input text: token(V)[T]
population token[T] {{ state x on real(d) }}
layer attend {{
{body}
}}
network {{ x = embed(text); attend; output logits = linear(x, V) }}
"""

SCORE = "dot(x[i], sin(x[j]))"


def layer(coupling: str, *others: str, graph: str = "causal(T)", evolve: str = "steps 1") -> str:
    """A model of one coupling."""
    summed = f"  coupling sync: token -> token over {graph} {{ {coupling} }}"
    return HEAD.format(body="\n".join([*others, summed, f"  evolve {{ {evolve} }}"]))


ROW_BY_ROW = {
    "sums": layer("kernel x[j] - x[i]; strength 0.1"),
    "degree": layer("kernel sin(x[j] - x[i]); normalize degree"),
    "pairs": layer("kernel tanh(x[j] - x[i]); strength 0.1"),
    "steps": layer("kernel tanh(x[j] - x[i]); strength 0.1",
                   evolve="t 0 .. 0.6; method rk4; step 0.2"),
    "softmax": layer(f"weight softmax({SCORE}); kernel tanh(x[j] - x[i])"),
    "fused": layer(f"weight softmax({SCORE}); kernel x[j] - x[i]"),
    "normalized": layer(f"weight normalized(exp({SCORE})); kernel tanh(x[j] - x[i])"),
    "weighted": layer(f"weight tanh({SCORE}); kernel x[j] - x[i]"),
    "shares": layer(f"weight normalized(exp({SCORE})); kernel x[j] - x[i]"),
    "successors": layer(f"weight softmax({SCORE}); successors l in 0 .. 2; kernel x[j] - x[i]"),
    "late pairs": layer("weight normalized(exp(" + SCORE + ")); successors l in 0 .. 2; "
                        "kernel tanh(x[j] - x[i])"),
    "distances": layer("weight exp(-0.3*(index[i] - index[j])); kernel tanh(x[j] - x[i])"),
    "waves": layer("weight tanh(dot(x[i], x[j])); kernel sin(x[j] - x[i])"),
    "scalar waves": layer("weight index[i]*0.1; kernel sin(x[j] - x[i])"),
    "memory": layer("kernel tanh(x[j] - x[i])", "  coupling known: slot -> token "
                    "{ weight softmax(dot(m[j], x[i])); kernel m[j] }").replace(
                        "layer attend", "population slot[3] { learn m[d] ~ normal(0, 1) }\n"
                        "layer attend"),
}  # fmt: skip
"""Each hears the tokens before it alone."""
