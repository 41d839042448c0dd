"""Specs drawn from pieces: geometry, late and distributed pasts, laws of edges, layers."""

from __future__ import annotations

import random

FLAT = ("circle", "torus(2)", "real", "real(2)", "complex")
MANIFOLDS = (*FLAT, "so(3)", "sphere(3)", "SO(3)", "SU(2)", "positive", "simplex(3)")
STARTS = {
    "real": "~ normal(0, 1)", "real(2)": "~ normal(0, 1)", "complex": "~ normal(0, 0.5)",
    "so(3)": "~ normal(0, 0.5)", "positive": "~ uniform(0.5, 1.5)",
    "simplex(3)": "= [0.5, 0.3, 0.2]",
}  # fmt: skip
POLES = {
    "circle": "= 0.4", "torus(2)": "= [0.4, -1]", "real": "= 0.3", "real(2)": "= [0.3, 1]",
    "complex": "= 0.2 + 1i", "so(3)": "= [[0, 1, 0], [-1, 0, 0], [0, 0, 0]]",
    "sphere(3)": "= [0, 0.6, 0.8]", "SO(3)": "= [[0, 1, 0], [-1, 0, 0], [0, 0, 1]]",
    "SU(2)": "= [[0, 1], [-1, 0]]", "positive": "= 1.2",
}  # fmt: skip
HEAVY = ("circle", "torus(2)", "real", "real(2)")  # may have inertia
TURNED = {
    "circle": "frustration 0.3", "torus(2)": "frustration 0.3",
    "sphere(3)": "frustration expm(K*turn)", "SO(3)": "frustration expm(K*turn)",
}  # fmt: skip
NETS = ("", "over ring(N, reach=1)", "over everyone(N)", "over causal(N)",
        "over gnp_random_graph(n=N, p=0.6, directed=true, seed=3)",
        "over edges [0 -> 1: 0.5, 1 -> 2: 2, 2 -> 0: 0.7, 3 -> 0]")  # fmt: skip


def pair_of(rng: random.Random, manifold: str) -> str:
    """A number of two points."""
    found = ["exp(-distance(x[i], x[j])^2)", "tanh(inner(x[i], x[j]))"]
    if manifold == "circle":
        found.append("cos(x[j] - x[i])")
    return rng.choice(found)


def kernel_of(rng: random.Random, manifold: str, heavy: bool) -> str:
    """What j contributes to i, in a coupling."""
    found = ["kernel logmap(x[i], x[j])"]
    if manifold not in ("positive", "simplex(3)"):
        found += ["", "", "kernel toward(x[i], ambient(x[j]))"]
    if manifold in ("circle", "torus(2)"):
        found += ["harmonics m in 1 .. 2; strength L[m]; frustration 0.2*m"]
    if heavy:
        found.append("kernel x'[j] - x'[i]")
    if "SO" in manifold or manifold == "sphere(3)":
        found.append(TURNED[manifold])
    return rng.choice(found)


def edges_of(rng: random.Random, pair: str) -> str:
    """The weight of an edge."""
    inertia = "inertia 0.5 + 0.1*index[i]; dissipation 0.3" if rng.random() < 0.5 else ""
    return rng.choice([
        "", f"weight {pair}", f"weight softmax({pair})", f"weight normalized(1.5 + {pair})",
        "param w ~ uniform(0.2, 1); weight w", f"let gap = {pair}; weight 1 + gap^2",
        f"state w on real ~ normal(0, 0.2); {inertia}; drift {pair} - w; weight w",
        f"state w on circle; {inertia}; drift sin(K*t - w) + {pair}; weight 1 + cos(w)",
        f"state w on positive = 1; drift {pair} - w; weight w",
        "learn w ~ normal(0, 0.5); weight w",
    ])  # fmt: skip


def delay_of(rng: random.Random, manifold: str, kernel: str) -> str:
    """How late a coupling hears."""
    found = ["", "", "delay 0.15", "delay 0.1*(1 + index[j])", "delay 0.1/K"]
    if manifold in ("real", "real(2)", "complex", "so(3)"):
        found += ["delay gamma(0.3, 2)", "delay gamma(0.2*(1 + index[j]), 3)"]
    return "" if "x'" in kernel else rng.choice(found)


