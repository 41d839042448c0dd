"""Classes of an emitted file: one per layer, one for the model."""

from __future__ import annotations

import keyword
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from dynattn.diagnostics.report import Diagnostic, Span, SpecError
from dynattn.lower.body import RESERVED, Body, Names
from dynattn.lower.context import array_name, make_array
from dynattn.lower.initial import declared_shape
from dynattn.lower.module import System
from dynattn.lower.routine import Leaf, make_plan, size_code
from dynattn.model.model import Model
from dynattn.model.parts import Law, Parameter
from dynattn.model.terms import Term
from dynattn.program.copies import parameter_arrays
from dynattn.program.nodes import (
    Apply,
    Block,
    Call,
    Evolve,
    Loop,
    ProgramStep,
    blocks_of,
)
from dynattn.vocabulary.sizes import fixed as whole

SMALL = 8
"""Fixed arrays of at most this many numbers stand in the text; larger ones beside it."""


OWN = ("array", "array_name", "origin", "training", "white")
"""Kinds of leaves that every module of an emitted file has of its own."""


@dataclass
class Writer:
    """Gathers the text of an emitted file, and the arrays that go beside it."""

    system: System
    lets: Mapping[tuple[int, int, int, int], str]
    stored: dict[str, Any] = field(default_factory=dict)
    copies: list[Any] = field(default_factory=list)

    @property
    def model(self) -> Model:
        """The checked model."""
        return self.system.model

    @property
    def learns(self) -> bool:
        """Whether there are arrays that training moves; without any, no weights are read."""
        return any(True for _ in self.system.parameters())

    def class_of(self, layer: str) -> str:
        """The class of a layer: no name of a size, and not that of the model."""
        found = class_name(layer)
        taken = {*self.model.sizes, *(dim.name for dim in self.model.dims)}
        return f"{found}Layer" if found in taken | {class_name(self.model.name)} else found

    @property
    def inputs(self) -> tuple[str, ...]:
        """The inputs that the network reads, or whose length it needs; labels are not among
        them.
        """
        blocks = blocks_of(self.system.program.steps)
        read = {name for block in blocks for name in block.reads("input")}
        read |= {key for kind, key, _ in self.system.dims.values() if kind == "input"}
        return tuple(item.name for item in self.model.inputs if item.name in read)

    @property
    def taken(self) -> frozenset[str]:
        """Names that no local variable may have."""
        dims = {dim.name for dim in self.model.dims}
        kernels = {"to_real", "STORED", "times", "model"}
        return RESERVED | set(self.model.sizes) | dims | kernels

    # --- bodies -----------------------------------------------------------------------------------

    def body(
        self, block: Block, names: Names, layer: str | None = None, comments: bool = True
    ) -> Body:
        """The statements of a block; in a layer, parameters of others come as arguments."""
        plan = make_plan(block, self.system.context)
        texts = {
            leaf.name: self._parameter_text(leaf.name, layer, names)
            for leaf in plan.leaves
            if leaf.kind == "parameter"
        }
        body = Body(plan, self.lets, names, texts, comments)
        self.copies.extend(body.copies)
        return body

    def _parameter_text(self, name: str, layer: str | None, names: Names) -> str:
        owner = self.model.parameter[name].layer
        if layer is None:
            return member(name)
        if owner == layer:
            return member(name.removeprefix(layer + "."))
        return names.of(("parameter", name), name)

    # --- parameters and arrays --------------------------------------------------------------------

    def constructor(
        self, layer: str | None, bodies: Sequence[Body], extra: Sequence[str]
    ) -> list[str]:
        """``__init__``: parameters of the layer (or the model) and the fixed arrays it reads."""
        lines = ["def __init__(self):", "    super().__init__()"]
        tree: dict[str, Any] = {}
        for parameter in self._owned(layer, bodies):
            *path, last = parameter.name.removeprefix(f"{layer}.").split(".")
            place = tree
            for part in path:
                place = place.setdefault(part, {})
            place[last] = self._member(parameter)
        lines += [f"    {set_member(name, _group(value))}" for name, value in tree.items()]
        lines += [f"    {line}" for line in extra]
        arrays = {name: key for body in bodies for name, key in body.arrays.items()}
        lines += [f"    self.{name} = {self.array(key)}" for name, key in arrays.items()]
        if any("self.origin" in line for body in bodies for line in _texts(body)):
            lines.append("    self.origin = fixed(0.0)  # its dtype and device are the module's")
        if layer is None and self.learns:
            lines.append("    self.load(STORED)")
        return lines

    def _owned(self, layer: str | None, bodies: Sequence[Body]) -> list[Parameter]:
        read = {
            leaf.name for body in bodies for leaf in body.plan.leaves if leaf.kind == "parameter"
        }
        passed = self._passed() if layer is None else set()
        return [
            p
            for p in self.model.parameters
            if p.layer == layer and (p.learned or p.name in read or p.name in passed)
        ]

    def _passed(self) -> set[str]:
        """Parameters of the model that layers read."""
        steps = self.system.program.steps
        blocks = _called(steps)
        read = {name for block in blocks for name in block.reads("parameter")}
        return read - set(self.system.context.fixed)

    def _member(self, parameter: Parameter) -> str:
        if parameter.learned:
            front = []
            if parameter.place.kind == "nodes":
                rows = self.model.population[parameter.place.name].size
                limits = frozenset(rows.names) - self.model.sizes.keys()
                front = [whole(rows.value(self.model.largest)) if limits else rows]
            shape = [size_code(size).text for size in (*front, *parameter.shape)]
            if parameter.place.kind == "edges":
                shape = [str(n) for n in declared_shape(parameter, self.system.context)]
            shape += ["dtype=torch.complex128"] if parameter.dtype == "complex" else []
            sizes = ", ".join(text.removeprefix("(").removesuffix(")") for text in shape)
            return f"parameter({sizes})"
        arrays = dict(self.system.named_buffers())
        if parameter.layer is None:
            return self.value(parameter.name, arrays[parameter.name])
        copies = [value for name, value in arrays.items() if self._is_copy(name, parameter)]
        if any(not copy.equal(copies[0]) for copy in copies):
            text = f"'{parameter.name}', drawn for every use of its layer, in an emitted file"
            raise not_yet_in_a_file(text, parameter.span)
        return self.value(parameter.name, copies[0])

    def _is_copy(self, name: str, parameter: Parameter) -> bool:
        return parameter_arrays(self.model).get(name) is parameter

    def array(self, key: tuple[Any, ...]) -> str:
        """A fixed array as Python text."""
        if key[0] == "rotary":
            within = key[1] // key[2]
            powers = f"10000.0 ** (-torch.arange({within}, dtype=torch.float64) / {within})"
            return f"fixed(({powers}).repeat({key[2]}))"
        import torch

        return self.value(array_name(key), torch.as_tensor(make_array(key, self.system.context)))

    def value(self, name: str, tensor: Any) -> str:
        """A small array inline; a large one by its name in the file beside."""
        if tensor.numel() <= SMALL and tensor.is_floating_point():
            return f"fixed({tensor.tolist()!r})".replace("inf", 'float("inf")')
        self.stored[name] = tensor.detach().contiguous()
        return f'fixed(STORED["{name}"])'

    def _arguments(
        self, layer: str | None, bodies: Sequence[Body], steps: bool = False
    ) -> list[Leaf]:
        """What functions read from outside: states first, parameters of others last."""
        found: dict[Leaf, None] = {}
        for body in bodies:
            for leaf in body.plan.leaves:
                if leaf.kind == "parameter":
                    if layer is not None and self.model.parameter[leaf.name].layer != layer:
                        found[leaf] = None
                elif leaf.kind not in OWN and (steps or leaf.kind != "placeholder"):
                    found[leaf] = None
        return sorted(found, key=lambda leaf: (leaf.kind != "state", leaf.kind == "parameter"))


