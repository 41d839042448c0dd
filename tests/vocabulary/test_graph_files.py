"""Graphs in files: the same edges in every format, ids matched and said, and what is refused."""

from __future__ import annotations

import os
from pathlib import Path

import networkx
import numpy
import pytest
import scipy.io
import scipy.sparse

from dynattn.diagnostics.catalogue import CODES
from dynattn.vocabulary import graph_files
from dynattn.vocabulary.graph_files import GraphFileError, read_graph, read_matrix
from dynattn.vocabulary.node_graph import NodeGraph

MATRIX = numpy.array([[0.0, 2.0, 0.0], [0.5, 0.0, 0.0], [0.0, -1.0, 3.0]])
"""Entry [a, b] is the effect of b on a."""


def matrix_of(graph: NodeGraph, name: str = "weight") -> numpy.ndarray:
    receivers, senders, attributes = graph.edges
    found = numpy.zeros((graph.nodes, graph.nodes))
    found[receivers, senders] = attributes.get(name, 1.0)
    keys = (receivers * graph.nodes + senders).tolist()
    assert keys == sorted(set(keys))
    assert receivers.dtype == senders.dtype == numpy.int64
    return found


def directed() -> networkx.DiGraph:
    graph = networkx.DiGraph()
    for node, kind in enumerate(("load", "generator", "load")):
        graph.add_node(node, kind=kind, power=1.5 * node)
    for a, b in zip(*numpy.nonzero(MATRIX), strict=True):
        graph.add_edge(int(b), int(a), weight=float(MATRIX[a, b]), line="ac")
    return graph


WRITERS = {
    "net.graphml": networkx.write_graphml,
    "net.gexf": networkx.write_gexf,
    "net.gml": networkx.write_gml,
    "net.edges": networkx.write_weighted_edgelist,
    "net.txt": networkx.write_weighted_edgelist,
    "net.csv": lambda g, p: networkx.write_weighted_edgelist(g, p, delimiter=","),
    "net.mtx": lambda g, p: scipy.io.mmwrite(p, scipy.sparse.coo_array(MATRIX)),
    "net.npz": lambda g, p: numpy.savez(p, weights=MATRIX),
}


@pytest.mark.parametrize("name", WRITERS)
def test_every_format_holds_the_same_edges(name: str, tmp_path: Path) -> None:
    WRITERS[name](directed(), tmp_path / name)
    graph = read_graph(tmp_path, name)
    assert (matrix_of(graph) == MATRIX).all()


@pytest.mark.parametrize("name", ["net.graphml", "net.gexf", "net.gml"])
def test_attributes_of_nodes_and_edges_are_arrays_by_name(name: str, tmp_path: Path) -> None:
    WRITERS[name](directed(), tmp_path / name)
    graph = read_graph(tmp_path, name)
    assert graph.attributes["kind"].tolist() == ["load", "generator", "load"]
    assert graph.attributes["power"].tolist() == [0.0, 1.5, 3.0]
    assert graph.edges[2]["line"].tolist() == ["ac"] * 4


@pytest.mark.parametrize("name", ["net.graphml", "net.gexf", "net.gml"])
def test_an_undirected_file_runs_both_ways(name: str, tmp_path: Path) -> None:
    graph = networkx.Graph([(0, 1), (1, 2), (2, 2)])
    WRITERS[name](graph, tmp_path / name)
    assert (matrix_of(read_graph(tmp_path, name)) == networkx.to_numpy_array(graph)).all()


def test_numeric_ids_are_taken_in_numeric_order_and_others_in_the_order_of_the_file(tmp_path):
    networkx.write_graphml(networkx.DiGraph([("10", "9"), ("9", "2")]), tmp_path / "a.graphml")
    networkx.write_graphml(networkx.DiGraph([("b", "a"), ("a", "c")]), tmp_path / "b.graphml")
    numbers, words = (read_graph(tmp_path, name) for name in ("a.graphml", "b.graphml"))
    assert numbers.labels == ("2", "9", "10")
    assert numbers.matching == (
        "ids 2 .. 10 in numeric order are nodes 0 .. 2, 6 ids between them unused"
    )
    assert matrix_of(numbers)[1, 2] == 1  # 10 sends to 9
    assert words.labels == ("b", "a", "c")
    assert words.matching == ("ids in the order of the file: b is node 0, a is node 1, c is node 2")


