"""Collective decisions (arXiv 2606.11259) against closed forms and independent continuation.

    python -m benchmarks.dynamics.decisions
    python -m benchmarks.dynamics.decisions --timing
    python -m benchmarks.dynamics.decisions --figure docs/dynamics/decisions.svg

print every claim beside what the compiled spec gives, what the fold takes after import, and draw.
``n = 1`` is the model of one node a module, to which the network of identical agents reduces
exactly.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from math import asin, atan2, pi, sin, sqrt
from pathlib import Path
from typing import Any

import numpy as np
from scipy import optimize

import dynattn
from benchmarks.classics.truth import Truth, shipped
from benchmarks.dynamics.ring import NOTES, PRODUCT, RING, uninformed
from benchmarks.dynamics.thresholds import (
    any_friction,
    normal_form,
    own_network,
    ramps,
    smooth_contrast,
)

SPECS = Path(__file__).parent / "specs"
TWO, NODES = SPECS / "two_modules.dyn", SPECS / "uninformed_nodes.dyn"
DELAYED = "more dissipation, later"


def energy() -> list[Truth]:
    """1: it never rises."""
    found = []
    change = "simulate { t 0 .. 40 every 0.01; rtol 1e-10; start equilibrium at c = 0.3 }"
    for M, h, gamma in [(M, h, g) for M, h in ((6, 1.0), (4, 1.6)) for g in (0.5, 2.0, 5.0)]:
        E = uninformed(change, M=M, h=h, c=0.85, gamma=gamma).run("simulate")["E"]
        source = "dE/dt = -w' D w"
        rise = max(0.0, float(np.diff(E).max()))
        text = f"largest rise of the energy, {M} modules, gamma {gamma:g}"
        found.append(Truth(text, 0.0, rise, 1e-9, source))
    return found


def low_conflict() -> list[Truth]:
    """2: one equilibrium within the box of the preferences, and it is stable."""
    found = []
    for M, c in ((4, 0.32), (6, 0.29)):
        result = uninformed(M=M, c=c, h=1.6 if M == 4 else 1.0).equilibria(starts=20)
        box = pi * (M - 1) / M * c
        inside = [x for x in result.equilibria if np.abs(x.states["agent.theta"]).max() <= box]
        stable = float(sum(x.stable for x in inside))
        place, source = f"M {M}, c {c:g}", "V is convex there"
        count = float(len(inside))
        found.append(Truth(f"equilibria within the preferences, {place}", 1.0, count, 0.0, source))
        found.append(Truth(f"stable ones, {place}", 1.0, stable, 0.0, source))
    return found


def rates() -> list[Truth]:
    """3: the rate of return, from the eigenvalue 1.5220 of the Hessian of four modules."""
    found, known = [], {0.5: 0.25, 2.0: 1.0, 5.0: 0.3256}
    change = """population agent { state theta on circle = 0.02 * index }
    simulate { t 0 .. 40 every 0.1; rtol 1e-12; atol 1e-14; record theta }"""
    for gamma, rate in known.items():
        spec = uninformed(change, M=4, h=1.6, c=0.3, gamma=gamma)
        result = spec.run("simulate")
        rest = spec.equilibria(starts=1).equilibria[0].states["agent.theta"].ravel()
        apart = np.abs(result["theta"].reshape(len(result.times), -1) - rest).max(1)
        used = (apart > 1e-9) & (result.times > 12)
        slope = float(-np.polyfit(result.times[used], np.log(apart[used]), 1)[0])
        found.append(Truth(f"rate of return, gamma {gamma:g}", rate, slope, 0.01, "Hessian"))
    return found


def fold() -> list[Truth]:
    """4 and 5: where the compromise ends, whatever the dissipation."""
    found = []
    for gamma in (0.05, 1.0, 10.0):
        branch = uninformed(gamma=gamma).run("branch")
        first = next(point for point in branch.special if point.kind == "fold")
        text = f"fold of six modules, gamma {gamma:g}"
        found.append(Truth(text, RING, first.value, 1e-8, NOTES))
        if gamma == 1.0:
            near = int(np.argmin(np.abs(branch.values - first.value)))
            found.append(Truth("R at the fold", 0.696, float(branch["R"][near]), 0.004, NOTES))
            lower = [point.value for point in branch.special if point.kind == "fold"][1]
            found.append(Truth("fold where the polarised branch ends", 0.7496, lower, 1e-4, NOTES))
    after = uninformed("simulate { t 0 .. 400 every 1 }", c=RING + 0.002, gamma=3.0).run("simulate")
    found.append(Truth("R after the jump", 0.071, float(after["R"][-1]), 0.003, NOTES))
    agents = shipped("uninformed", n=4).run("branch").special[0]
    return [*found, Truth("fold of 24 agents", RING, agents.value, 1e-8, "exact reduction")]


def windows() -> list[Truth]:
    """Folds of six modules by the strength of preference; none in between regimes."""
    found = []
    for h, c in ((1.1, 0.831633), (1.2, 0.789667)):
        value = uninformed(h=h).run("branch").special[0].value
        found.append(Truth(f"fold of six modules, h {h:g}", c, value, 1e-6, NOTES))
    for M, h in ((4, 1.4), (4, 1.65), (5, 1.15), (5, 1.4), (6, 1.3)):
        first = uninformed(M=M, h=h).run("branch").special
        folds = sum(p.kind == "fold" for p in first)
        source = "the range with a true polarisation after it"
        found.append(Truth(f"a fold with {M} modules, h {h:g}", 1.0, float(folds > 0), 0.0, source))
    for M, h in ((4, 2.2), (5, 1.6), (6, 1.6)):
        folds = sum(p.kind == "fold" for p in uninformed(M=M, h=h).run("branch").special)
        found.append(Truth(f"folds of {M} modules, h {h:g}", 0.0, float(folds), 0.0, NOTES))
    for M, h in ((6, 0.3), (6, 0.9), (5, 1.0), (4, 1.0), (4, 1.3)):
        first = (
            uninformed("continue branch { drop detect; c = 0 .. 1.3 }", M=M, h=h)
            .run("branch")
            .special[0]
        )
        text = f"loss of stability, not by a fold, {M} modules, h {h:g}"
        smooth = first.value if first.kind != "fold" else float("nan")
        found.append(Truth(text, _unstable_from(M, h), smooth, 1e-7, "SciPy: fsolve, brentq"))
    return found


def _unstable_from(M: int, h: float) -> float:
    """Where the smallest eigenvalue of the Hessian of the reduced model passes 0."""
    fan = 2 * pi / M * (np.arange(M) - (M - 1) / 2)
    state: Any = np.zeros(M)

    def slope(theta: Any, c: float) -> Any:
        pulls = np.sin(theta - np.roll(theta, 1)) + np.sin(theta - np.roll(theta, -1))
        return pulls + h * np.sin(theta - c * fan)

    def smallest(c: float) -> float:
        nonlocal state
        state = optimize.root(slope, state, (c,), tol=1e-12).x
        beside = -np.cos(state - np.roll(state, 1))
        hessian = np.diag(h * np.cos(state - c * fan) - beside - np.roll(beside, -1))
        for i in range(M):
            hessian[i, i - 1] += beside[i]
            hessian[i - 1, i] += beside[i]
        return float(np.linalg.eigvalsh(hessian)[0])

    places = np.arange(0.0, 1.3, 0.01)
    last = next(k for k, c in enumerate(places) if smallest(c) < 0)
    found: Any = optimize.brentq(smallest, places[last - 1], places[last], xtol=1e-11)
    return float(found)


def two_modules() -> list[Truth]:
    """h sin(phi - x) = k sin 2x; pitchforks for h < k, folds for k < h < 2k."""
    found = []
    for h in (0.3, 0.6, 0.9, 1.05, 1.2, 1.5, 1.8, 1.95):
        kind = "branch_point" if h < 1 else "fold"
        point = next(p for p in dynattn.load(TWO, h=h).run("branch").special if p.kind == kind)
        if h < 1:
            known = pi / 2 + asin(h) / 2
        else:
            x = np.arccos(-sqrt((h**2 - 1) / 3)) / 2
            known = float(x + atan2(sin(2 * x), -2 * np.cos(2 * x)))
        text = f"{kind} of two modules, h {h:g}"
        found.append(Truth(text, known, point.value, 1e-5, "closed form"))
    return found


ESCAPES = {  # (gamma, c - c*): time, by DOP853
    (1.0, 1e-4): 157.59, (1.0, 1e-3): 52.19, (3.0, 1e-4): 452.37, (3.0, 1e-3): 141.99,
    (10.0, 1e-4): 1498.8, (10.0, 1e-3): 466.53,
}  # fmt: skip


def escapes() -> list[Truth]:
    """6: the ghost of the fold holds the state for a time ~ gamma (c - c*)^(-1/2)."""
    change = """drop conflict
    sweep escape {
      drop crowd; c = branch.fold.c + [1e-4, 1e-3]; gamma = [1, 3, 10]
      t 0 .. 2000 every 1; start at branch.fold; record time when R < 0.384
    }"""
    result = uninformed(change).run("escape")
    times = np.squeeze(next(iter(result.measured.values())))
    found = []
    for row, mu in enumerate((1e-4, 1e-3)):
        for column, gamma in enumerate((1.0, 3.0, 10.0)):
            known, value = ESCAPES[gamma, mu], float(times[row, column])
            text = f"escape, gamma {gamma:g}, c - c* {mu:g}"
            found.append(Truth(text, known, value, 0.005 * known, "SciPy, DOP853"))
    formula = pi / 2 * 10 / sqrt(PRODUCT * 1e-4)
    slope = float(np.log10(times[1, 2] / times[0, 2]))
    return [
        *found,
        Truth("escape over its formula, gamma 10", 1.0, float(times[0, 2]) / formula, 0.02,
              "(pi/2) gamma / sqrt(alpha beta mu)"),
        Truth("exponent of the escape time, gamma 10", -0.5, slope, 0.02, "passage of a ghost"),
    ]  # fmt: skip


HORIZON = 200.0
"""How long one waits for the decision."""


def onset(gamma: float, factors: Any = (0.7, 0.8, 0.9, 1.0, 1.1, 1.2, 1.3)) -> float:
    """c - c* at which the decision is seen within the horizon; sought at these multiples of
    (pi gamma / 2 T)^2 / (alpha beta), which holds while it is small.
    """
    shift = (pi * gamma / (2 * HORIZON)) ** 2 / PRODUCT
    change = f"""drop conflict
    sweep escape {{
      drop crowd; c = branch.fold.c + {shift:.6g} * [{", ".join(map(str, factors))}]
      gamma = {gamma:g}; t 0 .. 600 every 1; start at branch.fold; record time when R < 0.384
    }}"""
    times = np.squeeze(next(iter(uninformed(change).run("escape").measured.values())))
    late = np.where(np.isnan(times), np.inf, times)
    return float(np.interp(-HORIZON, -late, factors)) * shift


def observed_onset() -> list[Truth]:
    """7: within a horizon of 200 the decision is seen at larger c the more dissipation there is."""
    known = {1.0: 6.1e-5, 3.0: 5.08e-4, 10.0: 5.10e-3}
    found, before = [], 0.0
    for gamma, shift in known.items():
        at = onset(gamma)
        text = f"shift of the observed onset, gamma {gamma:g}"
        found.append(Truth(text, shift, at, 0.02 * shift, "SciPy, DOP853"))
        found.append(
            Truth(f"more than before, gamma {gamma:g}", 1.0, float(at > before), 0, DELAYED)
        )
        before = at
    return found


def numbers_of_uninformed() -> list[Truth]:
    """8: tau grows with the uninformed as v' D v does, and the fold stays where it is."""
    change = """drop conflict
    sweep escape {
      drop crowd; c = branch.fold.c + 1e-4
      t 0 .. 2000 every 1; start at branch.fold; record time when R < 0.384
    }"""
    found, last = [], 0.0
    for crowd in (0, 24, 96):
        spec = shipped("uninformed", change, n=4, gamma=3.0, crowd=crowd)
        first = spec.run("branch").special[0]
        system = spec.build()
        contacts = system.get_buffer("agent.contacts").numpy().ravel()
        null = first.null[: len(contacts)]  # phases stand before their velocities
        damping = float((null**2 * (3.0 + 0.5 * contacts)).sum() / (null**2).sum())
        tau = float(np.squeeze(next(iter(spec.run("escape").measured.values()))))
        formula = pi / 2 * damping / sqrt(PRODUCT * 1e-4)
        found.append(Truth(f"escape, {crowd} uninformed", formula, tau, 0.1 * formula,
                           "(pi/2) v'Dv / sqrt(alpha beta mu)"))  # fmt: skip
        found.append(Truth(f"fold, {crowd} uninformed", RING, first.value, 1e-8, NOTES))
        found.append(Truth(f"later than before, {crowd}", 1.0, float(tau > last), 0.0, DELAYED))
        last = tau
    return found


