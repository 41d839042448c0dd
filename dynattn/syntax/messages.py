"""What the user reads about a syntax mistake. One small rule for each kind of mistake."""

from __future__ import annotations

from collections.abc import Callable

from lark import Token

from dynattn.diagnostics.report import Collector, Diagnostic, Source, Span
from dynattn.diagnostics.suggest import did_you_mean, nearest
from dynattn.syntax import habits
from dynattn.syntax.characters import character
from dynattn.syntax.comments import is_balanced, without_comments
from dynattn.syntax.layout import CLOSES, CONTINUING, END, MAX_BRACKETS
from dynattn.syntax.places import span_of
from dynattn.syntax.trouble import Cure, Trouble, Verdict, comes_below
from dynattn.syntax.words import Block


def explain(trouble: Trouble) -> Verdict:
    """The verdict of the first rule that knows the mistake."""
    for rule in (*habits.RULES, *RULES):
        verdict = rule(trouble)
        if verdict is not None:
            return verdict
    return unexpected(trouble)


def explain_depth(source: Source, token: Token, collector: Collector) -> None:
    collector.add(
        "E111",
        f"brackets nested over {MAX_BRACKETS} deep",
        span_of(source, token),
        "use fewer blocks" if token == "{" else "give parts of the expression names with `let`",
    )


# ── characters ─────────────────────────────────────────────────────────────────────────────────


def stray_character(trouble: Trouble) -> Verdict | None:
    if trouble.token.type != "STRAY":
        return None
    return Verdict(character(trouble.here, str(trouble.token)))


def unterminated_text(trouble: Trouble) -> Verdict | None:
    if trouble.token.type != "UNTERMINATED":
        return None
    message = "a text without its closing quote"
    fix = 'end it with " on the same line'
    return Verdict(Diagnostic("E104", message, trouble.here, fix))


# ── words that begin a line ────────────────────────────────────────────────────────────────────


def missing_closing_brace(trouble: Trouble) -> Verdict | None:
    """A line of an outer block, or the end of the text, stands in an inner block."""
    if len(trouble.blocks) < 2:
        return None
    word, inner = str(trouble.head), trouble.blocks[-1].words
    ended = trouble.token.type == "$END" and not trouble.wants_expression
    foreign = any(word in block.words for block in trouble.blocks[:-1]) and word not in inner
    if not ended and not (foreign and is_plain_word(trouble.head)):
        return None
    braces = [item for item in trouble.open if str(item) == "{"]
    if braces and braces[-1].type == "SUPPLIED":
        return Verdict(None, Cure.CLOSE_BLOCK)
    before = end_of_block(trouble)
    diagnostic = Diagnostic(
        "E106",
        "a closing brace '}' is missing",
        before,
        "close the block",
        tuple((span_of(trouble.source, brace), "opened here") for brace in braces[-1:]),
    )
    return Verdict(diagnostic, Cure.CLOSE_BLOCK)


def end_of_block(trouble: Trouble) -> Span:
    """Just behind what was read before the present statement."""
    start = trouble.head.start_pos or 0
    if trouble.token.type == "$END":
        start = len(trouble.source.text)
    text = without_comments(trouble.source.text[:start])
    line = text.count("\n") + 1
    column = len(text) - (text.rfind("\n") + 1) + 1
    return Span(trouble.source, line, column, line, column + 1)


def is_plain_word(token: Token) -> bool:
    """Whether a token is a word that the lexer did not take for a keyword of its place."""
    return token.type == "NAME"


def declaration_in_block(trouble: Trouble) -> Verdict | None:
    """A population or a coupling inside a population, a type or another block with its braces."""
    word, head = str(trouble.head), trouble.head
    if len(trouble.blocks) < 2 or not is_plain_word(head) or not is_balanced(trouble.source.text):
        return None
    if word not in trouble.blocks[0].words or word in trouble.blocks[-1].words:
        return None
    homes = one_of(trouble.words.homes(word))
    message = f"'{word}' stands {homes}, not {trouble.blocks[-1].place}"
    fix = "move the whole declaration there; it reaches other nodes by their population's name"
    return Verdict(Diagnostic("E109", message, span_of(trouble.source, head), fix))


