"""What is wrong with a document, in one line: the key as the author wrote it, and the fault."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import ValidationError

from training.recipe.base import Part


def said(error: ValidationError, document: object = None) -> str:
    """The first fault of ``document``: its key and what is wrong; a check across keys names its own key."""
    first = error.errors()[0]
    key = ".".join(_written(first["loc"], document))
    message = first["msg"].removeprefix("Value error, ")
    if first["type"] == "extra_forbidden":
        message = "no such key" + _hint(str(first["loc"][-1]))
    if key:
        return f"{key}: {message}"
    return message if first["type"] == "value_error" else f"(whole file): {message}"


def _written(place: tuple[int | str, ...], document: object) -> Iterator[str]:
    """The keys of ``place`` that stand in the document; pydantic adds the kind that it chose of several."""
    node: Any = document
    for index, part in enumerate(place):
        there = part in node if isinstance(node, Mapping) else isinstance(node, list) and part in range(len(node))
        if there or index == len(place) - 1 or document is None:
            yield str(part)
        if there:
            node = node[part]


def _hint(name: str) -> str:
    close = difflib.get_close_matches(name, sorted(set(_names(Part))), n=1, cutoff=0.7)
    return f"; {close[0]} is meant?" if close else ""


def _names(part: type[Part]) -> Iterator[str]:
    for kind in part.__subclasses__():
        yield from (field.alias or name for name, field in kind.model_fields.items())
        yield from _names(kind)
