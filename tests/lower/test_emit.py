"""Emitted files: clean, on their own, and the same numbers as the module."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from dynattn.diagnostics.report import SpecError
from dynattn.lower.code import Code, binary_code, negative_code, number_code, wrapped
from dynattn.lower.emit import emit, emit_files
from dynattn.solve.methods import METHODS
from tests.lower.test_system import LAYERS, built, shipped, written

READ = """
import importlib.util, json, sys
import torch
torch.set_num_threads(1)
spec = importlib.util.spec_from_file_location("emitted", sys.argv[1])
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
from safetensors.torch import load_file, save_file
given = load_file(sys.argv[2])
model = getattr(module, sys.argv[3])()
if sys.argv[4] == "network":
    if len(sys.argv) > 5:
        model.load(module.read_safetensors(sys.argv[5]))
    result = {"result": model(given["input"])}
    if hasattr(model, "loss"):
        result |= {f"loss {k}": v for k, v in model.loss(given["input"]).items()}
else:
    y = model.initial()
    result = {"initial": y, "rate": model(torch.tensor(0.0), given["input"])}
    result["moved"] = model.retract(given["input"], 0.1 * result["rate"])
    result |= {f"observe {k}": v for k, v in model.observe(0.0, given["input"]).items()}
result = {k: v.detach().clone().contiguous() for k, v in result.items()}
save_file(result, sys.argv[2] + ".out")
print(json.dumps({"keys": sorted(model.state_dict()), "dynattn": "dynattn" in sys.modules}))
"""


def write(folder, compilation, **options):
    path = folder / "model.py"
    emit_files(path, compilation.model, compilation.network, compilation.program, **options)
    return path


def executed(path, name, kind, given, *rest):
    """What the emitted class computes in a process of its own, away from the project."""
    data = path.with_name("given.safetensors")
    save_file({"input": given}, data)
    command = [sys.executable, "-c", READ, str(path), str(data), name, kind, *map(str, rest)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=path.parent, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["dynattn"] is False
    return load_file(f"{data}.out"), json.loads(done.stdout)["keys"]


def close(actual, expected):
    torch.testing.assert_close(actual, expected, rtol=1e-12, atol=1e-12)


def assert_clean(path):
    ruff = Path(sys.executable).with_name("ruff")
    done = subprocess.run(
        [ruff, "check", "--isolated", "--no-cache", path],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert max(map(len, path.read_text().splitlines())) <= 120


def test_an_attention_network(tmp_path):
    compilation = shipped("kuramoto_attention", depth=2)
    path = write(tmp_path, compilation)
    assert_clean(path)
    assert sorted(item.name for item in tmp_path.iterdir()) == ["model.py", "model.safetensors"]
    system = built(compilation)
    text = torch.randint(256, (2, 9))
    result, keys = executed(path, "KuramotoAttention", "network", text)
    assert keys == sorted(system.state_dict())
    close(result["result"], system(text).detach())
    for label, value in system.loss(text=text).items():
        close(result[f"loss {label}"], value.detach())


def test_attention_to_successors(tmp_path):
    compilation = shipped("frustrated_synchronization", depth=2)
    path = write(tmp_path, compilation)
    assert_clean(path)
    text = torch.randint(256, (2, 9))
    result, _ = executed(path, "FrustratedSynchronization", "network", text)
    close(result["result"], built(compilation)(text).detach())


def test_trained_weights_are_taken_over(tmp_path):
    compilation = shipped("kuramoto_attention", depth=1)
    system = built(compilation, seed=9)
    path = write(tmp_path, compilation)
    trained = tmp_path / "trained.safetensors"
    save_file({k: v.contiguous() for k, v in system.float().state_dict().items()}, trained)
    text = torch.randint(256, (1, 6))
    system = built(compilation)
    system.load_state_dict(load_file(trained))
    result, _ = executed(path, "KuramotoAttention", "network", text, trained)
    close(result["result"], system(text).detach())
    other = tmp_path / "other"
    other.mkdir()
    beside = write(other, compilation, weights=system.state_dict())
    close(executed(beside, "KuramotoAttention", "network", text)[0]["result"], result["result"])


@pytest.mark.parametrize("manifold", ["circle", "sphere(3)", "real", "torus(2)"])
def test_one_population_on_any_manifold(tmp_path, manifold):
    base = shipped("synchronization").source.text.replace("on circle", f"on {manifold}")
    compilation = written(base, N=20)
    path = write(tmp_path, compilation)
    assert_clean(path)
    system = built(compilation)
    x = system.initial_states()["unit.x"]
    result, keys = executed(path, "Synchronization", "field", x)
    assert keys == []
    rates = system.rates(0.0, {"unit.x": x})
    close(result["initial"], x)
    close(result["rate"], rates["unit.x"])
    close(
        result["moved"],
        system.retract({"unit.x": x}, {"unit.x": 0.1 * x.new_tensor(1.0) * rates["unit.x"]})[
            "unit.x"
        ],
    )
    close(result["observe r"], system.observe(0.0, {"unit.x": x})["r"])


def test_kuramoto_on_a_graph_runs_by_itself(tmp_path):
    compilation = shipped("kuramoto", N=60)
    path = write(tmp_path, compilation)
    assert_clean(path)
    system = built(compilation)
    theta = torch.randn(60, dtype=torch.float64)
    result, _ = executed(path, "Kuramoto", "field", theta)
    close(result["rate"], system(0.0, theta))
    done = subprocess.run(
        [sys.executable, path], capture_output=True, text=True, cwd=tmp_path, check=True
    )
    lines = done.stdout.splitlines()
    assert (lines[0].split(" {")[0], lines[-1].split(" {")[0]) == ("t = 0", "t = 100")


@pytest.mark.parametrize("method", ["rk4", "tsit5", "heun", "euler"])
def test_own_methods_take_the_same_steps(tmp_path, method):
    from dynattn.solve.fixed import integrate

    text = shipped("synchronization").source.text.replace("on circle", "on sphere(3)")
    text = text.replace("every 0.1", f"every 0.1; method {method}; step 0.05").replace(
        "20 every", "1 every"
    )
    compilation = written(text, N=10)
    tableau = METHODS[method].tableau
    path = write(tmp_path, compilation, tableau=tableau)
    assert_clean(path)
    done = subprocess.run(
        [sys.executable, path], capture_output=True, text=True, cwd=tmp_path, check=True
    )
    system = built(compilation)
    states = integrate(
        system, system.initial_states(), [0.1 * k for k in range(11)], method=method, step=0.05
    )
    last = system.observe(1.0, {"unit.x": states["unit.x"][-1]})["r"]
    shown = float(done.stdout.splitlines()[-1].split(": ")[1].rstrip("}"))
    assert shown == pytest.approx(float(last), abs=1e-12)


def test_copies_of_layers_are_counted_as_in_the_module(tmp_path):
    compilation = written(LAYERS)
    path = write(tmp_path, compilation)
    assert_clean(path)
    system = built(compilation)
    given = torch.tensor([2, 0, 0, 1])
    result, keys = executed(path, "Layers", "network", given)
    assert keys == sorted(system.state_dict())
    close(result["result"], system(given).detach())


PLAIN = """
model plain "Consensus between tokens"
param C = 4
dim T
input a: real[T, C]
population p[T] { state x on real(C) ~ normal(0, 1) }
coupling pull: p -> p { kernel x[j] - x[i]; normalize size }
layer flow {
  drift x: 0.5*x
  evolve { steps 2 }
}
network {
  x = a
  repeat 2 { flow }
  output y = tanh(x)
}
"""


def test_a_network_without_weights_stands_alone(tmp_path):
    compilation = written(PLAIN)
    path = write(tmp_path, compilation)
    assert_clean(path)
    assert [item.name for item in tmp_path.iterdir()] == ["model.py"]
    assert not any(word in path.read_text() for word in ("STORED", "--weights", "load("))
    given = torch.randn(2, 7, 4, dtype=torch.float64)
    result, keys = executed(path, "Plain", "network", given)
    assert keys == []
    close(result["result"], built(compilation)(given))
    done = subprocess.run(
        [sys.executable, path], capture_output=True, text=True, cwd=tmp_path, check=True
    )
    assert done.stdout == "y (2, 16, 4)\n"


def test_a_network_without_weights_that_reads_arrays(tmp_path):
    """Nothing is learned, and the drawn w is too long to stand in the text."""
    compilation = written(
        PLAIN.replace("C = 4", "C = 9\nparam w[C] ~ normal(0, 1)").replace("0.5*", "w*")
    )
    path = write(tmp_path, compilation)
    assert_clean(path)
    assert sorted(item.name for item in tmp_path.iterdir()) == ["model.py", "model.safetensors"]
    given = torch.randn(2, 7, 9, dtype=torch.float64)
    close(executed(path, "Plain", "network", given)[0]["result"], built(compilation)(given))


def test_a_network_that_begins_with_a_drawn_state_is_refused(tmp_path):
    compilation = written(PLAIN.replace("  x = a\n", "").replace("tanh(x)", "tanh(x) + a"))
    with pytest.raises(SpecError, match=r"E401: a network that begins with p.x as it is declared"):
        write(tmp_path, compilation)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_cannot_be_written_leaves_the_old_one(tmp_path):
    (tmp_path / "model.py").write_text("mine")
    (tmp_path / "model.safetensors").mkdir()
    compilation = shipped("kuramoto", N=20)
    with pytest.raises(SpecError, match=r"E704: .*model\.safetensors is a folder"):
        write(tmp_path, compilation)
    assert (tmp_path / "model.py").read_text() == "mine"
    assert sorted(item.name for item in tmp_path.iterdir()) == ["model.py", "model.safetensors"]


def test_a_text_is_the_same_each_time():
    compilation = shipped("kuramoto_attention", depth=1)
    parts = compilation.model, compilation.network, compilation.program
    assert emit(*parts).text == emit(*parts).text


def test_brackets_stand_where_python_needs_them():
    a, b, c = Code("a"), Code("b"), Code("c")
    product = binary_code("*", binary_code("+", a, b), c)
    assert product.text == "(a + b) * c"
    assert binary_code("-", a, binary_code("-", b, c)).text == "a - (b - c)"
    assert binary_code("**", negative_code(a), number_code(-2.0)).text == "(-a) ** -2.0"
    both = binary_code("&", binary_code("<", a, b), binary_code("<", b, c))
    assert both.text == "(a < b) & (b < c)"
    assert f"{product:@}" == "((a + b) * c)"


def test_long_lines_are_broken_at_their_commas():
    long = ", ".join(f"argument_{k}" for k in range(9))
    lines = wrapped(f"    value = function({long})")
    assert lines[0] == "    value = function("
    assert lines[1] == "        argument_0,"
    assert lines[-1] == "    )"


def test_a_value_in_plain_brackets_stays_one_value_where_its_line_is_broken():
    long = " + ".join(f"number_{k}" for k in range(14))
    for line in (f"    value = -({long})", f"    value = first * (first - {long})"):
        text = "\n".join(wrapped(line))
        names = {f"number_{k}": k for k in range(14)} | {"first": 5}
        expected = eval(line.split(" = ")[1], {}, dict(names))
        there = dict(names)
        exec(text.replace("    value", "value", 1), {}, there)
        assert "\n" in text
        assert there["value"] == expected
    assert wrapped(f"    value = ({long},)")[1].endswith(",")
