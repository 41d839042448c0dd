"""Laws in LaTeX: exact texts, balanced braces, and a renderer that reads every line."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from dynattn.compilation import Compilation
from dynattn.diagnostics.report import Source
from dynattn.network.spelling import spell_term
from dynattn.network.styles import LATEX, latex_name
from dynattn.present.latex import document, state_laws
from dynattn.vocabulary.functions import ELEMENTWISE

SPECS = Path(__file__).parents[2] / "specs"


def compiled(text: str) -> Compilation:
    return Compilation(Source("m.dyn", text))


def latex(spec: Compilation) -> str:
    return document(spec.model, spec.network)


def shipped(name: str) -> Compilation:
    path = SPECS / f"{name}.dyn"
    return Compilation(Source(str(path), path.read_text()))


def formulas(text: str) -> list[str]:
    """What stands between the signs of alignment, line by line."""
    inside = re.findall(r"\\begin\{align\*\}\n(.*?)\n\\end\{align\*\}", text, re.DOTALL)
    rows = [row for block in inside for row in re.split(r"\\\\", block)]
    return [row.replace("&", "").replace(r"\quad", "").strip() for row in rows]


def assert_renders(text: str) -> None:
    """Matplotlib's mathtext lays out every line, and the braces of the whole are balanced."""
    from matplotlib.mathtext import MathTextParser

    found = formulas(text)
    assert found
    parser = MathTextParser("path")
    for formula in found:
        box = parser.parse(f"${formula}$")
        assert box.width > 0
    assert text.count("{") == text.count("}")
    sides = [len(re.findall(rf"\\{side}(?![a-z])", text)) for side in ("left", "right")]
    assert sides[0] == sides[1]


WITHOUT_STATES = {"tidal"}


@pytest.mark.parametrize(
    "name", sorted({path.stem for path in SPECS.glob("*.dyn")} - WITHOUT_STATES)
)
def test_every_shipped_spec_renders(name):
    assert_renders(latex(shipped(name)))


def test_a_spec_without_states():
    assert latex(shipped("tidal")) == "% tidal has no state, and so no law"


def test_kuramoto():
    assert latex(shipped("kuramoto")) == (
        "% osc.theta on circle\n"
        "\\begin{align*}\n"
        r"  \dot{\theta}_{i} &= \omega_{i} + \frac{K}{\mathrm{deg}_{i}}\,"
        r"\sum_{j} \sin(\theta_{j} - \theta_{i} - \alpha)"
        "\n\\end{align*}"
    )


def test_synchronization_and_its_energy():
    assert latex(shipped("synchronization")) == (
        "% unit.x on circle\n"
        "\\begin{align*}\n"
        r"  \dot{x}_{i} &= \frac{K}{N}\,\sum_{j} \sin(x_{j} - x_{i})"
        "\n\\end{align*}\n\n"
        "% energy: falls\n"
        "\\begin{align*}\n"
        r"  E &= \frac{1}{2} \sum_{i} \frac{K}{N}\,\sum_{j} (-\cos(x_{j} - x_{i}))"
        "\n\\end{align*}"
    )


def test_attention_with_its_definitions():
    sync, mix = state_laws(*(lambda s: (s.model, s.network))(shipped("kuramoto_attention")))
    assert (sync.place, sync.state, mix.place) == ("attend", "token.theta", "mix")
    assert sync.latex.splitlines()[1:-1] == [
        r"  \dot{\theta}_{i} &= \eta\,\sum_{j} \operatorname{softmax}_{j}\left(\frac{\left\langle "
        r"\mathrm{gate}_{q,i}\,\mathrm{gate}_{k,j},\, \cos(\psi_{j} - \psi_{i})\right\rangle}"
        r"{\sqrt{\frac{C}{H}}}\right)\,\sin(\theta_{j} - \theta_{i}) \\",
        r"  \mathrm{gate}_{q,i} &= 2\,\operatorname{sigmoid}\left(\operatorname{linear}\left("
        r"\left[\cos(\theta_{i}),\, \sin(\theta_{i})\right]\right)\right) \\",
        r"  \mathrm{gate}_{k,i} &= 2\,\operatorname{sigmoid}\left(\operatorname{linear}\left("
        r"\left[\cos(\theta_{i}),\, \sin(\theta_{i})\right]\right)\right) \\",
        r"  \psi_{i} &= \theta_{i} + \operatorname{rotary}(C,\, \mathrm{heads}=H)\,i",
    ]
    assert mix.lines == ("theta[i]' = swiglu([cos(theta[i]), sin(theta[i])])",)


SECOND_ORDER = """model m
param N = 4, tau_e = 2, g = 0.5
population p[N] {
  state theta on circle = 0
  inertia 2; dissipation g
  drift -sin(theta)^2/3
}
population q[N] { state v on real; v' = -v/tau_e + 2*(3*v + pull) * pulse(t, 1, 2); noise 0.1 }
coupling pull: q -> q over ring(N, reach=1) { kernel abs(v[j]) * exp(-distance) }
population s[N] { state x on sphere(3) }
coupling turn: s -> s { normalize size }
"""


