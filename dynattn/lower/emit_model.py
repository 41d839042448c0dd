"""The class of the model in an emitted file: a network's forward, or a field and its states."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dynattn.lower.body import Body, Names
from dynattn.lower.emit_module import (
    OWN,
    Writer,
    _argument,
    _indent,
    class_name,
    function,
    member,
    set_member,
)
from dynattn.lower.routine import Leaf
from dynattn.lower.unroll import copies_of
from dynattn.program.nodes import Apply, Block, Call, Evolve, Loop, ProgramStep


@dataclass
class NetworkWriter:
    """Writes the forward of a network, loops kept as loops."""

    writer: Writer
    arguments: Mapping[str, Sequence[Leaf]]
    """What each layer's forward reads."""

    def __post_init__(self) -> None:
        self.names = Names(self.writer.taken)
        self.bodies: list[Body] = []
        self.passed = {a.name for layer in self.writer.model.layers for a in layer.arguments}
        self.inputs = [self.names.of(("input", name), name) for name in self.writer.inputs]

    def lines(self) -> list[str]:
        """The class of the model, complete."""
        writer, model = self.writer, self.writer.model
        steps = writer.system.program.steps
        body = self._steps(steps, {}, 0)
        forward = [f"def forward({', '.join(['self', *self.inputs])}):", *_indent(self._dims())]
        forward += _indent(body)
        outputs = {name: self.names.of(("output", name), name) for name in writer.system.outputs}
        pairs = ", ".join(f'"{key}": {value}' for key, value in outputs.items())
        text = f"{{{pairs}}}" if len(outputs) > 1 else next(iter(outputs.values()))
        forward.append(f"    return {text}")
        loss = self._loss(tuple(outputs))
        copies = copies_of(steps, model.sizes)
        extra = [
            set_member(layer, f"nn.ModuleList({writer.class_of(layer)}() for _ in range({count}))")
            for layer, count in copies.items()
        ]
        head = [
            f"class {class_name(model.name)}(nn.Module):",
            f'    """{model.doc or model.name}"""',
            "",
        ]
        constructor = writer.constructor(None, self.bodies, extra)
        return [*head, *_indent(constructor), "", *_indent(forward), *loss]

    def _dims(self) -> list[str]:
        places = self.writer.system.dims
        found = []
        for name, (kind, key, axis) in places.items():
            if kind == "input":
                found.append(f"{name} = {self.names.of(('input', key), key)}.shape[{axis}]")
        used = {
            leaf.name for leaves in self.arguments.values() for leaf in leaves if leaf.kind == "dim"
        }
        used |= {name for body in self.bodies for name in body.reads_dims}
        return [line for line in found if line.split(" =")[0] in used]

    def _steps(self, steps: Sequence[ProgramStep], offset: dict[str, str], depth: int) -> list[str]:
        """Statements; ``offset`` is the number of the next copy of each layer, as text."""
        lines: list[str] = []
        used: Counter[str] = Counter()
        for step in steps:
            match step:
                case Call(block, None):
                    lines += self._call(block)
                case Call(block, str(owner)):
                    called = self._called(owner, _sum(offset.get(owner, ""), used[owner]))
                    lines.append(f"{', '.join(self._targets(block))} = {called}")
                    used[owner] += 1
                case Apply(layer=layer, target=target):
                    called = self._called(layer, _sum(offset.get(layer, ""), used[layer]))
                    lines.append(f"{self.names.of(('variable', target), target)} = {called}")
                    used[layer] += 1
                case Evolve(layer=layer):
                    lines.append(self._evolve(step, _sum(offset.get(layer, ""), used[layer])))
                    used[layer] += 1
                case Loop():
                    lines += self._loop(step, offset, used, depth)
        return lines

    def _loop(
        self, step: Loop, offset: dict[str, str], used: Counter[str], depth: int
    ) -> list[str]:
        model = self.writer.model
        rounds = step.count.value(model.sizes)
        variable = self.names.of(("loop", depth), "ijkl"[depth] if depth < 4 else f"i{depth}")
        each = copies_of(step.steps, model.sizes)
        inner = dict(offset)
        for layer, count in each.items():
            start = _sum(offset.get(layer, ""), used[layer])
            stride = "" if step.tied else (variable if count == 1 else f"{count} * {variable}")
            inner[layer] = " + ".join(
                part for part in (stride, start if start != "0" else "") if part
            )
            used[layer] += count * (1 if step.tied else rounds)
        body = self._steps(step.steps, inner, depth + 1)
        uses = any(f"[{variable}" in line or f" {variable}" in line for line in body)
        return [f"for {variable if uses else '_'} in range({rounds}):", *_indent(body)]

    def _call(self, block: Block) -> list[str]:
        body = self.writer.body(block, self.names)
        self.bodies.append(body)
        lines = list(body.lines)
        names = tuple(body.results_text)
        for name, target, code in zip(
            names, self._targets(block), body.results_text.values(), strict=True
        ):
            if name in self.passed and code.text.isidentifier():
                self.names.given["variable", name] = code.text
            else:
                lines.append(f"{target} = {code}")
        return lines

    def _targets(self, block: Block) -> list[str]:
        """Names of the results of a block: states, variables and outputs."""
        found = []
        for name, _ in block.outputs:
            kind = "state" if name in self.writer.model.states else "variable"
            if name in self.passed:
                self.names.given[kind, name] = self.names.of(("passed", name), name)
            found.append(self.names.of((kind, name), name))
            if name in self.writer.system.outputs:
                self.names.given["output", name] = found[-1]
        return found

    def _called(self, name: str, index: str) -> str:
        """The call of one copy of a layer with arguments."""
        given = [
            member(leaf.name) if leaf.kind == "parameter" else _argument(self.names, leaf)
            for leaf in self.arguments[name]
        ]
        return f"{member(name)}[{index}]({', '.join(given)})"

    def _evolve(self, step: Evolve, index: str) -> str:
        arguments = [
            member(leaf.name) if leaf.kind == "parameter" else _argument(self.names, leaf)
            for leaf in self.arguments[step.layer]
        ]
        own = self.writer.model.layer[step.layer].own
        moved = [name for name, _ in step.rate.outputs if name not in own]
        states = [self.names.of(("state", name), name) for name in moved]
        return f"{', '.join(states)} = {member(step.layer)}[{index}]({', '.join(arguments)})"

    def _loss(self, outputs: Sequence[str]) -> list[str]:
        block = self.writer.system.program.loss
        if block is None or len(outputs) != 1:
            return []
        names = Names(self.writer.taken)
        arguments = [names.of(("input", item.name), item.name) for item in self.writer.model.inputs]
        body = self.writer.body(block, names)
        kinds = {leaf.kind for leaf in body.plan.leaves} - {"parameter", *OWN}
        if not kinds <= {"input", "output"}:
            return []
        self.bodies.append(body)
        output = names.of(("output", outputs[0]), outputs[0])
        called = ", ".join(self.inputs)
        pairs = ", ".join(f'"{label}": {code}' for label, code in body.results_text.items())
        lines = [
            f"def loss({', '.join(['self', *arguments])}):",
            '    """What training lowers, and what it records, by label."""',
            f"    {output} = self({called})",
            *_indent(body.lines),
            f"    return {{{pairs}}}",
        ]
        return ["", *_indent(lines)]


