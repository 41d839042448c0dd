"""Names that only a generator's graph knows, and the spec declares as well."""

from __future__ import annotations

import pytest

from dynattn.compilation import Compilation
from dynattn.diagnostics.report import Source, SpecError

CLUB = "graph g = karate_club_graph()"
BLOCKS = "graph g = planted_partition_graph(l=2, k=4, p_in=0.9, p_out=0.2, seed=1)"
REST = "simulate { t 0 .. 1 }"


def network_of(*lines: str) -> object:
    return Compilation(Source("c.dyn", "\n".join(["model c", *lines, REST]))).network


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (
            ("param weight = 2", CLUB, "population a[g] { state x on real }",
             "coupling c: a -> a over g { kernel weight*(x[j] - x[i]) }"),
            "'weight' is a parameter, and an edge attribute of the graph too",
        ),
        (
            (CLUB, "population a[g] { state x on real }",
             "coupling c: a -> a over g { let weight = x[j] - x[i]; kernel weight }"),
            "'weight' is a definition, and an edge attribute of the graph too",
        ),
        (
            ("param block = 2", BLOCKS, "population a[g] { state x on real; drift block - x }"),
            "'block' is a parameter, and a node attribute of 'a' too",
        ),
    ],
)  # fmt: skip
def test_a_collision_is_told_once_the_graph_is_made(lines: tuple[str, ...], message: str) -> None:
    with pytest.raises(SpecError) as refused:
        network_of(*lines)
    (mistake,) = refused.value.diagnostics
    assert (mistake.code, mistake.message) == ("E218", message)
    assert mistake.span is not None and mistake.span.line in (3, 4, 5)


def test_indexed_names_are_not_those_of_edges() -> None:
    assert network_of(
        CLUB, "population a[g] { state x on real; param weight = 1 }",
        "coupling c: a -> a over g { kernel weight[j]*x[j] }",
    )  # fmt: skip
