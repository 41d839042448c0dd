"""A block made ready to run: numbered slots, functions looked up once, no decisions left."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from dynattn.lower import kernels
from dynattn.lower.blocked import rows_operation
from dynattn.lower.code import Code, call_code
from dynattn.lower.context import ORIGIN, Context, Need, exact_size, rank_of, static_numbers
from dynattn.lower.held import Parts, held_values, parted
from dynattn.lower.operation import Operation
from dynattn.lower.operations import OPERATIONS
from dynattn.lower.spares import Spares
from dynattn.program.nodes import CLASSES, EDGES, PAIRS, Block, Node
from dynattn.vocabulary.functions import ELEMENTWISE
from dynattn.vocabulary.sizes import Size

Maker = Callable[[Node, Context], Operation]

GIVEN = ("state", "delayed", "input", "variable", "output", "placeholder", "time", "training",
         "white")  # fmt: skip
"""Leaves whose values come with each call; ``training``: whether the module trains."""

ALIGNED = frozenset({*ELEMENTWISE, "dot", "matmul", "concat", "stack"})
"""Operations whose operands broadcast against each other."""

WITHOUT_BATCH = frozenset(
    {"linear", "layer_norm", "lookup", "graph_sum", "degree"} | {"attention", "successor_attention"}
)
"""Operations whose parameters cannot have batch axes."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """A value from outside; kind: one of GIVEN, ``parameter``, ``dim``, ``array``, ``origin``."""

    kind: str
    name: Any = None

    @property
    def key(self) -> str:
        """The name under which an environment holds it."""
        name = " ".join(map(str, self.name)) if isinstance(self.name, tuple) else self.name or ""
        return f"{self.kind} {name}".strip()


@dataclass(frozen=True, slots=True)
class Instruction:
    """slots[result] = operation.function(*slots[arguments])."""

    operation: Operation
    arguments: tuple[int, ...]
    result: int
    node: Node


@dataclass(frozen=True)
class Plan:
    """The slots of a block: leaves (those of each call before lasting ones), numbers, results."""

    name: str
    leaves: tuple[Leaf, ...]
    numbers: tuple[Any, ...]
    instructions: tuple[Instruction, ...]
    outputs: tuple[tuple[str, int], ...]

    @property
    def size(self) -> int:
        """How many slots there are."""
        return len(self.leaves) + len(self.numbers) + len(self.instructions)

    @cached_property
    def spent(self) -> tuple[tuple[int, ...], ...]:
        """By instruction: the results that nothing reads after it, whose memory is free then."""
        first = len(self.leaves) + len(self.numbers)
        kept = {slot for _, slot in self.outputs}
        found: list[tuple[int, ...]] = []
        for instruction in reversed(self.instructions):
            read = {instruction.result, *instruction.arguments}
            found.append(tuple(sorted(k for k in read - kept if k >= first)))
            kept |= read
        return tuple(reversed(found))


@dataclass
class Planner:
    """Assigns slots; ``batched`` names the parameters that carry batch axes in front."""

    context: Context
    batched: frozenset[str] = frozenset()
    makers: Mapping[str, Maker] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.leaves: dict[Leaf, None] = {}
        self.numbers: dict[tuple[str, Any], None] = {}
        self.code: list[tuple[Operation, tuple[Any, ...], Any, Node]] = []
        self.place: dict[Any, Any] = {}
        self.fresh: dict[int, int] = {}

    def plan(self, block: Block) -> Plan:
        """The plan of a block."""
        nodes = block.nodes
        self.static = static_numbers(nodes, self.context)
        self.context = replace(self.context, numbers=frozenset(self.static))
        for node in nodes:
            self.place[id(node)] = self._node(node)
        outputs = [(name, self._tensor(node)) for name, node in block.outputs]
        return self._numbered(block.name, outputs)

    def _node(self, node: Node) -> Any:
        """A slot by symbol: a Leaf, ("number", value), or ("result", node id)."""
        if self.static.get(id(node)) is not None:
            return self._number(self.static[id(node)])
        if node.op in GIVEN or node.op == "parameter":
            if node.payload in self.batched and not node.type.batched:
                self.fresh[id(node)] = rank_of(node)
            return self._leaf(Leaf(node.op, node.payload))
        operation = self._operation(node)
        inputs = tuple(self._operand(node, item) for item in node.inputs)
        needs = tuple(self._need(need, node) for need in operation.needs)
        return self._emit(operation, inputs + needs, ("result", id(node)), node)

    def _operation(self, node: Node) -> Operation:
        if node.op == "unsqueeze" and id(node) in self.static:
            return Operation(lambda n: n, lambda n: n)
        if node.op == "row_blocks":
            fresh = [id(item) in self.fresh for item in node.inputs]
            return rows_operation(node, self.context, fresh, make_plan)
        maker = self.makers.get(node.op) or OPERATIONS.get(node.op)
        if maker is None:
            raise ValueError(f"the operation {node.op} cannot be lowered")
        return maker(node, self.context)

    def _operand(self, node: Node, item: Node) -> Any:
        plain = node.op in ELEMENTWISE or node.op == "draw" or id(node) in self.static
        slot = self.place[id(item)] if plain else self._tensor(item)
        return self._lifted(node, item, slot)

    def _tensor(self, node: Node) -> Any:
        """The slot of a node; a plain number becomes a tensor with axes of size 1."""
        slot = self.place[id(node)]
        if id(node) not in self.static:
            return slot
        ones = (1,) * rank_of(node)
        operation = Operation(
            lambda number, origin: kernels.to_real(number, origin).expand(ones),
            lambda number, origin: Code(f"to_real({number}, {origin}).expand({ones})"),
            (ORIGIN,),
            (kernels.to_real,),
        )
        origin = self._leaf(Leaf("origin"))
        return self._emit(operation, (slot, origin), ("tensor", id(node)), node)

    def _lifted(self, node: Node, item: Node, slot: Any) -> Any:
        """A batched parameter [P, *shape] gets axes of size 1: [P, 1.., *shape].

        As many as the other operands have axes more: place axes and coordinate axes.
        """
        if not self.fresh or id(item) in self.static:
            return slot
        ranks = [self.fresh.get(id(x), rank_of(x)) for x in node.inputs]
        if id(item) not in self.fresh:
            return slot
        weights = node.op == "graph_sum" and node.payload[2] in (PAIRS, EDGES, CLASSES)
        if node.op in WITHOUT_BATCH and not weights:
            raise ValueError(
                f"a parameter of {node.op} cannot be swept as a batch: build one by one"
            )
        target = max(ranks)
        own = self.fresh[id(item)]
        if node.op == "unsqueeze":
            target = own
            self.fresh[id(node)] = own + len(node.payload)
        elif all(id(x) in self.fresh or id(x) in self.static for x in node.inputs):
            self.fresh[id(node)] = target if node.op in ALIGNED else rank_of(node)
        missing = target - own if node.op in ALIGNED else 0
        if not missing:
            return slot
        axes = (-own - 1,) * missing
        return self._emit(_unsqueezed(axes), (slot,), ("lifted", id(item), missing), item)

    def _need(self, need: Need, node: Node) -> Any:
        if need.kind == "size":
            return self._size(need.key, node)
        return self._leaf(Leaf(need.kind, need.key))

    def _size(self, size: Size, node: Node) -> Any:
        number = self.context.number(size)
        if number is not None:
            return self._number(number)
        names = tuple(sorted(size.names - set(self.context.model.sizes)))
        dims = tuple(self._leaf(Leaf("dim", name)) for name in names)
        known = self.context.model.sizes
        operation = Operation(
            lambda *values: exact_size(size, {**known, **dict(zip(names, values, strict=True))}),
            lambda *texts: size_code(size),
        )
        if size.terms == (((((names[0], 1),), 1)),):
            return dims[0]
        return self._emit(operation, dims, ("size", size), node)

    def _leaf(self, leaf: Leaf) -> Leaf:
        self.leaves[leaf] = None
        return leaf

    def _number(self, value: Any) -> Any:
        slot = (type(value).__name__, repr(value))
        self.numbers.setdefault(slot, value)
        return slot

    def _emit(
        self, operation: Operation, arguments: tuple[Any, ...], result: Any, node: Node
    ) -> Any:
        if result not in self.place:
            self.code.append((operation, arguments, result, node))
            self.place[result] = result
        return result

    def _numbered(self, name: str, outputs: list[tuple[str, Any]]) -> Plan:
        given = [leaf for leaf in self.leaves if leaf.kind in GIVEN or leaf.kind == "dim"]
        lasting = [leaf for leaf in self.leaves if leaf not in given]
        order = [*given, *lasting, *self.numbers, *[result for _, _, result, _ in self.code]]
        slot = {symbol: place for place, symbol in enumerate(order)}
        instructions = tuple(
            Instruction(operation, tuple(slot[a] for a in arguments), slot[result], node)
            for operation, arguments, result, node in self.code
        )
        return Plan(
            name,
            (*given, *lasting),
            tuple(self.numbers.values()),
            instructions,
            tuple((key, slot[symbol]) for key, symbol in outputs),
        )


def _unsqueezed(axes: tuple[int, ...]) -> Operation:
    def run(a: Any) -> Any:
        for axis in axes:
            a = a.unsqueeze(axis)
        return a

    return Operation(run, lambda a: call_code("lift", a, axes))


def size_code(size: Size) -> Code:
    """A size in its names: ``C // H`` stands for C/H."""
    text = (
        str(size)
        .replace("^", "**")
        .replace("*", " * ")
        .replace(" *  * ", " ** ")
        .replace("/", " // ")
    )
    return Code(text if text.isidentifier() or text.isdigit() else f"({text})")


