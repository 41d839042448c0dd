"""What becomes of the oscillations that begin at a Hopf point: the first Lyapunov coefficient."""

from __future__ import annotations

import torch
from torch import Tensor

from dynattn.solve.charts import Chart
from dynattn.solve.sheets import Linearization

ROUNDS = 3
"""Of inverse iteration."""


def lyapunov_coefficient(here: Linearization, omega: float) -> float | None:
    """l1 at an equilibrium with the eigenvalues +-i omega: below 0 the orbits that begin there are
    stable (supercritical), above 0 they are not; None where it is not finite.

    With A q = i omega q, p*.A = i omega p*, |q| = p*.q = 1 and the derivatives B and C of the rates
    l1 = Re p*.(C(q, q, q') - 2 B(q, inv(A) B(q, q')) + B(q', inv(2 i omega - A) B(q, q)))/2 omega
    (Kuznetsov, Elements of Applied Bifurcation Theory, 2004, 5.4), q' the conjugate of q. Drifts
    along symmetries are further unknowns, without rates of their own.
    """
    chart, omega = Chart(here), abs(omega)
    with torch.no_grad():
        own = torch.arange(chart.size, device=here.rates.device) < here.m
        turn = torch.diag(1j * omega * own.to(here.rates.dtype))
        once, double = here.bordered - turn, here.bordered - 2 * turn
        q, p = _kernel(once, here.m), _kernel(once.mH, here.m)
        p = p / (p.conj() * q)[: here.m].sum().conj()
        parts = torch.stack([q.real, q.imag])
        (aa, ab), (_, bb) = chart.slopes(parts, parts)
        mean = -torch.linalg.solve_ex(here.bordered, aa + bb)[0]
        twice = -torch.linalg.solve_ex(double, aa - bb + 2j * ab)[0]
        others = torch.stack([mean, twice.real, twice.imag])
        (am, ac, ad), (bm, bc, bd) = chart.slopes(parts, others)
        ((aaa, aab), (_, abb)), (_, (_, bbb)) = chart.slopes(parts, parts, parts)
        third = aaa + abb + 1j * (aab + bbb) + 2 * (am + 1j * bm) + ac + bd + 1j * (ad - bc)
        found = float((p.conj() @ third).real) / (2 * omega)
    return found if abs(found) < float("inf") else None


def _kernel(matrix: Tensor, m: int) -> Tensor:
    """The vector that a nearly singular matrix takes to 0, with a unit part [m]."""
    factors, pivots, _ = torch.linalg.lu_factor_ex(matrix)
    diagonal = factors.diagonal()
    least = torch.finfo(matrix.real.dtype).eps * diagonal.abs().max()
    diagonal += torch.where(diagonal.abs() < least, least, 0.0)
    found = torch.ones_like(matrix[:, 0])
    for _ in range(ROUNDS):
        found = torch.linalg.lu_solve(factors, pivots, (found / found.norm())[:, None])[:, 0]
    return found / found[:m].norm()
