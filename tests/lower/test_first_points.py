"""States that begin at points written in numbers, in the precision of a training."""

from __future__ import annotations

import pytest
import torch

from dynattn.compilation import Compilation
from dynattn.diagnostics.report import Source, SpecError
from dynattn.lower.module import System

SPEC = """model m
param a = 0.3
population p[3] {{
  state z on simplex(3) = [a, 0.2, 0.7 - a]; state s on sphere(3) = [cos(a), 0, sin(a)]
  drift z: z; drift s: z
}}
simulate {{ t 0 .. 1 }}
""".replace("{{", "{").replace("}}", "}")


def build(text: str, dtype: torch.dtype) -> System:
    return Compilation(Source("m.dyn", text), {}, None).build(dtype=dtype)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("shares", ["[a, 0.2, 0.8 - a]", "[0.2, 0.3, 0.5]", "[0.1, 0.2, 0.7]"])
def test_points_of_the_simplex_in_every_precision(dtype: torch.dtype, shares: str) -> None:
    system = build(SPEC.replace("[a, 0.2, 0.7 - a]", shares), dtype)
    assert float(system.initial_states()["p.z"].sum(-1).sub(1).abs().max()) < 1e-6


def test_what_is_off_by_more_than_rounding_is_refused() -> None:
    with pytest.raises(SpecError) as error:
        build(
            SPEC.replace("[a, 0.2, 0.7 - a]", "[a, 0.2, 0.80002 - a]"), torch.float32
        ).initial_states()
    assert error.value.diagnostics[0].code == "E313"
