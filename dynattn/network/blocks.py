"""Edges that are the same between all nodes of two classes: found in a list of edges.

Nodes are of one class where they hear the same senders with the same weights, themselves and each
other aside; random keys of their lists, added up, tell which may be. What is found is compared with
every edge, so that it is exact whatever the keys are.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy

Array = numpy.ndarray[Any, Any]

WEIGHTS = 32
"""Where more different weights than this are among the first edges, they are no blocks."""
LOOKED_AT = 1000
FEWER = 2
"""Classes are of this many nodes or more on average."""


@dataclass(frozen=True, eq=False)
class Blocks:
    """The weights of edges as those of pairs of classes: w_ij = weights[k], where i is of class
    rows[k] and j of class columns[k]; and what node i has beyond it for itself.
    """

    receivers: Array = field(repr=False)
    """The class of every receiver: int64, classes in the order of their first nodes."""
    senders: Array = field(repr=False)
    rows: Array = field(repr=False)
    columns: Array = field(repr=False)
    weights: Array = field(repr=False)
    own: Array = field(repr=False)
    """One number for all nodes, or one per node."""
    offsets: tuple[int, ...] = ()
    """Besides, node i hears the nodes i + offset, counted round, with the weight ``around``."""
    around: float = 0.0

    @property
    def counts(self) -> tuple[int, int]:
        """Classes of receivers and of senders."""
        return _count(self.receivers), _count(self.senders)

    @property
    def text(self) -> str:
        """``9 weights between 3 blocks``."""
        many, (hearing, heard) = len(self.weights), self.counts
        sides = str(heard) if hearing == heard else f"{heard} and {hearing}"
        weights, blocks = ("" if n == "1" else "s" for n in (str(many), sides))
        far = f" and {len(self.offsets)} shifted copies" if self.offsets else ""
        return f"{many} weight{weights} between {sides} block{blocks}{far}"

    @property
    def cost(self) -> int:
        """About how many multiplications a sum takes; to be compared with the number of edges."""
        nodes = len(self.receivers) + len(self.senders)
        return len(self.weights) + 2 * nodes + len(self.offsets) * len(self.receivers)


def module_blocks(modules: int, agents: int, inside: float, between: float) -> Blocks:
    """The blocks of ``ring_of_modules``, from its arguments alone."""
    classes = numpy.repeat(numpy.arange(modules), agents)
    each, same = numpy.arange(modules), numpy.full(modules, float(inside))
    steps = sorted({1 % modules, -1 % modules} - {0})
    offsets = tuple(step * agents for step in steps)
    own = -same[:1]
    return Blocks(classes, classes, each, each, same, own, offsets, float(between))


def find_blocks(
    receivers: Array, senders: Array, weights: Array | None, counts: tuple[int, int]
) -> Blocks | None:
    """The blocks of edges sorted by receiver; None where classes are not larger than single nodes.

    In O(E), but for sorting the edges by sender where the receivers have classes.
    """
    square = counts[0] == counts[1]
    weights = numpy.ones(len(receivers)) if weights is None else weights
    if not len(receivers) or not numpy.isfinite(weights).all():
        return None
    if len(numpy.unique(weights[:LOOKED_AT])) > WEIGHTS:
        return None
    loops = receivers == senders if square else numpy.zeros(len(receivers), bool)
    i, j, w = receivers[~loops], senders[~loops], weights[~loops]
    hearing = _classes(i, j, w, counts, square)
    if FEWER * _count(hearing) > counts[0]:
        return None
    back = numpy.argsort(j, kind="stable")
    heard = _classes(j[back], i[back], w[back], (counts[1], counts[0]), square)
    if FEWER * _count(heard) > counts[1]:
        return None
    own = numpy.zeros(counts[0])
    own[receivers[loops]] = weights[loops]
    return _compared(hearing, heard, (i, j, w), own if square else None)


def _count(classes: Array) -> int:
    return int(classes.max()) + 1 if len(classes) else 0


def _classes(i: Array, j: Array, w: Array, counts: tuple[int, int], square: bool) -> Array:
    """The class of each i by the j that it meets; with itself among them where more agree so."""
    keys = numpy.random.default_rng(0).integers(1, 2**64, counts[1], numpy.uint64)
    met = numpy.concatenate([numpy.zeros(1, numpy.uint64), numpy.cumsum(_mixed(keys[j], w))])
    ends = numpy.cumsum(numpy.bincount(i, minlength=counts[0]))
    found = [met[ends] - met[numpy.concatenate([[0], ends[:-1]])]]
    if square:
        found += [found[0] + _mixed(keys, weight) for weight in numpy.unique(w[:LOOKED_AT])]
    sizes = numpy.stack([_sizes(part) for part in found])
    best = sizes.argmax(axis=0)
    chosen = numpy.stack(found)[best, numpy.arange(counts[0])] + best.astype(numpy.uint64)
    _, first, classes = numpy.unique(chosen, return_index=True, return_inverse=True)
    return numpy.argsort(numpy.argsort(first))[classes]


def _mixed(keys: Array, weight: Any) -> Array:
    """Keys that the weight has changed; overflow is meant."""
    bits = numpy.asarray(weight, dtype=numpy.float64).view(numpy.uint64)
    bits = bits * numpy.uint64(0x9E3779B97F4A7C15)
    bits = bits ^ (bits >> numpy.uint64(31))
    mixed = (keys ^ bits) * numpy.uint64(0xBF58476D1CE4E5B9)
    return mixed ^ (mixed >> numpy.uint64(27))


def _sizes(values: Array) -> Array:
    """How often each of the values is there."""
    _, place, number = numpy.unique(values, return_inverse=True, return_counts=True)
    return number[place]


def _compared(
    hearing: Array, heard: Array, edges: tuple[Array, Array, Array], own: Array | None
) -> Blocks | None:
    """The blocks, where every pair of nodes of two classes has the same edge or none has one."""
    i, j, w = edges
    height, width = _count(hearing), _count(heard)
    keys, first, place, number = numpy.unique(
        hearing[i] * width + heard[j], return_index=True, return_inverse=True, return_counts=True
    )
    rows, columns, weights = keys // width, keys % width, w[first]
    pairs = numpy.bincount(hearing, minlength=height)[rows]
    pairs *= numpy.bincount(heard, minlength=width)[columns]
    if own is not None:
        there, alone = numpy.unique(hearing * width + heard, return_counts=True)
        at = numpy.searchsorted(there, keys).clip(max=len(there) - 1)
        pairs -= numpy.where(there[at] == keys, alone[at], 0)
    if (pairs != number).any() or (weights[place] != w).any():
        return None
    if own is None:
        return Blocks(hearing, heard, rows, columns, weights, numpy.zeros(1))
    at = numpy.searchsorted(keys, hearing * width + heard).clip(max=len(keys) - 1)
    own = own - numpy.where(keys[at] == hearing * width + heard, weights[at], 0.0)
    own = own[:1] if (own == own[0]).all() else own
    return Blocks(hearing, heard, rows, columns, weights, own)
