"""Our own explicit methods as tableaus. Adding one is one entry here and in ``solve.methods``."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Tableau:
    """An explicit Runge-Kutta method: x + h sum_i b_i k_i, k_i the rate at x + h sum_j a_ij k_j."""

    nodes: tuple[float, ...]
    stages: tuple[tuple[float, ...], ...]
    """Row i holds a_ij for j < i; the first row is empty."""
    weights: tuple[float, ...]
    error: tuple[float, ...] = ()
    """Of an embedded pair: h sum_i e_i k_i estimates the error of a step. The last k is the rate at
    the step's end, where the next one begins."""
    dense: tuple[tuple[float, ...], ...] = ()
    """Of an embedded pair: x + h sum_i (sum_p d_ip z^p) k_i, p = 1, 2, .., is the state after part
    z of the step."""
    edge: float = 0.0
    """Of an embedded pair: x' = -x is stable up to this step."""


EULER = Tableau((0.0,), ((),), (1.0,))
HEUN = Tableau((0.0, 1.0), ((), (1.0,)), (0.5, 0.5))
RK4 = Tableau(
    (0.0, 0.5, 0.5, 1.0),
    ((), (0.5,), (0.0, 0.5), (0.0, 0.0, 1.0)),
    (1 / 6, 1 / 3, 1 / 3, 1 / 6),
)
# Tsitouras, Computers & Mathematics with Applications 62 (2011) 770: the fifth-order solution, its
# distance from the fourth-order one, and the continuous fourth-order one.
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
    error=(-0.00178001105222577714, -0.0008164344596567469, 0.007880878010261995,
           -0.1447110071732629, 0.5823571654525552, -0.45808210592918697, 1 / 66),
    dense=(
        (1.0, -2.763706197274826, 2.9132554618219126, -1.0530884977290216),
        (0.0, 0.1317, -0.2234, 0.1017),
        (0.0, 3.9302962368947516, -5.941033872131505, 2.490627285651253),
        (0.0, -12.411077166933676, 30.33818863028232, -16.548102889244902),
        (0.0, 37.50931341651104, -88.1789048947664, 47.37952196281928),
        (0.0, -27.896526289197286, 65.09189467479366, -34.87065786149661),
        (0.0, 1.5, -4.0, 2.5),
    ),
    edge=3.5068,
)  # fmt: skip

# Dormand & Prince, Journal of Computational and Applied Mathematics 6 (1980) 19.
DOPRI5 = Tableau(
    (0.0, 1 / 5, 3 / 10, 4 / 5, 8 / 9, 1.0),
    (
        (),
        (1 / 5,),
        (3 / 40, 9 / 40),
        (44 / 45, -56 / 15, 32 / 9),
        (19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729),
        (9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656),
    ),
    (35 / 384, 0.0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84),
    error=(71 / 57600, 0.0, -71 / 16695, 71 / 1920, -17253 / 339200, 22 / 525, -1 / 40),
    edge=3.3066,
)
# Bogacki & Shampine, Applied Mathematics Letters 2 (1989) 321.
BOSH3 = Tableau(
    (0.0, 1 / 2, 3 / 4),
    ((), (1 / 2,), (0.0, 3 / 4)),
    (2 / 9, 1 / 3, 4 / 9),
    error=(-5 / 72, 1 / 12, 1 / 9, -1 / 8),
    edge=2.5127,
)

TABLEAUS: dict[str, Tableau] = {"euler": EULER, "heun": HEUN, "rk4": RK4, "tsit5": TSIT5}
"""By the name that ``method`` takes."""

PAIRS: dict[str, tuple[Tableau, int]] = {
    "tsit5": (TSIT5, 5), "dopri5": (DOPRI5, 5), "bosh3": (BOSH3, 3),
}  # fmt: skip
"""The methods by which a layer can choose its steps, and their orders."""

IN_LAYERS: dict[str, Tableau] = TABLEAUS | {name: pair for name, (pair, _) in PAIRS.items()}
"""The methods of layers, by name."""
