"""Reads a recipe file: YAML, one of its profiles laid over it, then the schema. Errors name file, key and mend."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from storage.base.errors import ConfigError
from training.recipe.schema import Recipe


def read_recipe(path: Path, profile: str = "") -> Recipe:
    """Read and check a recipe.

    Parameters
    ----------
    profile : a key of the file's ``profiles``, whose values are laid over the rest key by key. Empty: its first profile, or the
        file as it is where it has none.

    Raises
    ------
    ConfigError
        Naming file, key and mend.
    """
    document = _read_yaml(path)
    profiles = document.pop("profiles", {})
    if not isinstance(profiles, dict):
        raise ConfigError(f"{path}: profiles: needs names with values below them; correct it", code="recipe-invalid")
    chosen = profile or next(iter(profiles), "")
    if chosen and chosen not in profiles:
        known = ", ".join(profiles) or "none"
        raise ConfigError(f"{path}: no profile {chosen!r}; it has: {known}", code="profile-unknown")
    merged = overlaid(document, profiles.get(chosen) or {})
    try:
        return Recipe.model_validate(merged)
    except ValidationError as error:
        raise ConfigError(f"{path}: {describe(error)}; correct it", code="recipe-invalid") from error


def overlaid(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """``base`` with the values of ``over``; mappings are merged key by key, everything else is replaced."""
    merged = dict(base)
    for key, value in over.items():
        below = merged.get(key)
        merged[key] = overlaid(below, value) if isinstance(below, Mapping) and isinstance(value, Mapping) else value
    return merged


def describe(error: ValidationError) -> str:
    """The first fault of a document: its key and what is wrong."""
    first = error.errors()[0]
    key = ".".join(str(part) for part in first["loc"]) or "(whole file)"
    return f"{key}: {first['msg']}"


def _read_yaml(path: Path) -> dict[str, Any]:
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(
            f"{path}: can't be read ({error.strerror}); name an existing recipe", code="recipe-unreadable"
        ) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: no valid YAML ({error}); correct the syntax", code="recipe-invalid") from error
    if not isinstance(document, dict):
        raise ConfigError(f"{path}: (whole file): needs keys with values; correct it", code="recipe-invalid")
    return document
