"""Draws for the two edges between two nodes together."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy

from dynattn.lower.context import Context
from dynattn.program.nodes import Node


def pair_sampler(sample: Callable[..., Any], node: Node, context: Context) -> Callable[..., Any]:
    """``sample`` of a distribution of pairs, told which number belongs to the edge back.

    Numbers stand in the order of the edges, or in a square of all pairs. The edge whose receiver
    comes first leads.
    """
    edges, behind = context.edges(node.type.place.name), len(node.type.shape)
    if node.type.place.kind == "pairs":
        turned = lambda numbers: numbers.swapaxes(0, 1)  # noqa: E731
        leading = numpy.triu(numpy.ones((edges.receivers_count or 0,) * 2, dtype=bool))
    else:
        receivers, senders = edges.receivers, edges.senders
        assert receivers is not None and senders is not None
        count = edges.senders_count or 0
        back = numpy.searchsorted(receivers * count + senders, senders * count + receivers)
        turned = lambda numbers: numbers[back]  # noqa: E731
        leading = receivers <= senders
    leading = leading.reshape(*leading.shape, *[1] * behind)
    return lambda *arguments: sample(*arguments, turned=turned, leading=leading)
