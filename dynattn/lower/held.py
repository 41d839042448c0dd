"""A routine in two parts: what does not change during a solve, run once, and what is left.

What depends on parameters, fixed arrays and numbers alone is computed when a solve begins. The rest
becomes one Python function without a loop over instructions, in which numbers are tensors (torch
converts a Python number at every use) and a product that is only added is not stored on its own.
"""

from __future__ import annotations

import operator
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import torch

from dynattn.lower import kernels
from dynattn.lower.spares import (
    LARGE,
    Spares,
    is_own,
    less_product,
    reusable,
    without_slopes,
)
from dynattn.program.nodes import RANDOM
from dynattn.vocabulary.functions import ELEMENTWISE

if TYPE_CHECKING:
    from dynattn.lower.routine import Instruction, Plan, Routine
    from dynattn.program.nodes import Node

ARITHMETIC = (operator.add, operator.sub, operator.mul, operator.truediv)


@dataclass(frozen=True)
class Work:
    """slots[result] = function(*slots[arguments])."""

    function: Callable[..., Any]
    arguments: tuple[int, ...]
    result: int
    real: bool
    """Whether result and operands are real arrays."""
    node: Node
    shared: Callable[..., Any] | None = None
    """The same, one value for all nodes left as one."""


@dataclass(frozen=True)
class Parts:
    """The parts of a plan; its slots end with ``tensors``, the numbers that became tensors."""

    before: tuple[Work, ...]
    tensors: tuple[Any, ...]
    function: Callable[..., Any]
    """function(given values, held slots): the outputs, in order."""
    sparing: Callable[..., Any]
    """function(given values, held slots, Spares): the same, written into arrays that are free."""
    kept: tuple[int, ...]
    """The slots that ``function`` is given, in order."""
    readied: int = 0
    """Slots between those of the plan and ``tensors``, for what is made ready of some."""

    def run(self, given: Sequence[Any], held: Sequence[Any], spares: Spares, first: int) -> Any:
        """The outputs; arrays are used again where ``given[first]`` is large."""
        if first >= 0 and given[first].numel() >= LARGE and without_slopes([*given, *held]):
            return self.sparing(given, held, spares)
        return self.function(given, held)


def parted(plan: Plan, given: int) -> Parts:
    """The parts of a plan whose first ``given`` slots are those of each call."""
    changing = set(range(given))
    before: list[Work] = []
    after: list[Work] = []
    size = plan.size
    for instruction in plan.instructions:
        work = _work(instruction)
        if instruction.node.op in RANDOM or changing & set(work.arguments):
            changing.add(work.result)
            ahead = instruction.operation.ahead
            if ahead and not changing & set(work.arguments[-ahead[0] :]):
                ready, work = _readied(work, *ahead, size)
                before.append(ready)
                size += 1
            after.append(work)
        else:
            before.append(work)
    numbers = _numbers(plan)
    readied = size - plan.size
    tensors: dict[Any, int] = {}

    def slot_of(work: Work, slot: int) -> int:
        if slot not in numbers or not work.real:
            return slot
        value = float(numbers[slot])
        return tensors.setdefault(value, size + len(tensors))

    outputs = tuple(slot for _, slot in plan.outputs)
    after = unexpanded(after, outputs)
    after = [replace(w, arguments=tuple(slot_of(w, a) for a in w.arguments)) for w in after]
    after = fused(after, outputs)
    made = {work.result for work in after}
    read = [*(a for work in after for a in work.arguments), *outputs]
    kept = tuple(dict.fromkeys(a for a in read if a >= given and a not in made))
    functions = [straight(after, given, kept, outputs, spares) for spares in (False, True)]
    return Parts(tuple(before), tuple(tensors), functions[0], functions[1], kept, readied)


def _readied(
    work: Work, count: int, made: Callable[..., Any], then: Callable[..., Any], slot: int
) -> tuple[Work, Work]:
    """What is made of so many last arguments, and what is done with it."""
    others, last = work.arguments[:-count], work.arguments[-count:]
    ready = Work(made, last, slot, False, work.node)
    return ready, replace(work, function=then, arguments=(*others, slot))


def _work(instruction: Instruction) -> Work:
    function, node = instruction.operation.function, instruction.node
    types = [node.type.dtype, *(item.type.dtype for item in node.inputs)]
    plain = function in ARITHMETIC and len(instruction.arguments) == 2
    numbers = [item.op in ("constant", "size") for item in node.inputs]
    real = plain and all(
        dtype == "real" or (k and numbers[k - 1] and dtype == "integer")
        for k, dtype in enumerate(types)
    )
    shared = instruction.operation.shared
    return Work(function, instruction.arguments, instruction.result, real, node, shared)


def _numbers(plan: Plan) -> dict[int, Any]:
    """Plain real numbers by slot."""
    first = len(plan.leaves)
    return {
        first + k: value
        for k, value in enumerate(plan.numbers)
        if isinstance(value, (int, float)) and not isinstance(value, bool)
    }


