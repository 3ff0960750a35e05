"""Reads a recipe file: YAML, one of its profiles laid over it, then the schema. Errors name file, key and mend."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from storage.base.errors import ConfigError
from training.recipe.checks.agreement import idle_key
from training.recipe.checks.said import refused
from training.recipe.schema import Recipe
from training.recipe.strict_yaml import StrictLoader

_TAGS = {"network": "name"}
"""What tells one sort of mapping from another, where it isn't ``kind``."""


def read_recipe(path: Path, profile: str = "") -> Recipe:
    """Read and check a recipe.

    Parameters
    ----------
    path : a file, or the name of a recipe that ships, such as ``hippocampus-mr``.
    profile : a key of the file's ``profiles``, whose values are laid over the rest key by key. Empty: its first profile, or the
        file as it is where it has none.

    Raises
    ------
    ConfigError
        Naming file, key and mend.
    """
    return recipe_from(read_document(path, profile), path)


def profile_names(path: Path) -> tuple[str, ...]:
    """The names of a recipe's profiles, the one that counts without ``--profile`` first; none where it has none."""
    profiles = read_yaml(_found(path)).get("profiles") or {}
    return tuple(profiles) if isinstance(profiles, dict) else ()


def read_document(path: Path, profile: str = "") -> dict[str, Any]:
    """The recipe's document with the profile laid over it, not yet checked."""
    document = read_yaml(_found(path))
    profiles = document.pop("profiles", {})
    if not isinstance(profiles, dict) or any(not isinstance(values, dict) for values in profiles.values()):
        raise ConfigError(f"{path}: profiles: needs names with values below them; correct it", code="recipe-invalid")
    chosen = profile or next(iter(profiles), "")
    if chosen and chosen not in profiles:
        known = ", ".join(profiles) or "none"
        raise ConfigError(f"{path}: no profile {chosen!r}; it has: {known}", code="profile-unknown")
    return overlaid(document, profiles.get(chosen) or {})


def recipe_from(document: dict[str, Any], path: Path) -> Recipe:
    """Check a recipe's document as its author wrote it; ``path`` is named where it fails."""
    recipe = planned_from(document, path)
    fault = idle_key(recipe)
    if fault:
        raise ConfigError(f"{path}: {fault}", code="recipe-invalid")
    return recipe


def planned_from(document: dict[str, Any], path: Path) -> Recipe:
    """The same of a document that a plan has filled in, beside the budget that it was filled in by."""
    try:
        return Recipe.model_validate(document)
    except ValidationError as error:
        raise refused(path, error, document) from error


def overlaid(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """``base`` with the values of ``over``; mappings are merged key by key, everything else is replaced.

    A mapping that says another ``kind``, or a ``network`` of another name, replaces the one below it whole, since the other
    kind's keys mean nothing to it.
    """
    merged = dict(base)
    for key, value in over.items():
        below = merged.get(key)
        both = isinstance(below, Mapping) and isinstance(value, Mapping)
        tag = _TAGS.get(key, "kind")
        alike = both and value.get(tag, below.get(tag)) == below.get(tag)  # type: ignore[union-attr]
        merged[key] = overlaid(below, value) if alike else value  # type: ignore[arg-type]
    return merged


def read_yaml(path: Path) -> dict[str, Any]:
    """A YAML file that holds keys with values.

    Raises
    ------
    ConfigError
        It can't be read, or holds something else.
    """
    try:
        document = yaml.load(path.read_text(encoding="utf-8"), Loader=StrictLoader)  # noqa: S506 - a safe loader, and stricter
    except OSError as error:
        raise ConfigError(
            f"{path}: can't be read ({error.strerror}); name an existing recipe", code="recipe-unreadable"
        ) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: no valid YAML ({error}); correct the syntax", code="recipe-invalid") from error
    if not isinstance(document, dict):
        raise ConfigError(f"{path}: (whole file): needs keys with values; correct it", code="recipe-invalid")
    return document


def _found(path: Path) -> Path:
    """The file itself, or the shipped recipe of that name."""
    shipped = Path(str(files("training"))) / "recipes" / f"{path.name}.yaml"
    return shipped if path.name == str(path) and not path.exists() and shipped.is_file() else path
