"""The syntax tree: what stands in a spec, word for word, each node with its span.

Nothing is looked up or checked here. Every node is frozen; sequences are tuples.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from dynattn.diagnostics.report import Source, Span

# ── expressions ────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Node:
    """Any piece of the tree. The span does not take part in comparison."""

    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Number(Node):
    """``2``, ``0.1``, ``1e-3``; ``2i`` is imaginary. ``value`` is an int where the text has no point."""

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

# ── pieces of declarations ─────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Axis(Node):
    """One axis of a declared array: a size ``[n]``, or a named range ``[m in 1 .. M]``."""

    size: Expr
    """A size expression, or a Range where the axis is named."""
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Init(Node):
    """``= value`` (``drawn`` False) or ``~ distribution`` (``drawn`` True)."""

    drawn: bool
    value: Expr


@dataclass(frozen=True, slots=True)
class Quantity(Node):
    """One entry of a param, learn, dim or state declaration.

    ``manifold`` is a Name or a Call (``circle``, ``sphere(3)``). ``limits`` is the Range of
    ``in 0 .. 10``; of ``dim T <= 50`` it is the upper bound alone. ``prime`` marks ``theta'``.
    """

    name: str
    name_span: Span = field(compare=False, repr=False)
    axes: tuple[Axis, ...] = ()
    prime: bool = False
    manifold: Expr | None = None
    init: Init | None = None
    limits: Expr | None = None
    doc: str | None = None


@dataclass(frozen=True, slots=True)
class Quantities(Node):
    """``param a = 1, b = 2``, ``learn W[n] ~ ...``, ``dim T <= 50``, ``state x on circle``."""

    keyword: str
    entries: tuple[Quantity, ...]


@dataclass(frozen=True, slots=True)
class Let(Node):
    """``let q = EXPR``."""

    name: str
    value: Expr


@dataclass(frozen=True, slots=True)
class TypeRef(Node):
    """The type of an input or of a layer's argument: ``token(V)[T]``, ``real[T, d]``."""

    name: str
    arguments: tuple[Expr, ...] = ()
    axes: tuple[Axis, ...] = ()


@dataclass(frozen=True, slots=True)
class At(Node):
    """``at c = 0.3`` or ``at branch.fold``: names set to values, or a point."""

    settings: tuple[Setting, ...] = ()
    point: Expr | None = None


@dataclass(frozen=True, slots=True)
class Modifier(Node):
    """A word and a value after the value of a clause: ``every 0.1``, ``after 50``, ``when r < 0.4``."""

    word: str
    value: Expr | At


@dataclass(frozen=True, slots=True)
class Modified(Node):
    """One item of a clause with its modifiers: ``average(r) after 50``, ``time when r < 0.4``.

    ``value`` is an At only in ``start at branch.fold``.
    """

    value: Expr | At
    modifiers: tuple[Modifier, ...] = ()


@dataclass(frozen=True, slots=True)
class Clause(Node):
    """A word and what follows it.

    In bodies: ``kernel energy strength weight normalize frustration harmonics delay successors
    heads drift inertia dissipation noise``; ``target`` is the x of ``drift x: EXPR``. In
    ``harmonics m in 1 .. M`` and ``successors l in 0 .. 1``, ``axis`` holds the named range. In
    experiments: ``t method step steps rtol atol until seed repeat start record data loss
    optimizer schedule clip batch epochs free detect follow ...``: any word, checked later.
    ``drawn`` marks ``weight ~ DISTRIBUTION``.
    """

    word: str
    values: tuple[Modified, ...] = ()
    target: str | None = None
    axis: Axis | None = None
    drawn: bool = False


@dataclass(frozen=True, slots=True)
class Setting(Node):
    """``K = 0 .. 4 by 0.1`` in an experiment."""

    name: Expr
    value: Expr


@dataclass(frozen=True, slots=True)
class Equation(Node):
    """``v' = EXPR`` (``operator`` ``'``) or ``h <- EXPR`` (``operator`` ``<-``)."""

    state: str
    operator: str
    value: Expr