def make_plan(
    block: Block,
    context: Context,
    batched: frozenset[str] = frozenset(),
    makers: Mapping[str, Maker] | None = None,
) -> Plan:
    """The plan of a block; ``makers`` are operations beyond OPERATIONS (``draw``)."""
    return Planner(context, batched, makers or {}).plan(block)


Table = dict[str, Any]
Finder = Callable[[Leaf], tuple[Table, str]]
"""Where a lasting leaf is found: a table (a module's parameters or buffers) and its key there."""


class Routine:
    """A plan bound to tables of tensors; called with an environment, gives its results."""

    def __init__(self, plan: Plan, find: Finder, label: str = "") -> None:
        self.plan = plan
        self.label = label
        self.undivided: Callable[[], Routine] | None = None
        """Makes the same with every sum in one piece, where this one has it in blocks."""
        leaves = plan.leaves
        self.keys = [leaf.key for leaf in leaves if leaf.kind in GIVEN or leaf.kind == "dim"]
        self.tables = [find(leaf) for leaf in leaves[len(self.keys) :]]
        self.origin = find(Leaf("origin"))
        self.names = tuple(name for name, _ in plan.outputs)
        states = [k for k, key in enumerate(self.keys) if key.startswith("state ")]
        self.first = states[0] if states else -1
        self.spares = Spares()
        self.held: list[Any] | None = None
        self.blank = [*plan.numbers, *[None] * len(plan.instructions)]
        self.steps = [
            (i.operation.function, i.arguments, i.result, spent)
            for i, spent in zip(plan.instructions, plan.spent, strict=True)
        ]

    def slots(self, environment: Mapping[str, Any]) -> list[Any]:
        """The slots before the first instruction."""
        given = [environment[key] for key in self.keys]
        return [*given, *[table[key] for table, key in self.tables], *self.blank]

    @property
    def weight_noise(self) -> Node | None:
        """The first weights that are read with noise."""
        steps = self.plan.instructions
        return next((step.node for step in steps if step.node.op == "disturbed"), None)

    @cached_property
    def parts(self) -> Parts:
        """What can be computed once for many calls, and the rest."""
        return parted(self.plan, len(self.keys))

    def hold(self) -> None:
        """Compute what depends on parameters alone, for all calls until ``release``."""
        blank = {key: None for key in self.keys}
        table, key = self.origin
        self.held = held_values(self.parts, self.slots(blank), table[key])

    def release(self) -> None:
        """Follow the parameters again."""
        self.held = None
        self.spares = Spares()

    def __call__(self, environment: Mapping[str, Any]) -> dict[str, Any]:
        """The results by name."""
        if self.held is not None:
            given = [environment[key] for key in self.keys]
            found = self.parts.run(given, self.held, self.spares, self.first)
            return dict(zip(self.names, found, strict=True))
        slots = self.slots(environment)
        for function, arguments, result, spent in self.steps:
            slots[result] = function(*[slots[k] for k in arguments])
            for k in spent:
                slots[k] = None
        return {name: slots[slot] for name, slot in self.plan.outputs}

    def whole(self) -> Routine:
        """The same with every sum in one piece: for looking inside."""
        return self if self.undivided is None else self.undivided()

    def watched(self, environment: Mapping[str, Any]) -> tuple[dict[str, Any], list[Any]]:
        """The results, and every slot: for looking inside."""
        slots = self.slots(environment)
        for function, arguments, result, _ in self.steps:
            slots[result] = function(*[slots[k] for k in arguments])
        return {name: slots[slot] for name, slot in self.plan.outputs}, slots
