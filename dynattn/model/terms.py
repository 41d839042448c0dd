"""Typed expressions: what the checker makes of the text, with every name resolved.

A Term says what is meant, not how it is computed. The reference evaluator interprets Terms node by
node and edge by edge; the program builder turns them into whole-array operations.

``op`` is one of the following, or the name of a function in ``vocabulary.functions.FUNCTIONS``
(``add sub mul div pow neg sin cos ... lt le eq ... dot norm concat ... sum mean max ...``).

| op | payload | meaning |
| --- | --- | --- |
| number | int or float | a constant |
| array | None | a literal list; args are its items |
| size | Size | a named size used as a number, such as ``C/H`` |
| parameter | name | a Parameter, learned or not |
| state | name | a State |
| start | name | what a State is at the start; only in initial values |
| delayed | (state, coupling) | a State as a coupling sees it, at t - args[0]; per node or edge |
| input | name | an Input |
| variable | name | a network variable at this point of the network |
| output | name | an output of the network, in losses and records |
| time | None | ``t`` |
| index | population | the node's number from 0 |
| node | name | an attribute of the nodes of the graph that a population was made from |
| joined | name | at the nodes of a group: args, one per member, each at its own nodes |
| member | (group, population) | args[0], a quantity of the group, at the population's own nodes |
| placeholder | name | a hole of a manifold's formula: ``x``, ``v``, ``F``; ``W'`` is white noise |
| axis | (name, k, first) | the index of the k-th axis, at every entry of the Term's shape |
| entry | (positions, indices) | args[0] at these positions, from 0, of its first axes; as written |
| counter | name | the m of ``harmonics m in 1 .. M``; only in what is shown of a coupling |
| let | name | args[0], under the name the spec gave it |
| called | name | args[0], what a function of the geometry makes of the points args[1:] |
| receiver | None | in a coupling: args[0] at the receiving node i |
| sender | None or l | in a coupling: args[0] at the sending node j, or l places after it |
| edge | name | in a coupling: the edge's own attribute (``weight``, ``distance``, ``length``) |
| coupling | name | the finished sum S_i of a coupling, at node level |
| pair_energy | name | the sum of a coupling's pair potential over its pairs of nodes |
| matmul | None | args = (A, b): the last axis of A with the first of b, or the last but one |
| column | None | args[0] of shape (..) seen as (.., 1): a number beside a point's coordinates |
| aligned | None | args[0] at the node of the same number of another population as large |
| spread | None | args[0], the same at every node and coordinate of the Term's own type |
| split | heads (Size) | the last axis n seen as (heads, n/heads) |
| merge | None | the last two axes (m, n) seen as m*n |
| part | (k, count) | the k-th of so many equal parts of the last axis |
| rotary | (size, heads) | frequencies 10000^(-c/(size/heads)), c = 0, 1, .. within a head |
| linear | None | args = (x, weight[out, in]) or (x, weight, bias[out]) |
| rounded | bits | args[0], a weight, at the nearest of 2^bits levels across its range |
| disturbed | (size, name) | args[0], the weight of this name, and noise of this size |
| lookup | None | args = (table[n, ...], integers): row by row |
| next | None | args = (integers[T],): the element one place later along the sequence |
| cross_entropy | None | args = (logits[T, V], target[T]): mean over what is there, in nats |
| accuracy, binary_cross_entropy, binary_accuracy | None | the same means of other numbers |
| average | None | the mean of args[0] over all samples, nodes and coordinates |
| layer_norm | None | args = (x, gain, bias): over the last axis |
| dropout | share | args[0]; in training a share of its numbers is 0 |
| sinusoidal | (population, size) | sines and cosines of the node's number |
| flatten | None | all nodes of args[0] in one vector |
| at | None | args = (x, v): x at the node of the number v |
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from dynattn.diagnostics.report import Span
from dynattn.vocabulary.manifolds import MANIFOLDS
from dynattn.vocabulary.sizes import Size


@dataclass(frozen=True, slots=True)
class Place:
    """Where a quantity lives: once in the model, once per node, or once per edge of a coupling."""

    kind: str = "global"
    """``global``, ``nodes`` (name: the population) or ``edges`` (name: the coupling)."""
    name: str = ""


GLOBAL = Place()


@dataclass(frozen=True, slots=True)
class ManifoldUse:
    """A manifold with its sizes filled in: ``sphere(3)``. ``shape`` is that of one point."""

    name: str
    arguments: tuple[Size, ...]
    shape: tuple[Size, ...]

    @property
    def dtype(self) -> str:
        """``real`` or ``complex``."""
        return "complex" if MANIFOLDS[self.name].of_complex else "real"

    def points(self, place: Place, shape: tuple[Size, ...]) -> Type:
        """The type of an array of points; ``shape`` with their own coordinates last."""
        return Type(place, shape, self.dtype, self, matrix=len(self.shape) == 2)

    def __str__(self) -> str:
        inside = ", ".join(str(size) for size in self.arguments)
        return f"{self.name}({inside})" if inside else self.name


@dataclass(frozen=True, slots=True)
class Type:
    """The type of a Term: where it lives, its coordinates per node, and what kind of number it
    is.
    """

    place: Place = GLOBAL
    shape: tuple[Size, ...] = ()
    """Sizes of the coordinate axes; the node, edge and batch axes do not stand here."""
    dtype: str = "real"
    """``real``, ``complex``, ``integer`` or ``truth``."""
    manifold: ManifoldUse | None = None
    """The manifold this is a point of; None for plain numbers."""
    classes: Size | None = None
    """For integers below a bound (tokens, labels): the bound."""
    matrix: bool = False
    """Whether the last two axes are those of a point of a manifold of matrices."""


@dataclass(frozen=True, eq=False)
class Term:
    """One typed expression. Shared sub-expressions are shared objects (a DAG, compared by
    identity).
    """

    op: str
    args: tuple[Term, ...]
    type: Type
    span: Span = field(repr=False)
    payload: Any = None


def walk(*roots: Term) -> Iterator[Term]:
    """The terms and everything they are made of, each once."""
    seen: set[int] = set()
    stack = list(roots)
    while stack:
        term = stack.pop()
        if id(term) not in seen:
            seen.add(id(term))
            stack.extend(term.args)
            yield term
