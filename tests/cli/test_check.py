"""dynattn check: every mistake of every file, and never anything but a diagnostic."""

from __future__ import annotations

import json

import pytest

from tests.cli.conftest import SPECS


def test_shipped_specs_have_no_mistakes(dynattn):
    paths = sorted(SPECS.glob("*.dyn"))
    done = dynattn("check", *paths)
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines() == [f"{path}: no mistakes" for path in paths]


def test_all_mistakes_of_all_files(dynattn, small, tmp_path):
    text = small.read_text()
    small.write_text(text.replace("drift omega", "drift omga").replace("strength K", "strength J"))
    other = tmp_path / "other.dyn"
    other.write_text(text.replace("order(theta)", "order(thta)"))
    done = dynattn("check", small, other, "--json")
    assert (done.code, done.err) == (1, "")
    facts = json.loads(done.out)
    assert facts["ok"] is False
    assert [(d["file"], d["line"]) for d in facts["diagnostics"]] == [
        (str(small), 3), (str(small), 4), (str(other), 5),
    ]  # fmt: skip


def test_a_good_file_beside_a_wrong_one(dynattn, small, tmp_path):
    done = dynattn("check", small, tmp_path / "none.dyn")
    assert (done.code, done.out) == (1, f"{small}: no mistakes\n")
    assert done.err.startswith("error[E120]: there is no file ")


HOPELESS = {
    "empty": (b"", "E123"),
    "latin": ('model m "caf\xe9"\n'.encode("latin-1"), "E122"),
    "large": (b"#" * 1_000_001, "E124"),
    "brackets": (b"model m\nlet a = " + b"(" * 10_000 + b"1" + b")" * 10_000 + b"\n", None),
    "open": (b"model m\npopulation p[3] {\n", None),
    "picture": (b"\x89PNG\r\n\x1a\n\x00\x00", "E122"),
}


@pytest.mark.parametrize("name", HOPELESS)
def test_no_file_ends_in_a_traceback(shell, tmp_path, name):
    content, code = HOPELESS[name]
    path = tmp_path / "spec.dyn"
    path.write_bytes(content)
    done = shell("check", path)
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith(f"error[{code or 'E'}")
    assert "Traceback" not in done.err


def test_a_folder(dynattn, tmp_path):
    done = dynattn("check", tmp_path)
    assert done.code == 1
    assert done.err.startswith("error[E121]")


EXPERIMENTS = """model a
param N = 5
graph g = cycle_graph(n=N)
population p[N] { state x on circle; drift 1 }
coupling c: p -> p over g
observe r = order(x)
simulate { t 0 .. 10 every 1; method rk4 }
sweep s { N = [1, 2]; method dopri5; step 0.1; record average(r) after 50 }
"""


def codes(done) -> list[tuple[str, int]]:
    return [(item["code"], item["line"]) for item in json.loads(done.out)["diagnostics"]]


def test_experiments_that_cannot_run(dynattn, tmp_path):
    (tmp_path / "a.dyn").write_text(EXPERIMENTS)
    done = dynattn("check", "a.dyn", "--json")
    assert (done.code, codes(done)) == (1, [("E602", 7), ("E606", 8), ("E606", 8)])


def test_experiments_beside_other_mistakes(dynattn, tmp_path):
    (tmp_path / "a.dyn").write_text(EXPERIMENTS.replace("drift 1", "drift omga"))
    done = dynattn("check", "a.dyn", "--json")
    assert codes(done) == [("E201", 4), ("E602", 7), ("E606", 8)]
    (tmp_path / "a.dyn").write_text(EXPERIMENTS.replace("order(x)", "order(y)"))
    assert codes(dynattn("check", "a.dyn", "--json"))[:2] == [("E201", 6), ("E602", 7)]


def test_a_mistake_of_the_experiment_itself_comes_alone(dynattn, tmp_path):
    (tmp_path / "a.dyn").write_text(EXPERIMENTS.replace("rk4", "rk4; step -1"))
    assert ("E602", 7) not in codes(dynattn("check", "a.dyn", "--json"))


def test_a_graph_that_cannot_be_made(dynattn, tmp_path):
    text = EXPERIMENTS.replace("cycle_graph(n=N)", "watts_strogatz_graph(n=N, k=10, p=0.1)")
    (tmp_path / "a.dyn").write_text(text)
    assert codes(dynattn("check", "a.dyn", "--json"))[0] == ("E451", 3)


def test_a_model_that_does_not_evolve(dynattn, tmp_path):
    text = (SPECS / "kuramoto_attention.dyn").read_text() + "\nsimulate { t 0 .. 1 every 0.1 }\n"
    (tmp_path / "a.dyn").write_text(text.replace("tinyshakespeare.txt", "none.txt"))
    assert {code for code, _ in codes(dynattn("check", "a.dyn", "--json"))} == {"E501", "E608"}


