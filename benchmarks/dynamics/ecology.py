"""Random Lotka-Volterra communities against their theory (Jacquod, arXiv 2511.04327), real webs.

    python -m benchmarks.dynamics.ecology --communities 3000 [--only moments chances ..]
    python -m benchmarks.dynamics.ecology --timing
    python -m benchmarks.dynamics.ecology --figure docs/dynamics/extinctions.svg --webs FOLDER

The first prints what each claim is held against, the second what the exact solver takes for so many
communities; the third draws the share of species that die out over eta, in random communities and
on the webs of FOLDER, where the files of ``real_webs`` are, and prints how far webs are from the
theory, as measured and with their links drawn at random.

With A of mean mu/S, deviation sigma/sqrt(S) and correlation gamma of a_ij with a_ji, the fixed
point (1 - A)^-1 1 has for large S, with v = (1 - sqrt(1 - 4 gamma sigma^2)) / (2 gamma sigma^2),

    mean v / (1 - mu v),  variance mean^2 v^2 sigma^2 / (1 - v^2 sigma^2),
    eta = mean / sqrt(2 variance),  a share erfc(eta) / 2 below 0,

and the saturated equilibrium the share Phi(-D) extinct of the cavity method. The zero diagonal is
counted by sigma sqrt((S - 1) / S) / (1 + mu / S) for sigma.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass
from math import log, sqrt
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, stats
from scipy.special import erfc, erfcinv

from benchmarks.classics.truth import Truth, shipped
from benchmarks.dynamics.real_webs import Measured, Web, measured, read_webs, rewired
from dynattn.diagnostics.report import NumericalError

Array = NDArray[np.float64]

SATURATED = """drop simulate, edge
simulate communities {{
  t 0 .. 1; start saturated; until equilibrium; repeat {repeat}; record final({recorded})
}}"""
FIXED_POINT = """population species {{ state n on real ~ uniform(0.5, 1.5) }}
drop simulate, communities, edge
observe extinct = count(n < 0)
simulate fixed {{
  t 0 .. 100; start equilibrium; until equilibrium; repeat {repeat}; record final(n), final(extinct)
}}"""
"""Where numbers may be below 0 the same law leads to (1 - A)^-1 1."""
LOST = "final(n^2 <= -n')"
"""By species, as the spec counts them: of n and the growth rate one ends at 0."""


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
        return float(erfc(self.eta)) / 2

    def chance(self, n: int) -> float:
        """That n species are extinct."""
        return float(stats.binom.pmf(n, self.S, self.share))

    @property
    def cavity(self) -> float:
        """The share extinct in the saturated equilibrium, by the cavity method."""
        return cavity(self.width, self.gamma)


def root(function: Callable[[float], float], first: float, last: float) -> float:
    """Where the function is 0, between two places where it has different signs."""
    found: Any = optimize.brentq(function, first, last)
    return float(found)


def cavity(sigma: float, gamma: float) -> float:
    """Phi(-D), with w0 = Phi(D), w2 = (1 + D^2) Phi(D) + D phi(D), b = sigma sqrt(w2) and
    b (1 - b) = gamma sigma^2 w0; of several D the largest.
    """

    def off(d: float) -> float:
        there, edge = stats.norm.cdf(d), stats.norm.pdf(d)
        b = sigma * sqrt((1 + d * d) * there + d * edge)
        return float(1 - b - gamma * sigma**2 * there / b)

    places = np.linspace(12, -2, 281)
    signs = np.sign([off(d) for d in places])
    last = int(np.argmax(signs != signs[0]))
    return float(stats.norm.cdf(-root(off, places[last], places[last - 1])))


def at_eta(eta: float, S: int, mu: float, gamma: float) -> Community:
    """The community whose theory has this eta: (v sigma)^2 = 1 / (1 + 2 eta^2), and v - 1 is gamma
    times that.
    """
    spread = 1 / (1 + 2 * eta**2)
    width = sqrt(spread) / (1 + gamma * spread)
    return Community(S, mu, width * (1 + mu / S) / sqrt((S - 1) / S), gamma)


def extinct(community: Community, repeat: int, seed: int = 0) -> Array:
    """[repeat]: how many species are absent from the saturated equilibria, which are exact."""
    text = SATURATED.format(repeat=repeat, recorded="extinct")
    spec = shipped("lotka_volterra", text, **community.settings)
    return spec.run("communities", seed=seed)["final(extinct)"]


def fixed_points(community: Community, repeat: int) -> tuple[Array, Array]:
    """(1 - A)^-1 1 of so many draws [repeat, S], and how many of each are below 0 [repeat]."""
    spec = shipped("lotka_volterra", FIXED_POINT.format(repeat=repeat), **community.settings)
    found = spec.run("fixed", seed=0)
    return found["final(n)"], found["final(extinct)"]


# ── the claims ─────────────────────────────────────────────────────────────────────────────────

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
    """3: how often 0, 1, 2 species are extinct, and in a third of the draws below 0."""
    found = []
    for community in COUNTED:
        place = f"S {community.S}, mu {community.mu:g}"
        lost = {
            "extinct": extinct(community, repeat),
            "below 0": fixed_points(community, max(20, repeat // 3))[1],
        }
        for what, counts in lost.items():
            for n in (0, 1, 2):
                known = community.chance(n)
                margin = 3 * sqrt(known * (1 - known) / len(counts)) + 0.015
                share = float((counts == n).mean())
                found.append(Truth(f"P({n} {what}), {place}", known, share, margin, THEORY))
    return found


def collapse(repeat: int) -> list[Truth]:
    """5: the share extinct at equal eta, against the cavity value at the same gamma."""
    found = []
    for item in COLLAPSED:
        counts = extinct(item, repeat) / item.S
        margin = 3 * float(counts.std()) / sqrt(repeat) + 0.03 * item.cavity
        text = (
            f"share extinct, eta {item.eta:.1f}, S {item.S}, mu {item.mu:g}, gamma {item.gamma:g}"
        )
        found.append(Truth(text, item.cavity, float(counts.mean()), margin, "cavity method"))
    return found


def half_feasible(S: int, gamma: float, repeat: int) -> float:
    """sigma at which half of the communities keep all their species."""
    share = 1 - 0.5 ** (1 / S)
    wanted = at_eta(float(erfcinv(2 * share)), S, 0.0, gamma).sigma
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
        known = 1 / sqrt(2 * log(100))
        text = f"sigma of half feasible, S 100, gamma {gamma:g}"
        found.append(Truth(text, known, edges[1], 0.09, source))
        falls = float(edges[1] < edges[0] < 1 / (1 + gamma))
        text = f"falls with S and lies before stability, gamma {gamma:g}"
        found.append(Truth(text, 1.0, falls, 0.0, "claim of the paper"))
    return found


def by_growth(repeat: int, **settings: Any) -> list[Truth]:
    """7: integrated, those whose growth rate ends below 0 are those of the exact solution."""
    exact = SATURATED.format(repeat=repeat, recorded="n")
    run = f"simulate {{ t 0 .. 5000; until equilibrium; repeat {repeat}; record final(n), LOST }}"
    changes = f"{exact}\n{run.replace('LOST', LOST)}"
    spec = shipped("lotka_volterra", changes, **settings)
    found, n = spec.run("simulate", seed=0), spec.run("communities", seed=0)["final(n)"]
    agree = float((found[LOST].astype(bool) == (n == 0)).all(-1).mean())
    apart = float(abs(found["final(n)"] - n).max())
    source = "the complementarity solution"
    return [
        Truth("communities with the same species extinct", 1.0, agree, 0.0, source),
        Truth("largest difference of an abundance", 0.0, apart, 1e-4, source),
    ]


CLAIMS: dict[str, tuple[Callable[[int], list[Truth]], float]] = {
    "moments": (moments, 1 / 15), "chances": (chances, 1.0), "collapse": (collapse, 0.1),
    "feasibility": (feasibility, 1 / 15), "by growth": (by_growth, 1 / 30),
}  # fmt: skip
"""By name: what computes it, and the part of all communities that it takes."""


def timed(communities: int) -> None:
    """Print what the exact solver takes for so many communities of 100 species."""
    extinct(Community(), 1)
    start = time.process_time()
    extinct(Community(), communities)
    took = time.process_time() - start
    print(f"{communities} communities of 100 species by the exact solver: CPU {took:.1f} s")


def tell(communities: int, names: list[str]) -> bool:
    """Print these claims with what is known and what was computed; whether all hold."""
    held = True
    for name in names:
        claim, part = CLAIMS[name]
        start = time.process_time()
        repeat = max(20, int(communities * part))
        for truth in claim(repeat):
            held = held and truth.holds
            mark = "  " if truth.holds else "no"
            print(f"{mark} {truth.quantity}: {truth.expected:.5f} | {truth.computed:.5f} "
                  f"(within {truth.tolerance:.2g})", flush=True)  # fmt: skip
        print(f"{name}: {repeat} communities each, CPU {time.process_time() - start:.0f} s\n")
    return held


# ── the figure ─────────────────────────────────────────────────────────────────────────────────

ETAS = (0.8, 1.0, 1.2, 1.5, 1.8, 2.1)
DRAWN = ((100, 0.0, -1.0), (100, -3.0, 0.0), (200, 0.0, 0.0), (100, 0.0, 0.5), (200, -1.0, 1.0))
SIGMAS = {"food": (0.25, 0.35, 0.45, 0.55), "mutualists": (0.1, 0.15, 0.2, 0.25)}
WEBS = {"food": "food webs", "mutualists": "plants and animals"}


def on_webs(webs: list[Web], repeat: int) -> list[Measured]:
    """Every web at several strengths, as far as its fixed points are stable."""
    found = []
    for web in webs:
        for sigma in SIGMAS[web.kind]:
            try:
                found.append(measured(web, sigma, repeat))
            except NumericalError:
                break
    return found


def shares(repeat: int) -> list[Array]:
    """By ensemble the share extinct at each of ``ETAS``."""
    return [
        np.array([extinct(at_eta(eta, S, mu, gamma), repeat).mean() / S for eta in ETAS])
        for S, mu, gamma in DRAWN
    ]


def draw(place: Path, found: list[Array], webs: list[Measured]) -> None:
    """The share extinct over eta, in random communities and on webs, with erfc(eta) / 2."""
    from dynattn.present.figure import new_figure, style

    line = np.linspace(0.7, 2.6, 100)
    with style():
        figure = new_figure(10.0, 4.2)
        left, right = figure.subplots(1, 2, sharex=True, sharey=True)
        for axes in (left, right):
            axes.semilogy(line, erfc(line) / 2, color="#444444", label=r"erfc$(\eta) / 2$")
            axes.set_xlabel(r"$\eta$ = mean / $\sqrt{2\,\mathrm{variance}}$")
        for gamma, dash in ((-1.0, ":"), (1.0, "--")):
            known = [at_eta(eta, 10**9, 0.0, gamma).cavity for eta in line]
            left.semilogy(line, known, dash, color="#888888", lw=1,
                          label=rf"cavity method, $\gamma = {gamma:g}$")  # fmt: skip
        for (S, mu, gamma), mark, each in zip(DRAWN, "osD^v", found, strict=True):
            label = rf"$S = {S}, \mu = {mu:g}, \gamma = {gamma:g}$"
            left.semilogy(ETAS, np.where(each > 0, each, np.nan), mark, mfc="none", label=label)
        for kind, colour in (("food", "#c0504d"), ("mutualists", "#2f7d4f")):
            here = [item for item in webs if item.web.kind == kind and item.extinct > 0]
            if here:
                text = f"{WEBS[kind]}, $\\gamma = {here[0].web.gamma:g}$"
                right.semilogy([m.eta for m in here], [m.extinct for m in here], ".",
                               color=colour, ms=5, alpha=0.6, label=text)  # fmt: skip
        left.set(ylabel="share of species extinct", ylim=(3e-4, 0.3), xlim=(0.7, 2.6))
        left.set_title("random communities")
        right.set_title("interactions drawn on measured webs")
        left.legend(fontsize=8, loc="lower left")
        right.legend(fontsize=8, loc="lower left")
        figure.savefig(place)


def webs_told(webs: list[Measured], links: str) -> None:
    """Print how far the share extinct is from erfc(eta) / 2, by kind; ``links``: as measured, or
    how they were drawn.
    """
    for kind in ("food", "mutualists"):
        here = [m for m in webs if m.web.kind == kind and erfc(m.eta) / 2 * len(m.web.links) > 0.05]
        ratios = np.array([m.extinct / (erfc(m.eta) / 2) for m in here])
        count = len({m.web.name for m in webs if m.web.kind == kind})
        if len(ratios):
            low, middle, high = np.quantile(ratios, (0.1, 0.5, 0.9))
            print(f"{kind}, links {links}: {count} webs, share extinct over erfc(eta) / 2: "
                  f"median {middle:.2f}, 80 % between {low:.2f} and {high:.2f}")  # fmt: skip


def main() -> None:
    """Tell the claims, measure, or draw the figure."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--communities", type=int, default=3000)
    parser.add_argument("--only", nargs="+", choices=CLAIMS, default=list(CLAIMS))
    parser.add_argument("--timing", action="store_true")
    parser.add_argument("--figure", type=Path)
    parser.add_argument("--webs", type=Path, metavar="FOLDER")
    asked = parser.parse_args()
    if asked.timing:
        timed(asked.communities)
        return
    if asked.figure is None and asked.webs is None:
        raise SystemExit(0 if tell(asked.communities, asked.only) else 1)
    repeat = max(10, asked.communities // 30)
    webs: list[Measured] = []
    if asked.webs:
        known, draws = read_webs(asked.webs), max(8, repeat // 5)
        webs = on_webs(known, draws)
        webs_told(webs, "as measured")
        for how in ("swapped", "random"):
            webs_told(on_webs([rewired(web, how) for web in known], draws), how)
    if asked.figure is not None:
        draw(asked.figure, shares(repeat), webs)
        print(asked.figure)


if __name__ == "__main__":
    main()