def as_nodes() -> list[Truth]:
    """Uninformed that are nodes of the graph move the fold, and from a small tie on remove it."""
    folds = {}
    for tie in (0.001, 0.01):
        special = dynattn.load(NODES, n=1, tie=tie).run("branch").special
        folds[tie] = [point.value for point in special if point.kind == "fold"]
    source = "Newton's method on the extended system, SciPy"
    return [
        Truth("fold with six nodes, tie 0.001", _fold_with_nodes(0.001), folds[0.001][0], 1e-7,
              source),
        Truth("folds with six nodes, tie 0.01", 0.0, float(len(folds[0.01])), 0.0, "branch"),
    ]  # fmt: skip


def _fold_with_nodes(tie: float) -> float:
    """Of modules at -z, -y, -x, x, y, z and six nodes at 0: slope 0 and its derivative singular."""
    fan = 2 * pi / 6 * np.array([0.5, 1.5, 2.5])

    def slope(x: Any, c: float) -> Any:
        beside = np.concatenate([[-x[0]], x, [-x[2]]])
        near = np.sin(x - beside[:3]) + np.sin(x - beside[2:])
        return near + np.sin(x - c * fan) + 6 * tie * np.sin(x)

    def extended(u: Any) -> Any:
        x, v, c = u[:3], u[3:6], u[6]
        bend = (slope(x + 1e-6 * v, c) - slope(x - 1e-6 * v, c)) / 2e-6
        return np.concatenate([slope(x, c), bend, [v @ v - 1]])

    begin = np.array([0.356947, 0.925537, 0.988902, 0.09, 0.37, 0.92, 0.905])
    found: Any = optimize.root(extended, begin, tol=1e-12).x
    return float(found[6])


