"""The fold of a compromise: its normal form, ramps through it, networks of one's own."""

from __future__ import annotations

from math import pi, sqrt
from typing import Any

import numpy as np
from scipy import optimize

from benchmarks.classics.truth import Truth
from benchmarks.dynamics.ring import LOST, NOTES, RING, Fold, fold_of, forces, hessian, uninformed

DRAG = """drop E
param drag = 1.0
coupling heed: agent -> agent over modules { kernel theta[j]' - theta[i]'; strength drag }"""
"""Friction between neighbours: a Laplacian of velocities."""

AGENTS = """population agent[modules] {{
  state theta on circle = 0
  param prefer   = 2*pi/M * (module - (M - 1)/2)
  param contacts ~ multinomial(crowd)
  {own}
  inertia 1
  dissipation gamma + gamma_u * contacts
  energy {energy}
}}"""
RAMP = (
    "drop conflict, E\nparam speed = 1e-3\n"
    + AGENTS.format(own="", energy="-h * cos(theta - (c + speed * relu(t - 40*gamma)) * prefer)")
    + """
sweep escape {
  drop crowd; c = [0.75]; t 0 .. END every 0.5
  record time when R < 0.384
}"""
)
"""The conflict grows from 0.75 on, once the compromise is reached."""
OWN = (
    "drop conflict\nparam wire = 0.02\n"
    + AGENTS.format(
        own="param own ~ uniform(0.9, 1.1)", energy="-h * own * cos(theta - c * prefer)"
    )
    + """
coupling gossip: agent -> agent over gnp_random_graph(n=M*n, p=0.1, seed=1) {
  energy -cos(theta[j] - theta[i]); strength wire
}"""
)
"""Preferences that differ in strength, and some links at random."""


def normal_form() -> list[Truth]:
    """4: a fold, with its coefficients, and the square root by which the Hessian gets there."""
    fold = fold_of()
    found = [
        Truth("smallest eigenvalue of the Hessian at the fold", 0.0, fold.hessian[0], 1e-9, NOTES),
        Truth("the second one", 0.565034, fold.hessian[1], 1e-6, NOTES),
        Truth("alpha of the normal form", 1.441131, fold.alpha, 1e-5, NOTES),
        Truth("beta of the normal form", 0.753749, fold.beta, 1e-5, NOTES),
    ]
    rates = [_beside(fold, shift) for shift in (1e-4, 1e-6)]
    slope = float(np.log10(rates[0] / rates[1])) / 2
    found.append(Truth("exponent of the smallest eigenvalue", 0.5, slope, 0.005, "normal form"))
    branch = uninformed().run("branch")
    united = np.asarray(branch["R"]) > 0.5
    for shift, count in ((-1e-3, 2), (1e-3, 0)):
        passed = np.diff(np.sign(np.asarray(branch.values) - RING - shift)) != 0
        text = f"compromises at c* {shift:+g}"
        crossings = float((passed & united[1:]).sum())
        found.append(Truth(text, float(count), crossings, 0.0, "a fold"))
    return found


def _beside(fold: Fold, shift: float) -> float:
    """The smallest eigenvalue on the compromise at c* - shift."""
    spec = uninformed(c=fold.value - shift)
    first = fold.theta - sqrt(fold.alpha * shift / fold.beta) * fold.null * _side(fold)
    rest: Any = optimize.root(lambda x: forces(spec, x), first, tol=1e-13).x
    return float(hessian(spec, rest)[0])


def _side(fold: Fold) -> float:
    """Which way along the null vector phases drift apart."""
    return float(np.sign(fold.null @ fold.theta))


def any_friction() -> list[Truth]:
    """5: friction between neighbours leaves the fold where it is."""
    found = []
    for drag in (0.5, 5.0):
        value = uninformed(DRAG, drag=drag).run("branch").special[0].value
        text = f"fold with friction {drag:g} between neighbours"
        found.append(Truth(text, RING, value, 1e-8, NOTES))
    return found


SPEED = 1e-3
RAMPS = {1.0: 0.02431, 3.0: 0.04503, 10.0: 0.09749}
"""By dissipation: c - c* when it is seen under a ramp of that speed, by DOP853."""


def ramps() -> list[Truth]:
    """7: under a slow ramp too it is seen the later the more dissipation there is."""
    found, seen = [], {}
    for gamma, known in RAMPS.items():
        end = 40 * gamma + (RING - 0.75 + 1.3 * known) / SPEED
        spec = uninformed(RAMP.replace("END", f"{end:g}"), gamma=gamma, speed=SPEED)
        when = float(np.squeeze(next(iter(spec.run("escape").measured.values()))))
        shift = seen[gamma] = 0.75 + SPEED * (when - 40 * gamma) - RING
        text = f"observed onset under a ramp of {SPEED:g}, gamma {gamma:g}"
        found.append(Truth(text, known, shift, 0.01 * known, "SciPy, DOP853"))
    slope = float(np.log(seen[10.0] / seen[3.0]) / np.log(10 / 3))
    text = "its exponent in gamma, from 3 to 10"
    return [*found, Truth(text, 0.625, slope, 0.075, "2/3 for slow ramps")]


def smooth_contrast() -> list[Truth]:
    """Weak preferences in a ring: they part without a jump of the order parameter."""
    start = AGENTS.format(own="", energy="-h * cos(theta - c * prefer)").replace(
        "circle = 0", "circle ~ normal(0, 0.02)"
    )
    end = "simulate { t 0 .. 1000 every 100 }"
    found = []
    for h, low, high, jumps in ((0.6, 1.0, 1.06, 0.0), (1.6, 0.9, 0.912, 1.0)):
        R = [float(uninformed(f"{start}\n{end}", M=4, h=h, c=c).run("simulate", seed=1)["R"]
                   [-1]) for c in (low, high)]  # fmt: skip
        text = f"R jumps between c = {low:g} and {high:g}, 4 modules, h {h:g}"
        jumped = float(abs(R[1] - R[0]) > 0.1)
        found.append(Truth(text, jumps, jumped, 0.0, "no fold below h = 1.3"))
    return found


def own_network() -> list[Truth]:
    """8: on a network of one's own the delay grows with the number of uninformed as v' D v."""
    fold = fold_of(OWN, n=4)
    found = []
    for crowd in (0, 24, 96):
        settings = {"n": 4, "gamma": 3.0, "crowd": crowd}
        escape = f"""simulate {{ t 0 .. 2500 every 1 }}
        sweep escape {{
          drop crowd; c = branch.fold.c + 1e-4
          t 0 .. 2500 every 1; start at branch.fold; record time when R < {LOST}
        }}"""
        spec = uninformed(f"{OWN}\n{escape}", **settings)
        contacts = spec.build().get_buffer("agent.contacts").numpy().ravel()
        damping = float((fold.null**2 * (3.0 + 0.5 * contacts)).sum())
        formula = pi / 2 * damping / sqrt(fold.alpha * fold.beta * 1e-4)
        tau = float(np.squeeze(next(iter(spec.run("escape").measured.values()))))
        text = f"escape on a network of one's own, {crowd} uninformed"
        found.append(Truth(text, formula, tau, 0.1 * formula, "(pi/2) v'Dv / sqrt(alpha beta mu)"))
        value = spec.run("branch").special[0].value
        found.append(Truth(f"its fold, {crowd} uninformed", fold.value, value, 1e-8, NOTES))
    return found
