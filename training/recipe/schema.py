"""A recipe: one YAML file from which a model package can be made again, value by value."""

from __future__ import annotations

from typing import Any

from pydantic import model_validator

from training.recipe.checks.agreement import check_recipe
from training.recipe.sections import Sections


class Recipe(Sections):
    """Sections that agree with each other."""

    @model_validator(mode="before")
    @classmethod
    def _loss_of_task(cls, document: Any) -> Any:
        """A classification that names no loss takes cross-entropy; the default of a segmentation compares masks."""
        package = document.get("package") if isinstance(document, dict) else None
        if not isinstance(package, dict) or package.get("task") != "classification":
            return document
        loss = document.get("loss") or {}
        return {**document, "loss": {"kind": "cross_entropy", **loss}} if isinstance(loss, dict) else document

    @model_validator(mode="after")
    def _holds(self) -> Recipe:
        check_recipe(self)
        return self