CLAIMS: tuple[Callable[[], list[Truth]], ...] = (
    energy, low_conflict, rates, fold, normal_form, any_friction, windows, smooth_contrast,
    two_modules, escapes, observed_onset, ramps, numbers_of_uninformed, own_network, as_nodes,
)  # fmt: skip


def draw(place: Path) -> None:
    """The branches of six modules, with uninformed nodes beside, and the observed onsets."""
    from dynattn.present.figure import new_figure, style

    with style():
        figure = new_figure(10.0, 4.2)
        left, right = figure.subplots(1, 2)
        with_nodes = dynattn.load(NODES, n=1, tie=0.003)
        _branch(left, uninformed().run("branch"), "six modules", "#1f4e79", (-46, -4))
        _branch(left, with_nodes.run("branch"), "and six nodes, tie 0.003", "#c0504d", (6, 4))
        left.set(xlabel="conflict $c$", ylabel="order parameter $R$", ylim=(0, 1.02))
        left.legend(loc="lower left")
        gammas = np.array([1.0, 2.0, 3.0, 5.0, 10.0, 20.0])
        seen = [onset(gamma, (0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1, 1.1, 1.2)) for gamma in gammas]
        right.loglog(gammas, seen, "o", mfc="none", label=f"seen within t = {HORIZON:g}")
        formula = (pi * gammas / (2 * HORIZON)) ** 2 / PRODUCT
        right.loglog(gammas, formula, label=r"$(\pi\gamma/2T)^2/\alpha\beta$")
        right.set(xlabel=r"dissipation $\gamma$", ylabel="observed onset, $c - c^*$")
        right.legend()
        figure.savefig(place)