def coupling_of(rng: random.Random, manifold: str, heavy: bool, head: str, nets) -> str:
    """A coupling whose clauses agree with each other."""
    kernel, pair = kernel_of(rng, manifold, heavy), pair_of(rng, manifold)
    strength = "" if "strength" in kernel else rng.choice(["", "strength K", "strength near[i]"])
    norm = rng.choice(["", "normalize size", "normalize degree"])
    parts = (edges_of(rng, pair), kernel, strength, norm, delay_of(rng, manifold, kernel))
    clauses = "; ".join(part for one in parts for part in one.split("; ") if part)
    return f"coupling {head} {rng.choice(nets)} {{ {clauses} }}"


def readout_of(rng: random.Random, manifold: str, end: str, nets) -> str:
    """A number that each node hears, turned where points can be turned."""
    kernel, turn = pair_of(rng, manifold), ""
    if manifold == "circle":
        kernel = "cos(x[j] - x[i])"
        turn = rng.choice(["frustration 0.3", "harmonics m in 1 .. 2; strength L[m]", ""])
    elif manifold in ("sphere(3)", "SO(3)"):
        kernel, turn = "inner(x[i], x[j])", rng.choice([TURNED[manifold], ""])
    late = delay_of(rng, manifold, kernel)
    inside = "; ".join(filter(None, [f"kernel {kernel}", turn, "normalize size", late]))
    return f"readout near: {end} -> {end} {rng.choice(nets)} {{ {inside} }}"


def method_of(rng: random.Random, text: str, manifold: str) -> str:
    """A method that the delays and the noise of a text allow."""
    if "noise" in text:
        return f"method {'euler' if manifold in FLAT else 'heun'}; step 0.1"
    late = "delay" in text.replace("delay gamma", "")
    fixed = ["euler", "rk4", "heun", "tsit5"]
    name = rng.choice(fixed if late else [*fixed, "dopri5"])
    return "method dopri5; rtol 1e-8" if name == "dopri5" else f"method {name}; step 0.1"


PARAMETERS = {
    "L[": "param L[m in 1 .. 2] = [0.6, 0.3]",
    "turn": "param turn on so(3) = [[0, 0.3, 0], [-0.3, 0, 0.1], [0, -0.1, 0]]",
}


def body_of(rng: random.Random, manifold: str, named: str, heavy: bool) -> str:
    """What a population of points says."""
    own = rng.choice(["K*near*logmap(x, pole)", "(0.1*index - K*near)*logmap(x, pole)"])
    slow = "dissipation 1 + 0.2*index" if rng.random() < 0.5 else ""
    inertia = "inertia 0.8 + 0.1*index; dissipation 0.5" if heavy else slow
    noise = "noise 0.1" if not heavy and rng.random() < 0.2 else ""
    state = f"state x on {named} {STARTS.get(manifold, '')}"
    return "; ".join(filter(None, [state, f"drift {own}", inertia, noise]))


def system(seed: int) -> str:
    """A model that moves by itself."""
    rng = random.Random(seed)
    manifold = MANIFOLDS[seed % len(MANIFOLDS)]
    heavy = manifold in HEAVY and rng.random() < 0.4
    group, named = rng.random() < 0.3, rng.choice(["M", manifold])
    nets = ("", "over both") if group else NETS
    body, end = body_of(rng, manifold, named, heavy), "all" if group else "p"
    lines = [f"population {n}[2] {{ {body} }}" for n in "ab"] if group else []
    if group:
        lines += ["group all = a + b", "graph both = edges [0 -> 1, 1 -> 2: 0.5, 2 -> 3, 3 -> 0]"]
    else:
        lines = [f"population p[N] {{ {body} }}"]
    lines += [coupling_of(rng, manifold, heavy, f"{c}: {end} -> {end}", nets) for c in "cd"]
    lines.append(readout_of(rng, manifold, end, nets))
    if group and "over both" not in " ".join(lines):
        lines = [line for line in lines if not line.startswith("graph")]
    lines += [f"observe far = mean(distance({end}.x, pole))", f"observe r = order({end}.x)"]
    text = "\n".join(lines)
    used = [line for name, line in PARAMETERS.items() if name in text]
    used += [f"param M = {manifold}"] if named == "M" else []
    size = "N = 4, " if "N" in text else ""
    pole = POLES.get(manifold)
    used += [f"param pole on {named} {pole}"] if pole else []
    text = text if pole else text.replace("pole", "[0.2, 0.2, 0.6]")
    head = "\n".join([f"param {size}K = 0.7", *used])
    return f"""model mixed
{head}
{text}
simulate {{ t 0 .. 0.4 every 0.2; {method_of(rng, text, manifold)} }}
sweep some {{ K = [0.4, 0.7]; repeat 2; record r, far }}
"""
