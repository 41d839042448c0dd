"""``row_blocks`` nodes made ready to run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from dynattn.lower.context import Context, Need
from dynattn.lower.once import ONCE, WorkOnce
from dynattn.lower.operation import Operation
from dynattn.lower.row_blocks import MAKERS, Work, no_text
from dynattn.lower.scored import WorkScored
from dynattn.program.nodes import Node
from dynattn.program.row_blocks import Rows
from dynattn.program.scored import scored_rows

if TYPE_CHECKING:
    from dynattn.lower.routine import Plan


def rows_operation(
    node: Node, context: Context, fresh: Sequence[bool], make_plan: Callable[..., Plan]
) -> Operation:
    """A ``row_blocks`` node; ``fresh``: the inputs that lack axes behind their batch axes."""
    rows: Rows = node.payload
    batched = frozenset(("given", k) for k, lacks in enumerate(fresh) if lacks)
    plan = make_plan(rows.block, context, batched, {**MAKERS, **(ONCE if rows.once else {})})
    needs = [context.receivers(rows.coupling), context.senders(rows.coupling)]
    if context.edges(rows.coupling).kind == "edges":
        prefix = "once_" if rows.once else ""
        needs += [Need("array", (prefix + e, rows.coupling)) for e in ("receivers", "senders")]
    own = [Need(leaf.kind, leaf.name) for leaf in plan.leaves if leaf.kind != "variable"]
    shape = (rows, plan, context.edges(rows.coupling), len(node.inputs), len(needs))
    scored = scored_rows(rows)
    if scored is not None:
        work = WorkScored(*shape, scored)
    else:
        work = WorkOnce(*shape) if rows.once else Work(*shape)
    return Operation(work, no_text, (*needs, *own))
