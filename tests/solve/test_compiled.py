"""Compiled steps: the same numbers, gradients and messages as those of steps that are not."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import torch

from dynattn.diagnostics.report import Diagnostic, NumericalError, Source, SpecError, UsageError
from dynattn.interface import Spec, load
from dynattn.lower.module import System, build_system
from dynattn.solve.compiler import COMPILERS, Compiler
from dynattn.solve.gradients import Gradient
from dynattn.solve.solve import solve

SPECS = Path(__file__).parents[2] / "specs"
F64 = torch.float64
PAIR = """
model pair
param K = 1.5 in 0 .. 3
population unit[3] {
  state x on sphere(3) ~ uniform
  param w on so(3) ~ normal(0, 1)
  drift cos(t) * (w @ x)
}
coupling pull: unit -> unit over everyone(3) { strength K; normalize size }
simulate { t 0 .. 1; seed 1 }
"""
EDGES = """
model edges
learn K = 1.5
population osc[12] {
  state theta on circle ~ uniform
  learn omega ~ normal(0, 1)
  drift omega
}
coupling pull: osc -> osc over gnm_random_graph(12, 20, seed=1) {
  WEIGHT kernel sin(theta[j] - theta[i]); strength K; form sparse
}
simulate { t 0 .. 1; seed 1 }
"""


def spec(text: str) -> Spec:
    return Spec(Source("compiled.dyn", text))


def difference(one: Any, other: Any) -> float:
    """The largest one, in parts of the larger of 1 and the size of what is compared."""
    parts = (((a - b).abs() / b.abs().clamp(min=1)).max() for a, b in zip(one, other, strict=True))
    return float(max(part.detach() for part in parts))


def solved_both(
    system: System, times: list[float], compiler: Compiler | None = None, **options: Any
) -> tuple[Any, Any]:
    """The states as they are compiled, and as they are not."""
    states = system.initial_states()
    found = solve(system, states, times, compiled=compiler or True, **options)
    assert found.statistics["compiling"] > 0
    plain = solve(system, states, times, **options)
    assert found.statistics["evaluations"] == plain.statistics["evaluations"]
    return list(found.states.values()), list(plain.states.values())


def gradients(system: System, states: Any) -> list[torch.Tensor]:
    """Of what depends on all states, to all learned numbers."""
    loss = sum((x[-1] * torch.arange(x[-1].numel()).view(x[-1].shape).cos()).sum() for x in states)
    return list(torch.autograd.grad(loss, list(system.parameters())))  # pyright: ignore


# ── what cannot be compiled ────────────────────────────────────────────────────────────────────


def test_without_a_compiler_it_is_said_which_are_looked_for(monkeypatch):
    monkeypatch.delenv("CXX", raising=False)
    monkeypatch.setenv("PATH", "")
    with pytest.raises(UsageError, match="E358") as problem:
        Compiler()
    assert all(name in str(problem.value) for name in COMPILERS)
    monkeypatch.setenv("CXX", "no-such-compiler")
    with pytest.raises(UsageError, match="CXX=no-such-compiler"):
        Compiler()


def test_methods_of_the_library_and_delays_are_not_compiled():
    system = spec(PAIR).build()
    states = system.initial_states()
    with pytest.raises(SpecError, match=r"E359: the steps of 'dopri5'"):
        solve(system, states, [0.0, 1.0], method="dopri5", compiled=True)
    gradient = Gradient("checkpointed")
    with pytest.raises(SpecError, match="E359: compiled steps keep what their gradients need"):
        solve(system, states, [0.0, 1.0], method="rk4", step=1.0, compiled=True, gradient=gradient)
    late = spec("""
