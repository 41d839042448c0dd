"""What does not change during a solve: computed once, with the same values and gradients."""

from __future__ import annotations

import copy

import pytest
import torch

from dynattn.compilation import Compilation
from dynattn.diagnostics.report import Source
from dynattn.solve.solve import solve
from tests.lower.test_layer_cost import Watch

SPEC = """
model m
param N = 20, K = 1.5
learn alpha = 0.4
population osc[N] {
  state theta on circle ~ uniform(-3, 3)
  param omega ~ normal(0, 1)
  drift omega + 0.1*exp(-K)*cos(theta)
}
coupling pull: osc -> osc OVER { FORM; harmonics m in 1 .. 2; frustration alpha; strength K/N }
"""
OVER = {
    "everyone": ("", ""),
    "others": ("over everyone(N) without self", ""),
    "edges": ("over gnp_random_graph(n=N, p=0.5, seed=1)", "form edges"),
    "sparse": ("over gnp_random_graph(n=N, p=0.5, seed=1)", "form sparse"),
    "drawn": ("", "weight ~ normal(0, 1)"),
}


def built(kind: str, **settings):
    over, form = OVER[kind]
    text = SPEC.replace("OVER", over).replace("FORM; ", f"{form}; " if form else "")
    return Compilation(Source("m.dyn", text)).build(**settings)


def rate(system, theta):
    return system.rates(0.0, {"osc.theta": theta})["osc.theta"]


@pytest.mark.parametrize("kind", OVER)
def test_values_and_gradients_are_the_same(kind: str) -> None:
    system = built(kind)
    theta = system.initial_states()["osc.theta"].requires_grad_()
    wanted = [theta, *system.parameters()]
    plain = rate(system, theta)
    with system.held():
        once, again = rate(system, theta), rate(system, theta.detach())
    torch.testing.assert_close(once, plain, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(again, plain, rtol=1e-12, atol=1e-12)
    found = torch.autograd.grad(once.square().sum(), wanted, retain_graph=True)
    expected = torch.autograd.grad(plain.square().sum(), wanted)
    torch.testing.assert_close(found, expected, rtol=1e-11, atol=1e-11)


def test_what_depends_on_parameters_alone_is_done_at_the_entry() -> None:
    """No exponential, and no sine of the lag, in a right-hand side."""
    system = built("drawn")
    theta = system.initial_states()["osc.theta"]
    with torch.no_grad(), system.held(), Watch() as held:
        rate(system, theta)
    with torch.no_grad(), Watch() as plain:
        rate(system, theta)
    assert (plain.calls["exp"], plain.calls["sin"]) == (1, 2)
    assert (held.calls["exp"], held.calls["sin"], held.calls["cos"]) == (0, 1, 1)
    assert sum(held.calls.values()) < 0.75 * sum(plain.calls.values())


def test_afterwards_the_parameters_are_followed_again() -> None:
    system = built("everyone")
    theta = system.initial_states()["osc.theta"]
    before = rate(system, theta)
    with pytest.raises(ZeroDivisionError), system.held(), system.held():
        rate(system, theta)
        raise ZeroDivisionError
    with torch.no_grad():
        dict(system.named_parameters())["alpha"].fill_(1.0)
    assert not torch.allclose(rate(system, theta), before)


def test_a_solve_holds() -> None:
    """Four right-hand sides, and the exponential only once; afterwards nothing is held."""
    system = built("sparse")
    states = system.initial_states()
    with torch.no_grad(), Watch() as calls:
        solve(system, states, [0.0, 0.1], method="rk4", step=0.1)
    assert (calls.calls["exp"], calls.calls["sin"]) == (1, 5)
    rate(system, states["osc.theta"]).sum().backward()


def test_the_gradient_of_a_solve_is_that_of_its_steps() -> None:
    system = built("sparse")
    theta = system.initial_states()["osc.theta"]
    found = solve(system, {"osc.theta": theta}, [0.0, 0.3], method="rk4", step=0.1)
    ((alpha,),) = [[p for p in system.parameters()]]
    (slope,) = torch.autograd.grad(found.states["osc.theta"][-1].sum(), alpha)
    values = []
    for change in (1e-6, -1e-6):
        with torch.no_grad():
            alpha.add_(change)
        moved = solve(system, {"osc.theta": theta}, [0.0, 0.3], method="rk4", step=0.1)
        values.append(float(moved.states["osc.theta"][-1].detach().sum()))
        with torch.no_grad():
            alpha.sub_(change)
    assert float(slope) == pytest.approx((values[0] - values[1]) / 2e-6, rel=1e-6)


def test_a_copy_holds_numbers_of_its_own() -> None:
    system = built("others")
    single = copy.deepcopy(system).to(torch.float32)
    theta = system.initial_states()["osc.theta"]
    with single.held(), system.held():
        assert rate(single, theta.float()).dtype == torch.float32
        assert rate(system, theta).dtype == torch.float64


def test_many_points_at_once() -> None:
    """Batches of a parameter that is held."""
    system = built(
        "everyone",
    )
    theta = system.initial_states()["osc.theta"].expand(3, -1)
    with system.held():
        together = rate(system, theta)
        one = rate(system, theta[0])
    torch.testing.assert_close(together, one.expand(3, -1), rtol=1e-13, atol=1e-13)


@pytest.mark.filterwarnings("ignore:.*torch.jit.script.*:DeprecationWarning")
@pytest.mark.parametrize("transform", ["jvp", "vmap"])
def test_transforms_of_torch_go_through(transform: str) -> None:
    system = built("sparse")
    theta = system.initial_states()["osc.theta"]
    with system.held():
        if transform == "vmap":
            found = torch.func.vmap(lambda x: rate(system, x))(theta.expand(2, -1))
            torch.testing.assert_close(found[1], rate(system, theta))
            return
        found = torch.func.jvp(lambda x: rate(system, x), (theta,), (torch.ones_like(theta),))[1]
        jacobian = torch.autograd.functional.jacobian(lambda x: rate(system, x), theta)
        torch.testing.assert_close(found, jacobian.sum(1))  # pyright: ignore
