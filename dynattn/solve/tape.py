"""Functions of tensors and their pullbacks as flat lists of torch's own operations.

A function is run once with autograd while every operation underneath is written down, those of the
backward pass too. Run again, the lists cost no graph. What depends on neither the points nor the
cotangents is computed once and kept for all runs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map

LASTING, POINTS, COTANGENTS = range(3)
"""What a value depends on: on nothing that is given, on the points, on the cotangents as well."""

_aten = torch.ops.aten
IDENTITIES = frozenset({_aten.detach.default, _aten.alias.default, _aten.lift_fresh.default})
SHORT = frozenset({
    "add", "sub", "mul", "div", "neg", "sin", "cos", "exp", "log", "tanh", "sqrt", "rsqrt",
    "reciprocal", "sigmoid", "abs", "sign", "stack", "mm", "bmm", "select", "unbind", "unsqueeze",
    "transpose", "addcmul", "where",
})  # fmt: skip
"""Called by their names in ``torch`` these do the same, and take half a microsecond less."""

DRAWS = torch.Tag.nondeterministic_seeded


class NotReplayable(Exception):
    """The operations that a function does are not the same at every point."""


@dataclass(frozen=True)
class Slot:
    """A value by its number."""

    number: int


@dataclass(frozen=True)
class Line:
    """One operation; ``arguments`` and ``named`` hold Slots where values go."""

    function: Any
    arguments: tuple[Any, ...]
    named: dict[str, Any]
    results: tuple[int, ...]
    several: bool
    """Whether it gives a list of values."""

    @property
    def reads(self) -> Iterator[int]:
        """The numbers of the values that go in."""
        for item in tree_leaves((self.arguments, self.named), is_leaf=_is_slot):
            if isinstance(item, Slot):
                yield item.number

    @property
    def mutates(self) -> bool:
        """Whether it writes into what goes in."""
        return self.function._schema.is_mutable


def _is_slot(item: Any) -> bool:
    return isinstance(item, Slot)


class _Recorder(TorchDispatchMode):
    """Writes down every operation below autograd."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[tuple[Any, Any, Any, Any]] = []

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Asked by torch, which else imports its compiler: 37 MiB, half a second."""
        return False

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        found = func(*args, **(kwargs or {}))
        self.calls.append((func, args, kwargs or {}, found))
        return found


@dataclass
class _Numbering:
    """Which number stands for which tensor."""

    lasting: list[Tensor] = field(default_factory=list)
    """Tensors that were there before, by place in the list."""
    lasting_numbers: list[int] = field(default_factory=list)
    count: int = 0
    by_identity: dict[int, int] = field(default_factory=dict)
    by_place: dict[Any, int] = field(default_factory=dict)
    kept: list[Tensor] = field(default_factory=list)
    """So that no other tensor takes the identity of one of these."""

    def new(self, tensor: Tensor) -> int:
        """The next number, for this tensor."""
        self.count += 1
        self.same(tensor, self.count - 1)
        return self.count - 1

    def same(self, tensor: Tensor, number: int) -> None:
        """The tensor has a number already."""
        self.kept.append(tensor)
        self.by_identity[id(tensor)] = number
        self.by_place[_place(tensor)] = number

    def of(self, tensor: Tensor) -> Slot:
        """The number of a tensor that is read; one never seen is lasting."""
        number = self.by_identity.get(id(tensor), self.by_place.get(_place(tensor), -1))
        if number < 0:
            number = self.new(tensor)
            self.lasting.append(tensor.detach())
            self.lasting_numbers.append(number)
        return Slot(number)


def _place(tensor: Tensor) -> Any:
    """Where in memory its numbers stand: autograd keeps results as other objects over the same."""
    if tensor.layout is not torch.strided:
        return id(tensor)
    return (
        tensor.untyped_storage()._cdata, tensor.storage_offset(), tuple(tensor.shape),
        tensor.stride(), tensor.dtype, tensor.is_conj(), tensor.is_neg(),
    )  # fmt: skip


def _storage(tensor: Tensor) -> int:
    return id(tensor) if tensor.layout is not torch.strided else tensor.untyped_storage()._cdata


class Tape:
    """A function of points and its pullback.

    ``function(*given, *points)`` gives a list of tensors; no gradient goes to what is ``given``,
    nor to lasting tensors such as parameters. NotReplayable where a number decides what is done.
    """

    def __init__(
        self,
        function: Callable[..., Sequence[Tensor]],
        given: Sequence[Tensor],
        points: Sequence[Tensor],
    ) -> None:
        leaves = [x.detach().clone().requires_grad_() for x in points]
        given = [x.detach().clone() for x in given]
        recorder, cotangents = _Recorder(), []
        with torch.enable_grad(), recorder:
            outputs = list(function(*given, *leaves))
            cut = len(recorder.calls)
            moving = [k for k, x in enumerate(outputs) if x.requires_grad]
            cotangents = [torch.ones_like(outputs[k].detach()) for k in moving]
            begun = len(recorder.calls)
            found = _gradients([outputs[k] for k in moving], leaves, cotangents)
        del recorder.calls[cut:begun]
        self.moving = moving
        """Which of the outputs depend on the points."""
        self._write(recorder.calls, [*given, *leaves], cotangents, outputs, found)

    def _write(
        self,
        calls: Sequence[tuple[Any, Any, Any, Any]],
        inputs: Sequence[Tensor],
        cotangents: Sequence[Tensor],
        outputs: Sequence[Tensor],
        gradients: Sequence[Tensor | None],
    ) -> None:
        numbering = _Numbering()
        first = [numbering.new(x) for x in inputs]
        second = [numbering.new(x) for x in cotangents]
        lines, storages = _lines(calls, numbering)
        results = [numbering.of(x).number for x in outputs]
        pulled = [None if x is None else numbering.of(x).number for x in gradients]
        levels = _levels(lines, first, second, storages)
        once = [line for line in lines if _level(line, levels) == LASTING]
        forward = [line for line in lines if _level(line, levels) == POINTS]
        back = [line for line in lines if _level(line, levels) == COTANGENTS]
        back = _needed(back, [x for x in pulled if x is not None])
        wanted = {x for line in back for x in line.reads} | {x for x in pulled if x is not None}
        made = {x for line in forward for x in line.results} | set(first)
        self.residuals = sorted(wanted & made)
        forward = _needed(forward, [*results, *self.residuals])
        once = _needed(once, [*results, *self.residuals, *wanted,
                              *[x for line in forward for x in line.reads]])  # fmt: skip
        after = {x for line in (*forward, *back) for x in line.reads}
        after |= {*results, *[x for x in pulled if x is not None]}
        known = [*numbering.lasting_numbers, *[x for line in once for x in line.results]]
        self.kept = sorted(after & set(known))
        self.lasting = numbering.lasting
        self.prepare = _spelled(once, [numbering.lasting_numbers], self.kept)
        """(lasting tensors): the lasting values."""
        self.forward = _spelled(forward, [self.kept, first], results, self.residuals)
        """(lasting values, given and points): outputs, residuals."""
        self.pullback = _spelled(back, [self.kept, self.residuals, second], pulled)
        """(lasting values, residuals, cotangents of the moving outputs): those of the points."""


def _gradients(
    outputs: Sequence[Tensor], points: Sequence[Tensor], cotangents: Sequence[Tensor]
) -> Sequence[Tensor | None]:
    if not outputs:
        return [None for _ in points]
    return torch.autograd.grad(outputs, points, cotangents, allow_unused=True)


Storages = tuple[set[int], set[int]]
"""Of those that are written to: what an operation touches, and where its results or writes are."""


def _lines(calls: Iterable[Any], numbering: _Numbering) -> tuple[list[Line], list[Storages]]:
    """The calls in numbers; beside each what storages it touches if any of these is written to."""
    written = {
        _storage(x)
        for function, args, kwargs, _ in calls if function._schema.is_mutable
        for x in tree_leaves(_written_to(function, args, kwargs)) if isinstance(x, Tensor)
    }  # fmt: skip
    seen: dict[Any, tuple[int, ...]] = {}
    lines, touched = [], []
    for function, args, kwargs, found in calls:
        tensors = [x for x in tree_leaves((args, kwargs, found)) if isinstance(x, Tensor)]
        storages = {_storage(x) for x in tensors} & written
        several = isinstance(found, (tuple, list))
        results: list[Any] = list(found) if several else [found]
        if not all(isinstance(x, Tensor) for x in results):
            if tensors:  # the program looks at a number: what follows may differ elsewhere
                raise NotReplayable
            continue
        arguments, named = tree_map(
            lambda x: numbering.of(x) if isinstance(x, Tensor) else x, (args, kwargs)
        )
        if _changes_nothing(function, args, results) and not storages:
            numbering.same(results[0], arguments[0].number)
            continue
        key = _key(function, arguments, named)
        if key in seen and not storages:
            for x, number in zip(results, seen[key], strict=True):
                numbering.same(x, number)
            continue
        if function._schema.is_mutable and any(x is results[0] for x in tree_leaves(args)):
            numbers = (numbering.new(results[0]),)
        else:
            numbers = tuple(numbering.new(x) for x in results)
        if not storages and DRAWS not in function.tags:
            seen[key] = numbers
        lines.append(Line(function, arguments, named, numbers, several))
        made = [*results, *tree_leaves(_written_to(function, args, kwargs))]
        touched.append((storages, {_storage(x) for x in made if isinstance(x, Tensor)} & storages))
    return lines, touched


def _written_to(function: Any, args: Any, kwargs: Any) -> list[Any]:
    """The arguments that an operation writes into, by what it declares."""
    declared = enumerate(function._schema.arguments)
    given = [(x, args[k] if k < len(args) else kwargs.get(x.name)) for k, x in declared]
    return [value for x, value in given if x.alias_info is not None and x.alias_info.is_write]


def _changes_nothing(function: Any, args: Any, results: Sequence[Any]) -> bool:
    """Whether the result is what went in, shape and all."""
    if function in IDENTITIES:
        return isinstance(args[0], Tensor)
    one, other = args[0] if args else None, results[0]
    return (
        isinstance(one, Tensor)
        and len(results) == 1
        and isinstance(other, Tensor)
        and one is not other
        and not function._schema.is_mutable
        and _place(one) == _place(other)
    )


def _key(function: Any, arguments: Any, named: Any) -> Any:
    return function, repr(arguments), repr(named)


def _levels(
    lines: Sequence[Line], points: Sequence[int], cotangents: Sequence[int],
    touched: Sequence[Storages],
) -> dict[int, int]:  # fmt: skip
    """What each value depends on; those that stand in one written storage depend on the same."""
    levels = dict.fromkeys(points, POINTS) | dict.fromkeys(cotangents, COTANGENTS)
    shared: dict[int, int] = {}
    while True:
        before = dict(shared)
        for line, (storages, made) in zip(lines, touched, strict=True):
            level = max([levels.get(x, LASTING) for x in line.reads], default=LASTING)
            level = max([level, *[shared.get(s, LASTING) for s in storages]])
            levels |= dict.fromkeys(line.results, level)
            shared |= dict.fromkeys(made, level)
        if shared == before:
            return levels


def _level(line: Line, levels: dict[int, int]) -> int:
    return max(levels[x] for x in line.results)


def _needed(lines: Sequence[Line], results: Iterable[int]) -> list[Line]:
    """The lines that the results need; what writes into something is always kept."""
    wanted, found = set(results), []
    for line in reversed(lines):
        if line.mutates or wanted & set(line.results):
            found.append(line)
            wanted |= set(line.reads)
    return found[::-1]


def _spelled(
    lines: Sequence[Line], inputs: Sequence[Sequence[int]], *outputs: Sequence[int | None]
) -> Callable[..., Any]:
    """The lines as one Python function of tuples, giving a tuple or several."""
    constants: dict[str, Any] = {}

    def spell(item: Any) -> str:
        if isinstance(item, Slot):
            return f"s{item.number}"
        if isinstance(item, (list, tuple)):
            return "[" + ", ".join(map(spell, item)) + "]"
        if item is None or isinstance(item, (bool, int)):
            return repr(item)
        constants[f"c{len(constants)}"] = item
        return f"c{len(constants) - 1}"

    last = _last_reads(lines, {x for row in outputs for x in row if x is not None})
    text = ["def run(" + ", ".join(f"i{k}" for k in range(len(inputs))) + "):"]
    for k, numbers in enumerate(inputs):
        if numbers:
            text.append(f"    {_listed(numbers)} = i{k}")
    for place, line in enumerate(lines):
        words = [spell(x) for x in line.arguments]
        words += [f"{name}={spell(x)}" for name, x in line.named.items()]
        target = _listed(line.results) if line.several else f"s{line.results[0]}"
        text.append(f"    {target} = {spell(_called(line.function))}({', '.join(words)})")
        text += [f"    del s{x}" for x in last.get(place, ())]
    rows = [_listed(row) if row else "()" for row in outputs]
    text.append(f"    return {', '.join(rows)}")
    exec("\n".join(text), constants)
    return constants["run"]


def _called(function: Any) -> Any:
    name = function.overloadpacket.__name__
    return getattr(torch, name) if name in SHORT else function._op


def _last_reads(lines: Sequence[Line], lasting: set[int]) -> dict[int, list[int]]:
    """After which line each value made here is of no more use."""
    made = {x for line in lines for x in line.results} - lasting
    last: dict[int, int] = {}
    for place, line in enumerate(lines):
        last |= dict.fromkeys(made & {*line.reads, *line.results}, place)
    found: dict[int, list[int]] = {}
    for number, place in last.items():
        found.setdefault(place, []).append(number)
    return found


def _listed(numbers: Sequence[int | None]) -> str:
    return "(" + "".join("None, " if x is None else f"s{x}, " for x in numbers) + ")"
