"""A recipe: one YAML file from which a model package can be made again, value by value.

``package`` is the manifest of the package to be, without the digest of its weights. Nothing in a recipe is code.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, model_validator

from inference.manifest import Manifest
from storage.base.errors import ConfigError
from training.recipe.augment import Augment
from training.recipe.base import Part
from training.recipe.data import Data
from training.recipe.fit import Fit
from training.recipe.further import Budget, Ensemble, Evaluation, Transfer
from training.recipe.loss import Loss

_UNKNOWN_DIGEST = "0" * 64


class Recipe(Part):
    """Everything that decides the weights: data, split, seed, network, augmentation, loss, schedule.

    ``floor`` gives the least mean test figure by label (Dice; AUC for a classifier).
    """

    format: Literal[2]
    seed: int = Field(ge=0)
    data: Data
    augment: Augment = Augment()
    loss: Loss = Loss()
    fit: Fit
    budget: Budget = Budget()
    transfer: Transfer | None = None
    ensemble: Ensemble = Ensemble()
    evaluation: Evaluation = Evaluation()
    floor: dict[str, float] = Field(default_factory=dict)
    limits: tuple[str, ...] = ()
    package: dict[str, Any]

    def manifest(self, weights_sha256: str = _UNKNOWN_DIGEST) -> Manifest:
        """The package's manifest with this digest of its weights.

        Raises
        ------
        ConfigError
            Code ``recipe-unplanned``: values are still ``auto``.
        """
        if self.open_keys:
            message = f"{self.open_keys[0]} is auto: make a plan first"
            raise ConfigError(message, code="recipe-unplanned")
        network = {**self.package["network"], "weights_sha256": weights_sha256}
        return Manifest.model_validate({**self.package, "network": network})

    @property
    def task(self) -> str:
        """``segmentation`` or ``classification``."""
        return str(self.package["task"])

    @property
    def classes(self) -> int:
        """Output classes, background (or "none of the labels") included."""
        return 1 + len(self.package["labels"])

    @property
    def open_keys(self) -> tuple[str, ...]:
        """Keys whose value is ``auto``, or that self-configuration fills in: the plan's business."""
        grid, network = self.package.get("grid", {}), self.package.get("network", {})
        values = {
            "fit.steps": self.fit.steps,
            "fit.batch": self.fit.batch,
            "fit.patch": self.fit.patch,
            "package.grid.spacing_mm": grid.get("spacing_mm"),
            "package.grid.patch": grid.get("patch"),
            "package.network.arguments": network.get("arguments", "auto"),
        }
        return tuple(key for key, value in values.items() if value == "auto")

    @model_validator(mode="after")
    def _manifest_holds(self) -> Recipe:
        for key in ("network", "labels", "grid", "task"):
            if key not in self.package:
                raise ValueError(f"package.{key} is missing")
        if self.loss.class_weights and len(self.loss.class_weights) != self.classes:
            raise ValueError("loss.class_weights needs one number per label and one for the background, first")
        unknown = self.floor.keys() - {label["name"] for label in self.package["labels"]}
        if unknown:
            raise ValueError(f"floor names {sorted(unknown)[0]!r}, which is no label of package.labels")
        if not self.open_keys:
            self._check_patches(self.manifest())
        return self

    def _check_patches(self, manifest: Manifest) -> None:
        patch = self.fit.extent.patch
        if len(patch) != len(manifest.grid.patch):
            raise ValueError("fit.patch needs one number per spatial dimension of package.grid.patch")
        if any(size % manifest.grid.minimum_multiple for size in (*patch, *manifest.grid.patch)):
            raise ValueError("fit.patch and package.grid.patch must be multiples of package.grid.minimum_multiple")