def test_ids_that_are_the_numbers_need_no_matching(tmp_path: Path) -> None:
    networkx.write_gml(networkx.path_graph(3), tmp_path / "p.gml")
    assert read_graph(tmp_path, "p.gml").matching == ""


def test_a_line_of_an_edge_list_sends_one_way_unless_said_otherwise(tmp_path: Path) -> None:
    (tmp_path / "n.edges").write_text("# a comment\n0 1\n\n1 2\n")
    one = read_graph(tmp_path, "n.edges")
    assert matrix_of(one).tolist() == [[0, 0, 0], [1, 0, 0], [0, 1, 0]]
    assert one.matching == "a line sends from its first node to its second"
    both = read_graph(tmp_path, "n.edges", directed=False)
    assert (matrix_of(both) == matrix_of(one) + matrix_of(one).T).all()
    assert both.matching == "lines run both ways"


def test_a_table_with_named_columns_gives_edge_attributes(tmp_path: Path) -> None:
    (tmp_path / "n.csv").write_text("type,from_bus,to_bus,x,rate\nac,7,5,0.5,1\ndc,5,9,0.25,\n")
    graph = read_graph(tmp_path, "n.csv")
    assert graph.labels == ("5", "7", "9")
    assert graph.edges[2]["x"].tolist() == [0.5, 0.25]
    assert graph.edges[2]["type"].tolist() == ["ac", "dc"]
    assert dict(graph.lost) == {"rate": "1 of 2 edges have it"}


@pytest.mark.parametrize("head", ["a,b\n", "a,b,strength\n", "node a;node b;w\n", ""])
def test_a_word_above_numbers_names_its_column(head: str, tmp_path: Path) -> None:
    separator = ";" if ";" in head else ","
    line = separator.join(["5", "7", "0.5"][: head.count(separator) + 1 if head else 3])
    (tmp_path / "n.csv").write_text(f"{head}{line}\n")
    assert read_graph(tmp_path, "n.csv").labels == ("5", "7")


def test_parallel_edges_add_their_weights_and_lose_the_rest(tmp_path: Path) -> None:
    (tmp_path / "n.csv").write_text("source,target,weight,b\n0,1,2,5\n0,1,3,6\n")
    graph = read_graph(tmp_path, "n.csv")
    assert matrix_of(graph)[1, 0] == 5
    assert list(graph.lost) == ["b"]


def test_a_table_as_wide_as_long_is_a_matrix(tmp_path: Path) -> None:
    matrix = numpy.arange(16.0).reshape(4, 4)
    numpy.savetxt(tmp_path / "m.csv", matrix, delimiter=",")
    assert (matrix_of(read_graph(tmp_path, "m.csv")) == matrix).all()


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        ("0,2,0\n0.5,0,0\n0,-1,3\n", ()),
        ("a;b;c\n0;2;0\n0.5;0;0\n0;-1;3\n", ("a", "b", "c")),
        (",a,b,c\na,0,2,0\nb,0.5,0,0\nc,0,-1,3\n", ("a", "b", "c")),
        ("a\t0\t2\t0\nb\t0.5\t0\t0\nc\t0\t-1\t3\n", ("a", "b", "c")),
        ('"",0,1,2\n0,0,2,0\n1,0.5,0,0\n2,0,-1,3\n', ("0", "1", "2")),
        ("0 2 0\n0.5 0 0\n0 -1 3\n", ()),
    ],
)
def test_a_table_of_a_matrix_may_name_its_rows(text: str, labels, tmp_path: Path) -> None:
    (tmp_path / "m.csv").write_text(text)
    graph = read_matrix(tmp_path, "m.csv", {})
    assert (matrix_of(graph) == MATRIX).all()
    assert graph.labels == labels


def test_a_further_matrix_is_an_edge_attribute(tmp_path: Path) -> None:
    lengths = numpy.where(MATRIX != 0, 7.0, numpy.nan)
    lengths[0, 1] = 0.0
    numpy.save(tmp_path / "l.npy", lengths)
    numpy.savetxt(tmp_path / "w.csv", MATRIX, delimiter=",")
    graph = read_matrix(tmp_path, "w.csv", {"length": "l.npy"})
    assert (matrix_of(graph, "length") == numpy.nan_to_num(lengths)).all()
    assert graph.edge_attributes == ("weight", "length")


