"""What a recipe of several tasks at once may be wrong about, beside what its manifest checks."""

from __future__ import annotations

from training.recipe.checks.detection import check_objects
from training.recipe.sections import Sections

_OF_MASKS = ("dice", "dice_cross_entropy")


def check_heads(recipe: Sections) -> None:
    """Raise ``ValueError``, beginning with the key, for the first disagreement."""
    loss = recipe.loss
    if recipe.task != "multitask":
        for key in ("heads", "weights"):
            if getattr(loss, key):
                raise ValueError(f"loss.{key}: is for several tasks at once (package.task: multitask); leave it out")
        return
    _check_losses(recipe)
    _check_weights(recipe)
    if "detection" in recipe.heads:
        check_objects(recipe)
    idle = [key for key in ("deep_supervision", "foreground_share") if getattr(recipe.fit, key)]
    if idle:
        raise ValueError(f"fit.{idle[0]}: is for masks alone; several tasks at once see each image whole, at one scale")
    if recipe.augment.lesions:
        raise ValueError("augment.lesions: changes what class an image is of; several tasks at once can't take it")
    patch, grid = recipe.fit.patch, recipe.package["grid"].get("patch")
    if "auto" not in (patch, grid) and list(patch) != list(grid):
        raise ValueError(f"fit.patch: must be package.grid.patch ({list(grid)}): several tasks at once see each image whole")


def _check_losses(recipe: Sections) -> None:
    stated = recipe.loss.model_fields_set - {"heads", "weights"}
    if stated:
        key = sorted(stated)[0]
        raise ValueError(
            f"loss.{key}: is of one task; of several say loss.heads.segmentation.{key} or loss.heads.classification.{key}"
        )
    unknown = [head for head in recipe.loss.heads if head not in recipe.heads]
    if unknown:
        raise ValueError(f"loss.heads: names {unknown[0]}, which is no head; the network's are {', '.join(recipe.heads)}")
    if "detection" in recipe.loss.heads:
        raise ValueError("loss.heads.detection: the losses of boxes follow from their head; leave it out")
    alone = recipe.loss.heads.get("classification")
    if alone is not None and alone.kind in _OF_MASKS and "kind" in alone.model_fields_set:
        raise ValueError(f"loss.heads.classification.kind: {alone.kind} compares masks; take cross_entropy, focal or mse")
    for head in recipe.heads:
        of_head = recipe.of_head(head)
        weights, classes = of_head.loss.class_weights, of_head.classes
        if weights and len(weights) != classes:
            raise ValueError(
                f"loss.heads.{head}.class_weights: needs {classes} numbers, the background's first, not {len(weights)}"
            )


def _check_weights(recipe: Sections) -> None:
    weights = recipe.loss.weights
    if weights == "learned":
        return
    if not weights:
        raise ValueError(f"loss.weights: is missing; write learned, or a number for each head, such as {{{_ones(recipe.heads)}}}")
    if set(weights) != set(recipe.heads):
        raise ValueError(f"loss.weights: needs a number for each of {', '.join(recipe.heads)}, not for {', '.join(weights)}")
    idle = [head for head, weight in weights.items() if weight == 0]
    if idle:
        raise ValueError(
            f"loss.weights.{idle[0]}: is 0, so that nothing would be learnt; leave the head out, or give it a weight"
        )


def _ones(heads: tuple[str, ...]) -> str:
    return ", ".join(f"{head}: 1" for head in heads)
