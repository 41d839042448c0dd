"""Our own implicit method for stiff systems, a Rosenbrock method as a tableau."""

from __future__ import annotations

from dataclasses import dataclass

from dynattn.vocabulary.tableaus import Tableau


@dataclass(frozen=True, slots=True)
class Rosenbrock(Tableau):
    """A Rosenbrock method, transformed as in Hairer & Wanner II (1996), section IV.7.

    (1/(h gamma) - J) u_i = f(t + c_i h, y + sum_j a_ij u_j) + sum_j (m_ij/h) u_j + d_i h f_t, of
    which y + sum_i b_i u_i is the state after the step. ``stages`` are a_ij, ``nodes`` c_i and
    ``weights`` b_i; ``error`` and ``dense`` are such sums of the u_i too.
    """

    gamma: float = 0.0
    mixing: tuple[tuple[float, ...], ...] = ()
    """Row i holds m_ij for j < i."""
    clock: tuple[float, ...] = ()
    """d_i: how much of the derivative by time a stage takes."""


_WEIGHTS = (-7.502846399306121, 2.561846144803919, -11.627539656261098, -0.18268767659942256,
            0.030198172008377946)  # fmt: skip
_BENT = (
    (25.948786856663858, -2.5579724845846235, 10.433815404888879, -2.3679251022685204,
     0.524948541321073, 1.1241088310450404, 0.4272876194431874, -0.17202221070155493),
    (-9.91568850695171, -0.9689944594115154, 3.0438037242978453, -24.495224566215796,
     20.176138334709044, 15.98066361424651, -6.789040303419874, -6.710236069923372),
    (11.419903575922262, 2.8879645146136994, 72.92137995996029, 80.12511834622643,
     -52.072871366152654, -59.78993625266729, -0.15582684282751913, 4.883087185713722),
)  # fmt: skip


def _dense(
    weights: tuple[float, ...], bent: tuple[tuple[float, ...], ...]
) -> tuple[tuple[float, ...], ...]:
    """Powers of z in z b_i + z (1 - z) (h_1i + z (h_2i + z h_3i))."""
    columns = zip(weights, *bent, strict=True)
    return tuple((b + h1, h2 - h1, h3 - h2, -h3) for b, h1, h2, h3 in columns)


# Steinebach, BIT Numerical Mathematics 63 (2023) 27: order 5 with an error of order 4, L-stable,
# stiffly accurate, and of order 4 at least between the steps and where stiffness reduces it.
RODAS5P = Rosenbrock(
    nodes=(0.0, 0.6358126895828704, 0.4095798393397535, 0.9769306725060716, 0.4288403609558664,
           1.0, 1.0, 1.0),
    stages=(
        (),
        (3.0,),
        (2.849394379747939, 0.45842242204463923),
        (-6.954028509809101, 2.489845061869568, -10.358996098473584),
        (2.8029986275628964, 0.5072464736228206, -0.3988312541770524, -0.04721187230404641),
        _WEIGHTS,
        (*_WEIGHTS, 1.0),
        (*_WEIGHTS, 1.0, 1.0),
    ),
    weights=(*_WEIGHTS, 1.0, 1.0, 1.0),
    error=(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0),
    dense=_dense((*_WEIGHTS, 1.0, 1.0, 1.0), _BENT),
    gamma=0.21193756319429014,
    mixing=(
        (),
        (-14.155112264123755,),
        (-17.97296035885952, -2.859693295451294),
        (147.12150275711716, -1.41221402718213, 71.68940251302358),
        (165.43517024871676, -0.4592823456491126, 42.90938336958603, -5.961986721573306),
        (24.854864614690072, -3.0009227002832186, 47.4931110020768, 5.5814197821558125,
         -0.6610691825249471),
        (30.91273214028599, -3.1208243349937974, 77.79954646070892, 34.28646028294783,
         -19.097331116725623, -28.087943162872662),
        (37.80277123390563, -3.2571969029072276, 112.26918849496327, 66.9347231244047,
         -40.06618937091002, -54.66780262877968, -9.48861652309627),
    ),
    clock=(0.21193756319429014, -0.42387512638858027, -0.3384627126235924, 1.8046452872882734,
           2.325825639765069, 0.0, 0.0, 0.0),
)  # fmt: skip

ROSENBROCK: dict[str, Rosenbrock] = {"rodas5p": RODAS5P}
"""By the name that ``method`` takes."""