def test_arrays_beside_the_weights_are_attributes(tmp_path: Path) -> None:
    numpy.savez(
        tmp_path / "n.npz", weights=MATRIX, lengths=2 * MATRIX, labels=numpy.array(list("abc")),
        size=numpy.arange(3), bold=numpy.ones((3, 9)),
    )  # fmt: skip
    graph = read_graph(tmp_path, "n.npz")
    assert (matrix_of(graph, "length") == 2 * MATRIX).all()
    assert graph.attributes["labels"].tolist() == ["a", "b", "c"]
    assert graph.attributes["size"].tolist() == [0, 1, 2]
    assert set(graph.attributes) == {"labels", "size"}


@pytest.mark.parametrize("form", ["csr", "csc"])
def test_a_sparse_matrix_that_scipy_saved(form: str, tmp_path: Path) -> None:
    scipy.sparse.save_npz(tmp_path / "n.npz", scipy.sparse.coo_array(MATRIX).asformat(form))
    assert (matrix_of(read_graph(tmp_path, "n.npz")) == MATRIX).all()


def test_what_only_some_nodes_have_is_kept_with_gaps(tmp_path: Path) -> None:
    graph = networkx.DiGraph([(0, 1)])
    graph.nodes[1].update(M=2.0, kind="generator")
    networkx.write_graphml(graph, tmp_path / "n.graphml")
    found = read_graph(tmp_path, "n.graphml").attributes
    assert numpy.isnan(found["M"][0]) and found["M"][1] == 2
    assert found["kind"].tolist() == ["", "generator"]


# ── refused ────────────────────────────────────────────────────────────────────────────────────


def refusal(folder: Path, name: str, read=read_graph) -> str:
    with pytest.raises(GraphFileError) as caught:
        read(folder, name) if read is read_graph else read(folder, name, {})
    assert caught.value.code in CODES and caught.value.fix
    return f"{caught.value.code}: {caught.value}; {caught.value.fix}"


def test_a_file_that_is_missing_a_folder_or_a_pipe(tmp_path: Path) -> None:
    assert refusal(tmp_path, "n.gml") == (
        "E454: there is no file 'n.gml'; a path counts from the folder of the spec"
    )
    (tmp_path / "d.gml").mkdir()
    assert refusal(tmp_path, "d.gml") == "E454: 'd.gml' is a folder; name a file in it"
    os.mkfifo(tmp_path / "p.gml")
    assert refusal(tmp_path, "p.gml") == (
        "E454: 'p.gml' is no ordinary file; name a file with a graph"
    )


def test_a_file_is_weighed_before_it_is_read(tmp_path: Path) -> None:
    with open(tmp_path / "n.graphml", "wb") as file:
        file.truncate(65 * 2**20)
    assert refusal(tmp_path, "n.graphml").startswith(
        "E458: 'n.graphml' is too large: 65 MiB, and at most 64 MiB of GraphML are read; "
    )


def test_an_archive_is_weighed_unpacked(tmp_path: Path, monkeypatch) -> None:
    numpy.savez_compressed(tmp_path / "n.npz", weights=numpy.zeros((2000, 2000)))
    assert (tmp_path / "n.npz").stat().st_size < 2**20
    small = [
        f if ".npz" not in f.suffixes else type(f)(f.title, f.suffixes, f.module, f.reader, 2**20)
        for f in graph_files.GRAPH_FORMATS
    ]
    monkeypatch.setattr("dynattn.vocabulary.matrix_files.GRAPH_FORMATS", tuple(small))
    assert refusal(tmp_path, "n.npz").startswith(
        "E458: 'n.npz' is too large: 31 MiB unpacked, and at most 1 MiB are read; "
    )


