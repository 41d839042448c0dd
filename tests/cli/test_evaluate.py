"""dynattn eval: the words that a person reads, JSON, and wrong usage."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.conftest import Command
from tests.learn.test_score import GOOD, WORDS, trained


def test_a_table_pairs_and_json(dynattn: Command, tmp_path: Path) -> None:
    trained(tmp_path, WORDS)
    done = dynattn("eval", "run")
    assert (done.code, done.err) == (0, "")
    assert "small, best checkpoint (step 12)" in done.out and "validation part" in done.out
    Path("pairs.tsv").write_text(GOOD)
    pairs = dynattn("eval", "run", "--data", "pairs.tsv")
    assert "by condition" in pairs.out and "accuracy" in pairs.out
    assert pairs.err.startswith("note: 1 pairs are left out: they differ in words that the run")
    facts = json.loads(dynattn("eval", "run", "--data", "pairs.tsv", "--json").out)
    assert facts["pairs"]["count"] == 2 and facts["part"] == "pairs"
    both = dynattn("eval", "run", "--data", "pairs.tsv", "--part", "test")
    assert (both.code, both.err[:12]) == (2, "error[E708]:")
    file = dynattn("eval", "pairs.tsv")
    assert (file.code, file.err[:12]) == (2, "error[E709]:")
    none = dynattn("eval", "runs")
    assert (none.code, none.err[:12]) == (1, "error[E545]:")
