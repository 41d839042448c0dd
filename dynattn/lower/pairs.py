"""Complex tensors as pairs of real numbers: how many there are, and files that know no others."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

import torch


def real_numbers(tensors: Iterable[torch.Tensor]) -> int:
    """How many real numbers tensors hold: a complex number is two."""
    return sum(x.numel() * (2 if x.is_complex() else 1) for x in tensors)


def as_pairs(tensors: Mapping[str, torch.Tensor]) -> tuple[dict[str, torch.Tensor], list[str]]:
    """Copies on the CPU, the complex ones with their parts along a new last axis; their names."""
    found, whole = {}, []
    for name, tensor in tensors.items():
        plain = tensor.detach().resolve_conj().cpu()
        if plain.is_complex():
            whole.append(name)
            plain = torch.view_as_real(plain)
        found[name] = plain.contiguous().clone()
    return found, whole


def from_pairs(
    tensors: Mapping[str, torch.Tensor], whole: Collection[str]
) -> dict[str, torch.Tensor]:
    """The tensors again, those called in ``whole`` complex."""
    return {
        name: torch.view_as_complex(tensor) if name in whole else tensor
        for name, tensor in tensors.items()
    }
