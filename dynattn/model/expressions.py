"""Expressions of the text into typed Terms, names resolved in a Context."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from dynattn.diagnostics.report import Span
from dynattn.model import constants, typing
from dynattn.model.alignment import at_home
from dynattn.model.complex_numbers import is_complex
from dynattn.model.composition import Calls
from dynattn.model.definitions import Definition
from dynattn.model.draft import Draft
from dynattn.model.parts import GraphUse
from dynattn.model.scope import NODE, VELOCITY, Scope, Symbol, rate_of
from dynattn.model.terms import GLOBAL, Place, Term, Type
from dynattn.model.typing import combine, is_unknown, unknown
from dynattn.syntax import tree
from dynattn.vocabulary.functions import CONSTANTS
from dynattn.vocabulary.sizes import Size, named

BINARY = {
    "+": "add", "-": "sub", "*": "mul", "/": "div", "^": "pow", "<": "lt", "<=": "le",
    ">": "gt", ">=": "ge", "==": "eq", "!=": "ne", "and": "and", "or": "or",
}  # fmt: skip
ENDS = {"i": "receiver", "j": "sender"}


@dataclass(frozen=True)
class Ends:
    """The coupling an expression stands in: which populations i and j range over."""

    name: str
    receiver: str
    sender: str
    heads: Size | None = None
    graph: GraphUse | None = None
    """Whose edge attributes are names."""
    receiver_only: bool = False
    """In ``strength``: the expression is per receiver, outside the sum."""
    successor: int | str = 0
    """How many places after j the node is that ``x[j]`` means; a name in what is shown."""

    def population(self, end: str) -> str:
        """The population of ``receiver`` or ``sender``."""
        return self.receiver if end == "receiver" else self.sender


@dataclass(frozen=True)
class Context:
    """Where an expression stands: its scope, and what owns the weights it may need."""

    draft: Draft
    scope: Scope
    owner: str = ""
    """Full name of the statement: weights of ``linear`` are ``owner.linear.weight``."""
    layer: str | None = None
    ends: Ends | None = None
    population: str | None = None
    """Members of this population are found by their bare names first."""
    holes: Mapping[str, Term] = field(default_factory=dict)
    """What the placeholders of a manifold's formula stand for."""
    sums: str | None = None
    """In an equation: the state whose couplings may be named; "" in observables: any."""
    beside_points: bool = False
    """In a manifold's formula: ``dot`` and ``norm`` leave an axis of size 1 beside them."""
    averages: bool = False
    """In a loss or a measure: ``mean`` is over samples, nodes and coordinates."""
    calls: Calls | None = None
    """In a statement of the network: the layers it calls so far."""
    names_used: set[str] = field(default_factory=set)
    """Weight names of this statement, so that a second ``linear`` becomes ``linear_2``."""


def translate(context: Context, expr: tree.Expr) -> Term:
    """The Term of an expression; mistakes go to the draft's errors."""
    errors = context.draft.errors
    match expr:
        case tree.Number(value=value, imaginary=imaginary):
            return typing.number(complex(0.0, value) if imaginary else value, expr.span)
        case tree.Name(name=name):
            return read(context, name, expr.span)
        case tree.Unary(operator="+", operand=operand):
            return translate(context, operand)
        case tree.Unary(operator=operator, operand=operand):
            op = "not" if operator == "not" else "neg"
            return combine(errors, op, [translate(context, operand)], expr.span)
        case tree.Binary(operator="@"):
            from dynattn.model.matrices import product

            left, right = (translate(context, side) for side in (expr.left, expr.right))
            return product(context, left, right, expr.span)
        case tree.Binary(operator=operator, left=left, right=right):
            args = [translate(context, left), translate(context, right)]
            return combine(errors, BINARY[operator], args, expr.span)
        case tree.Index(value=value, items=items):
            return _indexed(context, value, items, expr.span)
        case tree.ListOf(items=items):
            return _list(context, items, expr.span)
        case tree.Call():
            from dynattn.model.functions import call

            return call(context, expr)
        case tree.Prime():
            from dynattn.model.laws import read_rate

            return _seen_from_coupling(context, read_rate(context, expr), expr.span.text, expr.span)
        case tree.Attribute(value=tree.Name(name=population), name=name):
            return _member(context, population, name, expr.span)
    return _refused(context, expr)


def _refused(context: Context, expr: tree.Expr) -> Term:
    kinds = {
        tree.Text: "a text", tree.Range: "a range", tree.EdgeList: "a list of edges",
        tree.Attribute: "a point of an experiment",
    }  # fmt: skip
    text = f"{kinds.get(type(expr), 'a graph')} is no quantity"
    fix = "write an expression of numbers and names"
    context.draft.errors.add("E310", text, expr.span, fix)
    return unknown(expr.span)


