"""How mathematics is written: as the language does, with Greek letters, or in LaTeX."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

MINUS = "\N{MINUS SIGN}"
_PLAIN_SIGNS = {
    "or": " or ", "and": " and ", "not": "not ", "lt": " < ", "le": " <= ", "gt": " > ",
    "ge": " >= ", "eq": " == ", "ne": " != ", "add": " + ", "sub": " - ", "mul": " * ",
    "div": "/", "matmul": " @ ", "neg": "-", "pow": "^",
}  # fmt: skip
_PRETTY_SIGNS = _PLAIN_SIGNS | {
    "le": " ≤ ", "ge": " ≥ ", "eq": " = ", "ne": " ≠ ", "sub": f" {MINUS} ", "mul": " ",
    "neg": MINUS,
}  # fmt: skip
_LATEX_SIGNS = _PLAIN_SIGNS | {
    "or": r" \vee ", "and": r" \wedge ", "not": r"\neg ", "le": r" \leq ", "ge": r" \geq ",
    "eq": " = ", "ne": r" \neq ", "mul": r"\,", "matmul": r"\,",
}  # fmt: skip
_GREEK = frozenset({
    "alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa", "lambda",
    "mu", "nu", "xi", "pi", "rho", "sigma", "tau", "upsilon", "phi", "chi", "psi", "omega",
})  # fmt: skip
_CAPITALS = frozenset({
    "Gamma", "Delta", "Theta", "Lambda", "Xi", "Pi", "Sigma", "Upsilon", "Phi", "Psi", "Omega",
})  # fmt: skip
"""Those that look unlike a Latin letter: LaTeX has a command for them alone."""

LATEX_FUNCTIONS: Mapping[str, str] = {
    "sin": r"\sin", "cos": r"\cos", "tan": r"\tan", "asin": r"\arcsin", "acos": r"\arccos",
    "atan": r"\arctan", "sinh": r"\sinh", "cosh": r"\cosh", "tanh": r"\tanh", "exp": r"\exp",
    "log": r"\log", "trace": r"\operatorname{tr}", "det": r"\det", "min": r"\min",
    "max": r"\max", "re": r"\operatorname{Re}", "im": r"\operatorname{Im}", "arg": r"\arg",
    "distance": "d", "expmap": r"\operatorname{Exp}", "logmap": r"\operatorname{Log}",
    "logm": r"\log",
}  # fmt: skip
"""Functions with a command of their own; every other name is set upright."""

LATEX_SHAPES: Mapping[str, str] = {
    "sqrt": r"\sqrt{%s}",
    "abs": r"\left|%s\right|",
    "norm": r"\left\|%s\right\|",
    "floor": r"\left\lfloor %s\right\rfloor",
    "dot": r"\left\langle %s\right\rangle",
    "concat": r"\left[%s\right]",
    "conj": r"\overline{%s}",
}
"""Functions that are drawn round their arguments."""

LATEX_MARKS: Mapping[str, str] = {"transpose": r"%s^{\top}", "inverse": "%s^{-1}"}
"""Functions that are marks behind their argument."""


@dataclass(frozen=True)
class Style:
    """How names, indices and operators are written."""

    operators: dict[str, str]
    name: Callable[[str], str]
    """A name or a number; ``alpha`` may become a Greek letter."""
    index: Callable[[str, str], str]
    """index(name, i)."""
    rate: Callable[[str, str, int], str]
    """rate(name, i, n): the n-th derivative with respect to time."""
    call: Callable[[str, Sequence[str]], str]
    """call(function, arguments)."""
    entry: Callable[[str, Sequence[str]], str]
    """entry(array, indices)."""
    sums: Callable[[str], str]
    """sums(j): the sign of a sum over j."""
    pair: str
    """The index of an edge."""
    becomes: str = "<-"
    brackets: Callable[[str], str] = lambda text: f"({text})"
    fraction: str = ""
    """``%s``, above and below; '' where a division is written on the line."""
    power: str = "%s^%s"
    fraction_part: str = "(%s/%s)"
    """A factor divided by what a sum is normalized with."""
    dot: str = ""
    """Between two factors of which the second begins with a digit."""
    implicit: bool = False
    """Whether the number of a node is told by its index alone: ``index[i]`` is i."""


# ── as the language writes it, and with Greek letters ──────────────────────────────────────────


def _greek(name: str) -> str:
    """The letter that a name such as ``theta``, ``Omega``, ``mu2`` or ``tau_e`` stands for, else
    the name.
    """
    found = re.fullmatch(r"([a-zA-Z]+?)(?:_?(\d*)|(_\w+))", name)
    if not found or found[1].lower() not in _GREEK:
        return name
    # Unicode's own name of the letter is LAMDA.
    word = found[1].upper().replace("LAMBDA", "LAMDA")
    case = "CAPITAL" if found[1][0].isupper() else "SMALL"
    letter = unicodedata.lookup(f"GREEK {case} LETTER {word}")
    return letter + (found[3] or found[2].translate(str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")))


def _indexed(name: str, index: str) -> str:
    return f"{name}[{index}]"


def _below(name: str, index: str) -> str:
    return f"{name}_{index}" if f"{name}{index}".isalnum() else f"{name}[{index}]"


def _primed(name: str, index: str, order: int) -> str:
    return (_indexed(name, index) if index else name) + "'" * order


def _primed_below(name: str, index: str, order: int) -> str:
    return (_below(name, index) if index else name) + "'" * order


def _call(function: str, arguments: Sequence[str]) -> str:
    inside = ", ".join(arguments)
    return f"[{inside}]" if function == "concat" else f"{function}({inside})"


def _pretty_call(function: str, arguments: Sequence[str]) -> str:
    return _call("√" if function == "sqrt" else function, arguments)


def _entry(array: str, indices: Sequence[str]) -> str:
    return f"{array}[{', '.join(indices)}]"


# ── LaTeX ──────────────────────────────────────────────────────────────────────────────────────


def latex_name(name: str) -> str:
    r"""``theta`` as ``\theta``, ``tau_e`` as ``\tau_{e}``, ``1e-06`` as ``10^{-6}``."""
    if re.match(r"-?[\d.]", name):
        return _latex_number(name)
    *place, own = name.split(".")
    head, *rest = [part for part in own.split("_") if part] or [own]
    found = re.fullmatch(r"([a-zA-Z]+?)(\d+)", head)
    letters, digits = (found[1], [found[2]]) if found else (head, [])
    below = [_latex_word(part) for part in (*digits, *rest, *place)]
    return _latex_word(letters) + (f"_{{{','.join(below)}}}" if below else "")


def _latex_word(word: str) -> str:
    if word in _GREEK or word in _CAPITALS:
        return f"\\{word}"
    if word == "eps":
        return r"\varepsilon"
    return word if len(word) == 1 or word.isdecimal() else rf"\mathrm{{{_escaped(word)}}}"


def _escaped(word: str) -> str:
    return re.sub(r"([_#%&$])", r"\\\1", word)


def _latex_number(text: str) -> str:
    if text.endswith("i"):
        return _latex_number(text[:-1]).removesuffix("1" * (text == "1i")) + r"\mathrm{i}"
    mantissa, _, exponent = text.partition("e")
    if not exponent:
        return text
    unit = "i" if exponent.endswith("i") else ""
    power = f"10^{{{int(exponent.removesuffix('i'))}}}{unit}"
    return power if mantissa == "1" else rf"{mantissa} \cdot {power}"


def _latex_index(name: str, index: str) -> str:
    """One more index below a name."""
    base, found, below = name.partition("_{")
    return f"{base}_{{{below[:-1]},{index}}}" if found else f"{name}_{{{index}}}"


def _latex_rate(name: str, index: str, order: int) -> str:
    base, found, below = name.partition("_{")
    dots = {0: "%s", 1: r"\dot{%s}", 2: r"\ddot{%s}"}[order] % base
    dotted = f"{dots}_{{{below}" if found else dots
    return _latex_index(dotted, index) if index else dotted


def _latex_call(function: str, arguments: Sequence[str]) -> str:
    inside = r",\, ".join(arguments)
    if function in LATEX_MARKS:
        return LATEX_MARKS[function] % _latex_operand(inside)
    if function == "conj" and inside.endswith(r"^{\top}"):
        return inside.removesuffix(r"^{\top}") + r"^{\dagger}"
    if function == "cis":
        return rf"e^{{\mathrm{{i}}\,{_latex_operand(inside)}}}"
    if function in LATEX_SHAPES:
        return LATEX_SHAPES[function] % inside
    base, _, below = function.partition("_")
    command = LATEX_FUNCTIONS.get(base, rf"\operatorname{{{_escaped(base)}}}")
    return f"{command}{f'_{{{below}}}' if below else ''}{_latex_brackets(inside)}"


def _latex_operand(text: str) -> str:
    """A name as it is, anything else in parentheses."""
    plain = re.fullmatch(r"\\?[\w.]+(\{\w+\})?(_\{[^{}]*\})?", text)
    return text if plain else _latex_brackets(text)


def _latex_brackets(text: str) -> str:
    """Parentheses, as tall as the text where that is tall."""
    tall = re.search(r"\\(frac|sum|left|sqrt|overline)", text)
    return rf"\left({text}\right)" if tall else f"({text})"


def _latex_entry(array: str, indices: Sequence[str]) -> str:
    return _latex_index(_latex_operand(array), ",".join(indices))


def _latex_pair(counter: str) -> str:
    return rf"\sum_{{{latex_name(counter)}}}"


PLAIN = Style(
    _PLAIN_SIGNS, lambda name: name, _indexed, _primed, _call, _entry, lambda j: f"sum_{j}", "i,j"
)
PRETTY = Style(
    _PRETTY_SIGNS, _greek, _below, _primed_below, _pretty_call, _entry, lambda j: f"Σ_{j}", "ij",
    becomes="←", dot=" · ", implicit=True,
)  # fmt: skip
LATEX = Style(
    _LATEX_SIGNS, latex_name, _latex_index, _latex_rate, _latex_call, _latex_entry, _latex_pair,
    "ij", becomes=r"\leftarrow", brackets=_latex_brackets, fraction=r"\frac{%s}{%s}",
    power="%s^{%s}", fraction_part=r"\frac{%s}{%s}", dot=r" \cdot ", implicit=True,
)  # fmt: skip
