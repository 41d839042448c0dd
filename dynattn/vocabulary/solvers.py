"""The names a ``method`` clause may use. The numerics behind them are in ``solve.methods``."""

from __future__ import annotations

from dynattn.diagnostics.suggest import did_you_mean

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

FIXED_STEPS = frozenset({
    "euler", "heun", "rk4", *STRUCTURE_METHODS, "torchdiffeq.euler", "midpoint", "heun2", "heun3",
    "torchdiffeq.rk4", "explicit_adams",
})  # fmt: skip
"""Methods that no tolerance does anything to; implicit Adams steps are solved to one."""

GRADIENTS = ("backpropagation", "checkpointed", "adjoint")
"""How gradients may be asked for; where nothing is said they are exact, in the cheapest way."""

GRADIENT_HABITS = {
    **dict.fromkeys(("backprop", "autograd", "bptt"), "gradient backpropagation"),
    **dict.fromkeys(("checkpoint", "checkpointing", "checkpoints", "remat"),
                    "gradient checkpointed"),
    **dict.fromkeys(("discrete", "exact", "auto", "default"),
                    "nothing: gradients are those of the discrete steps, unless adjoint is asked"),
}  # fmt: skip

_STIFF = "'method rodas5p', which is implicit"
HABITS = {
    "euler_maruyama": "'method euler', Euler-Maruyama's where there is noise (Itô's sense)",
    "em": "'method euler', Euler-Maruyama's where there is noise (Itô's sense)",
    "milstein": "'method euler' (Itô's sense), or 'method heun' (Stratonovich's)",
    "stochastic_heun": "'method heun', stochastic Heun's where there is noise (Stratonovich)",
    "euler_heun": "'method heun', stochastic Heun's where there is noise (Stratonovich)",
    "rk45": "'method tsit5', or 'method dopri5'",
    "ode45": "'method tsit5', or 'method dopri5'",
    "rk5": "'method tsit5', which is of order 5",
    "dop853": "'method dopri8', or 'method tsit5'",
    "verlet": "'method leapfrog', which is velocity Verlet's",
    "velocity_verlet": "'method leapfrog', which is velocity Verlet's",
    **dict.fromkeys(
        (
            "radau",
            "radau5",
            "bdf",
            "lsoda",
            "ode15s",
            "ode23s",
            "cvode",
            "vode",
            "rosenbrock",
            "rosenbrock23",
            "rodas4",
            "kvaerno3",
            "kvaerno5",
            "trbdf2",
            "implicit",
            "implicit_euler",
            "backward_euler",
            "stiff",
        ),
        _STIFF,
    ),
}
"""What to write for the names that others have, in lower case."""


def method_fix(name: str) -> str:
    """What to write in place of a method that there is not."""
    return did_you_mean(name.lower().replace("-", "_"), METHOD_NAMES, habits=HABITS)
