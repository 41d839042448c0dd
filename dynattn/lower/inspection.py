"""Looking inside a run: values that are not finite, weights of attention, what the time moves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from dynattn.lower.context import Context
from dynattn.lower.routine import Routine
from dynattn.program.nodes import Node


def first_not_finite(routine: Routine, slots: list[Any]) -> Node | None:
    """The first node of a finished run whose value holds NaN or infinity."""
    steps = (s for s in routine.plan.instructions if not _finite(slots[s.result]))
    return next((step.node for step in steps), None)


def attention_in(
    routine: Routine, slots: list[Any], context: Context
) -> list[tuple[str, str, Tensor]]:
    """(label, coupling, weights [batch..., heads, receivers, senders]) of a finished run.

    Fused attention never has the weights: here they are made of its queries and keys.
    """
    found = []
    for step in routine.plan.instructions:
        payload = step.node.payload
        if step.node.op in ("attention", "successor_attention"):
            payload = payload if step.node.op == "attention" else payload[0]
            q, k = (slots[place] for place in step.arguments[:2])
            causal = context.edges(payload).kind == "causal"
            weights = _weights(q, k, causal, len(step.node.type.shape) == 2)
        elif step.node.op == "edge_softmax" and step.node.type.place.kind == "pairs":
            weights = _heads_first(slots[step.result], step.node)
        else:
            continue
        found.append((routine.label, payload, weights))
    return found


def _finite(value: Any) -> bool:
    if isinstance(value, tuple):
        return all(map(_finite, value))
    return not isinstance(value, Tensor) or bool(torch.isfinite(value).all())


def _weights(q: Tensor, k: Tensor, causal: bool, heads: bool) -> Tensor:
    q, k = (a.transpose(-3, -2) if heads else a.unsqueeze(-3) for a in (q, k))
    scores = q @ k.mT
    if causal:
        allowed = torch.ones(scores.shape[-2:], dtype=torch.bool, device=scores.device).tril()
        scores = scores.masked_fill(~allowed, -torch.inf)
    return scores.softmax(-1)


def _heads_first(weights: Tensor, node: Node) -> Tensor:
    """[.., receivers, senders, H] -> [.., H, receivers, senders]; one head where there are none."""
    return weights.movedim(-1, -3) if len(node.type.shape) else weights.unsqueeze(-3)


def reads_time(system: Any) -> bool:
    """Whether the rates depend on the time: on ``t``, a pulse, a signal."""
    return system._field is not None and bool(_timed(system._field.keys))


def _timed(keys: Sequence[str]) -> set[int]:
    """The places of the time and of signals among the keys of a routine."""
    return {k for k, key in enumerate(keys) if key == "time" or key.startswith("input ")}


SPREADING = frozenset(
    {
        "mul",
        "neg",
        "unsqueeze",
        "broadcast",
        "aligned",
        "entry",
        "rows",
        "member",
        "receiver",
        "sender",
    }
)
"""Operations that make zeros of zeros in their first operand, a product in any."""


def moves_in_time(system: Any) -> bool:
    """Whether the time can change the rates: it is read, and not only in products with parameters
    that are 0 throughout. One that is learned counts as another number.
    """
    if not reads_time(system):
        return False
    routine = system._field
    first = len(routine.plan.leaves)
    zeros = {k for k, number in enumerate(routine.plan.numbers, first) if number == 0}
    for slot, leaf in enumerate(routine.plan.leaves):
        if leaf.kind == "parameter":
            table, key = routine.tables[slot - len(routine.keys)]
            if not table[key].requires_grad and not bool(table[key].count_nonzero()):
                zeros.add(slot)
    moving = _timed(routine.keys)
    for step in routine.plan.instructions:
        read = step.arguments if step.node.op == "mul" else step.arguments[:1]
        if step.node.op in SPREADING and zeros.intersection(read):
            zeros.add(step.result)
        elif moving.intersection(step.arguments):
            moving.add(step.result)
    return any(slot in moving for _, slot in routine.plan.outputs)
