"""What each piece of the attention of arXiv 2606.11585 and 2606.18694 is worth on bytes of enwik8.

The torus as it is; with a dense projection of values in place of the circular mean; with gates that
do not see the content, and with none; without rotary drift. Frustrated synchronisation as it is;
without its static angles; without the term of successors. Budget, parts and options are those of
enwik8.py.

    python benchmarks/papers/ablations.py --data enwik8.xz --out DIR [--device cuda] [--show]

What DIR has is not trained again, and what was stopped goes on.
"""

from __future__ import annotations

import argparse

from enwik8 import OPTIONS, PHASES, STEPS, copies, on_text, table, trainings
from records import Arm, Record, arguments

TORUS = {
    "torus": ("kuramoto_attention", {}),
    "projection": ("torus_projection", {}),
    "static_gates": ("kuramoto_attention", {"content": 0}),
    "no_gates": ("torus_ungated", {}),
    "no_rotary": ("kuramoto_attention", {"place": 0}),
}
FSN = {
    "fsn": ("frustrated_synchronization", {}),
    "no_angles": ("frustrated_synchronization", {"angles": 0}),
    "no_delay": ("frustrated_synchronization", {"delay": 0}),
}
SIZES = {name: (value, f"parameter {name} of the specs") for name, value in PHASES.items()}


def arms(which: dict[str, tuple[str, dict]], given: argparse.Namespace | None) -> tuple[Arm, ...]:
    """The arms of the sizes that are asked for."""
    sizes = {name: getattr(given, name) for name in SIZES} if given else {}
    return tuple(Arm(name, spec, {**sizes, **own}) for name, (spec, own) in which.items())


def main() -> None:
    """Train what is missing and print the tables."""
    names = (*arms(TORUS, None), *arms(FSN, None))
    given = arguments(__doc__, "ablations", names, data="FILE", more={**OPTIONS, **SIZES})
    given.steps = given.steps or STEPS
    record = Record(given.out / "ablations.jsonl")
    torus, fsn = (on_text(arms(which, given), given, tuple(SIZES)) for which in (TORUS, FSN))
    if not given.show:
        trainings(record, (*torus, *fsn), given)
    table(record, torus, given.steps, {"projection": "+0.25"})
    print()
    table(record, fsn, given.steps, {})
    print()
    copies(record, (torus[0], *fsn), given.steps)


if __name__ == "__main__":
    main()
