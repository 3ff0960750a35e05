"""What is wrong with a document, in one line: the key as the author wrote it, the fault, and the mend."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from storage.base.errors import ConfigError
from training.recipe.base import Part
from training.recipe.checks.missing import missing


def refused(path: Path, error: ValidationError, document: object) -> ConfigError:
    """The error of a document that its schema refuses: file, key, fault and mend."""
    fault = said(error, document)
    mend = "" if "; " in fault and not fault.endswith("?") else "; correct it"
    return ConfigError(f"{path}: {fault}{mend}", code="recipe-invalid")


def said(error: ValidationError, document: object = None, above: str = "") -> str:
    """The first fault of ``document``: its key and what is wrong; a check across keys names its own key.

    Parameters
    ----------
    above : the keys that lead to the document, with a dot at the end, where it is a part of a larger one.
    """
    first = error.errors()[0]
    told = first.get("ctx", {})
    keys = list(_written(first["loc"], document, first["type"] == "missing"))
    message = first["msg"].removeprefix("Value error, ")
    if first["type"] in ("union_tag_not_found", "union_tag_invalid"):
        keys.append(str(told["discriminator"]).strip("'"))
    key = above + ".".join(keys) if keys else ""
    if first["type"] in ("missing", "union_tag_not_found"):
        message = missing(key)
    elif first["type"] == "union_tag_invalid":
        message = f"{told['tag']!r} is none of {told['expected_tags']}"
    elif first["type"] == "extra_forbidden":
        message = "no such key" + _hint(str(first["loc"][-1]))
    if key:
        return f"{key}: {message}"
    return above + message if first["type"] == "value_error" else f"{above.rstrip('.') or '(whole file)'}: {message}"


def _written(place: tuple[int | str, ...], document: object, is_missing: bool) -> Iterator[str]:
    """The keys of ``place`` that stand in the document, or should; pydantic adds the kind that it chose of several."""
    node: Any = document
    for index, part in enumerate(place):
        there = part in node if isinstance(node, Mapping) else isinstance(node, list | tuple) and part in range(len(node))
        if there or document is None or (is_missing and index == len(place) - 1):
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
