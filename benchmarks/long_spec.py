"""Long specs: CPU seconds of ``dynattn check``, and the calls of Python functions for each line.

python benchmarks/long_spec.py [--rounds N] [--json]
"""

from __future__ import annotations

import cProfile
import pstats
import statistics
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

AREA = """\
# Area {k}.
param a{k} = {gain} in -1000 .. 1000 "gain of area {k}"
param s{k} = 1.0, tau{k} = 10.0
let gain{k} = K * a{k} / (1 + s{k}^2)
graph g{k} = ring(N, reach=3)

population p{k}[N] {{
  state theta{k} on circle
  param omega{k} ~ normal(a{k}, 0.5)
  let pull{k} = omega{k} + gain{k} * sin(theta{k} - t / tau{k})
  drift pull{k} - 0.5 * cos(2 * theta{k}) * (1 + 0.1 * sin(t))
}}

coupling c{k}: p{k} -> p{k} over g{k} {{ strength K / (1 + a{k}^2); frustration 0.1 * s{k} }}
coupling d{k}: p{before} -> p{k} over everyone(N) {{
  kernel    sin(theta{before}[j] - theta{k}[i]) * (1 + 0.2 * cos(theta{k}[i]))
  normalize size
}}
observe r{k} = order(theta{k})
observe q{k} = mean(cos(theta{k}) * omega{k}) / (1 + r{k})
sweep w{k} {{ K = 0 .. 4 by 0.1; record average(r{k}) after 50, final(q{k}) }}
"""
LINES = (500, 2000)


def long_spec(lines: int) -> str:
    """A spec of so many lines at least: areas of the brain, each driven by the one before."""
    text = ['model long "A long spec"', "param N = 50, K = 2.0 in 0 .. 10"]
    text.append("simulate { t 0 .. 100 every 0.1 }")
    for k in range(-(-lines // AREA.count("\n"))):
        text.append(AREA.format(k=k, before=max(k - 1, 0), gain=round(k / 7, 3)))
    return "\n".join(text)


def calls_for(text: str) -> int:
    """How many functions are called to check a text."""
    from dynattn.diagnostics.report import Source
    from dynattn.model.check import check
    from dynattn.syntax.inherit import parse_whole

    check(parse_whole(Source("warm.dyn", long_spec(1))))
    profile = cProfile.Profile()
    profile.runcall(lambda: check(parse_whole(Source("long.dyn", text))))
    return pstats.Stats(profile).total_calls  # type: ignore[attr-defined]


def main() -> None:
    """Check every length in processes of their own."""
    from measure import options, run_dynattn, show

    chosen, rows = options(__doc__, rounds=5), []
    with tempfile.TemporaryDirectory() as folder:
        for lines in LINES:
            path, text = Path(folder) / "long.dyn", long_spec(lines)
            path.write_text(text)
            runs = [run_dynattn("check", str(path)) for _ in range(chosen.rounds)]
            count = text.count("\n") + 1
            rows.append({
                "lines": count,
                "CPU s": statistics.median(run.seconds for run in runs),
                "calls a line": calls_for(text) // count,
            })  # fmt: skip
    show("dynattn check of a long spec", rows, chosen.json)


if __name__ == "__main__":
    main()
