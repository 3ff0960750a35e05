"""The tokens of a condition with their offsets: enough to find names, literals and the parts that ``&&`` joins.

Nothing here judges a condition; the language's own parser does (`node.route.rules.language`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

TokenKind = Literal["string", "number", "name", "sign"]

_STRING = r"""[bB]?(?:[rR](?:\"\"\".*?\"\"\"|'''.*?'''|"[^"\n]*"|'[^'\n]*')"""
_STRING += r"""|(?:\"\"\"(?:\\.|.)*?\"\"\"|'''(?:\\.|.)*?'''|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'))"""
_TOKEN = re.compile(
    rf"(?P<skip>\s+|//[^\n]*)|(?P<string>{_STRING})|(?P<number>0[xX][0-9a-fA-F]+[uU]?|(?:\d+\.\d*|\.?\d+)(?:[eE][+-]?\d+)?[uU]?)"
    r"|(?P<name>[A-Za-z_]\w*)|(?P<sign>&&|\|\||[<>=!]=|.)",
    re.DOTALL,
)
_OPEN, _CLOSE = "([{", ")]}"


@dataclass(frozen=True)
class Token:
    """``start`` and ``end`` are offsets into the condition; ``depth`` counts the brackets around it."""

    kind: TokenKind
    text: str
    start: int
    end: int
    depth: int


def tokens(condition: str) -> list[Token]:
    """Cut a condition into tokens; blanks and comments are left out."""
    return list(_cut(condition))


def _cut(condition: str) -> Iterator[Token]:
    depth = 0
    for match in _TOKEN.finditer(condition):
        kind, text = match.lastgroup, match.group()
        if kind == "skip":
            continue
        if text in _CLOSE:
            depth -= 1
        yield Token(kind, text, match.start(), match.end(), depth)  # type: ignore[arg-type]  # groups are named by kind
        if text in _OPEN:
            depth += 1


def names(condition: str) -> list[str]:
    """Identifiers that aren't members of something, each once, in order: variables, functions and bound names."""
    found: dict[str, None] = {}
    before = ""
    for token in tokens(condition):
        if token.kind == "name" and before != ".":
            found.setdefault(token.text)
        before = token.text
    return list(found)


def conjuncts(condition: str) -> list[str]:
    """The parts that ``&&`` joins at the outermost level; the whole condition when it isn't such a chain."""
    outer = [token for token in tokens(condition) if token.depth == 0]
    if any(token.text in ("||", "?") for token in outer):
        return [condition]
    cuts = [token for token in outer if token.text == "&&"]
    starts = [0, *(cut.end for cut in cuts)]
    ends = [*(cut.start for cut in cuts), len(condition)]
    return [condition[start:end] for start, end in zip(starts, ends, strict=True)]


def plain(condition: str) -> str:
    """One line without comments, as a reason quotes it."""
    parts: list[str] = []
    end = 0
    for token in tokens(condition):
        parts.append(" " if parts and token.start > end else "")
        parts.append(token.text)
        end = token.end
    return "".join(parts)


def patterns(condition: str) -> list[Token]:
    """The string literals that stand alone as an argument of ``matches``: regular expressions known before any data is."""
    cut = tokens(condition)
    found: list[Token] = []
    for index, token in enumerate(cut[:-1]):
        if token.text == "matches" and cut[index + 1].text == "(":
            found.extend(_lone_strings(cut[index + 1 :]))
    return found


def _lone_strings(call: list[Token]) -> Iterator[Token]:
    """The last argument of the call that begins with its opening bracket, if it is one string literal."""
    inside = call[0].depth + 1
    for before, token, after in zip(call, call[1:], call[2:], strict=False):
        if token.depth < inside:
            return
        if token.kind == "string" and token.depth == inside and before.text in "(," and after.text == ")":
            yield token
