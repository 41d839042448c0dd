"""Whether an expression is a point of a manifold by what it is made of, whatever the numbers are.

What a network computes has no value before it runs, so the text has to say that it is a point.
"""

from __future__ import annotations

from dynattn.diagnostics.report import Span
from dynattn.model import constants, membership
from dynattn.model.draft import Draft
from dynattn.model.terms import ManifoldUse, Term
from dynattn.vocabulary.manifolds import MANIFOLDS

SAME = ("let", "aligned", "spread", "entry")
"""They are their argument, of other nodes or under another name."""

POSITIVE = ("exp", "softplus", "sigmoid", "cosh")
NOT_NEGATIVE = ("relu", "abs", "norm", "lt", "le", "gt", "ge", "eq", "ne", "and", "or", "not")
KEEPING = ("add", "mul", "div", "pow", "sqrt", "mean", "sum", "max", "min", "array", "concat")
"""Of numbers above 0 they make numbers above 0."""

WRITE = {
    "sphere": "divide it by its length: v = ..., then {name} = v / norm(v)",
    "positive": "make it positive: {name} = exp(v), or softplus(v)",
    "simplex": "make shares of it: p = exp(v), then {name} = p / dot(p, 1)",
    "SO": "write {name} = expm(A), A being B - transpose(B), or a product of rotations",
    "SU": "write {name} = expm(A), A a point of su(n), or a product of points of SU(n)",
    "so": "write A - transpose(A), or a sum of points of so(n)",
    "su": "write a sum of points of su(n), each times a number",
}
"""What to write, by the manifold."""


def must_be_point(draft: Draft, term: Term, use: ManifoldUse, name: str, span: Span) -> bool:
    """Whether a value that a network gives a state is a point of its manifold; else E330."""
    if use.name not in WRITE or is_point(draft, term, use):
        return True
    text = f"'{name}' is a point of {use}, and nothing says that this value is one"
    fix = WRITE[use.name].format(name=name)
    if len(term.type.shape) > len(use.shape):
        fix = f"take it from embed(text), from a state on {use}, or learn it there"
    draft.errors.add("E330", text, span, fix)
    return False


def note_sign(draft: Draft, name: str, value: Term) -> None:
    """Remember of a variable of the network whether it holds numbers above 0."""
    sign = _sign(draft, value)
    draft.signs.pop(name, None)
    if sign is not None:
        draft.signs[name] = sign


def manifold_of(draft: Draft, term: Term) -> ManifoldUse | None:
    """The manifold that a term is a point of; of a parameter the one it is declared on."""
    if term.op == "parameter" and term.payload in draft.parameters:
        return draft.parameters[term.payload].manifold
    return term.type.manifold


def is_point(draft: Draft, term: Term, use: ManifoldUse) -> bool:
    """Whether a term is a point of the manifold, by its type or by how it is made."""
    if manifold_of(draft, term) == use:
        return True
    if term.op in SAME:
        return is_point(draft, term.args[0], use)
    held = draft.parameters.get(term.payload) if term.op == "parameter" else None
    if held is not None and isinstance(held.init, Term) and not held.learned:
        return is_point(draft, held.init, use)
    numbers, member = membership.coordinates(draft, term), MANIFOLDS[use.name].member
    if member is not None and numbers is not None:
        return member(numbers)
    rules = {
        "sphere": _is_unit, "positive": _is_positive, "simplex": _is_shares, "SO": _is_turn,
        "SU": _is_turn, "so": _is_rate, "su": _is_rate,
    }  # fmt: skip
    return rules[use.name](draft, term, use)


def same(a: Term, b: Term) -> bool:
    """Whether two terms are one quantity, read twice."""
    while "let" in (a.op, b.op):
        a, b = (term.args[0] if term.op == "let" else term for term in (a, b))
    alike = (a.op, a.payload, len(a.args)) == (b.op, b.payload, len(b.args))
    return a is b or (alike and all(map(same, a.args, b.args)))


# ── one manifold after the other ───────────────────────────────────────────────────────────────