@pytest.mark.parametrize(
    ("name", "content", "text"),
    [
        ("a.graphml", b"<graphml><graph>", "E456: 'a.graphml' is broken: this is not GraphML: "),
        ("a.gexf", b"nothing", "E456: 'a.gexf' is broken: this is not GEXF: "),
        ("a.gml", b"graph [ node [ id 0 ] node [ id 0 ] ]", "E456: 'a.gml' is broken: this is no"),
        ("a.npz", b"PK\x03\x04oh", "E456: 'a.npz' is broken: this is not NPZ: "),
        ("a.mtx", b"%%MatrixMarket matrix coordinate real general\n2 2 2\n1 1 1\n",
         "E456: 'a.mtx' is broken: this is not Matrix Market: "),
        ("a.edges", b"0 1\n2\n", "E456: 'a.edges' is broken: line 2 has 1 columns, the first ha"),
        ("a.edges", b"0 1 2 3\n", "E456: 'a.edges' is broken: line 1 has 4 columns, an edge ha"),
        ("a.edges", b"0 1 x\n", "E456: 'a.edges' is broken: the weight in line 1 is no number"),
        ("a.csv", b"source,target\n,b\n", "E456: 'a.csv' is broken: line 2 lacks the id of a no"),
        ("a.csv", b"", "E456: 'a.csv' is broken: there is nothing in it"),
        ("a.csv", b"1,2,3,4\n1,2,3\n", "E456: 'a.csv' is broken: line 2 has 3 entries, the fir"),
        ("a.csv", b"1,2,3,4\n1,2,,4\n", "E456: 'a.csv' is broken: entry 3 of line 2 is empty"),
    ],
)  # fmt: skip
def test_a_broken_file(name: str, content: bytes, text: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    assert refusal(tmp_path, name).startswith(text)


def test_pickled_objects_are_not_read(tmp_path: Path) -> None:
    numpy.savez(tmp_path / "a.npz", weights=numpy.array([[{}]], dtype=object))
    numpy.save(tmp_path / "a.npy", numpy.array([[{}]], dtype=object), allow_pickle=True)
    assert refusal(tmp_path, "a.npz").startswith("E456: 'a.npz' is broken: this is not NPZ: ")
    text = refusal(tmp_path, "a.npy", read_matrix)
    assert text.startswith("E456: 'a.npy' is broken: this is not NPY: ")


def test_numbers_that_are_no_weights(tmp_path: Path) -> None:
    numpy.save(tmp_path / "nan.npy", numpy.array([[0, numpy.nan], [1, 0]]))
    numpy.save(tmp_path / "complex.npy", numpy.eye(2) * 1j)
    numpy.save(tmp_path / "row.npy", numpy.ones(3))
    numpy.save(tmp_path / "none.npy", numpy.ones((0, 0)))
    (tmp_path / "i.edges").write_text("0 1 inf\n")
    assert refusal(tmp_path, "nan.npy", read_matrix) == (
        "E459: entry [0, 1] of 'nan.npy' is nan; replace it: 0 is no edge"
    )
    assert refusal(tmp_path, "complex.npy", read_matrix) == (
        "E459: the matrix in 'complex.npy' has entries of type complex128; save real numbers"
    )
    assert refusal(tmp_path, "row.npy", read_matrix).startswith(
        "E459: the matrix in 'row.npy' is 3, not square; "
    )
    assert refusal(tmp_path, "none.npy", read_matrix) == (
        "E456: the matrix in 'none.npy' is empty; name another file"
    )
    networkx.write_graphml(
        networkx.DiGraph([(0, 1, {"weight": numpy.nan})]), tmp_path / "n.graphml"
    )
    assert refusal(tmp_path, "n.graphml") == (
        "E459: an edge in 'n.graphml' has the weight nan; replace it, or leave the edge out"
    )
    assert refusal(tmp_path, "i.edges").startswith(
        "E459: the weight in line 1 of 'i.edges' is not a finite number; "
    )


def test_rows_and_columns_of_different_names(tmp_path: Path) -> None:
    (tmp_path / "m.csv").write_text(",a,b\na,0,1\nc,1,0\n")
    assert refusal(tmp_path, "m.csv", read_matrix).startswith(
        "E456: 'm.csv' is broken: column 2 is named b, row 2 is named c; "
    )


def test_a_graph_that_ships_is_found_by_its_bare_name_unless_one_stands_beside_the_spec(
    tmp_path: Path,
) -> None:
    assert read_graph(tmp_path, "new_england.graphml").nodes == 39
    (tmp_path / "new_england.graphml").write_text(
        '<graphml><graph edgedefault="undirected"><node id="a"/></graph></graphml>'
    )
    assert read_graph(tmp_path, "new_england.graphml").nodes == 1
    with pytest.raises(GraphFileError, match="there is no file"):
        read_graph(tmp_path, "data/new_england.graphml")