UNUSED = """model unused
param K = 1, N = 3
param spare = 2, swept = 3
let q = K
graph g = everyone(N)
type cell(a) { state y on real; param own = 1; drift -a*y }
population p[N] { state x on real = 1; let z = 2*x; drift -x }
population c[2] is cell(K)
observe r = mean(x)
simulate { t 0 .. 1 }
sweep { swept = 0 .. 1; record final(r) }
"""


def test_a_name_that_nothing_uses_is_a_mistake_everywhere(dynattn, tmp_path):
    (tmp_path / "unused.dyn").write_text(UNUSED)
    done = dynattn("check", "--json", "unused.dyn")
    found = [item["message"] for item in json.loads(done.out)["diagnostics"]]
    assert found == [
        "nothing uses the parameter 'spare'",
        "nothing uses the parameter 'swept'",
        "nothing uses the definition 'q'",
        "nothing uses the graph 'g'",
        "nothing uses the parameter 'own'",
        "nothing uses the definition 'z'",
    ]
    for command in (("run", "unused.dyn"), ("compile", "unused.dyn"), ("explain", "unused.dyn")):
        done = dynattn(*command)
        assert done.code == 1 and "E420" in done.err


def test_names_used_anywhere_are_used(dynattn, tmp_path):
    text = UNUSED.replace("drift -x }", "drift -x*own + z + q + spare }").replace("K = 1,", "K=1,")
    text = text.replace("observe", "coupling e: p -> p over g { strength swept }\nobserve")
    text = text.replace("own = 1; drift -a*y", "own = 1; drift -a*y*own").replace("x*own", "x")
    (tmp_path / "used.dyn").write_text(text)
    assert dynattn("check", "used.dyn").out == "used.dyn: no mistakes\n"


MISTYPED = """model syn
param N = 10, K =
population osc[N] {
  state theta on cirle
  param omega ~ norml(0, 1)
  drift omega +
}
coupling pull: osc -> osc { kernel sin(theta[j] theta[i]) }
observe r = order(thta)
simulate { t 0 .. 10 every 0.1; methd rk4 }
"""


def test_what_is_certainly_wrong_shows_beside_mistakes_of_syntax(dynattn, tmp_path):
    (tmp_path / "syn.dyn").write_text(MISTYPED)
    found = json.loads(dynattn("check", "--json", "syn.dyn").out)["diagnostics"]
    # 'thta' may be declared where nothing could be read: it is told when the rest is mended.
    assert [item["code"] for item in found] == ["E105", "E207", "E208", "E105", "E110", "E216"]


def test_what_is_certain_shows_in_a_spec_that_rests_on_others_too(dynattn, tmp_path):
    (tmp_path / "syn.dyn").write_text(MISTYPED.replace("model syn", "model syn extends kuramoto"))
    found = json.loads(dynattn("check", "--json", "syn.dyn").out)["diagnostics"]
    assert [item["code"] for item in found] == ["E105", "E207", "E208", "E105", "E110", "E216"]


@pytest.mark.parametrize("start", ["model 0 extends kuramoto", "model syn extends nowhere"])
def test_what_an_unknown_spec_would_bring_is_no_mistake(dynattn, tmp_path, start):
    text = f"{start}\npopulation osc {{ inertia 0.5 }}\ncoupling pull {{ drop frustration }}\n"
    (tmp_path / "syn.dyn").write_text(f"{text}observe x = order(theta) + \n")
    found = json.loads(dynattn("check", "--json", "syn.dyn").out)["diagnostics"]
    assert {item["code"] for item in found} <= {"E102", "E105", "E411"}


def test_optimizer_and_schedule_show_beside_other_mistakes(dynattn, tmp_path):
    train = 'train { data text("a"); loss foo; steps 3; optimizer adm(lr=1); schedule cosin }'
    (tmp_path / "two.dyn").write_text(f"model two\nparam K = kk\n{train}\n")
    found = json.loads(dynattn("check", "--json", "two.dyn").out)["diagnostics"]
    assert {"E201", "E520"} <= {item["code"] for item in found}
    assert sum("cosin" in item["message"] or "adm" in item["message"] for item in found) == 2


def test_any_loss_of_words_ends_in_diagnostics(tmp_path):
    from random import Random

    from dynattn.cli.check import mistakes_in

    path, told = tmp_path / "lost.dyn", 0
    for seed in range(40):
        random = Random(seed)
        words = random.choice(sorted(SPECS.glob("*.dyn"))).read_text().split(" ")
        for _ in range(random.randint(1, 4)):
            del words[random.randrange(len(words))]
        path.write_text(" ".join(words))
        told += bool(mistakes_in(str(path)))
    assert told > 20
