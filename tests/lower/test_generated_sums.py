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


@pytest.mark.parametrize("seed", range(50))
def test_values_and_slopes_agree_to_ten_digits(script, seed):
    certify(script.generated(seed), tolerance=script.TOLERANCE).raise_if_failed()
