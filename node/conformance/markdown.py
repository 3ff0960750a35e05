"""Markdown by hand: headings, tables, and UIDs with their names."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence

from pydicom._uid_dict import UID_dictionary

WIDTH = 120


def table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table; a bar in a cell is escaped."""
    lines = [_line(columns), _line(["---"] * len(columns)), *(_line(row) for row in rows)]
    return "\n".join(lines)


def _line(cells: Sequence[object]) -> str:
    return "| " + " | ".join(str(cell).replace("|", "\\|") for cell in cells) + " |"


def bullets(lines: Iterable[str]) -> str:
    """A list."""
    return "\n".join(f"- {line}" for line in lines)


def name_of(uid: str) -> str:
    """The name of a registered UID (PS3.6 Annex A), with what became of it where it is retired."""
    name, _, _, retired, _ = UID_dictionary[uid]
    # Transfer syntaxes: the rest says what they are the default for. Some UIDs were given out and never named.
    short = name.partition(":")[0] or "without a name"
    return short if not retired or "(Retired)" in short else f"{short} (Retired)"


def registered(kind: str) -> list[str]:
    """The registered UIDs of a kind, such as "SOP Class", by their numbers."""
    return sorted((uid for uid, entry in UID_dictionary.items() if entry[1] == kind), key=_numbers)


def _numbers(uid: str) -> list[int]:
    return [int(part) for part in uid.split(".")]


def status(code: int) -> str:
    """A status as the Standard writes it."""
    return f"{code:04X}"


def tidy(document: str) -> str:
    """The document with its prose broken anew into lines; headings, tables, lists and drawings stay."""
    return "\n\n".join(_tidy(block) for block in document.split("\n\n"))


def _tidy(block: str) -> str:
    if block.startswith(("|", "-", "#", "    ")):
        return block
    return textwrap.fill(block, WIDTH, break_long_words=False, break_on_hyphens=False)
