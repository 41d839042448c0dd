"""Exact gradients without a graph, checkpoints, and the adjoint, against plain autograd."""

from __future__ import annotations

import weakref

import pytest
import torch

from dynattn.compilation import Compilation
from dynattn.diagnostics.report import NumericalError, Source, SpecError
from dynattn.lower.binding import table_of
from dynattn.solve import discrete
from dynattn.solve import solve as solving
from dynattn.solve.gradients import Gradient
from dynattn.solve.noise import Wiener
from dynattn.solve.solve import solve
from dynattn.solve.walk import Walk

AUTOGRAD = Gradient("backpropagation")

KURAMOTO = """
model kuramoto
param K = 1.5
population osc[8] { state theta on circle ~ uniform; learn omega ~ normal(0, 1); drift omega }
coupling pull: osc -> osc { learn w ~ normal(1, 0.2); strength K/8; weight w }
simulate { t 0 .. 1; method rk4; step 0.1 }
"""
SPARSE = """
model sparse
population osc[30] { state theta on circle ~ uniform; learn omega ~ normal(0, 1)
  drift omega * (1 + 2*pulse(t, 0.31, 0.62)) }
coupling pull: osc -> osc over gnm_random_graph(n=30, m=60, seed=1) {
  learn w ~ normal(1, 0.2)
  kernel w*sin(theta[j] - theta[i] - 0.3) }
simulate { t 0 .. 1; method rk4; step 0.1 }
"""
SPHERES = """
model spheres
population p[5] {
  state x on sphere(3) ~ uniform
  state theta on circle ~ uniform
  learn c ~ normal(0, 1)
  drift x: c * [1, sin(theta), 0]
  drift theta: c
  NOISE
}
coupling pull: p.x -> p.x { learn a ~ normal(1, 1); weight a; strength 1/5 }
simulate { t 0 .. 1; method METHOD; step 0.1 }
"""
GROUP = """
model rotations
population p[4] { state x on SO(3) ~ uniform; learn c ~ normal(0, 1) }
coupling pull: p -> p { learn a ~ normal(1, 1); weight a*c[j]; strength 1/4 }
simulate { t 0 .. 1; method rk4; step 0.1 }
"""
MAP = """
model hopfield
population unit[6] { state x on real ~ normal(0, 1); learn b ~ normal(0, 1); x <- tanh(b + 0.5*x) }
simulate { steps 10 }
"""
COMPLEX = """
model landau
population z[5] { state u on complex ~ normal(0, 1); learn a ~ normal(0, 1)
  drift (a + 1i)*u - abs(u)^2*u }
coupling pull: z -> z { learn w ~ normal(0, 1); kernel w*(u[j] - u[i]) }
simulate { t 0 .. 1; method rk4; step 0.1 }
"""
POPULATIONS = """
model shares
population p[3] { state x on simplex(3) ~ uniform; learn f[3] ~ normal(0, 1); drift f*x }
simulate { t 0 .. 1; method rk4; step 0.1 }
"""


def spheres(method, noise=""):
    return SPHERES.replace("METHOD", method).replace("NOISE", noise)


def build(text, **options):
    return Compilation(Source("spec.dyn", text)).build(**options)


def value_and_gradients(system, gradient, method, step=0.1, **options):
    """A loss of all saved states, and its gradients by all states and parameters."""
    starts = {name: x.detach().clone().requires_grad_()
              for name, x in system.initial_states().items()}  # fmt: skip
    times = [0.0, 3 * step, 3.5 * step, 24 * step]
    found = solve(system, starts, times, method=method, step=step, gradient=gradient, **options)
    loss = torch.zeros((), dtype=torch.float64)
    for x in found.states.values():
        weights = torch.linspace(-1, 2, x.numel(), dtype=torch.float64).reshape(x.shape)
        loss = loss + (x.abs() * weights).sum() + (x.real * weights.flip(0)).sum()
    wanted = [*starts.values(), *system.parameters()]
    return loss.detach(), torch.autograd.grad(loss, wanted, allow_unused=True)


def assert_same(found, expected):
    assert torch.allclose(found[0], expected[0], rtol=1e-13)
    for one, other in zip(found[1], expected[1], strict=True):
        assert (one is None) == (other is None)
        if one is not None:
            assert (one - other).abs().max() <= 1e-12 * other.abs().max().clamp(min=1)


@pytest.fixture
def used(monkeypatch):
    """Whether the solves were differentiated without a graph."""
    chosen, found = discrete.differentiable, []

    def watched(*arguments):
        found.append(chosen(*arguments))
        return found[-1]

    monkeypatch.setattr(solving, "differentiable", watched)
    return found


