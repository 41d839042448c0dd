"""What a spec inherits: merged by kind and name, bodies clause by clause."""

from __future__ import annotations

from pathlib import Path

import pytest

from dynattn.compilation import Compilation
from dynattn.diagnostics.report import Source, SpecError
from dynattn.syntax.inherit import parse_whole
from dynattn.syntax.parse import parse
from dynattn.syntax.read import read_source
from dynattn.syntax.tree import Graph

BASE = """\
model base "Two oscillators and more"
param N = 10, K = 2.0 in 0 .. 10 "coupling strength"
population osc[N] {
  state theta on circle
  param omega ~ normal(0, 0.5)
  drift omega
}
coupling pull: osc -> osc over everyone(N) {
  kernel sin(theta[j] - theta[i])
  strength K
  normalize size
}
observe r = order(theta)
simulate { t 0 .. 10 every 0.1; method rk4; step 0.01 }
sweep onset { K = 0 .. 4 by 0.5; record average(r) after 5 }
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "base.dyn").write_text(BASE)
    return tmp_path


def merged(folder: Path, text: str, name: str = "mine") -> str:
    path = folder / f"{name}.dyn"
    path.write_text(text)
    return parse_whole(read_source(path)).source.text


def test_what_is_said_again_replaces_and_what_is_new_is_added(folder: Path) -> None:
    text = merged(
        folder,
        "model mine extends base\nparam K = 3, a = 1\n"
        "coupling pull { strength 2*K; frustration a }",
    )
    assert 'model mine "Two oscillators and more"\n' in text
    assert "param K = 3\n" in text and "param K = 2.0" not in text and "param a = 1\n" in text
    body = text.split("over everyone(N) {")[1].split("}")[0].split("\n")
    assert [line.strip() for line in body if line.strip()] == [
        "kernel sin(theta[j] - theta[i])", "strength 2*K", "normalize size", "frustration a",
    ]  # fmt: skip


def test_a_head_said_again_replaces_the_head_and_keeps_the_body(folder: Path) -> None:
    text = merged(folder, "model mine extends base\ncoupling pull: osc -> osc over ring(N)")
    assert "coupling pull: osc -> osc over ring(N) {\n  kernel" in text
    text = merged(folder, "model mine extends base\nreadout pull: osc -> osc")
    assert "readout pull: osc -> osc {\n  kernel" in text and "coupling pull" not in text


def test_drop_removes_declarations_entries_and_clauses(folder: Path) -> None:
    text = merged(
        folder,
        "model mine extends base\ndrop onset, r\npopulation osc { drop omega, drift; drift 1 }\n"
        "coupling pull { drop normalize }",
    )
    assert "onset" not in text and "observe" not in text and "normalize" not in text
    assert "omega" not in text and "drift 1\n" in text


def test_dropped_and_declared_anew_is_new(folder: Path) -> None:
    text = merged(folder, "model mine extends base\ndrop pull\ncoupling pull: osc -> osc")
    assert "kernel" not in text and "coupling pull: osc -> osc\n" in text


def test_what_is_new_stands_before_what_uses_it(folder: Path) -> None:
    text = merged(folder, "model mine extends base\nparam half = 5\nparam N = 2*half")
    assert text.index("param half") < text.index("param N") < text.index("population")


def test_experiments_are_changed_by_their_names(folder: Path) -> None:
    changes = "simulate { seed 3 }\nsweep onset { K = 1 .. 2 }"
    text = merged(folder, f"model mine extends base\n{changes}")
    assert "  step 0.01\n  seed 3\n" in text
    assert "  K = 1 .. 2\n  record average(r) after 5\n" in text and "by 0.5" not in text


def test_a_network_is_replaced_whole_and_layers_are_not(tmp_path: Path) -> None:
    text = merged(
        tmp_path,
        "model mine extends kuramoto_attention\nlayer attend { drop eta; learn eta[C] = 2 }\n"
        "network { theta = embed(text); attend; mix; output logits = linear(theta, V) }",
    )
    assert "repeat" not in text and "learn eta[C] = 2" in text and "let psi" in text


def test_specs_extend_specs_that_extend(folder: Path) -> None:
    (folder / "middle.dyn").write_text("model middle extends base\nparam K = 5")
    text = merged(folder, "model mine extends middle\nparam N = 20")
    assert "param K = 5\n" in text and "param N = 20\n" in text


def test_a_file_beside_the_spec_comes_before_one_that_ships(tmp_path: Path) -> None:
    (tmp_path / "kuramoto.dyn").write_text(BASE.replace("model base", "model kuramoto"))
    assert "everyone(N)" in merged(tmp_path, "model mine extends kuramoto")


def test_use_takes_the_graphs_and_layers_that_are_named(folder: Path) -> None:
    (folder / "parts").mkdir()
    (folder / "parts" / "graphs.dyn").write_text(
        "model graphs\nparam Q = 1\ngraph pair = ring(N)\ngraph both = pair + pair\n"
        "graph other = ring(N)\n"
    )
    text = merged(
        folder,
        'model mine extends base\nuse "parts/graphs.dyn"\ncoupling pull: osc -> osc over both',
    )
    assert "graph pair = ring(N)\ngraph both = pair + pair\n" in text
    assert "other" not in text and "Q" not in text


def test_paths_stay_those_of_the_file_that_names_them(folder: Path) -> None:
    parts = folder / "parts"
    parts.mkdir()
    (parts / "net.csv").write_text("0,1\n1,0\n")
    (parts / "graphs.dyn").write_text('graph net = matrix("net.csv")\n')
    text = merged(
        folder,
        'model mine extends base\nuse "parts/graphs.dyn"\ncoupling pull: osc -> osc over net',
    )
    assert 'graph net = matrix("parts/net.csv")\n' in text
    tree = parse_whole(read_source(folder / "mine.dyn"))
    (span,) = [item.span for item in tree.declarations if isinstance(item, Graph)]
    assert span.source.path.endswith("graphs.dyn")


def test_a_run_of_it_keeps_the_merged_text(folder: Path) -> None:
    from dynattn.run.experiment import run_experiment

    path = folder / "mine.dyn"
    path.write_text("model mine extends base\nparam N = 4\nsimulate { t 0 .. 1 every 0.5 }")
    run_experiment(Compilation(read_source(path)), folder=folder / "kept")
    kept = read_source(folder / "kept" / "spec.dyn")
    assert "extends" not in kept.text and "param N = 4\n" in kept.text
    assert Compilation(kept).model.name == "mine"


def test_a_spec_that_inherits_nothing_stays_as_it_is() -> None:
    source = Source("m.dyn", BASE)
    tree = parse_whole(source)
    assert tree == parse(source) and tree.source is source


def test_the_merged_text_is_a_spec_of_its_own(folder: Path) -> None:
    text = merged(folder, "model mine extends base\ncoupling pull { frustration 0.3 }")
    alone = Compilation(Source("flat.dyn", text)).tree
    assert alone.declarations == parse_whole(read_source(folder / "mine.dyn")).declarations


def test_mistakes_point_into_the_file_they_stand_in(folder: Path) -> None:
    path = folder / "mine.dyn"
    path.write_text("model mine extends base\npopulation osc { drop omega }")
    with pytest.raises(SpecError) as caught:
        _ = Compilation(read_source(path)).model
    (found,) = caught.value.diagnostics
    assert found.code == "E201" and found.span is not None
    assert found.span.source.path.endswith("base.dyn") and found.span.text == "omega"


def test_a_changed_spec_runs_as_the_text_it_merges_to(folder: Path) -> None:
    path = folder / "mine.dyn"
    path.write_text("model mine extends base\nparam N = 4\ncoupling pull { frustration 0.3 }")
    changed = Compilation(read_source(path)).build()
    flat = BASE.replace("N = 10", "N = 4").replace("strength K", "strength K; frustration 0.3")
    written = Compilation(Source("flat.dyn", flat)).build()
    states = written.initial_states()
    expected = written.rates(0.0, states)["osc.theta"]
    assert (changed.rates(0.0, changed.initial_states())["osc.theta"] == expected).all()


def test_an_experiment_drops_clauses_and_swept_parameters(folder: Path) -> None:
    text = merged(folder, "model mine extends base\nsweep onset { drop K; N = [10, 20] }")
    body = text.split("sweep onset {")[1].split("}")[0]
    assert [line.strip() for line in body.split("\n") if line.strip()] == [
        "record average(r) after 5", "N = [10, 20]",
    ]  # fmt: skip


@pytest.mark.parametrize("head", ["model mine extends base", BASE.split("simulate")[0]])
def test_an_experiment_drops_only_what_is_inherited(folder: Path, head: str) -> None:
    with pytest.raises(SpecError, match="E415: there is no inherited 'rtol' to drop here"):
        merged(folder, f"{head}\nsimulate {{ t 0 .. 1 every 0.1; drop rtol }}")
