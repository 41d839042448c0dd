"""What text gives what tree, and where each piece of it stands."""

from __future__ import annotations

import pytest

from dynattn.diagnostics.report import Span
from dynattn.syntax import tree as t
from dynattn.syntax.parse import parse_expression
from dynattn.syntax.unparse import spell
from tests.syntax.trees import only, read


def expression(text: str) -> t.Expr:
    return parse_expression(text, "test")


def grouped(text: str) -> str:
    """The expression with every operation in parentheses."""

    def show(node: t.Expr) -> str:
        match node:
            case t.Binary(operator=operator, left=left, right=right):
                return f"({show(left)} {operator} {show(right)})"
            case t.Unary(operator=operator, operand=operand):
                return f"({operator} {show(operand)})"
            case t.Without(value=value):
                return f"({show(value)} without self)"
            case _:
                return spell(node)

    return show(expression(text))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a + b*c", "(a + (b * c))"),
        ("a - b - c", "((a - b) - c)"),
        ("a / b * c @ d", "(((a / b) * c) @ d)"),
        ("-x^2", "(- (x ^ 2))"),
        ("2^-x^2", "(2 ^ (- (x ^ 2)))"),
        ("a^b^c", "(a ^ (b ^ c))"),
        ("-a * b", "((- a) * b)"),
        ("a - -b", "(a - (- b))"),
        ("not a == b and c or d", "(((not (a == b)) and c) or d)"),
        ("a + b < c - d", "((a + b) < (c - d))"),
        ("n < -1", "(n < (- 1))"),
        ("n <-1", "(n < (- 1))"),
        ("a + b without self", "((a + b) without self)"),
        ("(a without self) + b", "((a without self) + b)"),
        ("theta'^2", "(theta' ^ 2)"),
        ("2*pi*i/3", "(((2 * pi) * i) / 3)"),
    ],
)
def test_operators_bind_as_in_mathematics(text: str, expected: str) -> None:
    assert grouped(text) == expected


@pytest.mark.parametrize(
    ("text", "value", "imaginary"),
    [("2", 2, False), ("0.1", 0.1, False), ("1e-3", 0.001, False), ("2i", 2, True)],
)
def test_numbers(text: str, value: float, imaginary: bool) -> None:
    node = expression(text)
    assert isinstance(node, t.Number)
    assert (node.value, type(node.value), node.imaginary) == (value, type(value), imaginary)


@pytest.mark.parametrize(
    "text",
    [
        "branch.fold.c + logspace(-4, -2, 9)",
        "layer_norm(x)[verb]",
        "[[0.1i, 0], [0, -0.1i]]",
        "edges [a -> b: 0.5, b -> c]",
        "adamw(lr=0.003, betas=[0.9, 0.95], decay=matrices)",
        "max(generator.theta') - min(generator.theta')",
        "(a or b) and not (c and d)",
        "(a^b)^c",
        "(-a)^2",
        "kind == \"load\"",
        "cis(theta[j])@[]",
    ],
)  # fmt: skip
def test_spelling_gives_the_expression_back(text: str) -> None:
    assert expression(spell(expression(text))) == expression(text)


def test_words_of_clauses_stay_names() -> None:
    node = only("param weights = 2, step = 0.1, kernel = step + strength*every, t0 = at")
    assert [entry.name for entry in node.entries] == ["weights", "step", "kernel", "t0"]
    assert spell(node.entries[2].init.value) == "step + strength*every"


def test_a_quantity_with_everything() -> None:
    (entry,) = only('param K[m in 1 .. 2, n] on real = 2.0 in 0 .. 10 "strength"').entries
    assert (entry.name, entry.doc) == ("K", "strength")
    assert [axis.name for axis in entry.axes] == ["m", None]
    assert spell(entry.axes[0].size) == "1 .. 2"
    assert spell(entry.manifold) == "real"
    assert (entry.init.drawn, spell(entry.init.value)) == (False, "2.0")
    assert spell(entry.limits) == "0 .. 10"


def test_states_and_dimensions() -> None:
    body = only(
        "population p[N] { state x on sphere(3) ~ uniform, v; state x' ~ normal(0, 1) }"
    ).body
    assert [entry.name for entry in body[0].entries] == ["x", "v"]
    assert body[1].entries[0].prime and body[1].entries[0].init.drawn
    assert spell(only("dim T <= 50, S").entries[0].limits) == "50"


def test_populations() -> None:
    some = only('population load[grid where kind == "load"] { inertia M; noise x: s }')
    assert spell(some.condition) == 'kind == "load"'
    assert [(item.word, item.target) for item in some.body] == [("inertia", None), ("noise", "x")]
    instance = only("population left[10] is agent(a=1)").instance
    assert instance.function.name == "agent"
    assert instance.keywords == (t.Keyword(instance.span, "a", t.Number(instance.span, 1)),)
    assert only("population left[10] is agent").instance.arguments == ()
    assert only("population p { drop eta }").size is None


