"""What stands between two tokens of one line: nothing, a blank, or a semicolon and a blank."""

from __future__ import annotations

from dynattn.syntax.script import Script

GLUED_BEFORE = frozenset(("COMMA", "COLON", "PRIME", "DOT", "CARET", "RPAR", "RSQB"))
GLUED_AFTER = frozenset(("LPAR", "LSQB", "DOT", "CARET"))
PRODUCTS = frozenset(("STAR", "SLASH"))
CALLED = frozenset(("NAME", "RPAR", "RSQB", "PRIME"))
"""What a bracket follows closely, as in ``f(x)`` and ``x[i]``."""


def between(script: Script, k: int) -> str:
    """The text between token ``k`` and the one before it, both on one line."""
    if k - 1 in script.separated and script.tokens[k] != "}":
        return "; "
    return "" if is_glued(script, k) else " "


def width(script: Script, first: int, last: int) -> int:
    """How wide the tokens from ``first`` to ``last`` are on one line."""
    texts = (between(script, k) + script.tokens[k] for k in range(first + 1, last + 1))
    return len(script.tokens[first]) + sum(map(len, texts))


def is_glued(script: Script, k: int) -> bool:
    before, after = script.tokens[k - 1].type, script.tokens[k].type
    if after in GLUED_BEFORE or before in GLUED_AFTER:
        return True
    if before in ("PLUS", "MINUS") and script.spots[k - 1] in script.signs:
        return True
    if after == "EQUAL":
        return script.spots[k - 1] in script.named
    if before == "EQUAL":
        return script.spots[k - 2] in script.named
    if after in ("LPAR", "LSQB") and before not in PRODUCTS:
        return before in CALLED and script.spots[k - 1] not in script.set_off
    if after in PRODUCTS:
        return is_tight(script, k)
    return before in PRODUCTS and is_tight(script, k - 1)


def is_tight(script: Script, k: int) -> bool:
    """Whether the sign of a product has no blank beside it, as in ``2*pi``: the writer's choice."""
    return not any(script.starts_line(n) or script.source_gap(n) for n in (k, k + 1))
