"""What a layer does to states, in an emitted file: its class, or a part of a function's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from dynattn.lower.body import Body, Names
from dynattn.lower.emit_module import Writer, _argument, _indent, function, not_yet_in_a_file
from dynattn.lower.routine import Leaf
from dynattn.model.composition import Adaptive, Evolution, Settling
from dynattn.program.nodes import Block, Evolve


@dataclass
class Moving:
    """The statements that move the states of a layer, and the methods that they call."""

    writer: Writer
    step: Evolve
    names: Names
    lines: list[str] = field(default_factory=list)
    methods: list[list[str]] = field(default_factory=list)
    bodies: list[Body] = field(default_factory=list)

    def __post_init__(self) -> None:
        evolution = self._refused()
        if self.step.start is not None:
            self._assign(self.step.start)
        if evolution is None:
            self._assign(self.step.rate)
            return
        count = evolution.steps.value(self.writer.model.sizes)
        inner = self._one_step()
        if count == 1:
            self.lines += inner
        else:
            self.lines += [f"for _ in range({count}):", *_indent(inner)]

    @property
    def own(self) -> set[str]:
        """The layer's own states."""
        return set(self.writer.model.layer[self.step.layer].own)

    @property
    def results(self) -> list[str]:
        """The states that are there after it, by name in the text."""
        lasting = [name for name, _ in self.step.rate.outputs if name not in self.own]
        return [self._state(name) for name in lasting]

    def reads(self, *others: Body) -> list[Leaf]:
        """What comes from outside: these bodies' too."""
        found = self.writer._arguments(self.step.layer, [*self.bodies, *others])
        return [leaf for leaf in found if leaf.kind != "state" or leaf.name not in self.own]

    def _refused(self) -> Evolution | None:
        """How far the layer evolves; SpecError E401 for what has no spelling here."""
        evolution, start = self.step.evolution, self.step.start
        span = self.writer.model.layer[self.step.layer].span
        if isinstance(evolution, Settling):
            text = "a layer that runs until it is at rest, in an emitted file,"
            raise not_yet_in_a_file(text, evolution.span)
        if isinstance(evolution, Adaptive):
            text = "a layer that chooses its steps, in an emitted file,"
            raise not_yet_in_a_file(text, evolution.span)
        if evolution is not None and evolution.has_time:
            raise not_yet_in_a_file("a layer that evolves through time, in an emitted file,", span)
        drawn = [] if start is None else [node for _, node in start.outputs if node.op == "draw"]
        if drawn:
            text = "a layer whose states start at random, in an emitted file,"
            raise not_yet_in_a_file(text, drawn[0].span)
        return evolution

    def _state(self, name: str) -> str:
        return self.names.of(("state", name), name)

    def _assign(self, block: Block) -> None:
        """States set to the results of a block."""
        body = self.writer.body(block, self.names, self.step.layer)
        self.bodies.append(body)
        pairs = [(self._state(name), code) for name, code in body.results_text.items()]
        self.lines += [*body.lines, *[f"{name} = {code}" for name, code in pairs]]

    def _one_step(self) -> list[str]:
        words = self._free("rate"), self._free("retract")
        rate = self._method(words[0], self.step.rate)
        move = self._method(words[1], self.step.retraction, steps=True)
        names = [name for name, _ in self.step.rate.outputs]
        rates = {n: self.names.of(("rate", n), f"rate_{n.rsplit('.', 1)[-1]}") for n in names}
        texts = {Leaf("placeholder", ("v", name)): text for name, text in rates.items()}

        def given(leaves: Sequence[Leaf]) -> str:
            return ", ".join(texts.get(leaf) or _argument(self.names, leaf) for leaf in leaves)

        return [
            f"{', '.join(rates.values())} = self.{words[0]}({given(rate)})",
            f"{', '.join(map(self._state, names))} = self.{words[1]}({given(move)})",
        ]

    def _free(self, name: str) -> str:
        """The name of a method, another one where an array of the layer has it."""
        layer = self.step.layer
        own = [p.name for p in self.writer.model.parameters if p.layer == layer]
        taken = {name.removeprefix(f"{layer}.").split(".")[0] for name in own}
        return f"{name}_of_states" if name in taken else name

    def _method(self, name: str, block: Block, steps: bool = False) -> list[Leaf]:
        """Add a method; what it reads, in the order of its arguments."""
        names = Names(self.writer.taken)
        body = self.writer.body(block, names, self.step.layer, comments=not steps)
        self.bodies.append(body)
        reads = self.writer._arguments(self.step.layer, [body], steps)
        self.methods.append(function(name, [_argument(names, leaf) for leaf in reads], body))
        return reads


def layer_class(writer: Writer, step: Evolve) -> tuple[list[str], list[Leaf]]:
    """The class of a layer that acts on the model's states, and what its forward reads."""
    names = Names(writer.taken)
    moving = Moving(writer, step, names)
    reads = moving.reads()
    lines = [
        f"class {writer.class_of(step.layer)}(nn.Module):",
        f'    """Layer {step.layer}."""',
        "",
    ]
    lines += _indent(writer.constructor(step.layer, moving.bodies, ()))
    for method in moving.methods:
        lines += ["", *_indent(method)]
    given = [_argument(names, leaf) for leaf in reads]
    forward = [f"def forward({', '.join(['self', *given])}):", *_indent(moving.lines)]
    return [*lines, "", *_indent([*forward, f"    return {', '.join(moving.results)}"])], reads
