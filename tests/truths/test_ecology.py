"""Extinctions in random communities: the claims of arXiv 2511.04327, by lotka_volterra.dyn."""

from __future__ import annotations

from pathlib import Path

import networkx as nx
import pytest

from benchmarks.dynamics import ecology, real_webs
from benchmarks.dynamics.ecology import Community, at_eta


def test_the_theory_gives_known_numbers():
    shares = [at_eta(1.0, 10**9, 0.0, gamma).cavity for gamma in (-1.0, -0.5, 0.0, 0.5, 1.0)]
    assert shares == pytest.approx([0.08378, 0.08076, 0.07723, 0.07305, 0.06806], abs=6e-6)
    community = Community(100, -3.0, 0.35)
    assert community.eta == pytest.approx(1.8383, abs=5e-5)
    assert [community.chance(n) for n in range(3)] == pytest.approx(
        [0.6265, 0.2936, 0.0681], abs=1e-4
    )


def test_integrated_communities_lose_the_same_species():
    for truth in ecology.by_growth(4, S=60):
        assert truth.holds, truth


def test_the_share_extinct_at_equal_eta():
    for truth in ecology.collapse(12)[:3]:
        assert truth.holds, truth


@pytest.mark.slow
@pytest.mark.parametrize("claim, repeat", [("moments", 40), ("chances", 150), ("collapse", 60),
                                           ("by growth", 12), ("feasibility", 100)])  # fmt: skip
def test_claims(claim, repeat):
    for truth in ecology.CLAIMS[claim][0](repeat):
        assert truth.holds, truth


def test_on_a_web_of_one_s_own():
    web = real_webs.Web("ring", "food", nx.circulant_graph(40, [1, 2, 3, 4]))
    found = real_webs.measured(web, 0.5, 8)
    assert web.links_of_each == 8
    assert 1.0 < found.eta < 2.5
    assert found.extinct == pytest.approx(found.below, abs=0.02)


def test_links_drawn_at_random_keep_what_they_should():
    web = real_webs.Web("star", "food", nx.barabasi_albert_graph(40, 3, seed=2))
    many = sorted(dict(web.links.degree).values())
    swapped, drawn = (real_webs.rewired(web, how).links for how in ("swapped", "random"))
    assert sorted(dict(swapped.degree).values()) == many and set(swapped.edges) != set(
        web.links.edges
    )
    assert drawn.number_of_edges() >= web.links.number_of_edges() - 2
    assert max(dict(drawn.degree).values()) < many[-1]


def test_another_file_is_refused(tmp_path: Path):
    (tmp_path / "ecology_nz_stream.zip").write_bytes(b"")
    with pytest.raises(SystemExit, match="is not the file"):
        real_webs.read_webs(tmp_path)
