"""A text without its comments: where it ends, and whether its braces match."""

from __future__ import annotations


def without_comments(text: str) -> str:
    """The text without blanks, line ends and comments at its end."""
    while True:
        text = text.rstrip()
        start = text.rfind("\n") + 1
        comment = comment_start(text[start:])
        if comment is None:
            return text
        text = text[: start + comment]


def comment_start(line: str) -> int | None:
    """Where the comment of a line begins, None without one."""
    quoted = False
    for place, sign in enumerate(line):
        quoted ^= sign == '"'
        if sign == "#" and not quoted:
            return place
    return None


def is_balanced(text: str) -> bool:
    """Whether every brace outside comments and texts has its other one."""
    depth = 0
    for line in text.split("\n"):
        start = comment_start(line)
        code = line if start is None else line[:start]
        for part in code.split('"')[::2]:
            for sign in part:
                depth += (sign == "{") - (sign == "}")
                if depth < 0:
                    return False
    return depth == 0