def read(context: Context, name: str, span: Span) -> Term:
    """The quantity a bare name stands for."""
    if name in context.holes:
        return context.holes[name]
    if name in CONSTANTS:
        return typing.number(CONSTANTS[name], span)
    if name == "t":
        return Term("time", (), Type(), span)
    if context.ends is not None:
        from dynattn.model.attributes import read_edge

        found = read_edge(context, name, span)
        if found is not None:
            return found
    term = _index_of_nodes(context, span) if name == "index" else _quantity(context, name, span)
    term = at_home(context, term)
    return _seen_from_coupling(context, term, name, span)


def _quantity(context: Context, name: str, span: Span) -> Term:
    symbol = find(context, name, span)
    if symbol is None:
        return unknown(span)
    if isinstance(symbol.value, Definition):
        return symbol.value.term()
    if symbol.kind == NODE:
        from dynattn.model.attributes import read_node

        return read_node(context, symbol, span)
    if isinstance(symbol.value, Term):
        return replace_span(symbol.value, span)
    if symbol.kind == "dim":
        return Term("size", (), Type(dtype="integer"), span, named(name))
    if symbol.kind == "readout":
        from dynattn.model.readouts import read as read_readout

        return read_readout(context, symbol, span)
    if symbol.kind == "coupling" and context.sums is not None:
        from dynattn.model.laws import read_sum

        return read_sum(context, symbol, span)
    if symbol.kind == "variable":
        text = f"'{name}' is read before it has a value"
        notes = [(symbol.span, "it gets its first value here")]
        context.draft.errors.add("E443", text, span, "assign to it in a line before", notes)
        return unknown(span)
    context.draft.errors.add(
        "E310",
        f"'{name}' is a {symbol.kind}, not a quantity",
        span,
        "name a parameter, a state or a definition",
        [(symbol.span, "declared here")],
    )
    return unknown(span)


def replace_span(term: Term, span: Span) -> Term:
    """A leaf seen at another place of the text; other terms stay shared."""
    return replace(term, span=span) if not term.args and term.op != "let" else term


def find(context: Context, name: str, span: Span) -> Symbol | None:
    """The symbol of a name: of the preferred population, of the scopes, of any one population."""
    scopes = context.draft.population_scopes
    if context.population and name in scopes[context.population].symbols:
        return scopes[context.population].symbols[name]
    if context.population in context.draft.groups:
        from dynattn.model.groups import find_shared

        shared = find_shared(context, context.population, name, span)
        if shared is not None:
            return shared
    symbol = context.scope.find(name)
    if symbol is None and context.population:
        from dynattn.model.attributes import find_node, refuse_partial

        symbol = find_node(context, context.population, name, span)
        if symbol is None and refuse_partial(context, context.population, name, span):
            return None
    if symbol is not None:
        return symbol
    seen = context.draft.seen_from(context.layer)
    outer = {p: s for p, s in scopes.items() if p in seen or p in context.draft.groups}
    outer |= context.draft.coupling_scopes
    found = {p: s.symbols[name] for p, s in outer.items() if name in s.symbols}
    if len(found) == 1:
        return next(iter(found.values()))
    if found:
        options = " or ".join(f"{p.rsplit('.', 1)[-1]}.{name}" for p in found)
        context.draft.errors.add(
            "E211", f"'{name}' stands in several populations", span, f"write {options}"
        )
        return None
    from dynattn.model.attributes import fix_unknown, known_edges

    members = tuple(n for s in outer.values() for n in s.symbols)
    extra = (*members, *known_edges(context), "index", "t", "pi")
    context.draft.errors.add(
        "E201",
        f"unknown name '{name}' in {context.scope.title}",
        span,
        fix_unknown(context, name, extra),
    )
    return None


def _member(context: Context, population: str, name: str, span: Span) -> Term:
    known = context.draft.population_called(population, context.layer)
    full = known.name if known is not None else population
    scope = context.draft.population_scopes.get(full)
    if scope is None:
        found = context.scope.find(population)
        if found is None:
            _refuse_owner(context, population, name, span)
            return unknown(span)
        if found.kind in ("coupling", "readout"):
            from dynattn.model.edge_items import read_member

            return _seen_from_coupling(context, read_member(context, found, name, span), name, span)
        if population not in context.draft.groups_refused:
            context.draft.not_yet(f"a member of a {found.kind}", span)
        return unknown(span)
    inside = replace(context, population=full, scope=scope)
    return at_home(context, read(inside, name, span))


def _refuse_owner(context: Context, owner: str, name: str, span: Span) -> None:
    """``owner.name`` where no population is called so: often the state of one."""
    scopes, errors = context.draft.population_scopes, context.draft.errors
    if any(owner in scope.symbols for scope in scopes.values()):
        fix = f"its rate is written {rate_of(owner)}" if name in VELOCITY else f"write {owner}"
        errors.add("E201", f"'{owner}' has no '{name}'", span, fix)
        return
    fix = context.scope.suggestion(owner, tuple(scopes), "name a population")
    errors.add("E201", f"unknown name '{owner}' in {context.scope.title}", span, fix)


