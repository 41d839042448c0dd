"""The passes in their order, with the verifier between every two."""

from __future__ import annotations

from collections.abc import Callable

from dynattn.model.model import Model
from dynattn.network.build import Network
from dynattn.program.nodes import Program
from dynattn.program.passes.choose_forms import choose_forms
from dynattn.program.passes.fuse_attention import fuse_attention
from dynattn.program.passes.hoist_heads import hoist_heads
from dynattn.program.passes.keep_apart import keep_apart
from dynattn.program.passes.rewriting import Rule, map_blocks, rewrite_block
from dynattn.program.passes.separate_kernels import separate_kernels
from dynattn.program.passes.simplify import simplify
from dynattn.program.verify import verify

Watch = Callable[[str, Program], None]


def passes(network: Network) -> tuple[tuple[str, Rule], ...]:
    """Name and rule of every pass; later ones rely on the work of earlier ones."""
    return (
        ("simplify", simplify),
        ("fuse_attention", fuse_attention(network)),
        ("separate_kernels", separate_kernels(network)),
        ("hoist_heads", hoist_heads),
        ("choose_forms", choose_forms(network)),
        ("simplify again", simplify),
        ("keep_apart", keep_apart(network)),
    )


def run_passes(
    program: Program, model: Model, network: Network, watch: Watch | None = None
) -> Program:
    """The program after every pass; ``watch`` is called with the name and result of each."""
    verify(program, model)
    for name, rule in passes(network):
        program = map_blocks(program, lambda block, rule=rule: rewrite_block(block, rule))
        verify(program, model)
        if watch is not None:
            watch(name, program)
    return program
