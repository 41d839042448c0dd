"""A plan as the body of a Python function: short steps inlined, others named after the spec."""

from __future__ import annotations

import keyword
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from dynattn.lower.code import Code, number_code
from dynattn.lower.context import array_name
from dynattn.lower.routine import Instruction, Leaf, Plan
from dynattn.program.nodes import Node

LONGEST = 84
"""An expression longer than this is not inlined any further."""

SHORTEST = 12
"""A shorter operand is not worth a name."""

WORDS = {
    "add": "combined", "sub": "difference", "mul": "product", "div": "quotient", "neg": "negative",
    "pow": "power", "dot": "inner", "matmul": "product", "concat": "features",
    "sine_cosine": "sin_cos", "linear": "projected", "merge": "merged",
    "split": "in_heads", "unsqueeze": "widened", "receiver": "at_receiver", "sender": "at_sender",
    "edge_softmax": "share", "edge_normalize": "share", "cross_entropy": "loss",
    "layer_norm": "normed", "dropout": "kept", "rounded": "levelled", "disturbed": "noisy",
    "at": "picked", "pick": "part",
}  # fmt: skip
"""What a value is called that the spec has no name for, by the operation that makes it."""

RESERVED = frozenset({"torch", "nn", "F", "math", "json", "self", "odeint", "t", *keyword.kwlist})


class Names:
    """Gives every thing one Python name, different things different ones."""

    def __init__(self, taken: frozenset[str] = RESERVED) -> None:
        self.taken = set(taken)
        self.given: dict[Any, str] = {}

    def of(self, thing: Any, wish: str) -> str:
        """The name of ``thing``; the last part of ``wish``, numbered where it is taken."""
        if thing not in self.given:
            base = "".join(c if c.isalnum() else "_" for c in wish.rsplit(".", 1)[-1]) or "value"
            base = f"_{base}" if base[0].isdigit() else base
            name, number = base, 2
            while name in self.taken:
                name, number = f"{base}_{number}", number + 1
            self.taken.add(name)
            self.given[thing] = name
        return self.given[thing]


@dataclass
class Body:
    """Statements of one function, and what they read."""

    plan: Plan
    lets: Mapping[tuple[int, int, int, int], str]
    """Names that the spec gave to expressions, by the place of the expression."""
    names: Names
    parameter: Mapping[str, str]
    """Python text of a parameter by its name in the program."""
    comments: bool = True
    """Whether lines of the spec stand above what they became."""
    lines: list[str] = field(default_factory=list)
    copies: list[Any] = field(default_factory=list)
    arrays: dict[str, tuple[Any, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.codes: list[Code] = [self._leaf(leaf) for leaf in self.plan.leaves]
        self.codes += [number_code(value) for value in self.plan.numbers]
        self.uses = Counter(place for step in self.plan.instructions for place in step.arguments)
        self.uses.update(slot for _, slot in self.plan.outputs)
        self.commented: set[int] = set()
        self.open: dict[int, Instruction] = {}
        """Steps whose expression is still without a name."""
        self.results = {slot: name for name, slot in self.plan.outputs}
        for step in self.plan.instructions:
            self._step(step)

    @property
    def results_text(self) -> dict[str, Code]:
        """The expression of every result."""
        return {name: self.codes[slot] for name, slot in self.plan.outputs}

    @property
    def reads_dims(self) -> tuple[str, ...]:
        """Dims whose length the body needs."""
        return tuple(leaf.name for leaf in self.plan.leaves if leaf.kind == "dim")

    def _leaf(self, leaf: Leaf) -> Code:
        match leaf.kind:
            case "parameter":
                return Code(self.parameter[leaf.name])
            case "origin":
                return Code("self.origin")
            case "array":
                name = array_name(leaf.name)
                self.arrays[name] = leaf.name
                return Code(f"self.{name}")
            case "dim":
                return Code(leaf.name)
            case "training":
                return Code("self.training")
            case "white" | "array_name":
                return Code("")  # an emitted file draws its noise from torch's own stream
            case "time":
                return Code("t")
            case "placeholder":
                return Code(self.names.of(leaf, f"step_{leaf.name[1].rsplit('.', 1)[-1]}"))
        return Code(self.names.of((leaf.kind, leaf.name), leaf.name))

    def _step(self, step: Instruction) -> None:
        code = self._fitted(step)
        self.copies.extend(step.operation.copies)
        wish = self._wish(step.node)
        read_before = code.text in {self.codes[place].text for place in step.arguments}
        inlined = self.uses[step.result] <= 1 and (wish is None or self._is_result(step))
        if inlined or read_before:
            if self._is_result(step):
                self._comment(step.node)
            self.codes.append(code)
            return
        self.codes.append(self._assigned(step, code, wish))

    def _fitted(self, step: Instruction) -> Code:
        """The expression of a step; where it is too long, its longest operand gets a name first."""
        arguments = [self.codes[place] for place in step.arguments]
        code = step.operation.code(*arguments)
        while len(code.text) > LONGEST:
            place = max(step.arguments, key=lambda k: (k in self.open, len(self.codes[k].text)))
            if place not in self.open or len(self.codes[place].text) < SHORTEST:
                return code
            self.codes[place] = self._assigned(self.open[place], self.codes[place], None)
            code = step.operation.code(*[self.codes[k] for k in step.arguments])
        self.open[step.result] = step
        return code

    def _assigned(self, step: Instruction, code: Code, wish: str | None) -> Code:
        """A statement that gives the expression a name."""
        self.open.pop(step.result, None)
        name = self.names.of(id(step), wish or WORDS.get(step.node.op, step.node.op))
        self._comment(step.node)
        self.lines.append(f"{name} = {code}")
        return Code(name)

    def _is_result(self, step: Instruction) -> bool:
        return len(self.results) == 1 and step.result in self.results

    def _wish(self, node: Node) -> str | None:
        """The name the spec has for this value."""
        if node.op in (
            "edge_sum",
            "edge_mean",
            "attention",
            "successor_attention",
            "graph_sum",
        ):
            coupling = node.payload[0] if isinstance(node.payload, tuple) else node.payload
            return coupling if node.op != "graph_sum" else f"{coupling.rsplit('.', 1)[-1]}_sums"
        span = node.span
        if span is None or node.op in ("unsqueeze", "split", "merge", "parts"):
            return None
        return self.lets.get((span.line, span.column, span.end_line, span.end_column))

    def _comment(self, node: Node) -> None:
        if not self.comments or node.span is None or node.span.line in self.commented:
            return
        self.commented.add(node.span.line)
        lines = node.span.source.lines
        if node.span.line <= len(lines):
            text = " ".join(lines[node.span.line - 1].split("#")[0].split())
            self.lines.append(f"# {text.removesuffix('{').strip()}")
