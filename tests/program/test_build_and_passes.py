"""From model to array program: what is built, what the passes make of it, what the verifier
refuses.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from dynattn.compilation import Compilation
from dynattn.diagnostics.report import Source
from dynattn.program.build import build_program
from dynattn.program.layout import Maker
from dynattn.program.nodes import ArrayType, Block, Node, Program
from dynattn.program.passes.schedule import run_passes
from dynattn.program.text import text
from dynattn.program.verify import ProgramFault, verify
from dynattn.vocabulary.sizes import named

HEAD = "model m\nparam N = 30, K = 1.5\n"


def compiled(body: str, **overrides: float) -> Compilation:
    return Compilation(Source("m.dyn", HEAD + body), overrides)


def field(compilation: Compilation) -> list[str]:
    """The lines of the field block."""
    lines = text(compilation.program).splitlines()
    start = lines.index("field {")
    return [line.strip() for line in lines[start + 1 : lines.index("}", start)]]


def ops(compilation: Compilation) -> list[str]:
    block = compilation.program.field
    assert block is not None
    return [node.op for node in block.nodes]


KURAMOTO = """
graph net = {graph}
population osc[N] {{ state theta on {manifold}; param omega ~ normal(0, 1); drift omega }}
coupling pull: osc -> osc over net {{ kernel {kernel}; strength K }}
"""


def kuramoto(
    graph: str, kernel: str = "sin(theta[j] - theta[i])", on: str = "circle", **overrides: float
) -> Compilation:
    return compiled(KURAMOTO.format(graph=graph, kernel=kernel, manifold=on), **overrides)


def test_a_sine_of_phase_differences_becomes_two_sums_of_node_features() -> None:
    assert field(kuramoto("everyone(N) without self")) == [
        "%0 : nodes osc = parameter osc.omega",
        "%1 : global = parameter K",
        "%2 : nodes osc = state osc.theta",
        "%3 : nodes osc = cos %2",
        "%4 : nodes osc = sin %2",
        "%5 : nodes osc tuple = graph_sum (pull, mean_field, all nodes) %3 %4",
        "%6 : nodes osc = pick 1 %5",
        "%7 : nodes osc = mul %3 %6",
        "%8 : nodes osc = pick 0 %5",
        "%9 : nodes osc = mul %4 %8",
        "%10 : nodes osc = sub %7 %9",
        "%11 : nodes osc = mul %1 %10",
        "%12 : nodes osc = add %0 %11",
        "osc.theta = %12",
    ]


@pytest.mark.parametrize(
    ("graph", "size", "form"),
    [
        ("everyone(N)", 30, "mean_field"),
        ("causal(N)", 30, "prefix"),
        ("ring(N, reach=2)", 30, "roll"),
        ("ring(N, reach=2)", 1000, "roll"),
        ("ring(N, reach=N/4)", 1000, "window"),
        ("ring(N, reach=N/2)", 1000, "mean_field"),
        ("cycle_graph(n=N)", 1000, "roll"),
        ("circulant_graph(n=N, offsets=[1, 2, 3, 4, 5])", 1000, "window"),
        ("circulant_graph(n=N, offsets=[1, 2, 3, 4, 6])", 1000, "fft"),
        ("path_graph(n=N)", 30, "dense"),
        ("path_graph(n=N)", 1000, "csr"),
        ("gnp_random_graph(n=N, p=0.5, seed=1)", 400, "dense"),
    ],
)
def test_the_form_follows_the_structure(graph: str, size: int, form: str) -> None:
    block = kuramoto(graph, N=size).program.field
    assert block is not None
    found = [node.payload[1] for node in block.nodes if node.op == "graph_sum"]
    assert found == [form]


@pytest.mark.parametrize(
    ("kernel", "sums"),
    [
        ("sin(theta[j] - theta[i] - 0.3) + 0.5*sin(2*(theta[j] - theta[i]))", 1),
        ("cos(theta[i])*(1 + sin(theta[j]))", 1),
        ("exp(cos(theta[j])) / exp(sin(theta[i]))", 1),
        ("(sin(theta[j]) + cos(theta[i]))^2", 1),
        ("2", 0),
    ],
)
def test_what_separates_is_separated(kernel: str, sums: int) -> None:
    found = ops(kuramoto("everyone(N)", kernel))
    assert "edge_sum" not in found or sums == 0
    assert found.count("graph_sum") == sums


@pytest.mark.parametrize(
    "kernel",
    [
        "tanh(theta[j] - theta[i])",
        "sin(theta[j] * theta[i])",
        "(theta[j] - theta[i])^2",  # multiplied out it would lose digits
        "exp(theta[j] - theta[i])",  # and this one would overflow
    ],
)
def test_what_does_not_separate_stays_an_edge_sum(kernel: str) -> None:
    found = ops(kuramoto("ring(N)", kernel, on="real"))
    assert "edge_sum" in found and "graph_sum" not in found


def test_the_program_does_not_grow_with_the_model() -> None:
    small, large = (kuramoto("ring(N, reach=3)", N=n) for n in (1000, 100_000))
    assert text(small.program) == text(large.program).replace("constant 100000", "constant 1000")
    few, many = (
        Compilation(Source("k.dyn", Path("specs/kuramoto.dyn").read_text()), {"N": n})
        for n in (400, 100_000)
    )
    assert [b.name for b in few.program.blocks] == [b.name for b in many.program.blocks]
    assert [len(b.nodes) for b in few.program.blocks] == [len(b.nodes) for b in many.program.blocks]


def test_attention_is_fused_and_heads_are_split_late() -> None:
    program = Compilation(Source("a.dyn", Path("specs/kuramoto_attention.dyn").read_text())).program
    attend = next(b for b in program.blocks if b.name == "attend")
    found = [node.op for node in attend.nodes]
    assert found.count("attention") == 1
    assert not {"edge_softmax", "edge_sum", "receiver", "sender"} & set(found)
    assert found.count("sine_cosine") == 2  # of theta and of psi, once each
    assert not {"sin", "cos"} & set(found)


def test_a_switch_leaves_out_what_it_turns_off() -> None:
    source = Source("a.dyn", Path("specs/kuramoto_attention.dyn").read_text())
    static, content = (Compilation(source, {"content": c}) for c in (0, 1))
    names = {p.name for p in static.model.parameters}
    assert "attend.g_q" in names and "attend.gate_q.linear.weight" not in names
    assert "attend.g_q" not in {p.name for p in content.model.parameters}
    block = next(b for b in static.program.blocks if b.name == "attend")
    assert "linear" not in [node.op for node in block.nodes]


def test_every_pass_leaves_a_valid_program_and_is_seen_by_name() -> None:
    compilation = kuramoto("everyone(N)")
    plain = build_program(compilation.model, compilation.network, rewrite=False)
    seen: list[str] = []
    final = run_passes(
        plain, compilation.model, compilation.network, lambda name, program: seen.append(name)
    )
    assert seen[0] == "simplify" and "separate_kernels" in seen and "choose_forms" in seen
    assert text(final) == text(compilation.program)


# ── the verifier ───────────────────────────────────────────────────────────────────────────────


def broken(node: Node) -> Program:
    return Program(Block("initial", (("x", node),)), None, None, None, None, (), None)


def state(*shape: str) -> Node:
    from dynattn.model.terms import Place

    kind = ArrayType(Place("nodes", "osc"), tuple(named(s) for s in shape), batched=True)
    return Maker().make("state", (), kind, "osc.theta")


@pytest.mark.parametrize(
    ("node", "fault"),
    [
        (Node("frobnicate", (), ArrayType()), "unknown operation"),
        (Node("sin", (), ArrayType()), "0 inputs instead of 1"),
        (Node("mul", (state("C"), state("D")), state("C").type), "does not broadcast"),
        (Node("mul", (state("C"), state()), state("C").type), "not aligned"),
        (Node("sin", (state("C"),), state().type), "layout"),
        (Node("edge_sum", (state(),), state().type, "pull"), "place nodes"),
    ],
)
def test_a_broken_program_is_refused(node: Node, fault: str) -> None:
    with pytest.raises(ProgramFault, match=fault):
        verify(broken(node), kuramoto("everyone(N)").model)