def word_of_another_block(trouble: Trouble) -> Verdict | None:
    """``kernel`` in a population."""
    block, word = trouble.block, str(trouble.head)
    if not block or len(trouble.statement) > 1 or not is_plain_word(trouble.head):
        return None
    homes = trouble.words.homes(word)
    if not homes or block.place in homes:
        return None
    if trouble.previous and trouble.previous[0].type in ("COUPLING", "READOUT"):
        return Verdict(opening_brace(end_of_block(trouble)), Cure.SKIP_BLOCK)
    message = f"'{word}' stands {one_of(homes)}, not {block.place}"
    fix = "move it there"
    return Verdict(Diagnostic("E109", message, span_of(trouble.source, trouble.head), fix))


def assignment_in_body(trouble: Trouble) -> Verdict | None:
    """``theta = 3`` in a population."""
    block = trouble.block
    if not block or trouble.token.type != "EQUAL" or len(trouble.statement) != 1:
        return None
    if not is_plain_word(trouble.head):
        return None
    word = str(trouble.head)
    fix = f"a definition is `let {word} = ...`"
    if "drift" in block.words:
        fix += f", a rate of change `{word}' = ...`, a map `{word} <- ...`"
    message = f"'{word} = ...' says nothing {block.place}"
    return Verdict(Diagnostic("E119", message, span_of(trouble.source, trouble.head), fix))


def unknown_word(trouble: Trouble) -> Verdict | None:
    """A line that begins with no word of the language."""
    block, head = trouble.block, trouble.head
    if not block or len(trouble.statement) > 1 or not is_plain_word(head):
        return None
    free = block.rule in ("statement", "experiment_item")
    if free and not nearest(str(head), block.words):
        return None
    fix = did_you_mean(str(head), block.words, f"{block.place} a line begins with {listed(block)}")
    message = f"unknown word '{head}'"
    return Verdict(Diagnostic("E101", message, span_of(trouble.source, head), fix))


def listed(block: Block) -> str:
    return one_of(sorted(block.words))


def misspelt_word(trouble: Trouble) -> Verdict | None:
    """A word further on: ``t 0 .. 10 evry 0.1``."""
    if trouble.token.type != "NAME" or trouble.wants_expression:
        return None
    found = nearest(str(trouble.token), trouble.words.accepted(trouble.accepts))
    if found is None or found == trouble.token:
        return None
    message = f"unknown word '{trouble.token}'"
    return Verdict(Diagnostic("E101", message, trouble.here, f"did you mean '{found}'?"))


# ── brackets and braces ────────────────────────────────────────────────────────────────────────


def missing_line(trouble: Trouble) -> Verdict | None:
    """An operator ends a line, and the next line is a clause: ``param K =``, ``param a = 1``."""
    if len(trouble.statement) < 2 or not trouble.block:
        return None
    *_, operator, word = trouble.statement
    if not comes_below(word, operator) or str(word) not in trouble.block.words:
        return None
    if str(operator) not in CONTINUING:
        return None
    end = span_of(trouble.source, operator)
    span = Span(trouble.source, end.end_line, end.end_column, end.end_line, end.end_column + 1)
    return Verdict(missing(f"after '{operator}'", span), Cure.RESTART)