# ── sums over everyone ──────────────────────────────────────────────────────────────────────────


def unexpanded(works: Sequence[Work], outputs: Collection[int]) -> list[Work]:
    """The same, sums over all nodes kept as one number for all of them, where none but elementwise
    operations read them.

    Numbers times such a sum are then one number as well.
    """
    shared = {work.result for work in works if work.shared is not None}
    for work in works:
        read = shared & set(work.arguments)
        if not read:
            continue
        node = work.node
        if node.op != "pick" and node.op not in ELEMENTWISE:
            return list(works)
        others = zip(node.inputs, work.arguments, strict=False)
        if all(slot in shared or not item.type.place_axes for item, slot in others):
            shared.add(work.result)
    if shared & set(outputs):
        return list(works)
    return [work if work.shared is None else replace(work, function=work.shared) for work in works]


# ── products that are only added ───────────────────────────────────────────────────────────────


def fused(works: Sequence[Work], outputs: Sequence[int]) -> list[Work]:
    """The same with a + b*c and a - b*c as one operation, where nothing else reads b*c."""
    uses = Counter([*(a for work in works for a in work.arguments), *outputs])
    products = {w.result: w for w in works if w.real and w.function is operator.mul}
    gone: set[int] = set()
    found: list[Work] = []
    for work in works:
        if work.real and work.function in (operator.add, operator.sub):
            for k in (1, 0) if work.function is operator.add else (1,):
                product = products.get(work.arguments[k])
                if product is not None and uses[product.result] == 1:
                    gone.add(product.result)
                    function = torch.addcmul if work.function is operator.add else less_product
                    arguments = (work.arguments[1 - k], *product.arguments)
                    work = replace(work, function=function, arguments=arguments)
                    break
        found.append(work)
    return [work for work in found if work.result not in gone]


# ── one function ───────────────────────────────────────────────────────────────────────────────


def straight(
    works: Sequence[Work],
    given: int,
    kept: Sequence[int],
    outputs: Sequence[int],
    spares: bool = False,
) -> Callable[..., Any]:
    """function(given, kept): the works one after the other, memory freed after its last use.

    With ``spares`` memory is not freed but used again: function(given, kept, Spares).
    """
    functions = [work.function for work in works]
    lines = [*_unpacked("given", range(given)), *_unpacked("kept", kept)]
    again = reusable(works, outputs) if spares else set[int]()
    lines += ["give, made = spares.give, spares.made"] if spares else []
    for k, (work, spent) in enumerate(zip(works, _spent(works, outputs), strict=True)):
        arguments, here = ", ".join(f"v{a}" for a in work.arguments), spares and is_own(work)
        gone = [f"give(v{a})" for a in spent if a in again]
        call = f"v{work.result} = " + (f"made(f{k}, {arguments})" if here else f"f{k}({arguments})")
        # an elementwise function may write into what it reads
        lines += [*gone, call] if here else [call, *gone]
        if spent:
            lines.append(" = ".join(f"v{a}" for a in spent) + " = None")
    results = "".join(f"v{slot}, " for slot in outputs)
    names = ["given", "kept", *(["spares"] if spares else []),
             *(f"f{k}=f{k}" for k in range(len(functions)))]  # fmt: skip
    text = f"def run({', '.join(names)}):\n    " + "\n    ".join([*lines, f"return ({results})"])
    scope: dict[str, Any] = {f"f{k}": function for k, function in enumerate(functions)}
    exec(text, scope)
    return scope["run"]


def _unpacked(name: str, slots: Sequence[int]) -> Iterator[str]:
    if slots:
        yield "".join(f"v{slot}, " for slot in slots) + f"= {name}"


def _spent(works: Sequence[Work], outputs: Sequence[int]) -> list[list[int]]:
    """By work: the results that nothing reads after it."""
    made, read = {work.result for work in works}, set(outputs)
    found: list[list[int]] = []
    for work in reversed(works):
        now = {work.result, *work.arguments} & made
        found.append(sorted(now - read))
        read |= now
    return found[::-1]


def held_values(parts: Parts, slots: list[Any], origin: Any) -> list[Any]:
    """What ``Parts.function`` is given as kept, from the slots before the first instruction.

    Never computed in inference mode: a call may have to be differentiated.
    """
    recording = torch.is_grad_enabled()
    slots += [None] * parts.readied
    with torch.inference_mode(False), torch.set_grad_enabled(recording):
        for work in parts.before:
            slots[work.result] = work.function(*[slots[k] for k in work.arguments])
        slots += [kernels.to_real(value, origin) for value in parts.tensors]
    return [slots[k] for k in parts.kept]


@contextmanager
def holding(*routines: Routine | None) -> Iterator[None]:
    """Inside, what the routines compute from parameters alone is computed once, at the entry.

    The parameters must keep their values inside; gradients flow to them as ever. Inside of another
    one it changes nothing.
    """
    free = [routine for routine in routines if routine is not None and routine.held is None]
    try:
        for routine in free:
            routine.hold()
        yield
    finally:
        for routine in free:
            routine.release()
