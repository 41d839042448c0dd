"""What the hand writes from other languages: rules of their own, asked before the general ones."""

from __future__ import annotations

from collections.abc import Callable

from dynattn.diagnostics.report import Diagnostic
from dynattn.syntax.places import span_of
from dynattn.syntax.trouble import Cure, Trouble, Verdict


def value_of_a_dim(trouble: Trouble) -> Verdict | None:
    """``dim N = 10``."""
    if trouble.head.type != "DIM" or trouble.token.type != "EQUAL":
        return None
    name = trouble.before
    message = "a dim has no value: it is a length that each sample has itself"
    fix = f"a number is a parameter: param {name} = ..., and a limit is written dim {name} <= 50"
    return Verdict(Diagnostic("E102", message, trouble.here, fix))


def quotient_of_differentials(trouble: Trouble) -> Verdict | None:
    """``dx/dt = -x`` in a population."""
    head, block = trouble.head, trouble.block
    if not block or "drift" not in block.words or head.type != "NAME":
        return None
    start = head.end_pos or 0
    follows = trouble.source.text[start : start + 6].replace(" ", "")
    if len(head) < 2 or not head.startswith("d") or not follows.startswith("/dt"):
        return None
    message, fix = f"'{head}/dt' begins no line", f"a rate of change is written {head[1:]}' = ..."
    return Verdict(Diagnostic("E101", message, span_of(trouble.source, head), fix))


def equation_of_a_word(trouble: Trouble) -> Verdict | None:
    """``drift' = -drift``: a state may not be called by a word that begins a clause."""
    head, block = trouble.head, trouble.block
    if trouble.token != "'" or trouble.before is not head or head.type == "NAME":
        return None
    if not block or "drift" not in block.words:
        return None
    message = f"'{head}' begins a clause here, and no equation"
    return Verdict(Diagnostic("E102", message, trouble.here, "give the state another name"))


def second_derivative(trouble: Trouble) -> Verdict | None:
    """``x'' = -x``."""
    if trouble.token != "'" or trouble.before != "'":
        return None
    fix = "write inertia 1, dissipation and drift: inertia * x'' + dissipation * x' = drift"
    return Verdict(Diagnostic("E102", "a law has no second derivative", trouble.here, fix))


def imaginary_unit(trouble: Trouble) -> Verdict | None:
    """``2j``."""
    before, token = trouble.before, trouble.token
    if before is None or before.type != "NUMBER" or before.end_pos != token.start_pos:
        return None
    if str(token) != "j" or "STAR" not in trouble.accepts:
        return None
    message = f"'{before}j' is no number"
    return Verdict(Diagnostic("E110", message, trouble.here, f"the imaginary unit is i: {before}i"))


def state_without_on(trouble: Trouble) -> Verdict | None:
    """``state x in real``."""
    words = [str(token) for token in trouble.statement]
    if trouble.head.type != "STATE" or "in" not in words or "on" in words:
        return None
    where = trouble.statement[words.index("in")]
    fix = f"a state lives on a manifold: state {words[1]} on real"
    return Verdict(Diagnostic("E102", "'in' gives a range", span_of(trouble.source, where), fix))


def rows_by_semicolons(trouble: Trouble) -> Verdict | None:
    """``[1, 2; 3, 4]``."""
    if str(trouble.token) != ";" or not trouble.in_brackets or trouble.open[-1] != "[":
        return None
    line = trouble.source.text[trouble.token.end_pos or 0 :].split("\n", 1)[0]
    if "]" not in line.split("[", 1)[0]:
        return None
    fix = "a row is a list of its own: [[1, 2], [3, 4]]"
    return Verdict(Diagnostic("E102", "';' stands in a list", trouble.here, fix), Cure.SWALLOW)


def conditional(trouble: Trouble) -> Verdict | None:
    """``if x > 0 then 1 else 0``."""
    before = trouble.before
    if (
        before is None
        or str(before) != "if"
        or trouble.token.type not in ("NAME", "NUMBER", "LPAR")
    ):
        return None
    fix = "a condition is 1 or 0: (x > 0)*a + (x <= 0)*b"
    span = span_of(trouble.source, before)
    return Verdict(Diagnostic("E102", "the language has no 'if'", span, fix))


def decimal_comma(trouble: Trouble) -> Verdict | None:
    """``drift 3,5``."""
    before, token = trouble.before, trouble.token
    if before is None or before.type != "NUMBER" or str(token) != "," or trouble.in_brackets:
        return None
    if "COMMA" in trouble.accepts:
        return None
    fix = "a number has a point, such as 3.5"
    return Verdict(Diagnostic("E102", f"unexpected ',' after '{before}'", trouble.here, fix))


def range_for_a_value(trouble: Trouble) -> Verdict | None:
    """``param K = 0 .. 10``."""
    words = [str(token) for token in trouble.statement]
    if trouble.head.type != "PARAM" or str(trouble.token) != ".." or "=" not in words[-3:]:
        return None
    sign = len(words) - 1 - words[::-1].index("=")
    name, low = words[sign - 1], "".join(words[sign + 1 :])
    fix = f"its range is param {name} = 1 in {low} .. 10; a sweep takes many values"
    return Verdict(Diagnostic("E102", "a parameter has one value", trouble.here, fix))


RULES: tuple[Callable[[Trouble], Verdict | None], ...] = (
    value_of_a_dim,
    quotient_of_differentials,
    equation_of_a_word,
    second_derivative,
    imaginary_unit,
    state_without_on,
    rows_by_semicolons,
    conditional,
    decimal_comma,
    range_for_a_value,
)