# ── declarations ───────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class ModelHeader(Node):
    """``model NAME extends OTHER "doc"``."""

    name: str
    extends: str | None = None
    doc: str | None = None


@dataclass(frozen=True, slots=True)
class Use(Node):
    """``use "other.dyn"``."""

    path: str


@dataclass(frozen=True, slots=True)
class Drop(Node):
    """``drop NAME, NAME``."""

    names: tuple[Name, ...]


@dataclass(frozen=True, slots=True)
class Graph(Node):
    """``graph g = EXPR``."""

    name: str
    value: Expr


@dataclass(frozen=True, slots=True)
class Population(Node):
    """``population p[SIZE where CONDITION] { ... }`` or ``population p[SIZE] is type(a=1)``.

    ``size`` is None in ``population p { ... }``, which changes the body of an inherited population.
    """

    name: str
    size: Expr | None
    condition: Expr | None = None
    instance: Call | None = None
    body: tuple[Item, ...] = ()


@dataclass(frozen=True, slots=True)
class TypeDeclaration(Node):
    """``type agent(a=0, b=1) { ... }``."""

    name: str
    parameters: tuple[Keyword, ...]
    body: tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class Group(Node):
    """``group all = left + right``."""

    name: str
    members: tuple[Name, ...]


@dataclass(frozen=True, slots=True)
class Coupling(Node):
    """``coupling c: src -> dst.x over g { ... }``; ``acts`` is False for a ``readout``.

    ``sender`` and ``receiver`` are both None in ``coupling c { ... }``, which changes the body of
    an inherited coupling.
    """

    name: str
    acts: bool
    sender: Expr | None
    receiver: Expr | None
    over: Expr | None
    body: tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class Input(Node):
    """``input text: token(V)[T]``."""

    name: str
    type: TypeRef


@dataclass(frozen=True, slots=True)
class Argument(Node):
    """``x: real[T, d]`` in the head of a layer."""

    name: str
    type: TypeRef


@dataclass(frozen=True, slots=True)
class Evolve(Node):
    """``evolve { ... }`` in a layer."""

    clauses: tuple[Clause | Setting, ...]


@dataclass(frozen=True, slots=True)
class Output(Node):
    """``output x + 1`` (``name`` None) or ``output logits = ...``."""

    name: str | None
    value: Expr


@dataclass(frozen=True, slots=True)
class Layer(Node):
    """``layer L(x: real[T, d]) { ... }``; ``arguments`` is None where no parentheses stand."""

    name: str
    arguments: tuple[Argument, ...] | None
    body: tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class Assign(Node):
    """``x = EXPR`` in a network."""

    name: str
    value: Expr


@dataclass(frozen=True, slots=True)
class Apply(Node):
    """A layer's name alone in a network: it acts on the model's populations."""

    name: str


@dataclass(frozen=True, slots=True)
class Repeat(Node):
    """``repeat COUNT tied { ... }`` in a network."""

    count: Expr
    tied: bool
    body: tuple[Statement, ...]


@dataclass(frozen=True, slots=True)
class Network(Node):
    """``network { ... }``."""

    body: tuple[Statement, ...]


@dataclass(frozen=True, slots=True)
class Observe(Node):
    """``observe r = EXPR``."""

    name: str
    value: Expr


@dataclass(frozen=True, slots=True)
class Experiment(Node):
    """``simulate sweep continue train``, optionally named."""

    kind: str
    name: str | None
    clauses: tuple[Clause | Setting, ...]


Statement = Assign | Apply | Repeat | Output
Item = Quantities | Let | Clause | Equation | Coupling | Population | Evolve | Output | Drop
Declaration = (
    ModelHeader | Use | Drop | Quantities | Let | Graph | Population | TypeDeclaration | Group
    | Coupling | Input | Layer | Network | Observe | Experiment
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Comment(Node):
    """``# ...``, kept for the formatter."""

    text: str


@dataclass(frozen=True)
class SyntaxTree:
    """One spec: its declarations in the order of the text."""

    source: Source
    declarations: tuple[Declaration, ...]
    comments: tuple[Comment, ...] = field(default=(), compare=False)
