"""What is a function of an angle, and what jumps where the angle ends its turn."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.model.models import checked, refused

PAIR = """param N = 6, n = 2, g = 0.7, lag on circle = 0.3, grow = 1.0
population p[N] {{
  state theta on circle
  param omega ~ normal(0, 1), k ~ integers(1, 4), s ~ choice(-1, 1), h ~ choice(0.5, 1)
  let double = 2*theta
  drift {drift}
}}
coupling c: p -> p {{ kernel {kernel} }}
simulate {{ t 0 .. 1 every 0.5 }}
"""
USED = "omega + 0*(k + s + h + n + g + grow + sin(lag) + sin(double))"
SINE = "sin(theta[j] - theta[i])"


def pair(drift: str = "0", kernel: str = SINE) -> str:
    return PAIR.format(drift=f"{USED} + {drift}", kernel=kernel)


@pytest.mark.parametrize(
    "drift",
    [
        "sin(3*theta - lag)", "sin(n*theta + g*t)", "sin(k*theta)*s", "cos(-theta/(-1))",
        "sin(s*double)", "sin((index + 1)*theta)", "tan(theta)", "re(cis(theta) * cis(omega))",
        "sin(theta/2)^2", "abs(sin(theta/2))", "1 / (1 + sin(g*theta/g)^2)", "order(theta)",
        "mean(sin(theta))", "(sin(theta) > 0)", "distance(theta, lag)", "logmap(theta, lag)",
        "cos(sum(theta))", "dot([theta, omega], [0, 1])", "cos(theta + floor(omega)*theta)",
    ],
)  # fmt: skip
def test_a_function_of_an_angle_is_one(drift: str) -> None:
    checked(pair(drift))


@pytest.mark.parametrize(
    ("drift", "what"),
    [
        ("exp(theta)", "exp(theta)"), ("sin(g*theta)", "g*theta"), ("sin(h*theta)", "h*theta"),
        ("theta^2", "theta^2"), ("sin(theta/2)", "theta/2"), ("cos(theta*theta)", "theta*theta"),
        ("mean(theta)", "mean(theta)"), ("(theta > 0)", "theta > 0"), ("double^3", "double^3"),
        ("sigmoid(lag)", "sigmoid(lag)"), ("norm([theta, 1])", "norm([theta, 1])"),
    ],
)  # fmt: skip
def test_what_jumps_is_refused(drift: str, what: str) -> None:
    ((code, text),) = refused(pair(drift))
    assert code == "E329" and text.endswith(f"is the same angle, and {what} another number")


@pytest.mark.parametrize("angle", ["theta", "-theta", "2*theta", "theta + 1", "double", "lag"])
def test_an_angle_is_no_number(angle: str) -> None:
    ((code, text),) = refused(pair(angle))
    assert code == "E329" and text.startswith("the drift of 'theta' is an angle")


@pytest.mark.parametrize(
    ("kernel", "fix"),
    [
        ("theta[j] - theta[i]", "write sin(theta[j] - theta[i])"),
        ("-3*(theta[j] - theta[i])", "write -3*sin(theta[j] - theta[i])"),
        ("n * (theta[j] - theta[i] - lag)", "write n * sin(theta[j] - theta[i] - lag)"),
        ("g*(theta[j] - theta[i])", "write g*sin(theta[j] - theta[i]), or cos in place of sin"),
        ("exp(theta[j])", "write exp(sin(theta[j])), or cos in place of sin"),
        (
            "abs(theta[j] - theta[i])",
            "write distance(theta[j], theta[i]), which is the same near 0",
        ),
        ("double[j] - theta[i]", "write sin(double[j] - theta[i])"),
    ],
)
def test_the_fix_is_what_to_write(kernel: str, fix: str) -> None:
    from dynattn.diagnostics.report import SpecError

    with pytest.raises(SpecError) as caught:
        checked(pair(kernel=kernel))
    assert [item.fix for item in caught.value.diagnostics] == [fix]


def test_a_fix_that_is_followed_is_accepted() -> None:
    for kernel in ("exp(theta[j])", "g*(theta[j] - theta[i])", "n * (theta[j] - lag)"):
        (found,) = _fixes(pair(kernel=kernel))
        checked(pair(kernel=found.removeprefix("write ").split(", or")[0]))


def _fixes(body: str) -> list[str]:
    from dynattn.diagnostics.report import SpecError

    with pytest.raises(SpecError) as caught:
        checked(body)
    return [item.fix for item in caught.value.diagnostics]


@pytest.mark.parametrize(
    ("energy", "fine"),
    [
        ("-g*y - cos(y)", True), ("y/2 - cos(y)", True), ("sin(y/2)^2", True), ("-y*g*t", True),
        ("y^2", False), ("y*cos(y)", False), ("-g*y + y^2/2", False), ("abs(y)", False),
    ],
)  # fmt: skip
def test_of_an_energy_the_force_counts(energy: str, fine: bool) -> None:
    body = f"param g = 0.7\npopulation p[4] {{ state y on circle; energy {energy} + 0*g*cos(y) }}\n"
    if fine:
        checked(body)
    else:
        assert [code for code, _ in refused(body)] == ["E329"]


@pytest.mark.parametrize(
    ("value", "fine"),
    [("x + 0.3", True), ("2*x - g*sin(x)", True), ("0.3", True), ("g*x", False), ("x^2", False)],
)
def test_a_map_of_an_angle_gives_an_angle(value: str, fine: bool) -> None:
    body = f"param g = 0.7\npopulation p[4] {{ state x on circle; x <- {value} + 0*g }}\n"
    if fine:
        checked(body)
    else:
        assert [code for code, _ in refused(body)] == ["E329"]


def test_a_parameter_that_multiplies_an_angle_stays_whole() -> None:
    checked(pair("sin(n*theta)"), n=3)
    assert refused(pair("sin(n*theta)"), n=2.5)[0][0] == "E329"
    assert refused(pair("sin(n*theta)") + "sweep s { n = [1, 1.5] }\n")[0][0] == "E329"
    checked(pair("sin(n*theta)") + "sweep s { n = [1, 2]; record theta }\n")
    checked(pair("n*sin(theta)") + "sweep s { n = [1, 1.5]; record theta }\n")


def test_what_is_observed_is_free() -> None:
    checked(pair() + "observe a = mean(theta)\nobserve b = exp(max(theta) / 3)\n")


def test_velocities_are_plain_numbers() -> None:
    checked("population p[3] { state x on circle; inertia 1; drift -exp(0.1*x') - sin(x) }\n")


def test_shipped_specs_have_no_jumps() -> None:
    from dynattn.compilation import Compilation
    from dynattn.diagnostics.report import Source

    for path in sorted((Path(__file__).parents[2] / "specs").glob("*.dyn")):
        Compilation(Source(str(path), path.read_text(encoding="utf-8"))).model  # noqa: B018