def missing_bracket(trouble: Trouble) -> Verdict | None:
    if not trouble.in_brackets or trouble.wants_expression:
        return None
    opening = trouble.open[-1]
    closing = {"(": ")", "[": "]"}[str(opening)]
    token = trouble.token
    stops = token.type in (END, "$END", "LBRACE", "RBRACE")
    wrong = str(token) in CLOSES and str(token) != closing
    next_line = trouble.begins_line and (token.column or 0) <= (trouble.head.column or 0)
    if not (stops or wrong or next_line):
        return None
    diagnostic = Diagnostic(
        "E106",
        f"a closing '{closing}' is missing",
        trouble.after,
        f"close the bracket with {closing}",
        ((span_of(trouble.source, opening), "opened here"),),
    )
    accepted = {")": "RPAR", "]": "RSQB"}[closing] in trouble.accepts
    return Verdict(diagnostic, Cure.CLOSE_BRACKET if accepted else Cure.SKIP)


def next_line(trouble: Trouble) -> Verdict | None:
    """A statement on a new line after a bracket that was taken as closed."""
    if END in trouble.accepts and trouble.begins_line and trouble.token.type != "$END":
        return Verdict(None, Cure.SEPARATE)
    return None


def unmatched_bracket(trouble: Trouble) -> Verdict | None:
    token = trouble.token
    if str(token) not in CLOSES or token.type == "STRING":
        return None
    if any(item == CLOSES[str(token)] for item in trouble.open) and trouble.blocks[1:]:
        return None
    if any(item == CLOSES[str(token)] for item in trouble.open) and token != "}":
        return None
    message = f"'{token}' closes nothing"
    fix = f"take it out, or write the '{CLOSES[str(token)]}' it belongs to"
    return Verdict(Diagnostic("E108", message, trouble.here, fix), Cure.SWALLOW)


def missing_opening_brace(trouble: Trouble) -> Verdict | None:
    if "LBRACE" not in trouble.accepts or not trouble.before:
        return None
    token = trouble.token
    ended = token.type in (END, "$END")
    # A word may follow where nothing but a body can: not where a size or a type still may.
    word = token.type == "NAME" and ("PLUS" in trouble.accepts or "LSQB" not in trouble.accepts)
    if not (ended or word):
        return None
    cure = Cure.SKIP if token.type == "$END" else Cure.OPEN_BLOCK
    return Verdict(opening_brace(trouble.after), cure)


def opening_brace(span: Span) -> Diagnostic:
    fix = "the block stands in { }, opened on the same line"
    return Diagnostic("E107", "an opening brace '{' is missing", span, fix)


# ── expressions ────────────────────────────────────────────────────────────────────────────────


def point_in_number(trouble: Trouble) -> Verdict | None:
    """``1.`` and ``.5``."""
    before, token = trouble.before, trouble.token
    if before is not None and before.type == "DOT" and len(trouble.statement) > 1:
        number = trouble.statement[-2]
        if number.type == "NUMBER":
            span = span_of(trouble.source, number).to(span_of(trouble.source, before))
            fix = f"write {number}.0; a range is written 0 .. 1"
            return Verdict(Diagnostic("E102", "a number cannot end with its point", span, fix))
    if token.type == "DOT" and trouble.wants_expression:
        fix = "a number begins with a digit: 0.5"
        return Verdict(Diagnostic("E102", "unexpected '.'", trouble.here, fix))
    return None


def missing_expression(trouble: Trouble) -> Verdict | None:
    if not trouble.wants_expression:
        return None
    if trouble.token == "*" and trouble.before == "*":
        fix = "powers are written with ^, x^2"
        return Verdict(Diagnostic("E102", "unexpected '*'", trouble.here, fix))
    if trouble.token == "'":
        fix = 'texts stand in double quotes, "..."'
        return Verdict(Diagnostic("E102", 'unexpected "\'"', trouble.here, fix))
    after = f"after '{trouble.before}'" if trouble.before else "here"
    return Verdict(missing(after, trouble.after))


def missing(after: str, span: Span) -> Diagnostic:
    fix = "write a value or a formula there"
    return Diagnostic("E105", f"an expression is missing {after}", span, fix)


def arrow_outside_edges(trouble: Trouble) -> Verdict | None:
    if trouble.token.type != "ARROW" or not trouble.in_brackets:
        return None
    fix = "an edge list is written edges [a -> b, b -> c: 0.5]"
    return Verdict(Diagnostic("E116", "'->' stands in an edge list", trouble.here, fix))


