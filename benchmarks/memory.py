"""Peak memory of large models, each in a process of its own, the import of torch included.

python benchmarks/memory.py [--steps N] [--json]
"""

from __future__ import annotations

import json
from typing import Any

from measure import options, run_python, show

LIMIT = 2048.0
"""MiB that each may hold at most."""

SPEC = """model large
param N = SIZE
population osc[N] { state theta on circle ~ uniform; param omega ~ normal(0, 1); drift omega }
coupling pull: osc -> osc OVER { CLAUSES }
observe r = order(theta)
simulate { t 0 .. STOP every EVERY; method rk4; step 0.01; record r }
"""
RUN = """
import json, sys, time
from dynattn.compilation import Compilation
from dynattn.diagnostics.report import Source
from dynattn.run.simulate import simulate
compilation = Compilation(Source("large.dyn", sys.argv[1]))
began = time.process_time()
result = simulate(compilation, compilation.model.simulations[0])
print(json.dumps([time.process_time() - began, int(result.statistics["steps"])]))
"""
SLOPES = """
import json, sys, time, torch
from dynattn.compilation import Compilation
from dynattn.diagnostics.report import Source
system = Compilation(Source("large.dyn", sys.argv[1])).build()
theta = system.initial_states()["osc.theta"].requires_grad_()
began = time.process_time()
system.rates(0.0, {"osc.theta": theta})["osc.theta"].square().sum().backward()
assert theta.grad.isfinite().all()
print(json.dumps([time.process_time() - began, None]))
"""
MEAN_FIELD = "strength 1/N"
SPARSE = "over gnm_random_graph(n=N, m=10*N, seed=1, directed=true)"
CASES = (
    ("mean field", 1_000_000, "", MEAN_FIELD, RUN),
    ("sparse, 1e6 edges", 100_000, SPARSE, "strength 0.1", RUN),
    ("not separable, one rate and its slopes", 20_000, "",
     "strength 1/N; kernel tanh(2*sin(theta[j] - theta[i]))", SLOPES),
)  # fmt: skip


def row(case: tuple[str, int, str, str, str], steps: int) -> dict[str, Any]:
    """One line of the table."""
    name, size, over, clauses, script = case
    text = SPEC.replace("SIZE", str(size)).replace("OVER", over).replace("CLAUSES", clauses)
    text = text.replace("STOP", f"{steps / 100:g}").replace("EVERY", f"{steps / 1000:g}")
    done = run_python("-c", script, text)
    seconds, taken = json.loads(done.out)
    return {
        "model": name, "N": size, "steps": taken, "CPU s": seconds, "peak MiB": done.peak,
        "limit": LIMIT,
    }  # fmt: skip


if __name__ == "__main__":
    chosen = options(__doc__, steps=1000)
    show("Peak memory", [row(case, chosen.steps) for case in CASES], chosen.json)
