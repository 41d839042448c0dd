"""Start-up: CPU seconds of the light commands, and which heavy modules they load.

python benchmarks/startup.py [--rounds N] [--json]
"""

from __future__ import annotations

import json
import statistics

from measure import options, run_dynattn, run_python, show

HEAVY = ("torch", "matplotlib", "sympy", "scipy", "numpy", "networkx")

COMMANDS = (
    (("--help",), 0.3),
    (("check", "specs/synchronization.dyn"), 0.3),
    (("check", "specs/kuramoto_attention.dyn"), 0.3),
    (("check", "specs/kuramoto.dyn"), 0.6),
)
"""Arguments, and the most CPU seconds they may take: more where networkx is needed."""

LOADED = """
import contextlib, io, json, sys
from dynattn.cli.main import run_command
with contextlib.redirect_stdout(io.StringIO()):
    code = run_command(sys.argv[1:])
print(json.dumps(sorted(sys.modules)))
sys.exit(code)
"""


def loaded(arguments: tuple[str, ...]) -> list[str]:
    """The heavy modules that a command loads."""
    modules = set(json.loads(run_python("-c", LOADED, *arguments).out))
    return [name for name in HEAVY if name in modules]


def main() -> None:
    """Measure every command in turn, round by round."""
    chosen = options(__doc__, rounds=7)
    runs = [[run_dynattn(*arguments) for arguments, _ in COMMANDS] for _ in range(chosen.rounds)]
    rows = [
        {
            "command": " ".join(("dynattn", *arguments)),
            "CPU s": statistics.median(run.seconds for run in own),
            "limit": limit,
            "MiB": statistics.median(run.peak for run in own),
            "heavy modules": ", ".join(loaded(arguments)) or "none",
        }
        for (arguments, limit), own in zip(COMMANDS, zip(*runs, strict=True), strict=True)
    ]
    show("start-up, each command in a process of its own", rows, chosen.json)


if __name__ == "__main__":
    main()