def test_couplings() -> None:
    full = only(
        "readout near: a -> b.x over ring(N, reach=2) without self { kernel x[j]; heads H }"
    )
    assert (full.acts, spell(full.sender), spell(full.receiver)) == (False, "a", "b.x")
    assert spell(full.over) == "ring(N, reach=2) without self"
    assert only("coupling c: a -> b").body == ()
    changed = only("coupling c { weight ~ paired_normal(0, 1, g); weight 2 }")
    assert (changed.acts, changed.sender, changed.receiver, changed.over) == (
        True,
        None,
        None,
        None,
    )
    assert [clause.drawn for clause in changed.body] == [True, False]


def test_edge_local_states_and_ranges_in_couplings() -> None:
    body = only(
        "coupling c: a -> b { state w on real ~ 0; let d = x[j] - x[i]\n"
        "w' = eps*(cos(d) - w); weight w; harmonics m in 1 .. M; energy w: -w^2 }"
    ).body
    kinds = [type(item).__name__ for item in body]
    assert kinds == ["Quantities", "Let", "Equation", "Clause", "Clause", "Clause"]
    assert (body[4].axis.name, spell(body[4].axis.size)) == ("m", "1 .. M")
    assert body[5].target == "w"


def test_layers_and_networks() -> None:
    assert only("layer a { drift x: 1 }").arguments is None
    assert only("layer a() { output x }").arguments == ()
    layer = only("layer a(x: real[T, d], v: class(2)) { evolve { steps 1; until equilibrium } }")
    assert [argument.type.name for argument in layer.arguments] == ["real", "class"]
    assert [clause.word for clause in layer.body[0].clauses] == ["steps", "until"]
    network = only(
        "network { x = f(y); mix; repeat 2 tied { a; repeat n { b } }; output q = x; output x }"
    )
    assign, apply, repeat, named, bare = network.body
    assert (assign.name, apply.name, named.name, bare.name) == ("x", "mix", "q", None)
    assert repeat.tied and not repeat.body[1].tied


def test_experiments() -> None:
    sweep = only(
        "sweep escape { osc.K[1] = 0 .. 4 by 0.1; t 0 .. 9 every 1; record average(r) after 50, x\n"
        "start equilibrium at c = 0.3, g = [1, 2]; record time when R < 0.4; start at b.fold }"
    )
    setting, times, record, start, when, point = sweep.clauses
    assert (sweep.kind, sweep.name, spell(setting.name)) == ("sweep", "escape", "osc.K[1]")
    assert spell(setting.value) == "0 .. 4 by 0.1"
    assert spell(times.values[0].value) == "0 .. 9"
    assert times.values[0].modifiers[0].word == "every"
    assert [len(item.modifiers) for item in record.values] == [1, 0]
    (at,) = start.values[0].modifiers
    assert [spell(item.value) for item in at.value.settings] == ["0.3", "[1, 2]"]
    assert when.values[0].modifiers[0].word == "when"
    place = point.values[0].value
    assert isinstance(place, t.At) and place.point and spell(place.point) == "b.fold"


def test_the_other_declarations() -> None:
    tree = read(
        'model a extends b "doc"; use "other.dyn"; drop x, y; group all = left + right\n'
        "graph g = edges [a -> b: 0.5]; input x: token(V)[T]; observe r = order(theta)\n"
        "type agent(a=0, b=1) { drift a }; type plain { }"
    )
    kinds = "ModelHeader Use Drop Group Graph Input Observe TypeDeclaration TypeDeclaration"
    assert [type(item).__name__ for item in tree.declarations] == kinds.split()


def test_line_ends_break_lines_where_nothing_ends() -> None:
    text = "param K =\n  1 +\n  2,\n  L = f(a\n  , b\n)\n\n\n;\nparam M = 3   # a comment\n\n"
    first, second = read(text).declarations
    assert [entry.name for entry in first.entries] == ["K", "L"]
    assert second.entries[0].name == "M"


def place(span: Span) -> tuple[int, int, int, int]:
    return span.line, span.column, span.end_line, span.end_column


def test_spans_count_characters_from_one() -> None:
    tree = read("model 模型\r\n\r\npopulation ü[N] {\r\n\tdrift (θ + 𝜃)*f(x)   # 界\r\n}\r\n")
    population = tree.declarations[1]
    drift = population.body[0].values[0].value
    assert place(population.span) == (3, 1, 5, 2)
    assert place(drift.span) == (4, 8, 4, 20)
    assert (drift.span.text, drift.left.span.text) == ("(θ + 𝜃)*f(x)", "θ + 𝜃")
    assert drift.right.span.text == "f(x)"
    assert tree.comments[0].span.text == "# 界"


def test_spans_of_parts() -> None:
    node = only("param   K[n] ~ normal(0, 1) in 0 .. 10 'x".replace("'x", '"doc"'))
    (entry,) = node.entries
    texts = [node.span, entry.name_span, entry.axes[0].span, entry.init.span, entry.limits.span]
    assert [span.text for span in texts] == [
        'param   K[n] ~ normal(0, 1) in 0 .. 10 "doc"', "K", "n", "~ normal(0, 1)", "0 .. 10",
    ]  # fmt: skip
    start = only("simulate { start equilibrium at c = 0.3, g = 2; t 0 .. 1 every 2 }").clauses[0]
    assert start.span.text == "start equilibrium at c = 0.3, g = 2"
    assert start.values[0].modifiers[0].value.settings[1].span.text == "g = 2"
