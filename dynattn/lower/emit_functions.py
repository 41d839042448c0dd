"""Classes of an emitted file for what a network calls: layers with arguments, and statements of a
repeat that have weights of their own.
"""

from __future__ import annotations

from collections.abc import Sequence

from dynattn.lower.body import Names
from dynattn.lower.emit_module import Writer, _argument, _indent, function
from dynattn.lower.routine import Leaf
from dynattn.program.nodes import Apply, Block, Call, Loop, ProgramStep


def functions_of(steps: Sequence[ProgramStep]) -> dict[str, Block]:
    """What each of them computes, by the name of the layer or the statement."""
    found: dict[str, Block] = {}
    for step in steps:
        match step:
            case Apply(layer, output, _):
                found.setdefault(layer, output)
            case Call(block, str(owner)):
                found.setdefault(owner, block)
            case Loop(_, _, inner):
                found |= {name: b for name, b in functions_of(inner).items() if name not in found}
    return found


def function_class(writer: Writer, name: str, block: Block) -> tuple[list[str], list[Leaf]]:
    """The class, and what its forward reads."""
    names = Names(writer.taken)
    body = writer.body(block, names, name)
    reads = writer._arguments(name, [body])
    layer = name in writer.model.layer
    lines = [
        f"class {writer.class_of(name)}(nn.Module):",
        f'    """{"Layer" if layer else "Weights of"} {name}."""',
        "",
    ]
    lines += _indent(writer.constructor(name, [body], ()))
    given = [_argument(names, leaf) for leaf in reads]
    return [*lines, "", *_indent(function("forward", given, body))], reads
