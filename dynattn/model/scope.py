"""Names and where they are known: symbols in scopes, looked up from the inside out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from dynattn.diagnostics.report import Collector, Span
from dynattn.diagnostics.suggest import did_you_mean
from dynattn.vocabulary.functions import CONSTANTS, FUNCTION_NAMES

RESERVED = ("t", "index", "i", "j", "true", "false", *CONSTANTS)
"""Names with a meaning of their own in every expression."""

CLAUSES = (
    "drift", "energy", "inertia", "dissipation", "noise", "kernel", "strength", "weight",
    "normalize", "frustration", "harmonics", "delay", "successors", "heads", "form", "state",
    "param", "learn", "let", "evolve", "output", "drop",
)  # fmt: skip
"""Words that begin a line, where the name of a state would begin its equation."""

NODE = "node attribute"
"""The kind of a symbol for an attribute of the nodes that a population was made from."""


@dataclass(frozen=True)
class Symbol:
    """One declared name. ``kind``: what it is, in words of the language; ``value``: what stands
    for it.
    """

    kind: str
    name: str
    span: Span
    value: Any = None


@dataclass
class Scope:
    """The names declared at one place, inside the scope around it."""

    title: str
    """How messages call the place: ``population 'osc'``."""
    parent: Scope | None = None
    symbols: dict[str, Symbol] = field(default_factory=dict)

    def find(self, name: str) -> Symbol | None:
        """The symbol of this name here or further out."""
        scope: Scope | None = self
        while scope is not None:
            if name in scope.symbols:
                return scope.symbols[name]
            scope = scope.parent
        return None

    def names(self) -> Iterator[str]:
        """Every name known here."""
        scope: Scope | None = self
        while scope is not None:
            yield from scope.symbols
            scope = scope.parent

    def declare(self, symbol: Symbol, errors: Collector) -> bool:
        """Add a name; refuses a second declaration, a shadowed outer name, and a reserved one."""
        bare = symbol.name.rsplit(".", 1)[-1]
        earlier = self.symbols.get(bare)
        outer = self.parent.find(bare) if self.parent else None
        if earlier is not None and earlier.kind == NODE:
            earlier, outer = None, earlier
        if bare in RESERVED or (symbol.kind == "state" and bare in CLAUSES):
            what = "has a meaning of its own and cannot be declared"
            if bare not in RESERVED:
                what = f"begins a clause, and could not begin an equation {bare}' = .."
            errors.add(
                "E205",
                f"'{bare}' {what}",
                symbol.span,
                "choose another name",
            )
            return False
        if earlier is not None:
            errors.add(
                "E203",
                f"'{bare}' is declared twice in {self.title}",
                symbol.span,
                "rename one of the two, or delete it",
                [(earlier.span, "first declared here")],
            )
            return False
        if outer is not None:
            errors.add(
                "E204",
                f"'{bare}' in {self.title} hides the {outer.kind} of the same name",
                symbol.span,
                "rename one of the two",
                [(outer.span, "declared here")],
            )
            return False
        self.symbols[bare] = symbol
        return True

    def suggestion(self, name: str, extra: tuple[str, ...] = (), otherwise: str = "") -> str:
        """A did-you-mean sentence from every name known here."""
        known = [*self.names(), *extra]
        return did_you_mean(name, known, otherwise, _habits(name, known))


VELOCITY = ("velocity", "velocities", "dot", "rate", "speed", "prime")
"""What others call the rate of a state."""


def rate_of(state: str) -> str:
    """How the rate of a state is written, and where it may be."""
    return f"{state}', in observables, and in every expression where {state} has inertia"


def _differentiated(name: str) -> Iterator[str]:
    """What a name would be the rate of: ``x_dot``, ``xdot``, ``dx``, ``dx_dt``, ``dxdt``."""
    yield from (name[: -len(end)].rstrip("_") for end in VELOCITY if name.endswith(end))
    if name.startswith("d"):
        yield name[1:].removesuffix("dt").removesuffix("_")


def _habits(name: str, known: Sequence[str]) -> dict[str, str]:
    """What to write for ``theta_j``, and for the imaginary unit."""
    bare, _, end = name.rpartition("_")
    if end in ("i", "j") and bare in known:
        return {name: f"{bare}[{end}] in a coupling, where i receives and j sends"}
    if name in FUNCTION_NAMES:
        return {name: f"{name}(...): it is a function"}
    if name in VELOCITY:
        return {name: "x', the rate of the state x"}
    state = next((base for base in _differentiated(name) if base in known), None)
    if state is not None:
        return {name: rate_of(state)}
    unit = "1i for the imaginary unit, index for the number of a node"
    return {name: unit} if name in ("i", "j") else {}
