"""Codes of text and syntax: E100 to E199."""

from __future__ import annotations

from dynattn.diagnostics.entry import Entry

CODES: dict[str, Entry] = {
    "E101": Entry(
        "unknown word",
        "A line of a spec begins with a word that says what it declares, and each kind of block "
        "has its own words. This one is none of them. Most often it is misspelt.",
        "kernal sin(theta[j] - theta[i])",
        "kernel sin(theta[j] - theta[i])",
    ),
    "E102": Entry(
        "unexpected piece of text",
        "What stands here does not fit what stands before it. The fix lists what would.",
        "dim T < 50",
        "dim T <= 50",
    ),
    "E103": Entry(
        "unexpected character",
        "The character is no part of the language. Typographic quotes, dashes and arrows come "
        "from word processors and from papers; control characters cannot be seen in an editor.",
        "drift omega \N{MINUS SIGN} theta",
        "drift omega - theta",
    ),
    "E104": Entry(
        "text without its closing quote",
        'A text stands between two straight double quotes on one line. It cannot contain ".',
        'param K = 2 "coupling strength',
        'param K = 2 "coupling strength"',
    ),
    "E105": Entry(
        "missing expression",
        "After an operator, a comma, `=` or the word of a clause stands a number, a name or a "
        "formula. A line that ends in an operator goes on in the next line.",
        "param K =",
        "param K = 2.0",
    ),
    "E106": Entry(
        "missing closing bracket or brace",
        "Every (, [ and { has its ), ] and }. The note shows the one that is still open. A brace "
        "is also reported as missing where a block holds a declaration that can only stand "
        "outside it.",
        "population osc[N] { drift omega",
        "population osc[N] { drift omega }",
    ),
    "E107": Entry(
        "missing opening brace",
        "The head of a block and its `{` stand on one line.",
        "network\n  x = embed(text)\n}",
        "network {\n  x = embed(text)\n}",
    ),
    "E108": Entry(
        "closing bracket without an opening one",
        "There is no open bracket of this kind that it could close.",
        "drift omega + 1)",
        "drift omega + 1",
    ),
    "E109": Entry(
        "word of another block",
        "The word is one of the language, but its place is another block: the kernel belongs to "
        "a coupling, the drift to a population.",
        "population osc[N] { kernel sin(theta[j] - theta[i]) }",
        "coupling pull: osc -> osc { kernel sin(theta[j] - theta[i]) }",
    ),
    "E110": Entry(
        "missing separator or operator",
        "Two things stand side by side with nothing between. Clauses are parted by a new line or "
        "`;`, factors by `*`: there is no multiplication without a sign.",
        "drift 2 pi",
        "drift 2*pi",
    ),
    "E111": Entry(
        "brackets nested too deep",
        "Brackets and braces nest at most 100 deep. A formula of that depth is better read in "
        "named parts.",
        "drift ((( ... 101 of them ... )))",
        "let inner = ...\ndrift inner",
    ),
    "E112": Entry(
        "expression nested too deep",
        "An expression is at most 200 operations deep; a sum of n terms is n - 1 deep. Long sums "
        "are better written as `sum` over an axis, or in named parts.",
        "drift 1 + 1 + ... + 1",
        "let part = ...\ndrift part + ...",
    ),
    "E113": Entry(
        "number out of the machine's range",
        "Numbers are held in double precision, from about 1e-323 to 1e308.",
        "param K = 1e999",
        "param K = 1e300",
    ),
    "E114": Entry(
        "chained comparison",
        "`a < b < c` could be read in two ways and is written out.",
        "observe inside = mean(0 < x < 1)",
        "observe inside = mean(0 < x and x < 1)",
    ),
    "E115": Entry(
        "a number or text used as a name",
        "Only what has a name can be called, indexed, or asked for its parts and its rate of "
        "change. A number before a bracket usually lacks a `*`.",
        "drift 2(a + b)",
        "drift 2*(a + b)",
    ),
    "E116": Entry(
        "arrow outside an edge list",
        "In an expression `->` stands only in a list of edges, after the word `edges`.",
        "graph g = [a -> b]",
        "graph g = edges [a -> b]",
    ),
    "E117": Entry(
        "argument without a name after a named one",
        "Arguments are matched by their order first and by their names after that.",
        "drift f(a=1, x)",
        "drift f(x, a=1)",
    ),
    "E118": Entry(
        "setting out of place",
        "`NAME = VALUE` is a line of its own, or follows `at` in `start ... at NAME = VALUE`. "
        "What is set is a name, not a formula.",
        "simulate { record x, K = 3 }",
        "simulate { record x; K = 3 }",
    ),
    "E119": Entry(
        "equation without its sign",
        "In a population, coupling or layer `x = ...` could mean three things: a definition "
        "(`let x = ...`), a rate of change (`x' = ...`) or a map (`x <- ...`).",
        "population p[N] { state x on real; x = -x }",
        "population p[N] { state x on real; x' = -x }",
    ),
    "E120": Entry(
        "no such file",
        "The spec was looked for at this place and is not there.",
        "dynattn check kuramto.dyn",
        "dynattn check kuramoto.dyn",
    ),
    "E121": Entry(
        "a folder in place of a file",
        "A spec is one file.",
        "dynattn check specs/",
        "dynattn check specs/kuramoto.dyn",
    ),
    "E122": Entry(
        "not UTF-8",
        "Specs are UTF-8 text. The byte and the line that are not are named; most editors can "
        "save the file in UTF-8.",
    ),
    "E123": Entry(
        "nothing declared",
        "The text holds nothing but blanks and comments.",
        "# a model, one day",
        'model first "a model"',
    ),
    "E124": Entry(
        "spec too large",
        "A spec has at most 1 000 000 bytes and is refused by its size before it is read. Large "
        "data belong in files of their own, which the spec names.",
        "graph g = edges [a -> b, ... a million more ...]",
        'graph g = file("edges.graphml")',
    ),
    "E125": Entry(
        "file cannot be read",
        "The operating system refuses to read the file: often for lack of permission.",
    ),
}
