"""What the same things are called in mathematics and in other languages, and what to write here."""

from __future__ import annotations

DISTRIBUTIONS = {
    **dict.fromkeys(("gaussian", "gauss", "Normal", "N", "randn"), "normal(mean, sd)"),
    **dict.fromkeys(("U", "unif", "Uniform", "rand", "random"), "uniform(low, high)"),
    **dict.fromkeys(("lorentz", "lorentzian", "Lorentz"), "cauchy(location, scale)"),
    **dict.fromkeys(("von_mises", "vonMises"), "vonmises(mean, concentration)"),
    **dict.fromkeys(("exp", "Exp"), "exponential(scale)"),
    **dict.fromkeys(("randint", "discrete"), "integers(low, high)"),
}
FUNCTIONS = {
    **dict.fromkeys(("ln", "Log"), "log(x)"),
    **dict.fromkeys(("pow", "power"), "x^y"),
    **dict.fromkeys(("heaviside", "Heaviside", "step", "H"), "(x > 0), which is 1 or 0"),
    **dict.fromkeys(("arcsin", "arccos", "arctan"), "asin(x), acos(x) or atan(x)"),
    **dict.fromkeys(("arctan2", "Atan2"), "atan2(y, x)"),
    **dict.fromkeys(("sgn", "signum"), "sign(x)"),
    **dict.fromkeys(("real", "Re"), "re(z)"),
    **dict.fromkeys(("imag", "Im"), "im(z)"),
    **dict.fromkeys(("conjugate", "Conj"), "conj(z)"),
    **dict.fromkeys(("angle", "phase"), "arg(z)"),
    **dict.fromkeys(("logistic", "expit", "sig"), "sigmoid(x)"),
    **dict.fromkeys(("mod", "fmod", "remainder"), "x - y*floor(x/y)"),
    **dict.fromkeys(("velocity", "diff", "derivative", "ddt", "d"), "x', the rate of the state x"),
    **dict.fromkeys(("unit", "normalize", "normalise"), "v / norm(v)"),
    "log10": "log(x)/log(10)",
    "log2": "log(x)/log(2)",
    "ceil": "-floor(-x)",
    "round": "floor(x + 0.5)",
    "cot": "1/tan(x)",
    "sec": "1/cos(x)",
    "inv": "inverse(A)",
    "tr": "trace(A)",
    "var": "std(x)^2",
    "average": "mean(x); of time, record average(x) after 50",
    "softmax": "weight softmax(EXPR) in a coupling",
}
MANIFOLDS = {
    **dict.fromkeys(("R", "Real", "reals", "line", "scalar"), "real, or real(d)"),
    **dict.fromkeys(("C", "Complex"), "complex"),
    **dict.fromkeys(("S1", "S", "angle", "phase", "periodic"), "circle, or sphere(D) in R^D"),
    **dict.fromkeys(("S2", "S3", "ball"), "sphere(D): unit vectors in R^D"),
    **dict.fromkeys(("T", "T2", "T1"), "torus(d)"),
    **dict.fromkeys(("R+", "nonnegative", "positives"), "positive"),
}
EVOLVE = {
    **dict.fromkeys(("dt", "h", "timestep", "stepsize"), "step 0.1, in a stretch of time"),
    **dict.fromkeys(("T", "time", "duration", "tmax", "t_end"), "t 0 .. 1"),
    **dict.fromkeys(("solver", "integrator", "scheme"), "method rk4"),
    **dict.fromkeys(("tol", "tolerance"), "rtol 1e-6"),
}
CLAUSES = {
    **dict.fromkeys(("dt", "h", "timestep", "stepsize"), "step 0.1, in the spec's unit of time"),
    **dict.fromkeys(("T", "time", "duration", "tmax", "t_end"), "t 0 .. 100 every 0.1"),
    **dict.fromkeys(("solver", "integrator", "scheme"), "method rk4"),
    **dict.fromkeys(("save", "output", "store"), "record r"),
    **dict.fromkeys(("trials", "runs", "realizations", "samples"), "repeat 10"),
    **dict.fromkeys(("tol", "tolerance"), "rtol 1e-6"),
}
