"""Groups in pictures: the group with its members, and edges between the members' own nodes."""

from __future__ import annotations

from dynattn.compilation import Compilation
from dynattn.diagnostics.report import Source
from dynattn.network.equations import spell_laws
from dynattn.present.nodes import node_graph
from dynattn.present.page import page_text
from dynattn.present.parts import parts_of
from dynattn.present.summary import summary

TEXT = """
model two_kinds
population left[2] { state x on circle; inertia 2; drift 1 }
population right[3] { state x on circle; drift -1 }
group all = left + right
coupling pull: all -> all over edges [0 -> 2, 4 -> 1, 2 -> 3]
"""


def test_edges_run_between_the_nodes_of_the_members() -> None:
    text = f"{TEXT}coupling push: all -> all over edges [3 -> 0, 4 -> 4] without self\n"
    parts = parts_of(Compilation(Source("two_kinds.dyn", text)))
    assert parts.node_count == 5
    assert sorted(node_graph(parts).edges(keys=True)) == [
        ("left[0]", "right[0]", "pull"),
        ("right[0]", "right[1]", "pull"),
        ("right[1]", "left[0]", "push"),
        ("right[2]", "left[1]", "pull"),
    ]
    assert '"source": "right[2]", "target": "left[1]"' in page_text(parts)


def test_the_diagram_shows_the_group_and_who_is_in_it() -> None:
    diagram = Compilation(Source("two_kinds.dyn", TEXT)).network.diagram
    assert diagram.nodes["all"] == {"kind": "group", "size": "5", "manifold": "x on circle"}
    facts = {(a, b): data["kind"] for a, b, data in diagram.edges(data=True)}
    assert facts == {
        ("left", "all"): "member", ("right", "all"): "member", ("all", "all"): "coupling",
    }  # fmt: skip


def test_a_group_is_told_and_its_sums_are_written_out() -> None:
    spec = Compilation(Source("two_kinds.dyn", TEXT))
    sections = {s.title: s for s in summary(spec.model, spec.network, spec.program)}
    assert sections["groups"].rows == (("all", "left + right", "5", "x"),)
    lines = [str(line) for line in spell_laws(spec.model, spec.model.laws)]
    assert lines[1] == "right.x[i]' = -1 + sum_j sin(x[j] - x[i])"
