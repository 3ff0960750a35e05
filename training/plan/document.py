"""The plan as a file: what was decided for a recipe, once, with its reasons. A run that goes on, or is repeated, reads it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from storage.base.errors import ConfigError
from training.recipe import Recipe
from training.recipe.read import planned_from

_MEND = "name another --out, remove it to plan anew, or take the recipe and profile that it was made for"
_WITHOUT_WEIGHT = ("floor", "limits", "evaluation", "budget")


@dataclass(frozen=True)
class Decision:
    """One value that the recipe left open: its key, the value, and why."""

    key: str
    value: Any
    why: str


@dataclass(frozen=True)
class Plan:
    """A recipe without open values, what was decided for it, and what that was decided by.

    Attributes
    ----------
    made_for : digest of the recipe as it was given.
    fingerprint, estimates : figures of the data and of a training step, for the reader.
    """

    recipe: Recipe
    decisions: tuple[Decision, ...]
    made_for: str
    fingerprint: Mapping[str, Any] = field(default_factory=dict)
    estimates: Mapping[str, Any] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "format": 1,
            "made_for": self.made_for,
            "decisions": [{"key": one.key, "value": one.value, "why": one.why} for one in self.decisions],
            "estimates": dict(self.estimates),
            "fingerprint": dict(self.fingerprint),
        }


def digest_of(recipe: Recipe) -> str:
    """SHA-256 of all in a recipe that has a say in the weights; its floor, limits and report have none."""
    document = document_of(recipe)
    decisive = {key: value for key, value in document.items() if key not in _WITHOUT_WEIGHT}
    decisive["data"] = {key: value for key, value in decisive["data"].items() if key != "statement"}
    return hashlib.sha256(json.dumps(decisive, sort_keys=True).encode()).hexdigest()


def document_of(recipe: Recipe) -> dict[str, Any]:
    """The recipe as plain values, from which it can be read again."""
    return recipe.model_dump(mode="json", by_alias=True, exclude_unset=True)


def decided(recipe: Recipe, decisions: tuple[Decision, ...]) -> Recipe:
    """The recipe with each decision at its key."""
    document = document_of(recipe)
    for decision in decisions:
        _put(document, decision.key, decision.value)
    return planned_from(document, Path("the planned recipe"))


def write_plan(plan: Plan, path: Path) -> None:
    """Write the plan; a kill on the way leaves none.

    Raises
    ------
    ConfigError
        Code ``not-writable``.
    """
    part = path.with_suffix(".part")
    try:
        part.write_text(json.dumps(plan.document(), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        part.replace(path)
    except OSError as error:
        message = f"{path}: can't be written ({error.strerror}); make room or name another --out"
        raise ConfigError(message, code="not-writable") from error


def read_plan(path: Path, recipe: Recipe) -> Plan:
    """Read a plan back and lay it over the recipe that it was made for.

    Raises
    ------
    ConfigError
        Code ``plan-invalid``: no plan, or one that was made for another recipe.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        decisions = tuple(Decision(one["key"], one["value"], one["why"]) for one in document["decisions"])
        made_for, estimates, found = document["made_for"], document["estimates"], document["fingerprint"]
    except OSError as error:
        raise ConfigError(f"{path}: can't be read ({error.strerror}); name a plan.json", code="plan-invalid") from error
    except (ValueError, KeyError, TypeError) as error:
        raise ConfigError(f"{path}: no plan of a run; {_MEND}", code="plan-invalid") from error
    if made_for != digest_of(recipe):
        raise ConfigError(f"{path}: this plan was made for another recipe or profile; {_MEND}", code="plan-invalid")
    return Plan(decided(recipe, decisions), decisions, made_for, found, estimates)


def _put(document: dict[str, Any], key: str, value: Any) -> None:
    """Set the value at a dotted key; mappings on the way are made where they are missing or ``auto``."""
    *way, last = key.split(".")
    for part in way:
        if not isinstance(document.get(part), dict):
            document[part] = {}
        document = document[part]
    document[last] = value