COMPARISONS = frozenset(["EQ", "NE", "LE", "GE", "LT", "GT"])


def chained_comparison(trouble: Trouble) -> Verdict | None:
    if trouble.token.type not in COMPARISONS or "PLUS" not in trouble.accepts:
        return None
    message, fix = "comparisons do not chain", "write `a < b and b < c`"
    return Verdict(Diagnostic("E114", message, trouble.here, fix))


def missing_separator(trouble: Trouble) -> Verdict | None:
    """Two clauses on one line, or two factors with nothing between."""
    token, before = trouble.token, trouble.before
    if before is None or token.type not in ("NAME", "NUMBER", "LPAR", "LSQB"):
        return None
    fits = trouble.block and str(token) in trouble.block.words and not trouble.in_brackets
    if END in trouble.accepts and (fits or before == "}"):
        message, fix = f"a ';' or a new line is missing before '{token}'", "write one"
        return Verdict(Diagnostic("E110", message, trouble.after, fix), Cure.SEPARATE)
    if "STAR" not in trouble.accepts:
        return None
    message = f"an operator is missing between '{before}' and '{token}'"
    fix = f"to multiply, write {before}*{token}"
    if before.type == "NAME" and END in trouble.accepts:
        fix += "; two clauses are parted by ';' or a new line"
    return Verdict(Diagnostic("E110", message, trouble.after, fix))


# ── all the rest ───────────────────────────────────────────────────────────────────────────────

PLAIN = {
    "NAME": "a name",
    "NUMBER": "a number",
    "STRING": "a text in double quotes",
    END: "the end of the line",
    "$END": "the end of the text",
}
BEGINS = frozenset(["NAME", "NUMBER", "STRING", "LPAR", "LSQB", "MINUS", "PLUS", "NOT"])
FOLLOWS = COMPARISONS | frozenset(
    (
        *("PLUS", "MINUS", "STAR", "SLASH", "MATMUL", "CARET", "PRIME", "DOT"),
        *("LPAR", "LSQB", "AND", "OR", "WITHOUT"),
    )
)


def unexpected(trouble: Trouble) -> Verdict:
    token = trouble.token
    ends = {END: "end of line", "$END": "end of text"}
    found = "';'" if str(token) == ";" else ends.get(token.type, f"'{token}'")
    message = f"unexpected {found}"
    if trouble.before is not None and trouble.before.type != END:
        message += f" after '{trouble.before}'"
    fix = f"expected {one_of(expected(trouble))}"
    if token.type in ("AND", "OR", "NOT") and "NAME" in trouble.accepts:
        fix += f"; '{token}' is an operator"
    return Verdict(Diagnostic("E102", message, trouble.here, fix))


def expected(trouble: Trouble) -> list[str]:
    """What would fit, in plain words."""
    rest, found = set(trouble.accepts), []
    if trouble.wants_expression:
        rest -= BEGINS
        found.append("an expression")
    if {"PLUS", "STAR"} <= rest:
        rest -= FOLLOWS
        found.append("an operator")
    signs = trouble.words.signs
    found += sorted(f"'{signs[name]}'" if name in signs else PLAIN[name] for name in rest)
    return found


def one_of(items: list[str]) -> str:
    """``a, b or c``."""
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} or {items[-1]}"


RULES: tuple[Callable[[Trouble], Verdict | None], ...] = (
    stray_character,
    unterminated_text,
    point_in_number,
    missing_line,
    missing_bracket,
    next_line,
    declaration_in_block,
    missing_closing_brace,
    unmatched_bracket,
    word_of_another_block,
    assignment_in_body,
    unknown_word,
    misspelt_word,
    missing_opening_brace,
    missing_expression,
    arrow_outside_edges,
    chained_comparison,
    missing_separator,
)
