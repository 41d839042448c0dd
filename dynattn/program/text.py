"""The array program as text, one line per operation; sizes stay names, so N does not matter."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from dynattn.model.composition import Adaptive, Evolution, Settling
from dynattn.model.terms import Place
from dynattn.program.nodes import (
    Apply,
    ArrayType,
    Block,
    Call,
    Evolve,
    Loop,
    Node,
    Program,
    ProgramStep,
)
from dynattn.vocabulary.sizes import Size


def text(program: Program) -> str:
    """A readable print: ``%3 : nodes osc [C] = mul %1 %2``, block by block."""
    parts = [
        ("initial", program.initial),
        ("field", program.field),
        ("retraction", program.retraction),
        ("observe", program.observe),
        ("records", program.records),
    ]
    lines: list[str] = []
    for title, block in parts:
        if block is not None and block.outputs:
            lines += [*block_lines(title, block), ""]
    if program.steps:
        lines += ["network {", *_indented(_steps(program.steps)), "}", ""]
    if program.loss is not None:
        lines += [*block_lines("loss", program.loss), ""]
    return "\n".join(lines)


def block_lines(title: str, block: Block) -> list[str]:
    """One block: its operations in order, then its results by name."""
    numbers = {id(node): number for number, node in enumerate(block.nodes)}
    lines = [_line(node, numbers) for node in block.nodes]
    results = [f"{name} = %{numbers[id(node)]}" for name, node in block.outputs]
    return [f"{title} {{", *_indented([*lines, *results]), "}"]


def _steps(steps: Sequence[ProgramStep]) -> Iterator[str]:
    for step in steps:
        match step:
            case Call(block):
                yield from block_lines("call", block)
            case Apply(layer, output, target, evolve):
                yield from _steps(() if evolve is None else (evolve,))
                yield from block_lines(f"{target} = {layer}", output)
            case Evolve(layer, rate, retraction, evolution, start, noise):
                yield f"evolve {layer} {_far(evolution)} {{"
                if start is not None:
                    yield from _indented(block_lines("start", start))
                yield from _indented(block_lines("rate" if evolution else "at rest", rate))
                if noise is not None:
                    yield from _indented(block_lines("noise", noise))
                if retraction.outputs:
                    yield from _indented(block_lines("retraction", retraction))
                yield "}"
            case Loop(count, tied, inner):
                yield f"repeat {count}{' tied' if tied else ''} {{"
                yield from _indented(_steps(inner))
                yield "}"


def _far(evolution: Evolution | Adaptive | Settling | None) -> str:
    if isinstance(evolution, Adaptive):
        return f"from {evolution.start:g} to {evolution.stop:g} {evolution.method}"
    if not isinstance(evolution, Evolution):
        return "to rest"
    steps = f"{evolution.steps} times"
    return f"{steps} {evolution.method} {evolution.step:g}" if evolution.has_time else steps


def _indented(lines: Any) -> list[str]:
    return [f"  {line}" for line in lines]


def _line(node: Node, numbers: dict[int, int]) -> str:
    operands = "".join(f" %{numbers[id(operand)]}" for operand in node.inputs)
    payload = "" if node.payload is None else f" {_spell(node.payload)}"
    return f"%{numbers[id(node)]} : {_type(node.type)} = {node.op}{payload}{operands}"


def _type(kind: ArrayType) -> str:
    shape = f" [{', '.join(map(str, kind.shape))}]" if kind.shape else ""
    dtype = "" if kind.dtype == "real" else f" {kind.dtype}"
    return f"{kind.place.kind}{' ' if kind.place.name else ''}{kind.place.name}{shape}{dtype}"


def _spell(payload: Any) -> str:
    """A payload without quotes or class names: names, sizes, numbers, and tuples of them."""
    match payload:
        case tuple():
            return f"({', '.join(_spell(item) for item in payload)})"
        case Place(kind, name):
            return f"{kind} {name}".strip()
        case Size() | int() | str() | None:
            return str(payload)
    return repr(payload)
