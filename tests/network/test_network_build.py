"""A Model to its Network: whose edges, how many, drawn from which seed, and what is refused."""

from __future__ import annotations

import networkx
import numpy
import pytest

from dynattn.diagnostics.catalogue import CODES
from dynattn.diagnostics.report import SpecError
from dynattn.model.model import Model
from dynattn.model.parts import GraphUse
from dynattn.network.build import build_network
from dynattn.vocabulary.distributions import stream
from dynattn.vocabulary.sizes import fixed, named
from tests.network.small_models import coupling, generator, model, over, population

SMALL_WORLD = generator("watts_strogatz_graph", "net", n=40, k=4, p=0.3)


def senders(of: Model, seed: int = 0, repeat: int = 0) -> list[int]:
    found = build_network(of, seed=seed, repeat=repeat).connections["c"].senders
    assert found is not None
    return found.tolist()


def test_edges_are_those_of_the_generator():
    graph = networkx.watts_strogatz_graph(40, 4, 0.3, seed=7)
    use = generator("watts_strogatz_graph", n=40, k=4, p=0.3, seed=7)
    found = build_network(over(use, 40)).connections["c"]
    assert found.receivers is not None and found.senders is not None
    matrix = numpy.zeros((40, 40))
    matrix[found.receivers, found.senders] = 1
    assert (matrix == networkx.to_numpy_array(graph)).all()
    assert (found.kind, found.structure, found.edge_count) == ("edges", "sparse", 160)
    assert found.receivers.dtype == found.senders.dtype == numpy.int64


def test_a_given_seed_holds_for_every_repeat():
    use = generator("watts_strogatz_graph", n=40, k=4, p=0.3, seed=7)
    assert senders(over(use, 40), seed=0) == senders(over(use, 40), seed=1, repeat=3)


def test_without_one_the_graph_is_drawn_from_its_own_stream():
    first = senders(over(SMALL_WORLD, 40))
    assert first == senders(over(SMALL_WORLD, 40))
    assert first != senders(over(SMALL_WORLD, 40), repeat=1)
    assert first != senders(over(SMALL_WORLD, 40), seed=1)
    drawn = int(stream(0, "graph net", 0).integers(2**31))
    use = generator("watts_strogatz_graph", n=40, k=4, p=0.3, seed=drawn)
    assert first == senders(over(use, 40))


def test_couplings_over_one_named_graph_share_it_and_others_draw_their_own():
    loose = generator("watts_strogatz_graph", n=40, k=4, p=0.3)
    couplings = [coupling(SMALL_WORLD, name="c"), coupling(SMALL_WORLD, name="d")]
    couplings += [coupling(loose, name="e"), coupling(loose, name="f")]
    found = build_network(model((population("a", 40),), tuple(couplings))).connections
    edges = {name: tuple(c.senders.tolist()) for name, c in found.items() if c.senders is not None}
    assert edges["c"] == edges["d"]
    assert len({edges["c"], edges["e"], edges["f"]}) == 3


def test_sizes_are_named_in_arguments():
    use = GraphUse("ring", "", (("n", named("N")), ("reach", fixed(2))))
    spec = model((population("a", "N"),), (coupling(use),), {"N": 6})
    found = build_network(spec).connections["c"]
    assert (found.edge_count, found.structure) == (24, "circulant")
    assert found.attributes["distance"].max() == 2


def test_weights_come_with_the_graph():
    found = build_network(over(generator("les_miserables_graph"), 77))
    assert found.connections["c"].attributes["weight"].sum() == 2 * 820
    assert found.weighted == {"c"}


def test_loops_of_a_graph_stay_unless_refused():
    with_loops = generator("margulis_gabber_galil_graph", n=3)
    graph = networkx.margulis_gabber_galil_graph(3)
    loops = sum(1 for _ in set(networkx.selfloop_edges(graph)))
    assert loops > 0
    assert build_network(over(with_loops, 9)).facts("c").self_loops == loops
    refused = generator("margulis_gabber_galil_graph", include_self=False, n=3)
    assert build_network(over(refused, 9)).facts("c").self_loops == 0


@pytest.mark.parametrize(
    "use",
    [
        generator("complete_graph", n=6),
        generator("complete_graph", n=6, create_using="DiGraph"),
        generator("circulant_graph", n=6, offsets=(1, 2, 3)),
        generator("gnp_random_graph", n=6, p=1.0),
    ],
)
def test_a_graph_of_all_pairs_needs_no_list(use):
    found = build_network(over(use, 6)).connections["c"]
    assert (found.kind, found.include_self, found.receivers) == ("complete", False, None)
    assert found.edge_count == 30