def _is_unit(draft: Draft, term: Term, use: ManifoldUse) -> bool:
    """v / norm(v), -x, [cos(a), sin(a)], V @ x with V on SO."""
    if term.op == "neg":
        return is_point(draft, term.args[0], use)
    if term.op in ("array", "concat"):
        pair = [part.op for part in term.args]
        return sorted(pair) == ["cos", "sin"] and same(term.args[0].args[0], term.args[1].args[0])
    if term.op == "matmul":
        turn = ManifoldUse("SO", use.arguments, (*use.shape, *use.shape))
        return is_point(draft, term.args[0], turn) and is_point(draft, term.args[1], use)
    if term.op != "div":
        return False
    v = term.args[0]
    return _is_length(term.args[1], v.args[0] if v.op == "neg" else v)


def _is_length(term: Term, v: Term) -> bool:
    while term.op in ("let", "column"):
        term = term.args[0]
    if term.op == "norm":
        return same(term.args[0], v)
    square = term.args[0] if term.op == "sqrt" else term
    return square is not term and square.op == "dot" and all(same(a, v) for a in square.args)


def _is_positive(draft: Draft, term: Term, use: ManifoldUse) -> bool:
    return _sign(draft, term) == 1


def _sign(draft: Draft, term: Term) -> int | None:
    """1 of numbers above 0, 0 of numbers of 0 or more, None of any other."""
    value = constants.of_term(draft, term)
    if value is not None:
        return 1 if value > 0 else 0 if value == 0 else None
    use = manifold_of(draft, term)
    manifold = use.name if use is not None else ""
    if manifold == "positive" or term.op in POSITIVE:
        return 1
    if manifold == "simplex" or term.op in NOT_NEGATIVE or _is_square(term):
        return 0
    if term.op == "variable":
        return draft.signs.get(term.payload)
    if term.op in SAME:
        return _sign(draft, term.args[0])
    signs = [_sign(draft, argument) for argument in term.args]
    if term.op == "pow" and signs[0] == 1:
        return 1
    if term.op not in KEEPING or None in signs:
        return None
    return max(s or 0 for s in signs) if term.op in ("add", "max") else min(s or 0 for s in signs)


def _is_square(term: Term) -> bool:
    if term.op == "pow" and term.args[1].op == "number":
        return term.args[1].payload in (2, 4, 6)
    return term.op in ("mul", "dot") and same(*term.args) and term.type.dtype != "complex"


def _is_shares(draft: Draft, term: Term, use: ManifoldUse) -> bool:
    """p / dot(p, 1), p being positive."""
    if term.op != "div" or _sign(draft, term.args[0]) != 1:
        return False
    total = term.args[1]
    while total.op in ("let", "column"):
        total = total.args[0]
    one = total.op == "dot" and constants.of_term(draft, total.args[1]) == 1
    return one and same(total.args[0], term.args[0])


def _is_turn(draft: Draft, term: Term, use: ManifoldUse) -> bool:
    """Products and inverses of points, and expm of rotation rates."""
    if term.op == "matmul" or (term.op in ("transpose", "inverse") and use.name == "SO"):
        return all(is_point(draft, argument, use) for argument in term.args)
    rates = ManifoldUse(use.name.lower(), use.arguments, use.shape)
    return term.op == "expm" and is_point(draft, term.args[0], rates)


def _is_rate(draft: Draft, term: Term, use: ManifoldUse) -> bool:
    """Sums of rates, each times a number, and A - transpose(A)."""
    if term.op in ("add", "sub", "neg"):
        if all(is_point(draft, argument, use) for argument in term.args):
            return True
        other = term.args[-1]
        return (use.name, term.op, other.op) == ("so", "sub", "transpose") and same(
            term.args[0], other.args[0])  # fmt: skip
    if term.op not in ("mul", "div"):
        return False
    numbers = [a for a in term.args if not a.type.shape and a.type.dtype != "complex"]
    rates = [a for a in term.args if a not in numbers]
    whole = len(rates) == 1 and not (term.op == "div" and rates[0] is term.args[1])
    return whole and is_point(draft, rates[0], use)
