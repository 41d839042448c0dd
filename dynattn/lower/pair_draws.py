"""Draws for the two edges between two nodes together."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
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
        return partial(_sampled_in_square, sample, behind)
    receivers, senders = edges.receivers, edges.senders
    assert receivers is not None and senders is not None
    count = edges.senders_count or 0
    back = numpy.searchsorted(receivers * count + senders, senders * count + receivers)
    leading = (receivers <= senders).reshape(-1, *[1] * behind)
    return partial(sample, turned=lambda numbers: numbers[back], leading=leading)


def _sampled_in_square(
    sample: Callable[..., Any], behind: int, rng: Any, shape: tuple[int, ...], *arguments: Any
) -> Any:
    leading = numpy.triu(numpy.ones(shape[:2], dtype=bool)).reshape(*shape[:2], *[1] * behind)
    turned = partial(numpy.swapaxes, axis1=0, axis2=1)
    return sample(rng, shape, *arguments, turned=turned, leading=leading)
