"""What a recipe consists of, and what can be told from it; ``schema`` adds the checks across sections.

``package`` is the manifest of the package to be, without the digest of its weights. Nothing in a recipe is code.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Self

from pydantic import Field

from inference.manifest import Manifest, heads_of
from storage.base.errors import ConfigError
from training.recipe.base import Part
from training.recipe.data import Data
from training.recipe.parts.augment import Augment
from training.recipe.parts.fit import Fit
from training.recipe.parts.further import Budget, Ensemble, Evaluation, Transfer
from training.recipe.parts.loss import Loss
from training.recipe.parts.package import closed, open_keys_of, with_digest

_UNKNOWN_DIGEST = "0" * 64


class Sections(Part):
    """Everything that decides the weights: data, split, seed, network, augmentation, loss, schedule.

    ``floor`` gives the least mean test figure by label (Dice; AUC for a classifier, AP50 for a detector).
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
        return Manifest.model_validate(with_digest(self.package, weights_sha256))

    def provisional_manifest(self) -> Manifest:
        """``manifest``, with stand-ins where the plan has not decided yet; for names, labels and inputs."""
        return Manifest.model_validate(with_digest(closed(self.package), _UNKNOWN_DIGEST))

    @property
    def task(self) -> str:
        """``segmentation``, ``classification``, ``detection``, or ``multitask`` for several at once."""
        return str(self.package["task"])

    @property
    def heads(self) -> tuple[str, ...]:
        """The tasks that the network answers: the recipe's own, or those of several at once."""
        if self.task != "multitask":
            return (self.task,)
        arguments = self.package["network"].get("arguments")
        return heads_of(arguments) if isinstance(arguments, Mapping) else ()

    @property
    def rules_from_cases(self) -> tuple[str, ...]:
        """Heads whose rules are fitted to held-out cases: temperature and thresholds of classes, thresholds of boxes."""
        stated = {
            "classification": self.package.get("classification") is not None,
            "detection": "thresholds" in (self.package.get("detection") or {}),
        }
        return tuple(head for head in self.heads if self.evaluation.calibrate and not stated.get(head, True))

    def of_head(self, head: str) -> Self:
        """The recipe of a package that answers ``head`` alone, on the same data; not validated again."""
        if self.task != "multitask":
            return self
        package = {**self.package, "task": head, "classes": []}
        if head != "detection":
            package["detection"] = None
        if head == "classification":
            package |= {"labels": self.package["classes"], "postprocess": _without_masks(self.package), "measures": []}
        else:
            package["classification"] = None
        standard = Loss(kind="cross_entropy") if head == "classification" else Loss()
        stated = self.loss.heads.get(head)
        loss = standard if stated is None else standard.model_copy(update=stated.model_dump(exclude_unset=True))
        return self.model_copy(update={"package": package, "loss": loss})

    @property
    def name(self) -> str:
        """The package's name."""
        return str(self.package["name"])

    @property
    def dims(self) -> int:
        """Spatial dimensions of the model, 2 or 3."""
        return int(self.package["inputs"][0].get("spatial_dims", 3))

    @property
    def classes(self) -> int:
        """Output classes, background (or "none of the labels") included; of several tasks those of the masks."""
        return 1 + len(self.package["labels"])

    @property
    def image_classes(self) -> int:
        """Classes of an image as a whole, "none of the labels" included."""
        return 1 + len(self.package.get("classes") or self.package["labels"])

    @property
    def open_keys(self) -> tuple[str, ...]:
        """Keys whose value is ``auto``, or that self-configuration fills in: the plan's business."""
        fit = {"fit.steps": self.fit.steps, "fit.batch": self.fit.batch, "fit.patch": self.fit.patch}
        return (*(key for key, value in fit.items() if value == "auto"), *open_keys_of(self.package))


def _without_masks(package: Mapping[str, Any]) -> dict[str, Any]:
    """The ``postprocess`` section without what needs masks."""
    return {key: value for key, value in (package.get("postprocess") or {}).items() if key != "keep_largest"}
