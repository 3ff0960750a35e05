"""What a name means for a Series: the value on which its Instances agree, and why there is none.

A list is the union over the Instances. Anything else has a value only where all Instances of the Series carry the same one;
otherwise a text is "" and a list is [], while a number is left unbound, which makes a condition that depends on it undecided.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from node.route.rules.environment import OWN_NAMES, Attribute, Kind, attributes, keyword_of
from node.route.rules.language import Value

State = Literal["value", "absent", "differs", "unreadable"]
Scalar = str | float | int
Header = Mapping[str, Any]

_INT64 = 1 << 63


@dataclass(frozen=True)
class SeriesFacts:
    """What is known of a Series besides its headers; ``calling`` is "" where senders differ or are unknown."""

    calling: str = ""


@dataclass(frozen=True)
class SeriesValues:
    """``values`` binds the names that have one; ``states`` tells of every name asked for how it came to its value."""

    values: dict[str, Value] = field(default_factory=dict)
    states: dict[str, State] = field(default_factory=dict)


class _Unreadable(Exception):
    """A value that its VR doesn't allow."""


def series_values(headers: Sequence[Header], facts: SeriesFacts, names: Iterable[str]) -> SeriesValues:
    """Values of ``names`` for the Series with these headers.

    Parameters
    ----------
    headers : of every Instance, in the DICOM JSON model (PS3.18 F.2).
    facts : what no header holds.
    names : keywords and our own names; others are ignored.
    """
    found = SeriesValues()
    for name in names:
        if name in OWN_NAMES:
            found.values[name], found.states[name] = _own(name, headers, facts), "value"
        elif name in attributes():
            value, state = _attribute(attributes()[name], headers)
            found.states[name] = state
            if value is not None:
                found.values[name] = value
    return found


def _own(name: str, headers: Sequence[Header], facts: SeriesFacts) -> Value:
    if name == "instances":
        return len(headers)
    if name == "calling":
        return facts.calling
    tags = {tag for header in headers for tag, element in header.items() if _holds_something(element)}
    return sorted(keyword for keyword in map(keyword_of, tags) if keyword)


def _attribute(attribute: Attribute, headers: Sequence[Header]) -> tuple[Value | None, State]:
    try:
        seen = [_read(header.get(attribute.tag), attribute.kind) for header in headers]
    except _Unreadable:
        return _nothing(attribute.kind), "unreadable"
    if not any(seen):
        return _nothing(attribute.kind), "absent"
    if all(values == seen[0] for values in seen):
        return _whole_value(attribute.kind, seen[0]), "value"
    if attribute.kind.endswith("s"):
        return list(dict.fromkeys(value for values in seen for value in values)), "value"  # type: ignore[return-value]
    return _nothing(attribute.kind), "differs"


def _whole_value(kind: Kind, values: list[Scalar]) -> Value:
    return values if kind.endswith("s") else values[0]  # type: ignore[return-value]  # `_read` gave values of this kind


def _nothing(kind: Kind) -> Value | None:
    if kind.endswith("s"):
        return []
    return "" if kind == "text" else None


def _read(element: Any, kind: Kind) -> list[Scalar]:
    """The values of one element; [] where it is absent or empty, one value for what isn't a list."""
    given = element.get("Value") or [] if isinstance(element, Mapping) else []
    if kind in ("text", "texts"):
        texts = [_text(value) for value in given]
        if kind == "text":
            texts = ["\\".join(texts)]
        return [text for text in texts if text] if kind == "text" or not any(texts) else list(texts)
    numbers = [_number(value, whole=kind in ("whole", "wholes")) for value in given if value not in (None, "")]
    if kind in ("number", "whole") and len(numbers) > 1:
        raise _Unreadable
    return list(numbers)


def _text(value: Any) -> str:
    if isinstance(value, Mapping):  # a person's name
        value = value.get("Alphabetic") or value.get("Ideographic") or value.get("Phonetic")
    return "" if value is None else str(value).strip(" \0")


def _number(value: Any, *, whole: bool) -> float | int:
    try:
        number = float(value)
        if not math.isfinite(number):
            raise _Unreadable
        if not whole:
            return number
        exact = int(value) if isinstance(value, str | int) else int(number)
    except (TypeError, ValueError) as error:
        raise _Unreadable from error
    if (exact != number and abs(number) < 2**53) or not -_INT64 <= exact < _INT64:
        raise _Unreadable
    return exact


def _holds_something(element: Any) -> bool:
    return isinstance(element, Mapping) and any(element.get(key) for key in ("Value", "BulkDataURI", "InlineBinary"))
