"""Memory of the torus layers grows with the number of tokens, not with its square."""

from __future__ import annotations

import weakref
from functools import cache
from pathlib import Path

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from dynattn.compilation import Compilation
from dynattn.diagnostics.report import Source

SPECS = Path(__file__).parents[2] / "specs"
NAMES = ("kuramoto_attention", "frustrated_synchronization", "collective_modes")
STATE = "token.theta"
WIDTH, LENGTH = 16, 256


class Largest(TorchDispatchMode):
    """The size of the largest array that an operation of torch makes."""

    numbers = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        made = func(*args, **(kwargs or {}))
        sizes = [item.numel() for item in tree_leaves(made) if isinstance(item, torch.Tensor)]
        self.numbers = max(self.numbers, *sizes, 0)
        return made


class Live(TorchDispatchMode):
    """How many bytes the arrays that operations of torch made hold at a time, at most."""

    def __init__(self) -> None:
        super().__init__()
        self.sizes: dict[int, int] = {}
        self.most = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        made = func(*args, **(kwargs or {}))
        for item in tree_leaves(made):
            if isinstance(item, torch.Tensor) and item.layout == torch.strided:
                memory = item.untyped_storage()
                if memory._cdata not in self.sizes:
                    self.sizes[memory._cdata] = memory.nbytes()
                    weakref.finalize(memory, self.sizes.pop, memory._cdata)
        self.most = max(self.most, sum(self.sizes.values()))
        return made


@cache
def system(name: str):
    source = Source(str(SPECS / f"{name}.dyn"), (SPECS / f"{name}.dyn").read_text())
    return Compilation(source, {"C": WIDTH, "H": 2, "depth": 1}).build(dtype=torch.float32)


def rate(name: str, length: int) -> torch.Tensor:
    x = torch.randn(1, length, WIDTH, requires_grad=True)
    return system(name).layer_rates("attend", {STATE: x})[STATE]


def kept(name: str, length: int) -> int:
    """Bytes that autograd keeps of the layer ``attend``."""
    sizes: dict[int, int] = {}

    def keep(x: torch.Tensor) -> torch.Tensor:
        sizes[x.untyped_storage()._cdata] = x.untyped_storage().nbytes()
        return x

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda x: x):
        found = rate(name, length)
    assert found.requires_grad
    return sum(sizes.values())


@pytest.mark.parametrize("name", NAMES)
def test_what_is_kept_for_the_slopes_doubles_with_the_length(name):
    assert 0 < kept(name, 2 * LENGTH) < 2.2 * kept(name, LENGTH)


@pytest.mark.parametrize("name", NAMES)
def test_no_array_grows_with_the_square_of_the_length(name):
    found = []
    for length in (2 * LENGTH, 4 * LENGTH):
        with Largest() as largest:
            rate(name, length).sum().backward()
        found.append(largest.numbers)
    assert 0 < found[1] < 2.2 * found[0] and found[1] < (4 * LENGTH) ** 2 / 4


@pytest.mark.parametrize("name", NAMES)
def test_what_is_there_at_a_time_doubles_with_the_length(name):
    system(name)  # made before anything is counted
    found = []
    for length in (2 * LENGTH, 4 * LENGTH):
        with Live() as live:
            rate(name, length).sum().backward()
        found.append(live.most)
    assert 1.5 * found[0] < found[1] < 2.2 * found[0]