CASES = {
    "circle": (KURAMOTO, "rk4"),
    "circle, euler": (KURAMOTO, "euler"),
    "tsit5 of one step": (KURAMOTO, "tsit5"),
    "sparse, pulse": (SPARSE, "rk4"),
    "sparse product": (SPARSE.replace("kernel w*", "form sparse; weight w; kernel "), "heun"),
    "sphere": (spheres("rk4"), "rk4"),
    "noise of Ito": (KURAMOTO.replace("drift omega", "drift omega; noise 0.3"), "euler"),
    "noise of Stratonovich": (spheres("heun", "noise x: 0.3"), "heun"),
    "rotations": (GROUP, "rk4"),
    "complex": (COMPLEX, "rk4"),
    "simplex": (POPULATIONS, "heun"),
}


@pytest.mark.parametrize("name", CASES)
def test_gradients_are_those_of_autograd(name, used):
    text, method = CASES[name]
    system = build(text)
    expected = value_and_gradients(system, AUTOGRAD, method)
    for gradient in (Gradient(), Gradient("checkpointed"), Gradient(memory=0.001)):
        assert_same(value_and_gradients(system, gradient, method), expected)
    assert used[0] is None and all(x is not None for x in used[1:])


def test_gradients_of_a_map(used):
    system = build(MAP)
    expected = value_and_gradients(system, AUTOGRAD, "euler", 1.0)
    assert_same(value_and_gradients(system, Gradient("checkpointed"), "euler", 1.0), expected)
    assert used[1] is not None


def test_gradients_of_a_batch_of_points(used):
    spec = Compilation(Source("spec.dyn", KURAMOTO), values={"K": torch.tensor([0.5, 1.0, 2.0])})
    system = spec.build()
    table, key = table_of(system, "K")
    table[key] = table[key].double().requires_grad_()
    expected = value_and_gradients(system, AUTOGRAD, "rk4", batch=1)
    assert_same(value_and_gradients(system, Gradient(), "rk4", batch=1), expected)
    by = discrete.parameters_of(system)
    assert used[1] is not None and any(t is table for t, _ in by)


def test_a_parameter_made_by_other_computation_is_followed(used):
    system = build(KURAMOTO)
    table, key = table_of(system, "osc.omega")
    own, root = table[key], torch.tensor(0.3, dtype=torch.float64, requires_grad=True)
    found = []
    for gradient in (AUTOGRAD, Gradient()):
        table[key] = own.detach() * root.exp()
        end = solve(system, system.initial_states(), [0.0, 2.0], method="rk4", step=0.1,
                    gradient=gradient).states["osc.theta"][-1]  # fmt: skip
        table[key] = own  # what stands there later changes nothing
        found.append(torch.autograd.grad(end.sin().sum(), root)[0])
    assert used[1] is not None
    assert abs(found[0] - found[1]) < 1e-13


def test_second_derivatives_and_a_second_backward_pass(used):
    system = build(KURAMOTO.replace("drift omega", "drift omega; noise 0.3"))
    found = []
    for gradient in (AUTOGRAD, Gradient()):
        end = solve(system, system.initial_states(), [0.0, 2.0], method="euler", step=0.1,
                    gradient=gradient).states["osc.theta"][-1]  # fmt: skip
        wanted = list(system.parameters())
        first = torch.autograd.grad(end.sin().sum(), wanted, retain_graph=True)
        again = torch.autograd.grad(end.sin().sum(), wanted, create_graph=True)
        for one, other in zip(first, again, strict=True):
            assert torch.allclose(one, other, rtol=1e-11, atol=1e-13)
        found.append(
            torch.autograd.grad(torch.stack([x.square().sum() for x in again]).sum(), wanted)
        )
    assert used[1] is not None
    for one, other in zip(*found, strict=True):
        assert torch.allclose(one, other, rtol=1e-10, atol=1e-12)


def test_second_derivatives_of_one_solve_after_another(used):
    system = build(KURAMOTO)
    found = []
    for gradient in (AUTOGRAD, Gradient()):
        states = system.initial_states()
        for _ in range(2):
            path = solve(system, states, [0.0, 2.0], method="rk4", step=0.2, gradient=gradient)
            states = {name: x[-1] for name, x in path.states.items()}
        wanted = list(system.parameters())
        first = torch.autograd.grad(states["osc.theta"].sin().sum(), wanted, create_graph=True)
        size = torch.stack([x.square().sum() for x in first]).sum()
        found.append(torch.autograd.grad(size, wanted))
    assert used[2] is not None
    for one, other in zip(*found, strict=True):
        assert torch.allclose(one, other, rtol=1e-10, atol=1e-12)