def not_yet_in_a_file(what: str, span: Span | None, fix: str = "leave out --emit") -> SpecError:
    """The refusal E401 of something that emitted files do not hold."""
    text = f"{what} has no meaning in this version of dynattn yet"
    return SpecError([Diagnostic("E401", text, span, fix)])


def function(
    name: str, arguments: Sequence[str], body: Body, doc: str = "", before: Sequence[str] = ()
) -> list[str]:
    """A method that returns the results of a body, after the statements ``before``."""
    lines = [f"def {name}({', '.join(['self', *arguments])}):"]
    lines += [f'    """{doc}"""'] if doc else []
    results = ", ".join(code.text for code in body.results_text.values())
    return [*lines, *_indent([*before, *body.lines]), f"    return {results}"]


def member(path: str) -> str:
    """A member of the module by its dotted name; ``getattr`` where Python has the word."""
    text = "self"
    for name in path.split("."):
        text = f'getattr({text}, "{name}")' if keyword.iskeyword(name) else f"{text}.{name}"
    return text


def set_member(name: str, value: str) -> str:
    """The statement that gives the module a member."""
    if keyword.iskeyword(name):
        return f'setattr(self, "{name}", {value})'
    return f"self.{name} = {value}"


def class_name(name: str) -> str:
    """``kuramoto_attention`` as ``KuramotoAttention``."""
    return "".join(word[:1].upper() + word[1:] for word in name.split("_"))


