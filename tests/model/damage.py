"""Specs as a clumsy user leaves them: lines lost, clauses moved, words and numbers exchanged."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from pathlib import Path

from dynattn.vocabulary.manifolds import MANIFOLDS

PROJECT = Path(__file__).parents[2]
WORD = re.compile(r"\"[^\"\n]*\"|#[^\n]*|[A-Za-z_]\w*|\d+\.?\d*(?:e-?\d+)?|\.\.|->|[<>=!]=|\s+|.")
FENCED = re.compile(r"^```dyn\n(.*?)^```$", re.DOTALL | re.MULTILINE)
CLAUSE = re.compile(r"^[ \t]+[a-z]\w* .*$", re.MULTILINE)
NUMBERS = ["0", "-1", "1", "2", "3", "1e12", "2.5", "1e-300", "10^30"]
KEYWORDS = [
    "model", "param", "learn", "dim", "input", "let", "type", "graph", "population", "group",
    "coupling", "layer", "network", "observe", "simulate", "sweep", "train", "continue",
    "state", "drift", "energy", "strength", "kernel", "weight", "frustration", "delay",
    "normalize", "equation", "sender", "receiver", "over", "on", "in", "for", "where", "as",
    "if", "else", "not", "and", "to", "from", "record", "noise", "kick", "every", "without",
    "self", "repeat", "t", "i", "j", "index", "distance", "degree", "velocity", "data", "use",
    "extends", "clamp", "rescale", "heads", "spawn",
]  # fmt: skip


def corpus() -> list[tuple[Path, str]]:
    """Every spec of the project and of its pages, with the folder it stands in."""
    folders = [PROJECT / "specs", PROJECT / "tests" / "syntax" / "texts"]
    paths = [path for folder in folders for path in sorted(folder.glob("*.dyn"))]
    texts = [(path.parent, path.read_text(encoding="utf-8")) for path in paths]
    for page in [PROJECT / "README.md", *sorted((PROJECT / "docs").glob("*.md"))]:
        for found in FENCED.finditer(page.read_text(encoding="utf-8")):
            texts.append((PROJECT / "docs", found[1]))
    return texts


def damaged(rng: random.Random, texts: list[tuple[Path, str]]) -> str:
    """One of the specs after one to three accidents."""
    text = rng.choice(texts)[1]
    other = rng.choice(texts)[1]
    for _ in range(rng.choice([1, 1, 1, 2, 3])):
        text = rng.choice(ACCIDENTS)(rng, text, other)
    return text


def _exchange(rng: random.Random, text: str, kind: str, choices: list[str]) -> str:
    """The text with one word of a kind replaced."""
    words = WORD.findall(text)
    places = [k for k, word in enumerate(words) if re.fullmatch(kind, word)]
    if places and choices:
        words[rng.choice(places)] = rng.choice(choices)
    return "".join(words)


def _names(text: str) -> list[str]:
    return re.findall(r"[A-Za-z_]\w*", re.sub(r"#.*|\"[^\"\n]*\"", "", text))


def _rename(rng: random.Random, text: str, other: str) -> str:
    return _exchange(rng, text, r"[A-Za-z_]\w*", _names(text))


def _foreign(rng: random.Random, text: str, other: str) -> str:
    return _exchange(rng, text, r"[A-Za-z_]\w*", _names(other))


def _keyword(rng: random.Random, text: str, other: str) -> str:
    return _exchange(rng, text, r"[A-Za-z_]\w*", KEYWORDS)


def _number(rng: random.Random, text: str, other: str) -> str:
    return _exchange(rng, text, r"\d.*", NUMBERS)


def _number_for_name(rng: random.Random, text: str, other: str) -> str:
    return _exchange(rng, text, r"[A-Za-z_]\w*", NUMBERS)


def _manifold(rng: random.Random, text: str, other: str) -> str:
    places = list(re.finditer(r"(?<=\bon )\w+(\([^()\n]*\))?", text))
    if not places:
        return text
    place = rng.choice(places)
    arguments = rng.choice(["", "(2)", "(3)", place[1] or "", "(2, 3)", "(0)"])
    return text[: place.start()] + rng.choice([*MANIFOLDS]) + arguments + text[place.end() :]


def _token(rng: random.Random, text: str, other: str) -> str:
    """One word taken out, doubled, or exchanged with another."""
    words = WORD.findall(text)
    places = [k for k, word in enumerate(words) if not word.isspace() and word[0] != "#"]
    if len(places) < 2:
        return text
    here, there = rng.sample(places, 2)
    match rng.choice(["delete", "double", "swap"]):
        case "delete":
            words[here] = ""
        case "double":
            words[here] += " " + words[here]
        case _:
            words[here], words[there] = words[there], words[here]
    return "".join(words)


def _line(rng: random.Random, text: str, other: str) -> str:
    """A line taken out, doubled, moved elsewhere, or borrowed from another spec."""
    lines = text.split("\n")
    here, there = rng.randrange(len(lines)), rng.randrange(len(lines))
    match rng.choice(["delete", "double", "move", "borrow"]):
        case "delete":
            del lines[here]
        case "double":
            lines.insert(here, lines[here])
        case "move":
            lines.insert(there, lines.pop(here))
        case _:
            lines.insert(here, rng.choice(other.split("\n")))
    return "\n".join(lines)


def _clause(rng: random.Random, text: str, other: str) -> str:
    """The value of one clause given to another, of the same word where there is one."""
    clauses = list(CLAUSE.finditer(text))
    given = [item[0].strip() for item in [*clauses, *CLAUSE.finditer(other)]]
    if not clauses:
        return text
    place = rng.choice(clauses)
    word = place[0].split()[0]
    alike = [item for item in given if item.split()[0] == word]
    chosen = rng.choice(alike if rng.random() < 0.5 else given)
    return text[: place.start()] + "  " + chosen + text[place.end() :]


def _declaration(rng: random.Random, text: str, other: str) -> str:
    """A whole declaration taken out, doubled, or borrowed from another spec."""
    blocks = re.split(r"\n(?=[a-z])", text)
    here = rng.randrange(len(blocks))
    match rng.choice(["delete", "double", "borrow"]):
        case "delete":
            del blocks[here]
        case "double":
            blocks.insert(here, blocks[here])
        case _:
            blocks.insert(here + 1, rng.choice(re.split(r"\n(?=[a-z])", other)))
    return "\n".join(blocks)


ACCIDENTS: list[Callable[[random.Random, str, str], str]] = [
    _rename, _rename, _foreign, _keyword, _number, _number, _number_for_name, _manifold, _token,
    _token, _line, _clause, _clause, _declaration,
]  # fmt: skip
