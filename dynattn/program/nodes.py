"""The array program: a graph of whole-array operations with symbolic sizes and spans.

Layout. An array is ``[batch..., place..., coordinates...]``: the place is one node axis
(``nodes``), one edge axis (``edges``), two axes receiver, sender (``pairs``), one axis of offsets
(``offsets``: what all edges of one offset share, where nodes hear the same offsets), or nothing
(``global``). Batch axes
are never written and may be any number in front; axes are therefore counted from the end. Where
operands of an elementwise operation differ in rank, explicit ``unsqueeze`` nodes align them, so an
operation is always the plain broadcasting one of torch.

| op | inputs | payload | result |
| --- | --- | --- | --- |
| constant | | number or nested tuple of numbers | array of that shape |
| size | | Size | its number |
| parameter, state, input, variable, output | | name | the array of that name |
| delayed | | (state, coupling) | the state at t - tau, of the nodes or of the coupling's edges |
| placeholder | | ``x`` or ``v`` | the hole of a retraction block |
| time | | | t |
| index | | population | 0 .. n-1 along the node axis |
| node | | (population, attribute) | a fixed number per node: what its graph says |
| axis | | (k, first) | first, first + 1, .. along the k-th of its axes, the others of size 1 |
| rotary | | (size, heads) | frequencies [size] |
| edge | | (coupling, attribute) | a fixed number per edge, or per offset; attribute None: 1 |
| degree | | coupling | number of senders of each receiver, at least 1 |
| total | | (coupling, weight) | sum of each receiver's edge weights (weight None: of 1s) |
| draw | arguments | (distribution, stream name) | random numbers (initial values only) |
| names of ``ELEMENTWISE`` | operands | | elementwise, broadcasting |
| unsqueeze | a | axes (negative ints, ascending, positions in the result) | new axes of size 1 |
| concat | a, b, .. | | along the last axis |
| stack | a, b, .. | | along a new first coordinate axis |
| parts | a | count | tuple: that many equal parts of the last axis |
| split | a | heads (Size) | [.., n] as [.., heads, n/heads] |
| entry | a | positions | a at these positions of its first coordinate axes |
| rows | a | Size | a at its first nodes, that many |
| broadcast | a | | a in the place and shape of the result |
| aligned | a | | a, its nodes those of another population |
| merge | a | | [.., H, k] as [.., H*k] |
| joined | a, b, .. | group | along the node axis: the members' nodes one after the other |
| member | a | (group, population) | the part of the node axis that is one member's |
| dot | a, b | | sum over the last axis of a*b |
| matmul | a, b | | matrix product over the last two axes |
| transpose | a | | the last two axes exchanged |
| trace det inverse expm polar logm angles | a | | of the last two axes, a square matrix |
| norm | a | | Euclidean length over the last axis |
| node_sum node_mean node_std node_min node_max | a | axis (negative) | over the node axis |
| linear | x, weight[, bias] | | x W^T + b |
| rounded | a | bits | at the nearest of 2^bits levels from -m to m, m the largest size; slope 1 |
| disturbed | a | (size, name) | a + size m N(0, 1), m as above; anew at each use |
| lookup | table, integers | | table[integers] |
| next | integers | | [.., T-1], one place later, for losses |
| cross_entropy, accuracy | logits, target | | mean, in nats or as a share; logits longer by one
are cut at the end |
| binary_cross_entropy, binary_accuracy | logit, target | | the same of two classes |
| average | a | | the mean of all there is |
| layer_norm | a, gain, bias | | over the last axis |
| dropout | a | share | in training a share of the numbers is 0, the others are larger |
| sinusoidal | | (population, size) | sin and cos of the node's number at rates falling with k |
| flatten | a | | all nodes and coordinates as one axis |
| at | a, integer | | a at the node of this number |
| receiver | a | coupling | node values at each edge's receiver |
| sender | a | coupling | node values at each edge's sender |
| successor | a | l | at every node the value l places after it; past the end the last one's |
| reach | e | (coupling, l) | e at pairs (i, j) for which (i, j + l) is an edge too, else 0 |
| listed | e | coupling | an array of pairs at the pairs that are edges: [.., edges, *] |
| apart | e | coupling | e at pairs of different nodes; at those of one node that of the next one |
| edge_sum | e[, v] | coupling | sum over the senders of each receiver, of e or of e times v; v has
one axis more and is a ``sender`` |
| edge_mean | e, v | coupling | sum over the senders of each receiver of e times v, over that of e |
| edge_once | | coupling, attribute | a number per edge, undirected edges once |
| edge_softmax | e | coupling | exp(e) over its sum over the receiver's senders |
| edge_normalize | e | coupling | e over its sum over the receiver's senders |
| graph_sum | a, b, .. | (coupling, form, weight) | tuple: for each feature sum_j w_ij a_j |
| attention | q, k, v | coupling | softmax_j(q_i.k_j) v_j; [.., T, H, width] or [.., T, width] |
| successor_attention | q, k, v, w, .. | (coupling, (l, m, ..)) | sum_j softmax_j(q_i.k_j) (v_j+l +
w_j+m + ..), each as in reach |
| sine_cosine | x | | tuple: sin x and cos x |
| pick | tuple | k | its k-th array |

In ``graph_sum``, ``weight`` is an attribute of the coupling's edges or None (all 1), ``form`` is
``mean_field``, ``prefix``, ``window``, ``roll``, ``fft``, ``blocks``, ``low_rank``, ``dense``,
``csr`` or ``weighted`` ('' until the pass ``choose_forms`` has run). With the weights of
``GIVEN_WEIGHTS`` the last input is no feature but the weights.
``pairs`` places belong to couplings over ``everyone`` and ``causal``; all others are edge lists.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from dynattn.diagnostics.report import Span
from dynattn.model.composition import Adaptive, Evolution, Settling
from dynattn.model.terms import GLOBAL, Place
from dynattn.vocabulary.sizes import Size

OFFSETS = "weights per offset"
"""The weight of a ``graph_sum`` whose weights, one per offset, are its last input."""

PAIRS = "weights per pair"
"""The weight of a ``graph_sum`` whose weights, one per pair of nodes, are its last input."""

EDGES = "weights per edge"
"""The weight of a ``graph_sum`` whose weights, one per edge of a list, are its last input."""

PLAIN_SUMS = ("edge_sum", "edge_mean")
"""Sums of what is computed edge by edge; their payload is the coupling."""

CLASSES = "same class"
"""The weight of a ``graph_sum`` over the nodes whose label is that of the receiver: its last two
inputs are the labels of the receivers and of the senders."""

WHOLE = "all nodes"
"""The weight of a ``graph_sum`` over all nodes, of a coupling in which none hears itself."""

GIVEN_WEIGHTS = {OFFSETS: "offsets", PAIRS: "pairs", EDGES: "edges"}
"""By weight of a ``graph_sum`` whose last input is no feature but the weights: their place."""


RANDOM = frozenset({"draw", "dropout", "disturbed"})
"""Operations that give other numbers when they are done again."""


@dataclass(frozen=True, slots=True)
class ArrayType:
    """Where an array lives, its coordinate axes, and its dtype (real, integer, truth, tuple)."""

    place: Place = GLOBAL
    """Place kinds: ``global``, ``nodes`` (population), ``edges``, ``pairs``, ``offsets``
    (coupling).
    """
    shape: tuple[Size, ...] = ()
    dtype: str = "real"
    batched: bool = False
    """Whether leading batch axes may stand in front: it depends on states, inputs, or on a
    parameter
    that an experiment varies (whose values may come as ``[points, *shape]``)."""

    @property
    def place_axes(self) -> int:
        """How many axes the place takes."""
        return {"global": 0, "nodes": 1, "edges": 1, "offsets": 1, "pairs": 2}[self.place.kind]


@dataclass(frozen=True, eq=False)
class Node:
    """One operation. Nodes are compared by identity; equal ones are made once (``Nodes.make``)."""

    op: str
    inputs: tuple[Node, ...]
    type: ArrayType
    payload: Any = None
    span: Span | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Block:
    """An array function: names of what it reads, and its results by name, in order."""

    name: str
    outputs: tuple[tuple[str, Node], ...]

    @property
    def nodes(self) -> tuple[Node, ...]:
        """Every node once, inputs before users."""
        return ordered([node for _, node in self.outputs])

    def reads(self, op: str) -> tuple[str, ...]:
        """Payloads of the leaves of one kind: the states, parameters ... this block reads."""
        return tuple(dict.fromkeys(node.payload for node in self.nodes if node.op == op))


@dataclass(frozen=True)
class Call:
    """Run a block; each result is stored under its name (a state, a variable, or an output).

    ``owner``: the block has learned parameters of its own, one copy per time it is reached.
    """

    block: Block
    owner: str | None = None


@dataclass(frozen=True)
class Apply:
    """A layer with arguments: its output, one result named like the layer, becomes a variable.

    The arguments are variables (``feed.x``) that a Call before has set.
    """

    layer: str
    output: Block
    target: str
    evolve: Evolve | None = None
    """What its own states do before: with the same copy of the layer's parameters."""