def field_class(writer: Writer) -> list[str]:
    """The class of a model with a field: rates, steps, observables, initial states."""
    system, model = writer.system, writer.model
    program = system.program
    assert program.field is not None and program.retraction is not None
    bodies: list[Body] = []
    parts: list[list[str]] = [_field_method(writer, program.field, "forward", bodies)]
    parts.append(_retract_method(writer, program.retraction, bodies))
    parts.append(_observe_method(writer, program.observe, bodies))
    parts.append(_initial_method(writer))
    head = [
        f"class {class_name(model.name)}(nn.Module):",
        f'    """{model.doc or model.name}"""',
        "",
    ]
    constructor = writer.constructor(None, bodies, ())
    lines = [*head, *_indent(constructor)]
    for part in parts:
        lines += ["", *_indent(part)]
    return lines


def _unpacked(writer: Writer, names: Names, source: str, kind: str = "state") -> list[str]:
    """The states out of y."""
    found = []
    for name in writer.model.states:
        leaf = Leaf(kind, name) if kind == "state" else Leaf(kind, ("v", name))
        found.append(_argument(names, leaf))
    return [f"{', '.join(found)} = {source}"]


def _field_method(writer: Writer, block: Block, name: str, bodies: list[Body]) -> list[str]:
    names = Names(writer.taken | {"y"})
    first = _unpacked(writer, names, "y")
    body = writer.body(block, names)
    bodies.append(body)
    body.lines[:0] = [*first, *_state_dims(writer, body, names)]
    rates = []
    for state, code in body.results_text.items():
        rate = names.of(("rate", state), f"rate_{state.rsplit('.', 1)[-1]}")
        body.lines.append(f"{rate} = {code}")
        rates.append(f"{rate}.expand_as({names.of(('state', state), state)})")
    lines = function(name, ["t", "y"], body, "The rate of change of the states y at time t.")
    return [*lines[:-1], f"    return {', '.join(rates)}"]


def _state_dims(writer: Writer, body: Body, names: Names) -> list[str]:
    lines = []
    for name in body.reads_dims:
        kind, key, axis = writer.system.dims[name]
        if kind == "state":
            lines.append(f"{name} = {names.of(('state', key), key)}.shape[{axis}]")
    return lines


def _retract_method(writer: Writer, block: Block, bodies: list[Body]) -> list[str]:
    names = Names(writer.taken | {"y", "step"})
    first = _unpacked(writer, names, "y") + _unpacked(writer, names, "step", "placeholder")
    body = writer.body(block, names, comments=False)
    bodies.append(body)
    body.lines[:0] = first
    return function("retract", ["y", "step"], body, "Where tangent steps lead from the states.")


def _observe_method(writer: Writer, block: Block | None, bodies: list[Body]) -> list[str]:
    if block is None:
        return ["def observe(self, t, y):", '    """Nothing is observed."""', "    return {}"]
    names = Names(writer.taken | {"y"})
    first = _unpacked(writer, names, "y")
    body = writer.body(block, names)
    bodies.append(body)
    body.lines[:0] = [*first, *_state_dims(writer, body, names)]
    lines = function("observe", ["t", "y"], body, "The observables by name.")
    pairs = ", ".join(f'"{name}": {code}' for name, code in body.results_text.items())
    return [*lines[:-1], f"    return {{{pairs}}}"]


def _initial_method(writer: Writer) -> list[str]:
    values = []
    for name, value in writer.system.initial_states().items():
        writer.stored[f"initial.{name}"] = value.detach().contiguous()
        values.append(f'STORED["initial.{name}"]')
    return [
        "def initial(self):",
        '    """The states at the start."""',
        f"    return {', '.join(values)}",
    ]


def _sum(start: str, count: int) -> str:
    """``start + count`` as text."""
    if not start:
        return str(count)
    return f"{start} + {count}" if count else start
