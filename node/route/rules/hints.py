"""What a person most likely meant, added to what the checker says."""

from __future__ import annotations

import difflib
import re

from node.route.rules.environment import kinds, known_but_unusable

_APPLIED = re.compile(r"'(.+)' applied to '\((.*)\)'$")
_UNDECLARED = re.compile(r"undeclared reference to '(\w+)'")


def with_hint(text: str) -> str:
    """The checker's message with a mend behind it where one is known."""
    hint = _hint(text)
    return f"{text}; {hint}" if hint else text


def _hint(text: str) -> str:
    undeclared = _UNDECLARED.search(text)
    if undeclared:
        return _unknown(undeclared[1])
    applied = _APPLIED.search(text)
    if applied:
        return _mismatch(applied[1], applied[2])
    if "token recognition error at: '= " in text or "token recognition error at: '='" in text:
        return "write == to compare"
    return ""


def _unknown(name: str) -> str:
    if known_but_unusable(name):
        return f'{name} is a sequence or binary; only "{name}" in present can be asked'
    close = difflib.get_close_matches(name, kinds(), n=1, cutoff=0.75)
    return f"did you mean {close[0]}?" if close else ""


def _mismatch(operator: str, types: str) -> str:
    if {"double", "int"} == set(types.split(", ")):
        return "write the whole number with a decimal point, 2.0"
    if operator in ("_==_", "_!=_") and "list(" in types:
        return "the attribute holds a list; write VALUE in ATTRIBUTE"
    if operator == "@in" and types == "string, string":
        return "the attribute holds one text; write ATTRIBUTE.contains(TEXT) or =="
    if operator in ("contains", "startsWith", "endsWith", "matches") and types.startswith("list("):
        return f"the attribute holds a list; write ATTRIBUTE.exists(x, x.{operator}(...))"
    return ""