@dataclass(frozen=True)
class Evolve:
    """A layer at work: so many steps of a method, states <- retraction(states, step). Blocks are
    keyed by state.
    """

    layer: str
    rate: Block
    """Results named by state: the rate of change; without an evolution, where it is at rest."""
    retraction: Block
    """Results named by state; reads states, and ``placeholder`` leaves (``v``, state)."""
    evolution: Evolution | Adaptive | Settling | None
    """None: the states are put where they are at rest; Settling: they run there; Adaptive: by steps
    that the method chooses.
    """
    start: Block | None = None
    """The states of the layer's own at the start of each use."""
    noise: Block | None = None
    """States by name: the noise of the rate, in ``placeholder`` nodes ``("W'", state)``."""

    @property
    def blocks(self) -> tuple[Block, ...]:
        """All of them, in the order in which they are run first."""
        found = (self.start, self.rate, self.noise, self.retraction)
        return tuple(block for block in found if block is not None)


@dataclass(frozen=True)
class Loop:
    """The steps, ``count`` times; ``tied``: with the same weights each round."""

    count: Size
    tied: bool
    steps: tuple[ProgramStep, ...]


ProgramStep = Call | Apply | Evolve | Loop


@dataclass(frozen=True)
class Program:
    """A whole model as array functions. Its size does not depend on any named size."""

    initial: Block
    """Parameters and states by name: their initial values (``draw`` nodes inside)."""
    field: Block | None
    """States by name: the rate of change; None where every law stands in a layer."""
    retraction: Block | None
    """States by name: one step ``v`` taken (``placeholder`` payload ``("v", state)``)."""
    observe: Block | None
    """Observables by name."""
    records: Block | None
    """What the experiments record, by label."""
    steps: tuple[ProgramStep, ...]
    """The network, top to bottom."""
    loss: Block | None
    """``loss`` and the train records by label; reads outputs and inputs."""
    noise: Block | None = None
    """States by name: the noise of the rate, in ``placeholder`` nodes ``("W'", state)``."""
    jumps: Block | None = None
    """Times by number: where a rate jumps."""
    delays: Block | None = None
    """Couplings by name: how late what they read is, one number or one per edge."""

    @property
    def blocks(self) -> tuple[Block, ...]:
        """Every block there is, those of the network too."""
        own = (
            self.initial, self.field, self.retraction, self.observe, self.records, self.loss,
            self.noise, self.jumps, self.delays,
        )  # fmt: skip
        return tuple(b for b in own if b is not None) + tuple(blocks_of(self.steps))


