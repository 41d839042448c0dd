"""Random Lotka-Volterra communities (Jacquod, arXiv 2511.04327) against their theory, and real webs.

    python benchmarks/dynamics/ecology.py [--communities 3000] [--figure scaling.svg] [--webs FOLDER]

Prints what each claim is held against. With A of mean mu/S, deviation sigma/sqrt(S) and correlation
gamma of a_ij with a_ji, the fixed point (1 - A)^-1 1 has for large S, with
v = (1 - sqrt(1 - 4 gamma sigma^2)) / (2 gamma sigma^2),

    mean v / (1 - mu v),  variance mean^2 v^2 sigma^2 / (1 - v^2 sigma^2),
    eta = mean / sqrt(2 variance),  a share erfc(eta) / 2 below 0,

and the saturated equilibrium the share Phi(-D) extinct of the cavity method. The zero diagonal is
counted by sigma sqrt((S - 1) / S) / (1 + mu / S) for sigma.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log, sqrt
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, stats
from scipy.special import erfc

from benchmarks.classics.truth import Truth, shipped

Array = NDArray[np.float64]

SATURATED = """observe gone = count(n == 0)
simulate communities {{
  t 0 .. 1 every 1; start saturated; until equilibrium; repeat {repeat}; record final(gone)
}}"""
FIXED_POINT = """population species {{ state n on real ~ uniform(0.5, 1.5) }}
drop simulate, edge
observe extinct = count(n < 0)
simulate fixed {{
  t 0 .. 100; start equilibrium; until equilibrium; repeat {repeat}; record final(n), final(extinct)
}}"""
"""Where numbers may be below 0 the same law leads to (1 - A)^-1 1."""


@dataclass(frozen=True)
class Community:
    """The numbers of an ensemble, and what the theory says of it."""

    S: int = 100
    mu: float = 0.0
    sigma: float = 0.35
    gamma: float = 0.0

    @property
    def settings(self) -> dict[str, Any]:
        return {"S": self.S, "mu": self.mu, "sigma": self.sigma, "gamma": self.gamma}

    @property
    def width(self) -> float:
        """sigma, corrected for the zero diagonal."""
        return self.sigma * sqrt((self.S - 1) / self.S) / (1 + self.mu / self.S)

    @property
    def v(self) -> float:
        x = self.gamma * self.width**2
        return 1.0 if x == 0 else (1 - sqrt(1 - 4 * x)) / (2 * x)

    @property
    def mean(self) -> float:
        return self.v / (1 - self.mu * self.v)

    @property
    def variance(self) -> float:
        spread = (self.v * self.width) ** 2
        return self.mean**2 * spread / (1 - spread)

    @property
    def eta(self) -> float:
        return self.mean / sqrt(2 * self.variance)

    @property
    def share(self) -> float:
        """Of the fixed point below 0."""
        return erfc(self.eta) / 2

    def chance(self, n: int) -> float:
        """That n species are extinct."""
        return float(stats.binom.pmf(n, self.S, self.share))

    @property
    def cavity(self) -> float:
        """The share extinct in the saturated equilibrium, by the cavity method."""
        return cavity(self.width, self.gamma)


def cavity(sigma: float, gamma: float) -> float:
    """Phi(-D), with w0 = Phi(D), w2 = (1 + D^2) Phi(D) + D phi(D), b = sigma sqrt(w2) and
    b (1 - b) = gamma sigma^2 w0; of several D the largest.
    """

    def off(d: float) -> float:
        there, edge = stats.norm.cdf(d), stats.norm.pdf(d)
        b = sigma * sqrt((1 + d * d) * there + d * edge)
        return 1 - b - gamma * sigma**2 * there / b

    places = np.linspace(12, -2, 281)
    signs = np.sign([off(d) for d in places])
    last = int(np.argmax(signs != signs[0]))
    return float(stats.norm.cdf(-optimize.brentq(off, places[last], places[last - 1])))


def at_eta(eta: float, S: int, mu: float, gamma: float) -> Community:
    """The community whose theory has this eta: (v sigma)^2 = 1 / (1 + 2 eta^2), and v - 1 is gamma
    times that.
    """
    spread = 1 / (1 + 2 * eta**2)
    width = sqrt(spread) / (1 + gamma * spread)
    return Community(S, mu, width * (1 + mu / S) / sqrt((S - 1) / S), gamma)


def extinct(community: Community, repeat: int, seed: int = 0) -> Array:
    """[repeat]: how many species are absent from the saturated equilibria, which are exact."""
    spec = shipped("lotka_volterra", SATURATED.format(repeat=repeat), **community.settings)
    return spec.run("communities", seed=seed)["final(gone)"]


def fixed_points(community: Community, repeat: int) -> tuple[Array, Array]:
    """(1 - A)^-1 1 of so many draws [repeat, S], and how many of each are below 0 [repeat]."""
    spec = shipped("lotka_volterra", FIXED_POINT.format(repeat=repeat), **community.settings)
    found = spec.run("fixed", seed=0)
    return found["final(n)"], found["final(extinct)"]


# ── the claims, numbered as in the notes on the paper ──────────────────────────────────────────

ENSEMBLES = (
    Community(200, 0.0, 0.3), Community(200, -4.0, 0.3), Community(200, -1.0, 0.3, 0.5),
    Community(200, -1.0, 0.3, -1.0),
)  # fmt: skip
COUNTED = (Community(100, 0.0, 0.35), Community(100, -3.0, 0.35), Community(200, -3.0, 0.35))
COLLAPSED = (
    at_eta(1.5, 100, 0.0, 0.0), at_eta(1.5, 100, -3.0, 0.5), at_eta(1.5, 200, -1.0, -1.0),
    at_eta(1.5, 200, 0.5, 1.0), at_eta(2.0, 100, -6.0, -0.5), at_eta(2.0, 200, 0.0, 1.0),
)  # fmt: skip
THEORY = "arXiv 2511.04327, with sigma corrected for the zero diagonal"


def moments(repeat: int) -> list[Truth]:
    """1, 2 and 4: moments of the fixed points, and eta whatever mu."""
    found, etas = [], []
    for community in ENSEMBLES:
        n, _ = fixed_points(community, repeat)
        place = f"S {community.S}, mu {community.mu:g}, gamma {community.gamma:g}"
        few = max(1.0, sqrt(200 / repeat))
        for what, known, computed, margin in (
            ("mean", community.mean, n.mean(), 0.01 * community.mean * few),
            ("variance", community.variance, n.var(), 0.03 * community.variance * few),
            ("skewness", 0.0, stats.skew(n.ravel()), 0.05 * few),
            ("excess kurtosis", 0.0, stats.kurtosis(n.ravel()), 0.08 * few),
        ):
            found.append(Truth(f"{what}, {place}", known, float(computed), margin, THEORY))
        etas.append(float(n.mean() / sqrt(2 * n.var())) / community.eta)
    source = "eta does not depend on mu"
    return [*found, Truth("eta at mu = -4 over that at 0", 1.0, etas[1] / etas[0], 0.01, source)]


def chances(repeat: int) -> list[Truth]:
    """3: how often 0, 1, 2 species are below 0, and extinct."""
    found = []
    for community in COUNTED:
        place = f"S {community.S}, mu {community.mu:g}"
        lost = {"below 0": fixed_points(community, repeat)[1], "extinct": extinct(community, repeat)}
        for what, counts in lost.items():
            for n in (0, 1, 2):
                known = community.chance(n)
                margin = 3 * sqrt(known * (1 - known) / repeat) + 0.015
                share = float((counts == n).mean())
                found.append(Truth(f"P({n} {what}), {place}", known, share, margin, THEORY))
    return found


def collapse(repeat: int) -> list[Truth]:
    """5: the share extinct at equal eta, against the cavity value at the same gamma."""
    found = []
    for item in COLLAPSED:
        counts = extinct(item, repeat) / item.S
        margin = 3 * float(counts.std()) / sqrt(repeat) + 0.03 * item.cavity
        text = f"share extinct, eta {item.eta:.1f}, S {item.S}, mu {item.mu:g}, gamma {item.gamma:g}"
        found.append(Truth(text, item.cavity, float(counts.mean()), margin, "cavity method"))
    return found


def half_feasible(S: int, gamma: float, repeat: int) -> float:
    """sigma at which half of the communities keep all their species."""
    wanted = optimize.brentq(
        lambda s: (1 - Community(S, 0.0, s, gamma).share) ** S - 0.5, 0.1, 0.9 if gamma < 0 else 0.45
    )
    near = wanted * np.linspace(0.85, 1.15, 4)
    kept = [float((extinct(Community(S, 0.0, s, gamma), repeat) == 0).mean()) for s in near]
    slope, height = np.polyfit(near, kept, 1)
    return float((0.5 - height) / slope)


def feasibility(repeat: int) -> list[Truth]:
    """6: feasibility ends before stability, and the earlier the more species there are."""
    found = []
    for gamma in (-0.5, 0.0, 0.5):
        edges = [half_feasible(S, gamma, repeat) for S in (20, 100)]
        source = "sqrt(2 log S) of Bizeul and Najim, arXiv 1904.04559, to leading order"
        found.append(Truth(f"sigma of half feasible, S 100, gamma {gamma:g}", 1 / sqrt(2 * log(100)),
                           edges[1], 0.09, source))  # fmt: skip
        falls = float(edges[1] < edges[0] < 1 / (1 + gamma))
        text = f"falls with S and lies before stability, gamma {gamma:g}"
        found.append(Truth(text, 1.0, falls, 0.0, "claim of the paper"))
    return found


def by_growth(repeat: int, **settings: Any) -> list[Truth]:
    """7: integrated, those whose growth rate ends below 0 are those of the exact solution."""
    changes = SATURATED.format(repeat=repeat) + (
        f"\nsimulate {{ t 0 .. 5000; until equilibrium; repeat {repeat}; record final(n) }}"
        f"\nsimulate exact {{ t 0 .. 1 every 1; start saturated; until equilibrium; repeat {repeat};"
        " record final(n) }"
    )
    spec = shipped("lotka_volterra", changes, **settings)
    run, exact = spec.run("simulate", seed=0)["final(n)"], spec.run("exact", seed=0)["final(n)"]
    agree = float(((run < 1e-3) == (exact == 0)).all(-1).mean())
    apart = float(abs(run - exact).max())
    source = "the complementarity solution"
    return [
        Truth("communities with the same species extinct", 1.0, agree, 0.0, source),
        Truth("largest difference of an abundance", 0.0, apart, 1e-4, source),
    ]