def test_the_noise_goes_on_where_the_forward_pass_left_it(used):
    system = build(KURAMOTO.replace("drift omega", "drift omega; noise 0.3"))
    ends = []
    for gradient in (AUTOGRAD, Gradient("checkpointed")):
        wiener, states = Wiener(system), system.initial_states()
        for _ in range(2):
            found = solve(system, states, [0.0, 2.0], method="euler", step=0.1,
                          gradient=gradient, wiener=wiener)  # fmt: skip
            states = {name: x[-1] for name, x in found.states.items()}
            found.states["osc.theta"].sum().backward(retain_graph=True)
        ends.append(states["osc.theta"].detach())
    assert used[2] is not None
    assert torch.allclose(*ends, rtol=1e-13)


@pytest.mark.parametrize("memory", [None, 3000, 30_000])
def test_no_more_is_kept_than_allowed(memory, monkeypatch):
    system = build(KURAMOTO)
    alive: dict[int, int] = {}
    sizes, totals, take = [], [], Walk.take

    def watched(self, by, step, states):
        states, found = take(self, by, step, states)
        sizes.append(found.size)
        alive[id(found)] = found.size
        weakref.finalize(found, alive.pop, id(found))
        totals.append(sum(alive.values()))
        return states, found

    monkeypatch.setattr(Walk, "take", watched)
    gradient = Gradient("checkpointed") if memory is None else Gradient(memory=memory / 2**20)
    found = solve(system, system.initial_states(), [0.0, 20.0], method="rk4", step=0.1,
                  gradient=gradient)  # fmt: skip
    found.states["osc.theta"].sum().backward()
    step, most = max(sizes), max(totals)
    assert 2 * step <= most <= (20 * step if memory is None else memory + 2 * step)
    assert len(totals) == 200 * {None: 2, 3000: 3, 30_000: 2}[memory]


@pytest.mark.parametrize(("count", "memory"), [(100, 0), (100, 10**4), (7, 50), (2, 1)])
def test_marks_stand_apart_as_the_memory_says(count, memory):
    apart = discrete.steps_apart(count, memory, 1000, 10)
    assert 1 <= apart < count
    assert discrete.steps_apart(count, count * 1000, 1000, 10) == 0


def test_few_steps_and_what_it_cannot_do_are_left_to_autograd(used):
    system = build(KURAMOTO)
    states = system.initial_states()
    solve(system, states, [0.0, 0.2], method="rk4", step=0.1)
    torch.func.jacrev(lambda x: solve(system, {"osc.theta": x}, [0.0, 3.0], method="rk4", step=0.1)
                      .states["osc.theta"])(states["osc.theta"])  # fmt: skip
    with torch.no_grad():
        solve(system, states, [0.0, 3.0], method="rk4", step=0.1)
    assert used == [None, None, None]


def test_a_lost_number_is_told_as_ever():
    system = build("model m\npopulation p[2] { state x on real ~ normal(1, 0.1); learn a = 1\n"
                   "drift a*x^3 }\nsimulate { t 0 .. 1; method rk4; step 0.1 }")  # fmt: skip
    with pytest.raises(NumericalError) as caught:
        solve(system, system.initial_states(), [0.0, 2.0, 9.0], method="rk4", step=0.1)
    assert caught.value.diagnostics[0].code == "E603"


ADJOINT = {"dopri5": None, "bosh3": None, "midpoint": 0.02, "torchdiffeq.rk4": 0.05,
           "implicit_adams": 0.05}  # fmt: skip


@pytest.mark.parametrize("method", ADJOINT)
def test_the_adjoint_is_near_the_exact_gradient(method):
    system = build(KURAMOTO if method == "implicit_adams" else SPARSE)
    states = {n: x.requires_grad_() for n, x in system.initial_states().items()}
    found = []
    for gradient in (AUTOGRAD, Gradient("adjoint")):
        path = solve(system, states, [0.0, 0.4, 1.0], method=method, step=ADJOINT[method],
                     rtol=1e-6, gradient=gradient).states["osc.theta"]  # fmt: skip
        wanted = [*states.values(), *system.parameters()]
        found.append(torch.autograd.grad(path.sin().sum(), wanted))
    apart = [float((a - b).abs().max() / a.abs().max()) for a, b in zip(*found, strict=True)]
    assert 0 < max(apart) < 2e-3


@pytest.mark.parametrize(
    ("code", "method", "step", "gradient"),
    [
        ("E362", "rk4", 0.1, Gradient("backprop")),
        ("E362", "rk4", 0.1, Gradient(memory=0)),
        ("E363", "rk4", 0.1, Gradient("adjoint")),
        ("E363", "rodas5p", None, Gradient("checkpointed")),
        ("E363", "dopri5", None, Gradient("checkpointed")),
    ],
)
def test_what_does_not_fit_is_refused(code, method, step, gradient):
    system = build(KURAMOTO)
    with pytest.raises(SpecError) as caught:
        solve(system, system.initial_states(), [0.0, 1.0], method=method, step=step,
              gradient=gradient)  # fmt: skip
    assert caught.value.diagnostics[0].code == code
