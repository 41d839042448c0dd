"""Symplectic compositions of drifts and kicks. Adding one is one entry here and its name."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise


@dataclass(frozen=True, slots=True)
class Splitting:
    """Drifts x + a h v and kicks v + b h F(x) in turn, a drift first and last; symmetric.

    Dissipation belongs to the kicks, whose flow is exact; time goes on with the drifts.
    """

    drifts: tuple[float, ...]
    """a_1, .., a_s+1."""
    kicks: tuple[float, ...]
    """b_1, .., b_s."""

    @property
    def goes_back(self) -> float:
        """The longest kick backwards in time, as a share of the step; 0 where all go forwards."""
        return max(0.0, -min(self.kicks))


def composed(*parts: float) -> Splitting:
    """Leapfrog steps of these shares of the step, one after another."""
    halves = [0.5 * part for part in parts]
    inner = [a + b for a, b in pairwise(halves)]
    return Splitting((halves[0], *inner, halves[-1]), parts)


def mirrored(drifts: tuple[float, ...], kicks: tuple[float, ...]) -> Splitting:
    """The coefficients up to the middle, the last drift and kick but one given by the sums."""
    a, b = (*drifts, 1 - 2 * sum(drifts)), (*kicks, 0.5 - sum(kicks))
    return Splitting((*a, *reversed(drifts)), (*b, *reversed(b)))


# Verlet, Physical Review 159 (1967) 98, in the form that asks for the forces once a step.
LEAPFROG = composed(1.0)
# Yoshida, Physics Letters A 150 (1990) 262; Forest and Ruth, Physica D 43 (1990) 105.
_EDGE = 1 / (2 - 2 ** (1 / 3))
YOSHIDA4 = composed(_EDGE, 1 - 2 * _EDGE, _EDGE)
# Blanes and Moan, Journal of Computational and Applied Mathematics 142 (2002) 313: S6, order 4.
BLANES_MOAN4 = mirrored(
    (0.0792036964311957, 0.353172906049774, -0.0420650803577195),
    (0.209515106613362, -0.143851773179818),
)

SPLITTINGS: dict[str, Splitting] = {
    "leapfrog": LEAPFROG,
    "yoshida4": YOSHIDA4,
    "blanes_moan4": BLANES_MOAN4,
}
"""By the name that ``method`` takes."""
