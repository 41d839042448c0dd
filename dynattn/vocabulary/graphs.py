"""The graphs a coupling may run over: our own sources, and networkx generators by their own name.

Adding a source is one entry in SOURCES. Edges run from a sender to a receiver; networkx is loaded
only when a generator is asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from inspect import Parameter, Signature
from typing import Any

from dynattn.diagnostics.suggest import did_you_mean
from dynattn.vocabulary.graph_sizes import BYTES_EACH, MOST_GENERATED, least_size

Edges = tuple[Any, Any, dict[str, Any]]
"""Receivers and senders (int64 numpy arrays, one entry per edge), and float64 attributes."""


class GraphError(ValueError):
    """A graph cannot be made from its arguments; the text says why."""


@dataclass(frozen=True)
class Source:
    """A graph of our own. ``check`` says what is wrong with whole numbers for arguments, or ''."""

    name: str
    parameters: tuple[str, ...]
    defaults: tuple[float, ...]
    """Values of the last parameters where they are left out."""
    include_self: bool
    """Whether a node is among its own senders."""
    kind: str
    """``complete``, ``causal`` (senders up to and with the receiver), or ``edges``: a list."""
    check: Callable[[Mapping[str, Any]], str]
    edges: Callable[..., Edges] | None = None
    """edges(**arguments), for the kind ``edges``; sorted by receiver, then sender."""
    attributes: tuple[str, ...] = ()
    """What every edge has."""
    doc: str = ""
    offsets: Callable[..., tuple[Any, dict[str, Any]]] | None = None
    """offsets(**arguments), where all nodes hear the same offsets j - i: ascending int64 numbers
    counted round from 0, and attributes per offset."""
    nodes: Callable[[Mapping[str, Any]], Any] = lambda arguments: arguments["n"]
    """How many nodes there are: a number for numbers, a formula for sizes."""
    node_attributes: Callable[..., dict[str, Any]] | None = None
    """node_attributes(**arguments): a float64 array per name."""
    node_numbers: tuple[str, ...] = ()
    """Their names."""
    numbers: tuple[str, ...] = ()
    """Parameters that are real numbers; the others are sizes."""


def _check_count(arguments: Mapping[str, int]) -> str:
    n = arguments["n"]
    return f"a graph has one node or more, not {n}" if n < 1 else ""


def _check_ring(arguments: Mapping[str, int]) -> str:
    n, reach = arguments["n"], arguments["reach"]
    if reach < 1:
        return f"a ring reaches one hop or more, not {reach}"
    if reach > n // 2:
        farthest = max(n, 0) // 2
        return f"on a ring of {n} nodes the farthest is {farthest} hops away, the reach is {reach}"
    if reach > MOST_OFFSETS:
        return f"a reach of {reach:.4g} needs {memory_text(48 * reach)} of memory"
    return _check_count(arguments)


MOST_OFFSETS = 10**8
MOST_EDGES = 10**8
"""Graphs of more edges are refused before anything is made."""


def memory_text(size: float) -> str:
    """Bytes in words: ``2.4 GB``."""
    units = ((1e15, "PB"), (1e12, "TB"), (1e9, "GB"), (1e6, "MB"))
    return next((f"{size / n:.3g} {unit}" for n, unit in units if size >= n), f"{size:g} bytes")


def _ring_offsets(n: int, reach: int) -> tuple[Any, dict[str, Any]]:
    import numpy

    hops = numpy.arange(1, reach + 1, dtype=numpy.int64)
    # The node opposite, where there is one, is met going either way round: it sends once.
    offsets = numpy.unique(numpy.concatenate([hops, n - hops]))
    return offsets, {"distance": numpy.minimum(offsets, n - offsets).astype(float)}


def _ring_edges(n: int, reach: int) -> Edges:
    import numpy

    offsets, _ = _ring_offsets(n, reach)
    receivers = numpy.repeat(numpy.arange(n, dtype=numpy.int64), len(offsets))
    senders = (receivers.reshape(n, -1) + offsets) % n
    senders.sort(axis=1)
    gap = abs(senders.reshape(-1) - receivers)
    return receivers, senders.reshape(-1), {"distance": numpy.minimum(gap, n - gap).astype(float)}


def _matched_edges(n: int) -> Edges:
    import numpy

    nodes = numpy.arange(n, dtype=numpy.int64)
    return nodes, nodes, {}


def _matched_offsets(n: int) -> tuple[Any, dict[str, Any]]:
    import numpy

    return numpy.zeros(1, dtype=numpy.int64), {}


def _check_modules(arguments: Mapping[str, Any]) -> str:
    modules, agents = arguments["modules"], arguments["agents"]
    if modules < 1 or agents < 1:
        what = "module" if modules < 1 else "agent in each"
        return f"a ring of modules has one {what} or more, not {min(modules, agents)}"
    edges = modules * agents * (agents + 1)
    if edges > MOST_EDGES:
        return f"its {edges:.4g} edges need {memory_text(24 * edges)} of memory"
    return ""


def _modules_edges(modules: int, agents: int, inside: float, between: float) -> Edges:
    """All to all inside a module; agent k to agent k of the next and of the previous module."""
    import numpy

    i, j = numpy.indices((agents, agents)).reshape(2, -1)
    i, j = i[i != j], j[i != j]
    first = numpy.arange(modules, dtype=numpy.int64)[:, None] * agents
    near = len(i) * modules
    places = numpy.arange(modules * agents, dtype=numpy.int64)
    # Of two modules each is the next and the previous of the other: they are joined once.
    steps = [step for step in sorted({1 % modules, -1 % modules}) if step]
    far = [(places + step * agents) % (modules * agents) for step in steps]
    receivers = numpy.concatenate([(first + i).reshape(-1), *(places for _ in far)])
    senders = numpy.concatenate([(first + j).reshape(-1), *far])
    weight = numpy.full(len(receivers), float(between))
    weight[:near] = inside
    order = numpy.lexsort((senders, receivers))
    return receivers[order], senders[order], {"weight": weight[order]}


def _modules_nodes(modules: int, agents: int, **others: float) -> dict[str, Any]:
    import numpy

    return {"module": numpy.repeat(numpy.arange(float(modules)), agents)}


_ENTRIES = (
    Source(
        "everyone", ("n",), (), True, "complete", _check_count,
        doc="every node sends to every node, itself too",
    ),
    Source(
        "causal", ("n",), (), True, "causal", _check_count,
        doc="nodes in order: each hears those before it, and itself",
    ),
    Source(
        "ring", ("n", "reach"), (1,), False, "edges", _check_ring, _ring_edges, ("distance",),
        doc="a closed row: each hears those up to `reach` hops away; `distance` in hops",
        offsets=_ring_offsets,
    ),
    Source(
        "one_to_one", ("n",), (), True, "edges", _check_count, _matched_edges,
        doc="node i of the one population sends to node i of the other", offsets=_matched_offsets,
    ),
    Source(
        "ring_of_modules", ("modules", "agents", "inside", "between"), (1.0, 1.0), False, "edges",
        _check_modules, _modules_edges, ("weight",),
        doc="modules on a ring: all to all inside with weight `inside`; agent k of a module and "
        "agent k of the next with weight `between`; nodes have a `module`, from 0",
        nodes=lambda arguments: arguments["modules"] * arguments["agents"],
        node_attributes=_modules_nodes, node_numbers=("module",),
        numbers=("inside", "between"),
    ),
)  # fmt: skip

SOURCES: dict[str, Source] = {entry.name: entry for entry in _ENTRIES}

FILED = ("file", "matrix")
"""Sources that read files; ``vocabulary.graph_files`` has their formats."""


def bind_source(
    name: str, positional: Sequence[Any], keywords: Mapping[str, Any]
) -> dict[str, Any] | str:
    """The arguments of one of our own sources by name, defaults filled in, or what is wrong."""
    source = SOURCES[name]
    optional = dict(zip(reversed(source.parameters), reversed(source.defaults), strict=False))
    parameters = [
        Parameter(p, Parameter.POSITIONAL_OR_KEYWORD, default=optional.get(p, Parameter.empty))
        for p in source.parameters
    ]
    bound = _bind(name, Signature(parameters), positional, keywords)
    if isinstance(bound, str):
        return bound
    return {p: bound.get(p, optional.get(p)) for p in source.parameters}


# Functions of networkx.generators that make no single graph from numbers: they want a graph, a
# table, paths or a function, or give back a list, a sequence or an answer.
_NO_GENERATORS = frozenset({
    "directed_joint_degree_graph", "ego_graph", "geometric_edges", "graph_atlas_g",
    "interval_graph", "inverse_line_graph", "is_regular_expander",
    "is_valid_directed_joint_degree", "is_valid_joint_degree", "joint_degree_graph",
    "line_graph", "maybe_regular_expander", "mycielskian", "nonisomorphic_trees",
    "number_of_nonisomorphic_trees", "prefix_tree", "prefix_tree_recursive",
    "random_clustered_graph", "random_kernel_graph", "random_powerlaw_tree_sequence",
    "random_shell_graph", "spectral_graph_forge", "stochastic_graph",
})  # fmt: skip

MAKE_N = frozenset({
    "barabasi_albert_graph", "binomial_graph", "circulant_graph", "complete_graph",
    "connected_watts_strogatz_graph", "cycle_graph", "dense_gnm_random_graph",
    "dual_barabasi_albert_graph", "duplication_divergence_graph", "empty_graph",
    "erdos_renyi_graph", "fast_gnp_random_graph", "gn_graph", "gnc_graph", "gnm_random_graph",
    "gnp_random_graph", "gnr_graph", "newman_watts_strogatz_graph", "path_graph",
    "powerlaw_cluster_graph", "random_geometric_graph", "random_k_out_graph", "scale_free_graph",
    "soft_random_geometric_graph", "watts_strogatz_graph", "wheel_graph",
})  # fmt: skip
"""Generators that make n nodes, n being their first argument."""

# Arguments that want a function, a table or a graph, or change what kind of thing comes back.
_HIDDEN = frozenset({
    "backend", "backend_kwargs", "default", "initial_graph", "kernel", "metric", "nodelist",
    "number_of_forests", "number_of_trees", "p_dist", "pos", "pos_name", "weight", "weight_name",
})  # fmt: skip

GRAPH_CLASSES = ("Graph", "DiGraph", "MultiGraph", "MultiDiGraph")
"""What ``create_using`` may be, as a string."""


def networkx_generators() -> tuple[str, ...]:
    """The names of the networkx functions that make a graph from numbers, in alphabetical order."""
    import networkx

    rooms = ("networkx.generators.", "networkx.algorithms.bipartite.generators")
    return tuple(
        sorted(
            name
            for name, value in vars(networkx).items()
            if not name.startswith("_")
            and callable(value)
            and (getattr(value, "__module__", None) or "").startswith(rooms)
            and name not in _NO_GENERATORS
        )
    )


def generator_parameters(name: str) -> Signature:
    """The arguments of a networkx generator that a spec can give."""
    import inspect

    import networkx

    signature = inspect.signature(getattr(networkx, name))
    kept = [p for p in signature.parameters.values() if p.name not in _HIDDEN]
    return signature.replace(parameters=kept)


def takes_seed(name: str) -> bool:
    """Whether the generator draws at random."""
    return "seed" in generator_parameters(name).parameters


def bind_generator(
    name: str, positional: Sequence[Any], keywords: Mapping[str, Any]
) -> dict[str, Any] | str:
    """The arguments of a networkx generator by name, or what is wrong with them.

    Those left out stay out; the items of ``complete_multipartite_graph(2, 3)`` become one tuple.
    """
    return _bind(name, generator_parameters(name), positional, keywords)


def _bind(
    name: str, signature: Signature, positional: Sequence[Any], keywords: Mapping[str, Any]
) -> dict[str, Any] | str:
    parameters = signature.parameters
    collected = {p.name for p in parameters.values() if p.kind is Parameter.VAR_POSITIONAL}
    ordered = [p.name for p in parameters.values() if p.kind is Parameter.POSITIONAL_OR_KEYWORD]
    named = [p for p in parameters if p not in collected]
    for word in keywords:
        if word not in named:
            return f"{name} has no argument '{word}': {_suggest(word, named)}"
    if collected:
        return {collected.pop(): tuple(positional), **keywords}
    if len(positional) > len(ordered):
        return (
            f"{name} takes {_count(len(ordered), 'argument')} in order, "
            f"{len(positional)} are given: {_spell(signature)}"
        )
    bound = dict(zip(ordered, positional, strict=False))
    for word in keywords:
        if word in bound:
            return f"the argument '{word}' of {name} is given twice"
    bound.update(keywords)
    required = [p for p in named if parameters[p].default is Parameter.empty]
    if missing := [p for p in required if p not in bound]:
        return f"{name} needs {' and '.join(missing)}: {_spell(signature)}"
    return bound


def _suggest(word: str, known: Sequence[str]) -> str:
    return did_you_mean(word, known, f"it has {', '.join(known)}" if known else "it has none")


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _spell(signature: Signature) -> str:
    shown = [p for p in signature.parameters.values() if p.default is not None]
    words = (p.name if p.default is Parameter.empty else f"{p.name}={p.default}" for p in shown)
    return f"({', '.join(words)})"


_COUNTS = ("n", "k", "m", "m1", "m2", "n1", "n2")
# networkx draws edges with these as probabilities, and takes any number for one without a word.
_PROBABILITIES = ("p", "q", "p1", "p2", "p_in", "p_out")
_PROBABILITY_ROOMS = ("random_graphs", "community", "duplication", "intersection")


def generator_check(name: str, arguments: Mapping[str, Any]) -> str:
    """What is wrong with known values of a generator's arguments, or ''; makes no graph.

    What only networkx can tell (k > n) comes out when the graph is made.
    """
    import networkx

    room = getattr(networkx, name).__module__.rpartition(".")[2]
    for word, value in arguments.items():
        if word == "create_using" and value not in GRAPH_CLASSES:
            return f"create_using is one of {', '.join(GRAPH_CLASSES)}, not {value}"
        if isinstance(value, bool) or not isinstance(value, int | float):
            continue
        if word in _COUNTS and (value < 0 or value != int(value)):
            return f"{word} = {value:g} of {name} is not a whole number from 0"
        if word in _PROBABILITIES and room in _PROBABILITY_ROOMS and not 0 <= value <= 1:
            return f"the probability {word} = {value:g} of {name} is not between 0 and 1"
    size = least_size(name, arguments)
    if size <= MOST_GENERATED:
        return ""
    memory = memory_text(BYTES_EACH * size)
    return f"{name} has {size:.3g} nodes and edges or more, which take {memory} of memory"


def generate(name: str, arguments: Mapping[str, Any], *, seed: int | None = None) -> Any:
    """The networkx graph ``name(**arguments)``; GraphError where networkx refuses.

    ``seed`` stands in where the arguments have none and the generator takes one.
    """
    import networkx

    if wrong := generator_check(name, arguments):
        raise GraphError(wrong)
    items, given = _prepare_call(name, arguments)
    if seed is not None and takes_seed(name):
        given.setdefault("seed", seed)
    refusals = (networkx.NetworkXException, ValueError, ArithmeticError, LookupError)
    slips = (TypeError, AttributeError, AssertionError, OverflowError, RecursionError)
    try:
        return getattr(networkx, name)(*items, **given)
    except (*slips, *refusals, MemoryError) as problem:
        called = ", ".join(f"{word}={_whole(value)}" for word, value in arguments.items())
        reason = str(problem).strip().rstrip(".") or type(problem).__name__
        if isinstance(problem, slips):  # of Python, in words that name nothing of the spec
            reason = "an argument is not of the kind that it takes"
        elif isinstance(problem, MemoryError):
            reason = "it does not fit in memory"
        raise GraphError(f"networkx makes no {name}({called}): {reason}") from problem


def _prepare_call(name: str, arguments: Mapping[str, Any]) -> tuple[list[Any], dict[str, Any]]:
    """Positional and keyword arguments as networkx wants them: 10.0 nodes are 10 nodes."""
    import networkx

    given = {word: _whole(value) for word, value in arguments.items()}
    if "create_using" in given:
        given["create_using"] = getattr(networkx, given["create_using"])
    parameters = generator_parameters(name).parameters.values()
    collected = [p.name for p in parameters if p.kind is Parameter.VAR_POSITIONAL]
    return [item for word in collected for item in given.pop(word, ())], given


def _whole(value: Any) -> Any:
    """Whole numbers as int, in lists too; networkx refuses 10.0 where it counts."""
    if isinstance(value, list | tuple):
        return type(value)(_whole(item) for item in value)
    return int(value) if isinstance(value, float) and value.is_integer() else value
