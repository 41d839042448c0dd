"""Emitted files of layers that move points of manifolds along geodesics."""

from __future__ import annotations

import pytest
import torch

from tests.lower.test_emit import assert_clean, close, executed, write
from tests.lower.test_system import built, shipped


@pytest.mark.parametrize("manifold", ["torus(2)", "SU(2)"])
def test_attention_on_a_manifold(tmp_path, manifold):
    """``rate`` is a learned array of the layer, so that its method has another name."""
    compilation = shipped("group_attention", M=manifold, V=5, H=2, hidden=3)
    path = write(tmp_path, compilation)
    assert_clean(path)
    assert "def rate_of_states(" in path.read_text()
    text = torch.randint(5, (2, 9))
    result, keys = executed(path, "GroupAttention", "network", text)
    system = built(compilation)
    assert keys == sorted(system.state_dict())
    close(result["result"], system(text).detach())
    for label, value in system.loss(text=text).items():
        close(result[f"loss {label}"], value.detach())