def _branch(axes: Any, branch: Any, label: str, colour: str, beside: tuple[int, int]) -> None:
    """Stable parts whole, unstable ones dashed, folds as points with their place."""
    stable = np.asarray(branch.stable, dtype=bool)
    c, R = np.asarray(branch.values), np.asarray(branch["R"])
    axes.plot(c, np.where(stable, R, np.nan), color=colour, label=label)
    axes.plot(c, np.where(~stable, R, np.nan), "--", color=colour, lw=1)
    for point in branch.special:
        if point.kind == "fold":
            at = float(R[int(np.argmin(np.abs(c - point.value)))])
            axes.plot([point.value], [at], "o", color=colour)
            axes.annotate(f"{point.value:.4f}", (point.value, at), xytext=beside,
                          textcoords="offset points", color=colour)  # fmt: skip


def main() -> None:
    """Print every claim; exit with 1 where one does not hold."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--figure", type=Path, help="draw branches and onsets there instead")
    parser.add_argument("--timing", action="store_true", help="tell what the fold takes instead")
    asked = parser.parse_args()
    if asked.timing:
        start = time.process_time()
        value = uninformed().run("branch").special[0].value
        print(f"fold of six modules, {value:.10f}: CPU {time.process_time() - start:.2f} s")
        return
    if asked.figure is not None:
        draw(asked.figure)
        print(asked.figure)
        return
    held = True
    for claim in CLAIMS:
        start = time.process_time()
        for truth in claim():
            held = held and truth.holds
            mark = "  " if truth.holds else "no"
            print(f"{mark} {truth.quantity}: {truth.expected:.8g} | {truth.computed:.8g} "
                  f"(within {truth.tolerance:.2g}; {truth.source})", flush=True)  # fmt: skip
        print(f"{claim.__name__}: CPU {time.process_time() - start:.1f} s\n")
    raise SystemExit(0 if held else 1)


if __name__ == "__main__":
    main()