def test_second_order_equations_and_the_sphere():
    spec = compiled(SECOND_ORDER)
    assert_renders(latex(spec))
    first, second, third = state_laws(spec.model, spec.network)
    assert first.latex.splitlines()[1] == (
        r"  2\,\ddot{\theta}_{i} &= \frac{-\sin(\theta_{i})^{2}}{3} - g\,\dot{\theta}_{i}"
    )
    assert second.latex.splitlines()[1:-1] == [
        r"  \dot{v}_{i} &= \frac{-v_{i}}{\tau_{e}} + 2\,(3\,v_{i} + \mathrm{pull}_{i})\,"
        r"\operatorname{pulse}(t,\, 1,\, 2) + 0.1\,\dot{W}_{i} \\",
        r"  \mathrm{pull}_{i} &= \sum_{j} \left|v_{j}\right|\,\exp(-\mathrm{distance}_{ij})",
    ]
    assert third.latex.splitlines()[1:-1] == [
        r"  \dot{x}_{i} &= \mathrm{turn}_{i} - "
        r"\left\langle \mathrm{turn}_{i},\, x_{i}\right\rangle\,x_{i} \\",
        r"  \mathrm{turn}_{i} &= \frac{1}{N}\,\sum_{j} x_{j}",
    ]


def test_long_sums_have_a_line_for_each_term():
    terms = " - ".join(f"amplitude_{k}*sin({k}*x)" for k in range(1, 7))
    names = ", ".join(f"amplitude_{k} = 1" for k in range(1, 7))
    text = f"model m\nparam {names}\npopulation p[2] {{ state x on real; drift {terms} }}\n"
    spec = compiled(text.replace(f"drift {terms}", f"drift {terms.replace(' - ', ' + ')}"))
    assert latex(spec).count(r"\\ &\quad + ") == 5
    assert_renders(latex(spec))


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("K", "K"), ("theta", r"\theta"), ("Omega", r"\Omega"), ("mu2", r"\mu_{2}"),
        ("tau_e", r"\tau_{e}"), ("k_in", r"k_{\mathrm{in}}"), ("gate_q", r"\mathrm{gate}_{q}"),
        ("a.x", "x_{a}"), ("Alpha", r"\mathrm{Alpha}"), ("eps", r"\varepsilon"), ("0.5", "0.5"),
        ("1e-06", "10^{-6}"), ("2.5e+20", r"2.5 \cdot 10^{20}"), ("x1_2", "x_{1,2}"),
    ],
)  # fmt: skip
def test_names_and_numbers(name, shown):
    assert latex_name(name) == shown


SIGNS = {"add", "sub", "mul", "div", "neg", "pow", "lt", "le", "gt", "ge", "eq", "ne",
         "and", "or", "not"}  # fmt: skip


@pytest.mark.parametrize("name", sorted(set(ELEMENTWISE) - SIGNS))
def test_every_function_renders(name):
    arguments = "x, 2" if len(ELEMENTWISE[name].derivatives) == 2 or name == "atan2" else "x"
    text = f"model m\npopulation p[2] {{ state x on real; drift re(1 / {name}({arguments})) }}\n"
    assert_renders(latex(compiled(text)))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("(x/2)^2", r"\left(\frac{x}{2}\right)^{2}"),
        ("x^(1/2)", r"x^{\frac{1}{2}}"),
        ("2*3*x", r"2 \cdot 3\,x"),
        ("-(x + 1)/(x - 1)", r"\frac{-(x + 1)}{x - 1}"),
        ("x*(y/2)", r"x\,\frac{y}{2}"),
        ("(x <= 1 and y != 2) * x", r"(x \leq 1 \wedge y \neq 2)\,x"),
    ],
)
def test_expressions(text, shown):
    spec = compiled(
        f"model m\nparam x = 1.5, y = 2.5\npopulation p[2] {{ state z on real; drift {text} }}\n"
    )
    assert spell_term(spec.model.clauses["p.z"]["drift"], LATEX) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("conj(transpose(U))", r"U^{\dagger}"),
        ("inverse(U @ U)", r"(U\,U)^{-1}"),
        ("transpose(U)", r"U^{\top}"),
        ("cis(0.5) * U", r"e^{\mathrm{i}\,0.5}\,U"),
        ("1i * U + 2i * U", r"\mathrm{i}\,U + 2\mathrm{i}\,U"),
    ],
)
def test_matrices_and_complex_numbers(text, shown):
    head = (
        "model m\nparam U[2, 2] on complex = [[1, 0], [0, 1]]\npopulation p[2] { state z on real }"
    )
    spec = compiled(f"{head}\ncoupling c: p -> p\nobserve o = trace({text})\n")
    assert spell_term(spec.model.observables[0].value, LATEX) == (rf"\operatorname{{tr}}({shown})")


def test_readouts_have_a_place_of_their_own():
    text = """model m
population osc[9] { state theta on circle }
coupling pull: osc -> osc
readout near: osc -> osc over ring(9) { kernel cis(theta[j]); normalize degree }
observe local = abs(near)
"""
    assert latex(compiled(text)).split("\n\n")[1] == (
        "% readout near\n\\begin{align*}\n"
        r"  \mathrm{near}_{i} &= \frac{1}{\mathrm{deg}_{i}}\,\sum_{j} e^{\mathrm{i}\,\theta_{j}}"
        "\n\\end{align*}"
    )
