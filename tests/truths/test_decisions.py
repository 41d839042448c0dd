"""Collective decisions: the claims of arXiv 2606.11259, through uninformed.dyn."""

from __future__ import annotations

import pytest

from benchmarks.dynamics import decisions

QUICK = (decisions.low_conflict, decisions.fold, decisions.normal_form, decisions.any_friction)


@pytest.mark.parametrize("claim", QUICK)
def test_claims(claim):
    for truth in claim():
        assert truth.holds, truth


@pytest.mark.slow
@pytest.mark.parametrize("claim", [claim for claim in decisions.CLAIMS if claim not in QUICK])
def test_claims_that_take_long(claim):
    for truth in claim():
        assert truth.holds, truth
