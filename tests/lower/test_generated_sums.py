"""Generated couplings: the form chosen or asked for agrees with the reference evaluator."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from dynattn.lower.certify import certify

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "forms_certify.py"


@pytest.fixture(scope="module")
def script():
    found = importlib.util.spec_from_file_location("forms_certify", SCRIPT)
    assert found is not None and found.loader is not None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


CASES = 50
FORMS = {
    "mean_field", "blocks", "low_rank", "prefix", "window", "roll", "fft", "dense", "csr",
    "attention", "edges", "pairs", "edges, in parts", "pairs, in parts", "weighted, in parts",
}  # fmt: skip


@pytest.mark.parametrize("seed", range(CASES))
def test_values_and_slopes_agree_to_ten_digits(script, seed):
    with script.in_parts(seed):
        certify(script.generated(seed), tolerance=script.TOLERANCE).raise_if_failed()


def test_every_form_is_among_them(script):
    found = set()
    for seed in range(CASES):
        with script.in_parts(seed):
            found.add(script.form_of(script.generated(seed)))
    assert found >= FORMS, FORMS - found
    known = {name for names in script.FORMS.values() for name in names}
    assert known - {form.split(",")[0] for form in FORMS} == {
        "successor_attention"  # of couplings with successors: tests/truths
    }