def blocks_of(steps: Sequence[ProgramStep]) -> Iterator[Block]:
    """The blocks of the steps, top to bottom."""
    for step in steps:
        match step:
            case Call(block):
                yield block
            case Apply(output=block, evolve=evolve):
                yield from blocks_of(() if evolve is None else (evolve,))
                yield block
            case Evolve():
                yield from step.blocks
            case Loop(_, _, inner):
                yield from blocks_of(inner)


class Nodes:
    """Makes nodes, each different one once: same op, inputs, payload and type give the same
    object.
    """

    def __init__(self) -> None:
        self._made: dict[tuple[Any, ...], Node] = {}

    def make(
        self,
        op: str,
        inputs: Sequence[Node],
        type: ArrayType,
        payload: Any = None,
        span: Span | None = None,
    ) -> Node:
        """The node for this operation; the span kept is that of the first one made."""
        key = (op, tuple(id(node) for node in inputs), type, payload)
        if key not in self._made:
            self._made[key] = Node(op, tuple(inputs), type, payload, span)
        return self._made[key]


def ordered(
    roots: Sequence[Node], needs: Callable[[Node], Sequence[Node]] | None = None
) -> tuple[Node, ...]:
    """Everything the roots need, each node once, inputs before users (no recursion).

    ``needs``: what a node needs, where that is not its inputs.
    """
    done: dict[int, Node] = {}
    stack = [(node, False) for node in reversed(roots)]
    while stack:
        node, ready = stack.pop()
        if id(node) in done:
            continue
        if ready:
            done[id(node)] = node
            continue
        stack.append((node, True))
        needed = node.inputs if needs is None else needs(node)
        stack.extend((child, False) for child in reversed(needed) if id(child) not in done)
    return tuple(done.values())
