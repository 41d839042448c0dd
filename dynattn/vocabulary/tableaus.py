"""Our own fixed-step methods as tableaus. Adding one is one entry here and in ``solve.methods``."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Tableau:
    """An explicit Runge-Kutta method: x + h sum_i b_i k_i, k_i the rate at x + h sum_j a_ij k_j."""

    nodes: tuple[float, ...]
    stages: tuple[tuple[float, ...], ...]
    """Row i holds a_ij for j < i; the first row is empty."""
    weights: tuple[float, ...]


EULER = Tableau((0.0,), ((),), (1.0,))
HEUN = Tableau((0.0, 1.0), ((), (1.0,)), (0.5, 0.5))
RK4 = Tableau(
    (0.0, 0.5, 0.5, 1.0),
    ((), (0.5,), (0.0, 0.5), (0.0, 0.0, 1.0)),
    (1 / 6, 1 / 3, 1 / 3, 1 / 6),
)
# Tsitouras, Computers & Mathematics with Applications 62 (2011) 770, the fifth-order solution.
TSIT5 = Tableau(
    (0.0, 0.161, 0.327, 0.9, 0.9800255409045097, 1.0),
    (
        (),
        (0.161,),
        (-0.008480655492356989, 0.335480655492357),
        (2.8971530571054935, -6.359448489975075, 4.3622954328695815),
        (5.325864828439257, -11.748883564062828, 7.4955393428898365, -0.09249506636175525),
        (5.86145544294642, -12.92096931784711, 8.159367898576159, -0.071584973281401,
         -0.028269050394068383),
    ),
    (0.09646076681806523, 0.01, 0.4798896504144996, 1.379008574103742, -3.290069515436081,
     2.324710524099774),
)  # fmt: skip

TABLEAUS: dict[str, Tableau] = {"euler": EULER, "heun": HEUN, "rk4": RK4, "tsit5": TSIT5}
"""By the name that ``method`` takes."""
