"""Classes of an emitted file for what a network calls: layers with arguments, and statements of a
repeat that have weights of their own.
"""

from __future__ import annotations

from collections.abc import Sequence

from dynattn.lower.body import Names
from dynattn.lower.emit_evolving import Moving
from dynattn.lower.emit_module import Writer, _argument, _indent, function
from dynattn.lower.routine import Leaf
from dynattn.program.nodes import Apply, Block, Call, Evolve, Loop, ProgramStep


def functions_of(steps: Sequence[ProgramStep]) -> dict[str, tuple[Block, Evolve | None]]:
    """What each of them computes, and what moves before, by the name of layer or statement."""
    found: dict[str, tuple[Block, Evolve | None]] = {}
    for step in steps:
        match step:
            case Apply(layer, output, _, evolve):
                found.setdefault(layer, (output, evolve))
            case Call(block, str(owner)):
                found.setdefault(owner, (block, None))
            case Loop(_, _, inner):
                found |= {name: b for name, b in functions_of(inner).items() if name not in found}
    return found


def function_class(
    writer: Writer, name: str, block: Block, evolve: Evolve | None = None
) -> tuple[list[str], list[Leaf]]:
    """The class, and what its forward reads."""
    names = Names(writer.taken)
    moving = None if evolve is None else Moving(writer, evolve, names)
    body = writer.body(block, names, name)
    reads = writer._arguments(name, [body]) if moving is None else moving.reads(body)
    before = [] if moving is None else moving.lines
    bodies = [body] if moving is None else [*moving.bodies, body]
    layer = name in writer.model.layer
    lines = [
        f"class {writer.class_of(name)}(nn.Module):",
        f'    """{"Layer" if layer else "Weights of"} {name}."""',
        "",
    ]
    lines += _indent(writer.constructor(name, bodies, ()))
    for method in () if moving is None else moving.methods:
        lines += ["", *_indent(method)]
    given = [_argument(names, leaf) for leaf in reads]
    return [*lines, "", *_indent(function("forward", given, body, before=before))], reads
