"""What each layer does while it trains: gradients, updates, and how coherent its phases are."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from dynattn.learn.portions import Groups
from dynattn.learn.reports import LayerStatistics, Statistics
from dynattn.lower.binding import CallRun, put_first_states
from dynattn.lower.lengths import input_environment
from dynattn.lower.module import System, evaluate_plainly

SAMPLES = 4
"""So many samples of a batch are looked at for coherence."""


def layer_of(name: str) -> str:
    """The use of a layer that a parameter belongs to: ``attend.0`` of ``attend.0.k.linear.weight``;
    of one that belongs to none, the name of what it makes: ``logits`` of ``logits.linear.weight``.
    """
    first, _, rest = name.partition(".")
    second = rest.partition(".")[0]
    return f"{first}.{second}" if second.isdigit() else first


@dataclass(frozen=True)
class Before:
    """The weights before an update, and the norms of their gradients, squared, by layer."""

    weights: Mapping[str, Tensor]
    gradients: Mapping[str, Tensor]


def before_update(system: System) -> Before:
    """What an update is compared with; the gradients are those that are there now."""
    named = dict(system.named_parameters())
    weights = {name: x.detach().clone() for name, x in named.items()}
    return Before(weights, _squares((name, x.grad) for name, x in named.items()))


def after_update(system: System, before: Before, groups: Groups) -> Statistics:
    """The statistics of an update, and the coherence of the states with the weights after it."""
    moved = _squares((name, x.detach() - before.weights[name])
                     for name, x in system.named_parameters())  # fmt: skip
    sizes = _squares(before.weights.items())
    layers = {}
    for layer, size in sizes.items():
        weights, step = float(size) ** 0.5, float(moved[layer]) ** 0.5
        gradient = float(before.gradients.get(layer, 0.0)) ** 0.5
        ratio = step / weights if weights else None
        layers[layer] = LayerStatistics(gradient, weights, ratio)
    return Statistics(layers, coherence(system, groups))


def _squares(named: Iterator[tuple[str, Tensor | None]] | Any) -> dict[str, Tensor]:
    found: dict[str, Tensor] = {}
    for name, value in named:
        if value is not None:
            layer, own = layer_of(name), value.abs().double().square().sum()
            found[layer] = found[layer] + own if layer in found else own
    return found


# ── coherence ──────────────────────────────────────────────────────────────────────────────────


def coherence(system: System, groups: Groups) -> dict[str, float]:
    """Order parameters by layer and state, ``attend.0 token.theta``, of a few samples.

    Of angles |mean of e^{i theta} over the nodes|, of unit vectors |mean of x|, of matrices of SO
    and SU |mean of X| / sqrt(n): 1 where all nodes are alike, near 0 where they are spread; means
    over samples, channels and heads. Before the first layer the name is ``start``.
    """
    measures = {
        name: (measure, len(state.shape))
        for name, state in system.model.states.items()
        if state.population and (measure := MEASURES.get(state.manifold.name))
    }
    if not measures:
        return {}
    few = {name: value[:SAMPLES] for name, value in max(groups, key=_length).items()}
    training, call = system.training, system.white.call
    try:
        system.eval()
        with torch.no_grad():
            return dict(_along(system, few, measures))
    finally:
        system.train(training)
        system.white.call = call


def _length(group: Mapping[str, Tensor]) -> int:
    return max(value.numel() // len(value) for value in group.values())


def _along(
    system: System, inputs: Mapping[str, Tensor], measures: Mapping[str, Any]
) -> Iterator[tuple[str, float]]:
    """The measures after every run of the network that sets such a state."""
    system.white.begin()
    environment = input_environment(system, inputs)
    put_first_states(system, environment)
    for run in system._runs:
        run.run(environment, evaluate_plainly)
        layer = "start" if isinstance(run, CallRun) else f"{run.layer}.{run.copy}"
        for name in sorted(run.sets & measures.keys()):
            measure, rank = measures[name]
            value = environment[f"state {name}"]
            if value.shape[value.dim() - rank - 1] > 1:
                yield f"{layer} {name}", float(measure(value, value.dim() - rank - 1))


def _of_angles(theta: Tensor, nodes: int) -> Tensor:
    return torch.hypot(theta.cos().mean(nodes), theta.sin().mean(nodes)).mean()


def _of_vectors(x: Tensor, nodes: int) -> Tensor:
    return x.mean(nodes).norm(dim=-1).mean()


def _of_matrices(x: Tensor, nodes: int) -> Tensor:
    return x.mean(nodes).abs().square().sum((-2, -1)).sqrt().mean() / x.shape[-1] ** 0.5


MEASURES: Mapping[str, Callable[[Tensor, int], Tensor]] = {
    "circle": _of_angles,
    "torus": _of_angles,
    "sphere": _of_vectors,
    "SO": _of_matrices,
    "SU": _of_matrices,
}
"""By manifold."""
