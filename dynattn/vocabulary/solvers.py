"""The names a ``method`` clause may use. The numerics behind them are in ``solve.methods``."""

from __future__ import annotations

STRUCTURE_METHODS = ("leapfrog", "yoshida4", "blanes_moan4", "avf")
"""Those of our own that keep a structure: symplectic, and the averaged vector field."""

OWN_METHODS = ("euler", "heun", "rk4", "tsit5", "rodas5p", *STRUCTURE_METHODS)
"""Our own methods: out of place, retracted onto the manifold."""

TORCHDIFFEQ_METHODS = (
    "dopri8", "dopri5", "bosh3", "fehlberg2", "adaptive_heun", "euler", "midpoint", "heun2",
    "heun3", "rk4", "explicit_adams", "implicit_adams", "fixed_adams", "scipy_solver",
)  # fmt: skip
"""torchdiffeq's methods; where a name is ours too, ``torchdiffeq.NAME`` reaches theirs."""

METHOD_NAMES = (
    *OWN_METHODS,
    *(n if n not in OWN_METHODS else f"torchdiffeq.{n}" for n in TORCHDIFFEQ_METHODS),
)
