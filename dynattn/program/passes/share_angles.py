"""One sine and one cosine for all harmonics of an angle, and for constant lags beside it.

Double angles and the addition theorems make the harmonics; a lag comes in by its own sine and
cosine, numbers of the whole model. sin(m x) is made of harmonics a + b = m of nearly equal size.
That adds their errors: 0.85 m units in the last place, measured for all m up to 256, where the
recurrence with 2 cos x would make 0.3 m^2. Up to ``MOST`` no angle loses more than 54 of them,
1.2e-14; computing m x first loses as many where x is no more than a few turns.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from dynattn.program.layout import Maker
from dynattn.program.nodes import Block, Node, ordered
from dynattn.program.passes.angles import Angle, Terms, angle_of, grouped, harmonics_of

MOST = 64
"""Harmonics above it are computed directly."""

WORTH = 5
"""As many products take as long as a sine: at 100 nodes 1, at 1000 three, at 100 000 ten."""

Key = tuple[str, int]
"""``sin`` or ``cos``, and the harmonic."""


@dataclass(frozen=True)
class Turn:
    """One sine or cosine: sin(sign * harmonic * unit * base + lag)."""

    op: str
    harmonic: int
    sign: int
    angle: Angle

    @property
    def lagged(self) -> bool:
        """Whether anything is added to the multiple of the base."""
        return bool(self.angle.lag or self.angle.number)


def share_angles(block: Block) -> Block:
    """The block, with all sines and cosines of one base made of few where that is cheaper."""
    maker, done = Maker(), dict[int, Node]()
    nodes = ordered([output for _, output in block.outputs])
    turns: dict[int, tuple[Harmonics, Turn]] = {}
    for members in grouped([(n, a) for n in nodes if (a := _angle(n)) is not None]):
        turns |= _turns(members, done)
    if not turns:
        return block
    for node in nodes:
        here = maker.at(node.span)
        fresh = here.make(node.op, [done[id(a)] for a in node.inputs], node.type, node.payload)
        if id(node) in turns:
            harmonics, turn = turns[id(node)]
            made = harmonics.value(turn, here)
            fresh = made if made.type == fresh.type else fresh
        done[id(node)] = fresh
    return Block(block.name, tuple((name, done[id(node)]) for name, node in block.outputs))


def _angle(node: Node) -> Angle | None:
    if node.op not in ("sin", "cos") or node.type.dtype != "real":
        return None
    return angle_of(node.inputs[0])


def _turns(
    members: Sequence[tuple[Node, Angle]], done: dict[int, Node]
) -> dict[int, tuple[Harmonics, Turn]]:
    """By node: what it becomes; empty where nothing is saved."""
    found = harmonics_of([angle for _, angle in members])
    if found is None:
        return {}
    unit, numbers = found
    turns = {
        id(node): Turn(node.op, abs(h), 1 if h > 0 else -1, angle)
        for (node, angle), h in zip(members, numbers, strict=True)
    }
    parts = parts_of({turn.harmonic for turn in turns.values()})
    if cost(list(turns.values()), parts) >= WORTH * len(turns):
        return {}
    harmonics = Harmonics(unit, members[0][1].base, parts, done)
    return {key: (harmonics, turn) for key, turn in turns.items()}


def parts_of(harmonics: set[int]) -> dict[int, tuple[int, int]]:
    """The two harmonics whose sum each one is; missing where it is to be computed directly."""
    found: dict[int, tuple[int, int]] = {}
    for h in sorted(harmonics):
        pairs = [(a, h - a) for a in harmonics if h - a in harmonics and 2 * a <= h <= MOST]
        if pairs:
            found[h] = max(pairs)
    return found


def cost(turns: Sequence[Turn], parts: dict[int, tuple[int, int]]) -> int:
    """How many products the sines and cosines take together, a direct one as many as WORTH."""
    needed = set[Key]()
    stack = [(op, t.harmonic) for t in turns for op in (("sin", "cos") if t.lagged else (t.op,))]
    while stack:
        key = stack.pop()
        if key not in needed:
            needed.add(key)
            stack += factors(key, parts)
    shared = sum(h in parts for _, h in needed)
    return WORTH * (len(needed) - shared) + 2 * shared + 2 * sum(t.lagged for t in turns)


def factors(key: Key, parts: dict[int, tuple[int, int]]) -> list[Key]:
    """The sines and cosines that a harmonic is made of."""
    op, h = key
    if h not in parts:
        return []
    a, b = parts[h]
    if a == b and a not in parts and op == "cos":
        return [("sin", a)]
    return [("sin", a), ("cos", a), ("sin", b), ("cos", b)]


@dataclass
class Harmonics:
    """Makes the harmonics of one base, each once; ``done`` are the rewritten nodes."""

    unit: float
    base: Terms
    parts: dict[int, tuple[int, int]]
    done: dict[int, Node]
    made: dict[Key, Node] = field(default_factory=dict)

    def value(self, turn: Turn, maker: Maker) -> Node:
        """The node of one sine or cosine."""
        if not turn.lagged:
            plain = self._harmonic((turn.op, turn.harmonic), maker)
            return plain if turn.sign > 0 or turn.op == "cos" else maker.elementwise("neg", plain)
        _, lag = self._rewritten(turn.angle).nodes(maker)
        sin_lag, cos_lag = (maker.elementwise(op, lag) for op in ("sin", "cos"))
        own, other = (self._harmonic((op, turn.harmonic), maker) for op in ("sin", "cos"))
        if turn.op == "sin":  # sin(l +- x) = cos x sin l +- sin x cos l
            join = "add" if turn.sign > 0 else "sub"
            return _combined(join, (other, sin_lag), (own, cos_lag), maker)
        join = "sub" if turn.sign > 0 else "add"  # cos(l +- x) = cos x cos l -+ sin x sin l
        return _combined(join, (other, cos_lag), (own, sin_lag), maker)

    def _harmonic(self, key: Key, maker: Maker) -> Node:
        if key not in self.made:
            self.made[key] = self._made(key, maker)
        return self.made[key]

    def _made(self, key: Key, maker: Maker) -> Node:
        op, h = key
        if h not in self.parts:
            angle, _ = self._rewritten(Angle(self.base, h * self.unit, (), 0.0)).nodes(maker)
            return maker.elementwise(op, angle)
        a, b = self.parts[h]
        if len(factors(key, self.parts)) == 1:  # cos 2x = 1 - 2 sin^2 x
            sine = self._harmonic(("sin", a), maker)
            twice = maker.elementwise("mul", maker.elementwise("add", sine, sine), sine)
            return maker.elementwise("sub", maker.number(1.0), twice)
        (s, c), (r, d) = ([self._harmonic((f, k), maker) for f in ("sin", "cos")] for k in (a, b))
        if a == b and op == "sin":  # sin 2x = (2 sin x) cos x
            return maker.elementwise("mul", maker.elementwise("add", s, s), c)
        if op == "sin":
            return _combined("add", (s, d), (c, r), maker)
        return _combined("sub", (c, d), (s, r), maker)

    def _rewritten(self, angle: Angle) -> Angle:
        base, lag = (
            tuple((self.done[id(node)], f) for node, f in terms)
            for terms in (angle.base, angle.lag)
        )
        return replace(angle, base=base, lag=lag)


def _combined(op: str, a: tuple[Node, Node], b: tuple[Node, Node], maker: Maker) -> Node:
    return maker.elementwise(op, *(maker.elementwise("mul", *pair) for pair in (a, b)))
