"""What a network sets a state to is a point of its manifold."""

from __future__ import annotations

import pytest

from tests.model.models import checked, refused

SPEC = """param V = 9
dim T <= 5
input text: token(V)[T]
input f: real[T, 3]
population token[T] {{
  state z on sphere(3)
  state n on positive
  state s on simplex(3)
  state w on sphere(2)
  state R on SO(3)
}}
layer mix {{
  param A on so(3) ~ normal(0, 1)
  drift z: linear(z, 3)
  drift n: 1
  drift s: linear(z, 3)
  drift w: linear(w, 2)
  drift R: A @ R
  evolve {{ steps 1 }}
}}
network {{
  z = embed(text)
  v = linear(f, 3)
  g = dot(v, v)
  q = exp(v)
  mix
  {statement}
  output a = linear([z, s, q, v], 2) + g*n*w + linear(R @ z, 2)
}}
"""


def spec(statement: str) -> str:
    return SPEC.format(statement=statement)


@pytest.mark.parametrize(
    "statement",
    [
        "z = v / norm(v)", "z = -v / norm(v)", "z = v / sqrt(dot(v, v))", "z = -z", "z = R @ z",
        "z = (z + v) / norm(z + v)", "z = [0, 0, 1] + 0*index", "z = expmap(z, v)",
        "w = [cos(g), sin(g)]", "w = [sin(2*g), cos(2*g)]",
        "n = exp(g)", "n = softplus(g) + g", "n = n * sigmoid(g) / 2", "n = sqrt(n) + 0.1 * g",
        "n = (1 + relu(g))^-2", "s = q / dot(q, 1)", "s = (q + 1) / dot(q + 1, 1)",
        "R = R @ transpose(R)",
    ],
)  # fmt: skip
def test_points_by_how_they_are_made(statement: str) -> None:
    if statement == "z = [0, 0, 1] + 0*index":
        assert refused(spec(statement))[0][0] in ("E301", "E330")
    else:
        checked(spec(statement))


@pytest.mark.parametrize(
    "statement",
    [
        "z = v", "z = v / norm(f)", "z = linear(f, 3) / norm(linear(f, 3))", "z = 2 * z",
        "z = z + v", "w = [cos(g), sin(n)]", "w = [cos(g), cos(g)]", "n = g", "n = exp(g) - 1",
        "n = -exp(g)", "n = relu(g)", "s = v / dot(v, 1)", "s = q", "s = q / dot(q, 2)",
        "s = q / dot(v, 1)", "R = polar(R + R)", "q = q - 1; s = q / dot(q, 1)",
        "repeat 2 { z = v; v = z }", "repeat 2 { s = q / dot(q, 1); q = v }",
    ],
)  # fmt: skip
def test_what_may_be_no_point_is_refused(statement: str) -> None:
    assert [code for code, _ in refused(spec(statement))] in (["E330"], ["E325"])


def test_what_it_says_is_a_point_is_one_when_it_runs() -> None:
    import torch

    from dynattn.compilation import Compilation
    from dynattn.diagnostics.report import Source
    from dynattn.lower.certify import certify

    made = "z = -v / norm(v); n = softplus(g) + g; s = q / dot(q, 1); w = [cos(g), sin(g)]"
    text = spec(made).replace(
        "linear([z, s, q, v], 2) + g*n*w + linear(R @ z, 2)", "[z, s, w, R @ z, n*w]"
    )
    compilation = Compilation(Source("m.dyn", f"model m\n{text}"))
    inputs = {"text": torch.tensor([1, 4, 2]), "f": torch.randn(3, 3, dtype=torch.float64)}
    z, s, w, _, nw = compilation.build()(**inputs).split([3, 3, 2, 3, 2], -1)
    torch.testing.assert_close(z.norm(dim=-1), torch.ones(3, dtype=torch.float64))
    torch.testing.assert_close(w.norm(dim=-1), torch.ones(3, dtype=torch.float64))
    torch.testing.assert_close(s.sum(-1), torch.ones(3, dtype=torch.float64))
    assert (nw * w > 0).all() and (s > 0).all()
    assert certify(compilation).passed
