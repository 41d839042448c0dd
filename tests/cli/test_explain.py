"""dynattn explain: error codes and specs."""

from __future__ import annotations

import json
import re

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


# ── specs ──────────────────────────────────────────────────────────────────────────────────────


def test_a_spec_is_explained(dynattn, small):
    done = dynattn("explain", small, "--program")
    assert (done.code, done.err) == (0, "")
    titles = [line for line in done.out.splitlines()[1:] if line and not line.startswith(" ")]
    assert titles[:7] == [
        "populations", "couplings", "forms", "parameters", "equations", "graphs", "energy",
    ]  # fmt: skip
    assert "program" in titles
    assert "      drift of osc.theta: a force without a potential" in done.out


def test_the_law_alone_in_latex(dynattn, small):
    done = dynattn("explain", small, "--latex")
    assert (done.code, done.err) == (0, "")
    assert done.out == (
        "% osc.theta on circle\n"
        "\\begin{align*}\n"
        r"  \dot{\theta}_{i} &= \omega_{i} + \frac{K}{N}\,\sum_{j} \sin(\theta_{j} - \theta_{i})"
        "\n\\end{align*}\n"
    )


def test_json_holds_law_energy_and_latex(dynattn, small):
    facts = json.loads(dynattn("explain", small, "--json").out)
    (law,) = facts["law"]
    assert law["lines"] == ["theta[i]' = omega[i] + (K/N) * sum_j sin(theta[j] - theta[i])"]
    assert law["latex"] in facts["latex"]
    assert facts["energy"]["verdict"] is None
    assert facts["energy"]["broken_by"] == ["drift of osc.theta: a force without a potential"]
    assert facts["graphs"][0]["structure"] == "complete"
    assert facts["parameter_count"] == {"learned": 0, "set": 4}


def test_json_of_an_energy_that_falls(dynattn, small):
    text = re.sub(r"; param omega [^;]*; drift omega", "", small.read_text())
    small.write_text(text)
    facts = json.loads(dynattn("explain", small, "--json", "--set", "N=5").out)
    assert facts["energy"]["verdict"] == "falls"
    assert facts["energy"]["methods"] == ["avf"]
    assert facts["energy"]["adds_up"] == ["1/2 sum_i (K/N) * sum_j (-cos(theta[j] - theta[i]))"]
    assert len(facts["energy"]["left_out_of_total_energy"]) == 1
    assert "E = 1/2 sum_i" in dynattn("explain", small).out
    assert "with method avf it falls at every step, however long" in dynattn("explain", small).out


def test_a_conserved_energy_names_the_methods_that_keep_it(dynattn, small):
    small.write_text(PENDULUM)
    facts = json.loads(dynattn("explain", small, "--json").out)
    assert facts["energy"]["methods"] == ["leapfrog", "blanes_moan4", "avf"]
    told = (
        "with method leapfrog it stays near its value over any time, with avf it stays to rounding"
    )
    assert told in dynattn("explain", small).out
    small.write_text(
        PENDULUM.replace("inertia 1", "inertia 1; dissipation 1 + cos(x)").replace(
            "dissipation 0", ""
        )
    )
    assert json.loads(dynattn("explain", small, "--json").out)["energy"]["methods"] == []


PENDULUM = """model pendulum
population bob[1] { state x on circle = 1; inertia 1; dissipation 0; energy -cos(x) }
simulate { t 0 .. 9 }
"""
