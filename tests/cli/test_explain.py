"""dynattn explain: error codes and specs."""

from __future__ import annotations

import json

import pytest

from dynattn.diagnostics.catalogue import CODES


def test_a_code_is_explained(dynattn):
    done = dynattn("explain", "e701")
    assert (done.code, done.err) == (0, "")
    assert (
        done.out
        == """E701: --set names nothing in the spec

`--set NAME=VALUE` reaches every `param` of the model that is one number. What differs from
node to node is drawn or computed in the spec; what is trained (`learn`) is not set.

Wrong:
    dynattn compile kuramoto.dyn --set strength=3

Right:
    dynattn compile kuramoto.dyn --set K=3
"""
    )


@pytest.mark.parametrize("code", sorted(CODES))
def test_every_code_can_be_explained(dynattn, code):
    facts = json.loads(dynattn("explain", code, "--json").out)
    assert facts["code"] == code
    assert facts["title"]
    assert facts["text"]


def test_an_unknown_code(dynattn):
    done = dynattn("explain", "E999")
    assert done.code == 2
    assert done.err.splitlines()[0] == "error[E707]: there is no error code E999"
