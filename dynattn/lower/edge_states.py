"""States of edges in a module: their axes, and which of their values are those of edges."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor

from dynattn.lower import kernels

if TYPE_CHECKING:
    from dynattn.lower.module import System


def rank_of_state(system: System, name: str) -> int:
    """How many axes a state has behind the batch axes."""
    return 1 + _is_of_pairs(system, name) + len(system.model.states[name].shape)


def _is_of_pairs(system: System, name: str) -> bool:
    coupling = system.model.states[name].coupling
    return bool(coupling) and system.context.edges(coupling).kind != "edges"


def on_edges_alone(system: System, name: str, values: Tensor) -> Tensor:
    """The values of a state, 0 at pairs of nodes that are no edge."""
    if not _is_of_pairs(system, name):
        return values
    state = system.model.states[name]
    edges, rank = system.context.edges(state.coupling), len(state.shape)
    ends = values.shape[-rank - 2], values.shape[-rank - 1]
    causal = edges.kind == "causal"
    return kernels.reach_pairs(values, *ends, rank, causal, edges.include_self, 0)