def test_whole_graphs_over_a_dim_have_no_counts():
    use = GraphUse("causal", "", (("n", named("T")),), include_self=True)
    spec = model((population("a", "T"),), (coupling(use),), dims=("T",))
    found = build_network(spec).connections["c"]
    assert (found.kind, found.receivers_count, found.include_self) == ("causal", None, True)


def test_everyone_between_two_populations_is_a_rectangle():
    spec = model(
        (population("a", 3), population("b", 5)), (coupling(GraphUse("everyone"), "a", "b"),)
    )
    found = build_network(spec).connections["c"]
    assert (found.receivers_count, found.senders_count, found.edge_count) == (5, 3, 15)


# ── refused ────────────────────────────────────────────────────────────────────────────────────


def refusal(spec: Model) -> list[str]:
    with pytest.raises(SpecError) as caught:
        build_network(spec)
    assert all(item.code in CODES and item.span for item in caught.value.diagnostics)
    return [f"{item.code}: {item.message}; {item.fix}" for item in caught.value.diagnostics]


def test_a_graph_that_cannot_be_made():
    assert refusal(over(generator("watts_strogatz_graph", n=5, k=10, p=0.1, seed=1), 5)) == [
        "E451: networkx makes no watts_strogatz_graph(n=5, k=10, p=0.1, seed=1): "
        "k>n, choose smaller k or larger n; change the arguments of the graph"
    ]
    assert refusal(over(GraphUse("ring", "", (("n", 4), ("reach", 3))), 4)) == [
        "E451: on a ring of 4 nodes the farthest is 2 hops away, the reach is 3; "
        "change the arguments of the graph"
    ]


def test_a_drawn_seed_is_not_the_users_argument():
    assert refusal(over(generator("watts_strogatz_graph", n=5, k=10, p=0.1), 5)) == [
        "E451: networkx makes no watts_strogatz_graph(n=5, k=10, p=0.1): "
        "k>n, choose smaller k or larger n; change the arguments of the graph"
    ]


@pytest.mark.parametrize(
    ("use", "name"),
    [
        (generator("star_graph", "net", n=10), "'net'"),
        (generator("star_graph", n=10), "star_graph"),
        (GraphUse("everyone", "", (("n", fixed(11)),), True), "everyone"),
        (GraphUse("ring", "", (("n", fixed(11)), ("reach", 1))), "ring"),
    ],
)
def test_a_graph_of_another_size_than_its_population(use, name):
    assert refusal(over(use, 10)) == [
        f"E452: the graph {name} has 11 nodes, the population 'a' has 10; "
        "give both the same number of nodes"
    ]


def test_both_populations_must_fit():
    use = generator("path_graph", n=3)
    spec = model((population("a", 3), population("b", 4)), (coupling(use, "a", "b"),))
    assert refusal(spec) == [
        "E452: the graph path_graph has 3 nodes, the population 'b' has 4; "
        "give both the same number of nodes"
    ]


def test_a_fixed_graph_over_a_dim():
    spec = model((population("a", "T"),), (coupling(generator("path_graph", n=3)),), dims=("T",))
    assert refusal(spec) == [
        "E452: the graph path_graph has 3 nodes, the population 'a' has T; "
        "give both the same number of nodes"
    ]


def test_a_list_of_edges_over_a_dim():
    use = GraphUse("ring", "", (("n", named("T")), ("reach", fixed(1))))
    spec = model((population("a", "T"),), (coupling(use),), dims=("T",))
    assert refusal(spec) == [
        "E453: the graph ring needs a number of nodes: the size T has no value; "
        "couple nodes over a dim with everyone(..) or causal(..)"
    ]


def test_all_wrong_graphs_are_told_at_once():
    first = generator("star_graph", n=10)
    second = generator("watts_strogatz_graph", n=5, k=10, p=0.1, seed=1)
    couplings = (coupling(first, name="c"), coupling(second, name="d"))
    found = refusal(model((population("a", 10),), couplings))
    assert [text[:4] for text in found] == ["E452", "E451"]


# ── size ───────────────────────────────────────────────────────────────────────────────────────


def test_a_large_graph_becomes_arrays_without_a_loop_over_edges():
    import time

    use = generator("watts_strogatz_graph", n=20_000, k=10, p=0.1, seed=1)
    networkx.watts_strogatz_graph(10, 4, 0.1)
    alone, spent = [], []
    for _ in range(3):  # the least of three: others may be at work on the machine
        start = time.process_time()
        graph = networkx.watts_strogatz_graph(20_000, 10, 0.1, seed=1)
        alone.append(time.process_time() - start)
        start = time.process_time()
        network = build_network(over(use, 20_000))
        spent.append(time.process_time() - start)
        assert network.connections["c"].edge_count == 2 * graph.number_of_edges()
    assert min(spent) < 4 * min(alone) + 0.2
