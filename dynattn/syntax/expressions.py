"""The expressions of the syntax tree, and the node that every piece of the tree is."""

from __future__ import annotations

from dataclasses import dataclass, field

from dynattn.diagnostics.report import Span


@dataclass(frozen=True, slots=True)
class Node:
    """Any piece of the tree. The span does not take part in comparison."""

    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Number(Node):
    """``2``, ``0.1``; ``2i`` is imaginary. ``value`` is an int where the text has no point."""

    value: int | float
    imaginary: bool = False


@dataclass(frozen=True, slots=True)
class Text(Node):
    """A quoted string, quotes removed."""

    value: str


@dataclass(frozen=True, slots=True)
class Name(Node):
    """A name, keywords used as names included."""

    name: str


@dataclass(frozen=True, slots=True)
class Prime(Node):
    """``theta'``: the rate of change of a state."""

    value: Expr


@dataclass(frozen=True, slots=True)
class Attribute(Node):
    """``branch.fold``, ``cell.v``."""

    value: Expr
    name: str


@dataclass(frozen=True, slots=True)
class Index(Node):
    """``x[i]``, ``kappa[m, l]``, ``layer_norm(x)[verb]``."""

    value: Expr
    items: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Keyword(Node):
    """``name=value`` among the arguments of a call."""

    name: str
    value: Expr


@dataclass(frozen=True, slots=True)
class Call(Node):
    """``f(x, key=value)``. ``function`` is a Name or an Attribute."""

    function: Expr
    arguments: tuple[Expr, ...]
    keywords: tuple[Keyword, ...] = ()


@dataclass(frozen=True, slots=True)
class Unary(Node):
    """``operator`` is ``-``, ``+`` or ``not``."""

    operator: str
    operand: Expr


@dataclass(frozen=True, slots=True)
class Binary(Node):
    """``operator``: ``+ - * / ^ @ == != < <= > >= and or``."""

    operator: str
    left: Expr
    right: Expr


@dataclass(frozen=True, slots=True)
class ListOf(Node):
    """``[a, b]``: a list of numbers, a matrix row, or a concatenation."""

    items: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Range(Node):
    """``first .. last`` or ``first .. last by step``, both ends included."""

    first: Expr
    last: Expr
    step: Expr | None = None


@dataclass(frozen=True, slots=True)
class EdgeEntry(Node):
    """One ``a -> b: 0.5`` of an edge list; ``weight`` None where nothing is said."""

    sender: Expr
    receiver: Expr
    weight: Expr | None


@dataclass(frozen=True, slots=True)
class EdgeList(Node):
    """``edges [a -> b: 0.5, ...]``."""

    entries: tuple[EdgeEntry, ...]


@dataclass(frozen=True, slots=True)
class Without(Node):
    """``everyone(N) without self``."""

    value: Expr


Expr = (
    Number | Text | Name | Prime | Attribute | Index | Call | Unary | Binary | ListOf | Range
    | EdgeList | Without
)  # fmt: skip
