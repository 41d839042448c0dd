"""The printed array program: one line per operation, and the same lines at every size."""

from __future__ import annotations

from pathlib import Path

from dynattn.compilation import Compilation
from dynattn.diagnostics.report import Source
from dynattn.model.terms import Place
from dynattn.program.nodes import ArrayType, Block, Node
from dynattn.program.text import block_lines, text
from dynattn.vocabulary.sizes import named

SPECS = Path(__file__).parents[2] / "specs"


def shipped(name, **overrides):
    return Compilation(Source("test.dyn", (SPECS / f"{name}.dyn").read_text()), overrides)


def test_a_block_line_by_line():
    nodes = Place("nodes", "osc")
    x = Node("state", (), ArrayType(nodes, (named("C"),)), "osc.x")
    k = Node("constant", (), ArrayType(), 0.5)
    count = Node("index", (), ArrayType(nodes, (), "integer"), "osc")
    wide = Node("unsqueeze", (k,), ArrayType(nodes, (named("C"),)), (-2, -1))
    product = Node("mul", (x, wide), ArrayType(nodes, (named("C"),)))
    block = Block("field", (("osc.x", product), ("number", count)))
    assert block_lines("field", block) == [
        "field {",
        "  %0 : nodes osc [C] = state osc.x",
        "  %1 : global = constant 0.5",
        "  %2 : nodes osc [C] = unsqueeze (-2, -1) %1",
        "  %3 : nodes osc [C] = mul %0 %2",
        "  %4 : nodes osc integer = index osc",
        "  osc.x = %3",
        "  number = %4",
        "}",
    ]


def test_repeats_and_layers_are_nested():
    printed = text(shipped("kuramoto_attention").program).splitlines()
    assert printed.index("  repeat depth {") < printed.index("    evolve attend 1 times {")
    assert any(" = attention " in line and "[H, 2*C/H]" in line for line in printed)


def after_the_initial_values(printed):
    return printed[printed.index("field {") :]


def test_the_text_does_not_depend_on_the_number_of_nodes():
    small, large = (text(shipped("synchronization", N=n).program) for n in (10, 100_000))
    assert after_the_initial_values(small) == after_the_initial_values(large)
    # the initial values differ in the one number that was set
    assert small.replace("constant 10\n", "constant 100000\n") == large