def _index_of_nodes(context: Context, span: Span) -> Term:
    draft = context.draft
    populations = list(draft.seen_from(context.layer)) or list(draft.places)
    name = context.population or (populations[0] if len(populations) == 1 else None)
    if name is None:
        context.draft.errors.add(
            "E211",
            "'index' is the number of a node, and there are several populations",
            span,
            "use it inside a population",
        )
        return unknown(span)
    return Term("index", (), Type(Place("nodes", name), dtype="integer"), span, name)


def _seen_from_coupling(context: Context, term: Term, name: str, span: Span) -> Term:
    if context.ends is None or is_unknown(term):
        return term
    if term.type.place.kind == "nodes":
        context.draft.errors.add(
            "E303",
            f"'{name}' has a value at every node; a coupling joins two of them",
            span,
            f"write {name}[i] for the receiver's or {name}[j] for the sender's",
        )
        return unknown(span)
    from dynattn.model.edge_items import of_this_coupling

    return split(context, of_this_coupling(context, term, name, span))


def split(context: Context, term: Term) -> Term:
    """With ``heads H``, the last axis n of what a coupling reads is seen as [H, n/H]; matrices that
    are points of a manifold stay whole.
    """
    heads = context.ends.heads if context.ends else None
    shape = term.type.shape
    if heads is None or not shape or shape[0] == heads or term.type.matrix:
        return term
    if not constants.divides(context.draft, shape[-1], heads, term.span):
        return unknown(term.span)
    parts = replace(term.type, shape=(*shape[:-1], heads, shape[-1] / heads), manifold=None)
    return Term("split", (term,), parts, term.span, heads)


def _indexed(context: Context, value: tree.Expr, items: tuple[tree.Expr, ...], span: Span) -> Term:
    from dynattn.model.axes import entry

    found = entry(context, value, items, span)
    if found is not None:
        return found
    names = [item.name if isinstance(item, tree.Name) else "" for item in items]
    if context.ends is None and len(items) == 1 and names[0] not in ENDS:
        from dynattn.model.network_functions import picked

        return picked(context, value, items[0], span)
    ends = context.ends
    if ends is None or len(names) != 1 or names[0] not in ENDS:
        if ends is None and any(name in ENDS for name in names):
            context.draft.errors.add(
                "E304",
                "the indices i and j belong to couplings",
                span,
                "leave it out: a name is the node's own here, and a sum over others a coupling",
            )
        elif names in (["i", "j"], ["j", "i"]):
            context.draft.errors.add(
                "E304", f"{span.text} would be a number of the edge, which no array holds", span,
                "declare it in the coupling: param w ~ normal(0, 1), then weight w; or couple over "
                'a graph with weights: matrix("w.csv")',
            )  # fmt: skip
        else:
            context.draft.not_yet("this index", span, "in a coupling, index with i or j")
        return unknown(span)
    end = ENDS[names[0]]
    inside = replace(context, ends=None, population=ends.population(end))
    return _at_end(context, ends, end, translate(inside, value), span)


def _at_end(context: Context, ends: Ends, end: str, term: Term, span: Span) -> Term:
    if is_unknown(term):
        return term
    expected = Place("nodes", ends.population(end))
    if term.type.place != expected:
        index = "i" if end == "receiver" else "j"
        fix = f"only quantities of population '{expected.name}' have one"
        if term.type.place.name in (ends.sender, ends.receiver):
            fix = f"write [{'j' if index == 'i' else 'i'}]"
        context.draft.errors.add(
            "E304",
            f"this is a quantity of {typing.describe(term.type.place)}, without a value at "
            f"node {index} of population '{expected.name}'",
            span,
            "leave the index out" if term.type.place == GLOBAL else fix,
        )
        return unknown(span)
    seen = split(context, term)
    if ends.receiver_only:
        if end == "sender":
            context.draft.errors.add(
                "E304", "strength stands outside the sum and knows no sender", span,
                "put what depends on j into weight or kernel",
            )  # fmt: skip
        return replace_span(seen, span)
    kind = replace(seen.type, place=Place("edges", ends.name))
    later = ends.successor or None if end == "sender" else None
    return Term(end, (seen,), kind, span, later)


def _list(context: Context, items: tuple[tree.Expr, ...], span: Span) -> Term:
    args = [translate(context, item) for item in items]
    if not args:
        text, fix = "an empty list is no quantity", "write its numbers: [1, 2]"
        context.draft.errors.add("E310", text, span, fix)
    if is_unknown(*args) or not args:
        return unknown(span)
    if all(len(arg.type.shape) == 0 for arg in args) or all(arg.op == "array" for arg in args):
        return _array(context, args, span)
    from dynattn.model.functions import concatenate

    return concatenate(context, args, span)


def _array(context: Context, args: list[Term], span: Span) -> Term:
    from dynattn.vocabulary.sizes import fixed

    place = typing.join_places(context.draft.errors, args, span)
    shape = typing.join_shapes(context.draft.errors, args, span)
    if place is None or shape is None:
        return unknown(span)
    dtype = "complex" if is_complex(*args) else "real"
    return Term("array", tuple(args), Type(place, (fixed(len(args)), *shape), dtype), span)
