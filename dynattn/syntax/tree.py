"""The syntax tree: what stands in a spec, word for word, each node with its span.

Nothing is looked up or checked here. Every node is frozen; sequences are tuples.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from dynattn.diagnostics.report import Source, Span
from dynattn.syntax.expressions import (
    Attribute as Attribute,
)
from dynattn.syntax.expressions import (
    Binary as Binary,
)
from dynattn.syntax.expressions import (
    Call as Call,
)
from dynattn.syntax.expressions import (
    EdgeEntry as EdgeEntry,
)
from dynattn.syntax.expressions import (
    EdgeList as EdgeList,
)
from dynattn.syntax.expressions import (
    Expr as Expr,
)
from dynattn.syntax.expressions import (
    Index as Index,
)
from dynattn.syntax.expressions import (
    Keyword as Keyword,
)
from dynattn.syntax.expressions import (
    ListOf as ListOf,
)
from dynattn.syntax.expressions import (
    Name as Name,
)
from dynattn.syntax.expressions import (
    Node as Node,
)
from dynattn.syntax.expressions import (
    Number as Number,
)
from dynattn.syntax.expressions import (
    Prime as Prime,
)
from dynattn.syntax.expressions import (
    Range as Range,
)
from dynattn.syntax.expressions import (
    Text as Text,
)
from dynattn.syntax.expressions import (
    Unary as Unary,
)
from dynattn.syntax.expressions import (
    Without as Without,
)

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
    """A word and a value behind the value of a clause: ``every 0.1``, ``when r < 0.4``."""

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

    In bodies: ``kernel energy strength weight normalize form frustration harmonics delay successors
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
    The body beside ``is`` changes that of the type.
    """

    name: str
    size: Expr | None
    condition: Expr | None = None
    instance: Call | None = None
    body: tuple[Item, ...] = ()


@dataclass(frozen=True, slots=True)
class TypeParameter(Node):
    """``a=0`` in the head of a type; ``default`` is None in ``type agent(a)``."""

    name: str
    default: Expr | None = None


@dataclass(frozen=True, slots=True)
class TypeDeclaration(Node):
    """``type agent(a=0, b) { ... }``."""

    name: str
    parameters: tuple[TypeParameter, ...]
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
    """``evolve { ... }`` in a layer (``name`` None); of several ways ``evolve euler { ... }``."""

    name: str | None
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
    """``simulate sweep continue equilibria train``, optionally named."""

    kind: str
    name: str | None
    clauses: tuple[Clause | Setting, ...]
    """With a ``Drop`` among them only until the spec is merged with what it inherits."""


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
