"""From an offset in a YAML scalar's value back to line and column of the file it was written in.

A condition may be plain, quoted, or a block (``|``, ``>``), and folded over lines. Characters that aren't blanks come through
in order in every style, escapes aside; so value and source are walked side by side and blanks take the place where the walk is.
"""

from __future__ import annotations

from collections.abc import Iterator

import yaml

_LONG_ESCAPES = {"x": 2, "u": 4, "U": 8}  # digits that follow
_BLANK_ESCAPES = frozenset(" \t\nntrvfNLP_")


def place(node: yaml.ScalarNode, source: str, offset: int) -> tuple[int, int]:
    """Line and column, both from 1, of the value's character at ``offset``; past the end, of where the value ends.

    Parameters
    ----------
    node : the scalar, composed from ``source``.
    source : the whole file.
    offset : index into ``node.value``.
    """
    found = list(_places(node, source))
    index = found[offset] if offset < len(found) else (found[-1] + 1 if found else node.start_mark.index)
    line = source.count("\n", 0, index) + 1
    return line, index - source.rfind("\n", 0, index)


def offset_of(text: str, line: int, column: int) -> int:
    """Index of the character at ``line`` and ``column`` (from 1) of ``text``."""
    start = 0
    for _ in range(line - 1):
        start = text.index("\n", start) + 1
    return min(start + column - 1, len(text))


def _places(node: yaml.ScalarNode, source: str) -> Iterator[int]:
    """The index in ``source`` of each character of the value."""
    at = node.start_mark.index
    if node.style in ("|", ">"):
        at = source.index("\n", at) + 1
    elif node.style:
        at += 1
    for character in node.value:
        if not character.isspace():
            at = _skip_blanks(source, at, node.style)
            yield at
            at += _width(source, at, node.style)
            continue
        yield at
        at += _blank_width(source, at, node.style)


def _skip_blanks(source: str, at: int, style: str | None) -> int:
    while at < len(source):
        if source[at].isspace():
            at += 1
        elif style == '"' and _is_blank_escape(source, at):
            at += _width(source, at, style)
        else:
            break
    return at


def _is_blank_escape(source: str, at: int) -> bool:
    """Whether an escape of a double-quoted scalar stands here for a blank, or for nothing but a line's end."""
    if source[at : at + 1] != "\\":
        return False
    letter = source[at + 1 : at + 2]
    if letter in _LONG_ESCAPES:
        return chr(int(source[at + 2 : at + 2 + _LONG_ESCAPES[letter]], 16)).isspace()
    return letter in _BLANK_ESCAPES


def _blank_width(source: str, at: int, style: str | None) -> int:
    if source[at : at + 1].isspace():
        return 1
    return _width(source, at, style) if style == '"' and _is_blank_escape(source, at) else 0


def _width(source: str, at: int, style: str | None) -> int:
    """How many characters of the source stand for one character of the value."""
    if style == "'" and source[at : at + 2] == "''":
        return 2
    if style == '"' and source[at : at + 1] == "\\":
        return 2 + _LONG_ESCAPES.get(source[at + 1 : at + 2], 0)
    return 1
