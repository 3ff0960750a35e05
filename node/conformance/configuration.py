"""What of the settings changes the conformance, with its defaults."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, get_args

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from node.conformance.markdown import table
from node.settings import Settings

# The keys of the settings that concern DICOM; the others are about what happens behind it.
_TOPS = ("node", "receive", "tls", "sources", "peers", "store.minimum_free_mb", "deliver")


def configuration_table() -> str:
    """Keys and defaults; an empty default says that the key must be written."""
    keys = ((key, _text(default)) for key, default in _keys(Settings, "") if key.startswith(_TOPS))
    return table(("Key", "Default"), ((f"`{key}`", default) for key, default in keys))


def _keys(model: type[BaseModel], prefix: str) -> Iterator[tuple[str, Any]]:
    for name, field in model.model_fields.items():
        below, key = _model_in(field.annotation), prefix + (field.alias or name)
        if below is None:
            yield key, field.get_default(call_default_factory=True)
        else:
            yield from _keys(below, f"{key}{'[]' if 'tuple' in str(field.annotation) else ''}.")


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """The model that an annotation is, or is a tuple or an option of."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for part in get_args(annotation) if (found := _model_in(part))), None)


def _text(default: Any) -> str:
    if default is PydanticUndefined:
        return ""
    if default is None:
        return "none"
    return str(default) if isinstance(default, str) else json.dumps(default, default=str)