model late
population p[2] { state x on real = 1 }
coupling c: p -> p over everyone(2) { kernel x[j]; delay 0.5; strength -1 }
simulate { t 0 .. 1; method rk4; step 0.1 }
""")
    with pytest.raises(SpecError, match="E359: steps that read the past"):
        late.run(compiled=True)


@pytest.mark.slow
def test_what_torch_refuses_is_said_with_its_reason():
    class Asking:
        def rates(self, t, states):
            return {"x": states["x"] if float(states["x"].sum()) > 0 else -states["x"]}

        def retract(self, states, steps):
            return {"x": states["x"] + steps["x"]}

    start = {"x": torch.ones(2, dtype=F64)}
    with pytest.raises(SpecError, match=r"E360: the step of euler cannot be compiled: \w+"):
        solve(Asking(), start, [0.0, 1.0], method="euler", step=0.5, compiled=Compiler())


# ── the same numbers ───────────────────────────────────────────────────────────────────────────


def test_states_and_gradients_are_those_of_steps_that_are_not_compiled():
    """The only test of the suite that compiles: every other takes seconds more."""
    text = PAIR.replace("param K = 1.5 in 0 .. 3", "learn K = 1.5")
    said: list[str] = []
    system, compiler = spec(text).build(), Compiler(said.append)
    options = {"method": "heun", "step": 0.25}
    found, plain = solved_both(system, [0.0, 0.5, 1.0], compiler, **options)
    assert difference(found, plain) < 1e-12
    assert difference(gradients(system, found), gradients(system, plain)) < 1e-12
    assert said[0] == "compiling the step of heun" and said[1].startswith("compiled in ")
    other = spec(text).build(seed=7)  # another system of other numbers: nothing is compiled anew
    seconds, states = compiler.seconds, other.initial_states()
    assert other.program is not system.program
    again = copy.deepcopy(system)
    again.program, again.network = system.program, system.network
    torch.nn.init.constant_(next(again.parameters()), 0.5)
    found = solve(again, states, [0.0, 0.5, 1.0], compiled=compiler, **options)
    assert compiler.seconds == seconds
    plain = solve(again, states, [0.0, 0.5, 1.0], **options)
    assert difference(found.states.values(), plain.states.values()) < 1e-12


SHIPPED = [
    ("kuramoto", {"N": 40}),  # a sparse matrix product
    ("chimera", {"N": 32}),  # running sums of a window
    ("lohe_su2", {"N": 8}),  # a group
    ("stuart_landau", {"N": 12}),  # complex
    ("swing", {}),  # inertia
]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "settings"), SHIPPED, ids=[name for name, _ in SHIPPED])
def test_shipped_specs_give_the_same_numbers(name, settings):
    system = load(SPECS / f"{name}.dyn", **settings).build()
    methods: list[dict[str, Any]] = [{"method": "tsit5"}, {"method": "rk4", "step": 0.01}]
    with torch.inference_mode():
        for options in methods:
            found, plain = solved_both(system, [0.0, 0.3, 1.0], **options)
            assert difference(found, plain) < 1e-12


@pytest.mark.slow
@pytest.mark.parametrize(
    ("weight", "options"),
    [
        ("", {"method": "tsit5"}),
        ("learn w ~ normal(1, 0.2); weight w;", {"method": "heun", "step": 0.1}),
    ],
)
def test_gradients_go_through_sparse_products(weight, options):
    system = spec(EDGES.replace("WEIGHT", weight)).build()
    found, plain = solved_both(system, [0.0, 0.5, 1.0], **options)
    assert difference(found, plain) < 1e-12
    assert difference(gradients(system, found), gradients(system, plain)) < 1e-12


@pytest.mark.slow
def test_points_of_a_batch_have_steps_of_their_own():
    K = torch.tensor([0.5, 1.0, 2.9], dtype=F64)
    made = spec(PAIR)
    system = build_system(made.model, made.network, made.program, values={"K": K})
    with torch.inference_mode():
        found, plain = solved_both(system, [0.0, 0.5, 1.0], batch=1, method="tsit5")
    assert found[0].shape == (3, 3, 3, 3)
    assert difference(found, plain) < 1e-12


@pytest.mark.slow
def test_noise_is_the_same():
    text = """
model noisy
population p[4] { state x on real = 0.5; drift -x; noise 0.3 }
simulate { t 0 .. 1 every 0.25; method heun; step 0.05; seed 1 }
"""
    one, other = spec(text).run(compiled=True), spec(text).run()
    one, other = (torch.as_tensor(found.states["p.x"]) for found in (one, other))
    assert difference([one], [other]) < 1e-12


@pytest.mark.slow
def test_a_sweep_compiles_once_for_all_repeats():
    text = PAIR.replace(
        "simulate {",
        "sweep s { K = [1, 2]; repeat 3; t 0 .. 1; record final(mean(x)) }\nsimulate {",
    )
    compiler = Compiler()
    one, other = spec(text).run("s", compiled=compiler), spec(text).run("s")
    assert compiler.count == 1
    (label,) = one.labelled.variables
    assert difference([torch.as_tensor(one[label])], [torch.as_tensor(other[label])]) < 1e-12


FAILING = {
    "sqrt(x - 0.55)": "drift -1 - sqrt(x - 0.55)",  # not a number from x = 0.55 on
    "exp(20*x)": "drift exp(20*x)",  # infinite within a step
}


def failure(drift: str, method: str, compiled: bool) -> Diagnostic:
    """How a solve fails."""
    text = f"""
model failing
population p[3] {{
  state x on real = 1
  {drift}
}}
simulate {{ t 0 .. 1 every 0.2; {method} }}
"""
    with pytest.raises(NumericalError, match="E603") as problem:
        spec(text).run(compiled=compiled)
    (found,) = problem.value.diagnostics
    return found


@pytest.mark.parametrize("place", FAILING)
def test_a_failed_solve_tells_the_step_and_the_line_whose_rate_is_not_finite(place):
    """A step of 0.1 fails between two saved times; the rates at its start are finite."""
    found = failure(FAILING[place], "method rk4; step 0.1", False)
    when = "t = 0.3 and t = 0.4" if "sqrt" in place else "t = 0 and t = 0.1"
    assert found.message.endswith(f"between {when}")
    assert found.span is not None and found.span.line == 5
    column = "  " + FAILING[place]
    assert found.span.column == column.index(place) + 1


def test_an_adaptive_solve_tells_the_line_next_to_where_it_fails():
    found = failure(FAILING["sqrt(x - 0.55)"], "method tsit5", False)
    assert found.message.endswith("next to where a rate is not finite")
    assert found.span is not None and (found.span.line, found.span.column) == (5, 14)
    assert found.fix.startswith("look for a division by 0")


@pytest.mark.slow
@pytest.mark.parametrize("method", ["method rk4; step 0.1", "method tsit5"])
@pytest.mark.parametrize("place", FAILING)
def test_compiled_steps_fail_as_those_that_are_not_compiled(place, method):
    assert failure(FAILING[place], method, True) == failure(FAILING[place], method, False)