def _argument(names: Names, leaf: Leaf) -> str:
    if leaf.kind in ("dim", "time"):
        return leaf.name or "t"
    if leaf.kind == "placeholder":
        return names.of(leaf, f"step_{leaf.name[1].rsplit('.', 1)[-1]}")
    return names.of((leaf.kind, leaf.name), leaf.name)


def _group(value: Any) -> str:
    if isinstance(value, str):
        return value
    if any(map(keyword.iskeyword, value)):
        pairs = ", ".join(f'"{name}": {_group(item)}' for name, item in value.items())
        return f"Group(**{{{pairs}}})"
    return f"Group({', '.join(f'{name}={_group(item)}' for name, item in value.items())})"


def _indent(lines: Iterable[str], by: int = 1) -> list[str]:
    return [f"{'    ' * by}{line}" if line else line for line in lines]


def _texts(body: Body) -> list[str]:
    return [*body.lines, *[code.text for code in body.results_text.values()]]


def _evolves(steps: Sequence[ProgramStep]) -> list[Evolve]:
    found: dict[str, Evolve] = {}
    for step in steps:
        match step:
            case Evolve(layer=layer):
                found.setdefault(layer, step)
            case Loop(_, _, inner):
                found = {**{item.layer: item for item in _evolves(inner)}, **found}
    return list(found.values())


def _called(steps: Sequence[ProgramStep]) -> list[Block]:
    """What layers, and statements with weights of their own in a repeat, compute."""
    found: list[Block] = []
    for step in steps:
        match step:
            case Apply(output=block, evolve=evolve):
                found += [block, *_called(() if evolve is None else (evolve,))]
            case Call(block, str()):
                found.append(block)
            case Evolve():
                found += step.blocks
            case Loop(_, _, inner):
                found += _called(inner)
    return found


def let_names(model: Model) -> dict[tuple[int, int, int, int], str]:
    """The names the spec gives to expressions, by the place of the expression."""
    found: dict[tuple[int, int, int, int], str] = {}
    seen: set[int] = set()
    stack = list(_terms(model))
    while stack:
        term = stack.pop()
        if id(term) in seen:
            continue
        seen.add(id(term))
        if term.op == "let" and term.args[0].span is not None:
            span = term.args[0].span
            place = (span.line, span.column, span.end_line, span.end_column)
            found[place] = str(term.payload).rsplit(".", 1)[-1]
        stack.extend(term.args)
    return found


def _terms(model: Model) -> Iterable[Term]:
    laws: list[Law] = [*model.laws, *[law for layer in model.layers for law in layer.laws]]
    yield from (law.rate for law in laws)
    for coupling in model.couplings:
        parts = (coupling.kernel, coupling.weight, coupling.strength)
        yield from (part for part in parts if part is not None)
    yield from (item.value for item in model.observables)
    yield from (layer.output for layer in model.layers if layer.output is not None)
    yield from _step_terms(model.network)


def _step_terms(steps: Sequence[Any]) -> Iterable[Term]:
    for step in steps:
        if hasattr(step, "value"):
            yield step.value
        yield from _step_terms(getattr(step, "steps", ()))
