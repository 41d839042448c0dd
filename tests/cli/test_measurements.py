"""What ``dynattn run`` prints of measurements: the numbers are checked against closed forms."""

from __future__ import annotations

import math
import re

import pytest
from scipy.integrate import quad

from dynattn.run.results import read_results

CUBIC = """model cubic
param a = 0, c = 1
population p[1] { state x on real = -1; drift a + x - c*x^3 }
observe m = mean(x)
hysteresis loop { a = -0.6 .. 0.6 by 0.1; t 0 .. 100; record m }
hysteresis half { a = -0.2 .. 0.6 by 0.2; t 0 .. 100; record m }
hysteresis even { a = -0.2 .. 0.2 by 0.1; t 0 .. 100; record m }
passage never   { when max(x) > 2; t 0 .. 5 }
passage rising  { when max(x) > -0.5; t 0 .. 20; a = 1 .. 2 by 1 }
basins  wells   { starts 60; t 0 .. 40; record m }
lyapunov slope  { t 0 .. 40; after 20 }
"""

PAIR = """model pair
param K = 0.6
population osc[2] { state theta on circle = 0; param w = [0, 1]; drift w }
coupling pull: osc -> osc { kernel sin(theta[j] - theta[i]); strength K/2; normalize none }
locking apart { t 0 .. 400 every 0.1; after 200 }
locking along { t 0 .. 400 every 0.5; after 200; K = 0.5 .. 1.5 by 0.5 }
"""

SWING = """model swing
population bob[1] {
  state theta on circle = 1; inertia 1; dissipation 0.4; energy 1 - cos(theta)
}
balance work { t 0 .. 10; rtol 1e-10 }
"""


@pytest.fixture
def told(dynattn, tmp_path):
    """The lines that an experiment prints, without those on files."""

    def run(text: str, name: str) -> list[str]:
        (tmp_path / "m.dyn").write_text(text)
        done = dynattn("run", "m.dyn", name)
        assert done.code == 0, done.err
        return [line.strip() for line in done.out.split("\nfiles")[0].splitlines() if line.strip()]

    return run


def numbers(line: str) -> list[float]:
    return [float(word) for word in re.findall(r"-?\d+\.?\d*(?:e-?\d+)?", line)]


def test_jumps_on_both_ways(told):
    lines = told(CUBIC, "loop")
    fold = 2 / (3 * math.sqrt(3))
    (there,) = (numbers(line) for line in lines if line.startswith("there"))
    (back,) = (numbers(line) for line in lines if line.startswith("back"))
    assert there[0] == pytest.approx(fold, abs=5e-3) and there[2] < 0 < there[3]
    assert back[0] == pytest.approx(-fold, abs=5e-3) and back[3] < 0 < back[2]
    assert not any("nothing jumps" in line for line in lines)


def test_a_way_without_a_jump_is_named(told):
    lines = told(CUBIC, "half")
    assert sum(line.startswith("there ") for line in lines) == 1
    assert "on the way back nothing jumps" in lines


def test_nothing_jumps(told, tmp_path):
    assert "nothing jumps" in told(CUBIC, "even")
    (folder,) = (tmp_path / "runs").iterdir()
    assert read_results(folder)["jump at"].shape == (0,)
    assert (folder / "hysteresis.svg").is_file()


def test_jumps_of_what_is_several_numbers_are_not_looked_for(told):
    lines = told(CUBIC.replace("0.1; t 0 .. 100; record m", "0.1; t 0 .. 100; record x"), "even")
    assert "jumps are told of what is one number only: record mean(x), say" in lines


def test_nothing_passes(told):
    lines = told(CUBIC, "never")
    assert "nothing passed up to t = 5, so there is no mean time" in lines
    assert any(line.startswith("0 of ") for line in lines)


def test_passages_along_a_parameter(told):
    rows = [line.split() for line in told(CUBIC, "rising") if line[0] in "12"]
    for row, a in zip(rows, (1, 2), strict=True):
        known, _ = quad(lambda x, a=a: 1 / (a + x - x**3), -1, -0.5)
        assert float(row[0]) == a and float(row[4]) == pytest.approx(known, rel=1e-5)


def test_the_basins_of_two_wells(told):
    lines = told(CUBIC.replace("= -1;", "~ normal(0, 1);"), "wells")
    assert "2 attractors, from 60 starts" in lines
    rows = [line.split() for line in lines if "at rest" in line and line[0].isdigit()]
    assert sum(float(row[1]) for row in rows) == pytest.approx(1)
    assert sorted(float(row[-1]) for row in rows) == pytest.approx([-1, 1])


def test_the_exponent_at_rest(told):
    lines = told(CUBIC, "slope")
    row = next(line.split() for line in lines if line.startswith("1 "))
    assert float(row[1]) == pytest.approx(-2, rel=1e-3)
    assert any(line.startswith("0 of 1 are 0 within their errors") for line in lines)


def test_the_beat_of_two(told):
    lines = told(PAIR, "apart")
    beat = next(numbers(line) for line in lines if line.startswith("frequencies differ"))
    assert beat[0] == pytest.approx(math.sqrt(1 - 0.6**2), rel=2e-2)
    assert sum(line.split()[1:2] == ["1"] for line in lines) == 2


def test_locking_along_a_parameter(told):
    rows = [line.split() for line in told(PAIR, "along") if re.match(r"(0\.5|1|1\.5) ", line)]
    # at K = 1 they take for ever to lock, and do not come apart
    assert [row[1] for row in rows] == ["2", "1", "1"]


def test_the_energy_of_a_damped_pendulum(told):
    lines = told(SWING, "work")
    change = next(float(line.split()[-1]) for line in lines if line.startswith("change"))
    by = next(float(line.split()[-1]) for line in lines if line.startswith("dissipated"))
    assert change == pytest.approx(-by, abs=1e-6) and -(1 - math.cos(1)) < change < 0
    assert "the energy never rises" in lines
