"""The passes in their order, with the verifier between every two."""

from __future__ import annotations

from collections.abc import Callable

from dynattn.model.model import Model
from dynattn.network.build import Network
from dynattn.program.layout import Maker
from dynattn.program.nodes import Block, Node, Program
from dynattn.program.passes.choose_forms import choose_forms
from dynattn.program.passes.fuse_attention import fuse_attention
from dynattn.program.passes.gather_numbers import gather_numbers
from dynattn.program.passes.hoist_heads import hoist_heads
from dynattn.program.passes.join_successors import join_successors
from dynattn.program.passes.keep_apart import keep_apart
from dynattn.program.passes.late_sums import late_sums
from dynattn.program.passes.pair_angles import pair_angles
from dynattn.program.passes.rewriting import Rule, map_blocks, rewrite_block
from dynattn.program.passes.separate_kernels import separate_kernels
from dynattn.program.passes.share_angles import share_angles
from dynattn.program.passes.simplify import simplify
from dynattn.program.passes.weigh_senders import scale_before, weigh_senders
from dynattn.program.verify import verify

Watch = Callable[[str, Program], None]
Change = Callable[[Block], Block]


def passes(model: Model, network: Network) -> tuple[tuple[str, Change], ...]:
    """Name and work of every pass; later ones rely on the work of earlier ones."""
    rules = (
        ("fuse_attention", unless_asked("attention", model, fuse_attention(network))),
        ("separate_kernels", unless_asked("", model, separate_kernels(model, network))),
        ("late_sums", unless_asked("", model, late_sums(model))),
        ("hoist_heads", hoist_heads),
        ("choose_forms", choose_forms(model, network)),
        ("simplify again", simplify),
        ("gather_numbers", gather_numbers),
        ("weigh_senders", unless_asked("", model, weigh_senders(network))),
        ("scale_before", scale_before),
        ("keep_apart", keep_apart(network)),
    )
    return (
        ("simplify", by_rule(simplify)),
        ("join_successors", join_successors(model, network)),
        *((name, by_rule(rule)) for name, rule in rules),
        ("share_angles", share_angles),
    )


def by_rule(rule: Rule) -> Change:
    """A pass that offers every node to a rule."""
    return lambda block: rewrite_block(block, rule)


def unless_asked(made: str, model: Model, rule: Rule) -> Rule:
    """The rule where a spec leaves the form of a coupling open, or asks for what it makes.

    ``made`` is the form that it makes; '' for all forms but edge by edge.
    """

    def guarded(node: Node, maker: Maker) -> Node | None:
        asked = model.coupling[node.payload].form if node.op == "edge_sum" else ""
        fits = not asked or asked == made or (not made and asked != "edges")
        return rule(node, maker) if fits else None

    return guarded


def run_passes(
    program: Program, model: Model, network: Network, watch: Watch | None = None
) -> Program:
    """The program after every pass; ``watch`` is called with the name and result of each."""
    verify(program, model)
    for name, change in passes(model, network):
        program = map_blocks(program, change)
        verify(program, model)
        if watch is not None:
            watch(name, program)
    program = pair_angles(program)
    verify(program, model)
    if watch is not None:
        watch("pair_angles", program)
    return program
