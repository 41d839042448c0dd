"""Small specs with known results."""

from __future__ import annotations

from dynattn.compilation import Compilation
from dynattn.diagnostics.report import Source

KURAMOTO = """
model small
param N = 12
param K = 1.0 in 0 .. 10
graph net = watts_strogatz_graph(n=N, k=4, p=0.3{seed})
population osc[N] {{
  state theta on circle ~ uniform(-pi, pi)
  param omega ~ normal(0, 0.5)
  drift omega
}}
coupling pull: osc -> osc over net {{ strength K; normalize degree }}
observe r = order(theta)
observe w = cos(t) * r
simulate {{ t 0 .. 5 every 0.5; rtol 1e-8 }}
sweep transition {{ K = 0 .. 2 by 0.5; repeat 3; record average(r) after 2 }}
sweep line {{ K = [0.5, 1.5]; record r, final(theta) }}
sweep sizes {{ N = [8, 12]; K = [0.5, 1.0]; record final(r) }}
sweep nodes {{ N = [8, 12]; record final(theta) }}
sweep everything {{ repeat 2 }}
"""


def compiled(text: str, **overrides) -> Compilation:
    return Compilation(Source("small.dyn", text), overrides)


def kuramoto(seed: str = ", seed=1", **overrides) -> Compilation:
    return compiled(KURAMOTO.format(seed=seed), **overrides)


SPHERE = """
model sphere_pair
population p[2] { state x on sphere(3) }
coupling pull: p -> p
observe r = order(x)
simulate { t 0 .. 3 every 0.5; rtol 1e-9 }
"""

RUNAWAY = """
model runaway
param a = 1.0
population p[3] {
  state x on real = 1
  drift a * x^2
}
observe m = mean(x)
simulate { t 0 .. 2 every 0.5 }
sweep s { a = [0.1, 0.2, 1.0]; record final(m) }
"""
