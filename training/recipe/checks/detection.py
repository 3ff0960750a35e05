"""What a recipe for a detection must say, and what means nothing to a detector."""

from __future__ import annotations

from inference.networks import task_of
from inference.networks.registry import detector_names
from storage.base.errors import ModelError
from training.recipe.data import ImageData, PhantomData, PictureData, TableData
from training.recipe.parts.loss import Loss
from training.recipe.sections import Sections


def check_detection(recipe: Sections) -> None:
    """Raise ``ValueError`` for the first fault of a recipe whose task is detection."""
    _check_network(str(recipe.package["network"].get("name", "")))
    check_objects(recipe)
    if recipe.loss != Loss():
        raise ValueError("loss: a detector's losses follow from its network (inference/networks/detection); leave it out")
    if recipe.fit.deep_supervision:
        raise ValueError("fit.deep_supervision: is for masks; a detector has a pyramid of its own, so leave it out")
    if recipe.augment.lesions is not None:
        raise ValueError("augment.lesions: paints masks, not single objects; leave it out")


def _check_network(name: str) -> None:
    try:
        found = task_of(name)
    except ModelError:
        found = "segmentation"
    if found != "detection":
        known = ", ".join(detector_names())
        raise ValueError(f"package.network.name: {name} finds no objects; a detection takes one of {known}")


def check_objects(recipe: Sections) -> None:
    """Raise ``ValueError`` where the source tells of no single objects."""
    data = recipe.data
    if isinstance(data, PhantomData):
        if data.nodules is None:
            raise ValueError("data.nodules: is missing; a detection learns single objects, so write at least {}")
    elif isinstance(data, ImageData | TableData):
        if not data.instances:
            raise ValueError("data.instances: is missing; say what a single object is: files (each mask file) or parts")
    elif isinstance(data, PictureData):
        if not data.instances:
            raise ValueError("data.instances: is missing; write parts: each connected part of a mask is an object")
    else:
        raise ValueError(
            f"data.kind: {data.kind} tells of no single objects; a detection reads png, csv, phantom or phantom-pictures"
        )
