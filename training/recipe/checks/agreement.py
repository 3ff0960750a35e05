"""What two sections of a recipe must agree on, before any data is read. Every message begins with the key that is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from inference.manifest import Manifest
from training.recipe.checks.detection import check_detection
from training.recipe.checks.heads import check_heads
from training.recipe.checks.inputs import check_inputs
from training.recipe.checks.missing import missing
from training.recipe.checks.said import said
from training.recipe.sections import Sections

_NEEDED = ("name", "task", "labels", "inputs", "grid", "intensity", "network")
_OF_MASKS = {"dice", "dice_cross_entropy"}


def check_recipe(recipe: Sections) -> None:
    """Raise ``ValueError`` for the first disagreement."""
    _check_sections(recipe.package)
    manifest = _checked_manifest(recipe)
    _check_dimensions(recipe, manifest)
    check_inputs(recipe)
    _check_channels(recipe)
    _check_task(recipe)
    check_heads(recipe)
    _check_figures(recipe)
    _check_baseline(recipe, manifest)
    _check_ensemble(recipe)
    if not recipe.open_keys:
        _check_patches(recipe, manifest)


def idle_key(recipe: Sections) -> str:
    """What an author wrote, or left at its default, that fixed steps leave without effect; empty where nothing is."""
    steps, seconds, warmup = recipe.fit.steps, recipe.budget.seconds, recipe.fit.schedule.warmup_steps
    if steps == "auto":
        return ""
    if seconds is not None:
        return (
            f"budget.seconds: has no say where fit.steps is a number ({steps}); remove it (in a profile: null), or write "
            "fit.steps: auto"
        )
    if warmup >= steps:
        return (
            f"fit.schedule.warmup_steps: is {warmup}, and the run ends after {steps} steps without ever reaching "
            f"fit.learning_rate; write {steps // 10}"
        )
    return ""


def _check_sections(package: Mapping[str, Any]) -> None:
    for key in _NEEDED:
        if key not in package:
            raise ValueError(f"package.{key}: {missing(f'package.{key}')}")
    for key, kind in {"grid": Mapping, "network": Mapping, "labels": list | tuple, "inputs": list | tuple}.items():
        if not isinstance(package[key], kind) or not package[key]:
            raise ValueError(f"package.{key}: needs values below it")
    if not all(isinstance(one, Mapping) for one in (*package["inputs"], *package["labels"])):
        raise ValueError("package.inputs, package.labels: each entry needs keys with values")


def _checked_manifest(recipe: Sections) -> Manifest:
    try:
        return recipe.provisional_manifest()
    except ValidationError as error:
        raise ValueError(said(error, above="package.")) from error


def _check_dimensions(recipe: Sections, manifest: Manifest) -> None:
    dims, fit = recipe.dims, recipe.fit
    if fit.patch != "auto" and len(fit.patch) != dims:
        raise ValueError(f"fit.patch: needs one number per spatial dimension of package.inputs ({dims}), not {len(fit.patch)}")
    for key, axes in (
        ("augment.mirror_axes", recipe.augment.mirror_axes),
        ("package.postprocess.mirror_axes", _mirrored(manifest)),
    ):
        if any(not 0 <= axis < dims for axis in axes) or len(set(axes)) < len(axes):
            raise ValueError(f"{key}: needs different axes from 0 to {dims - 1}")


def _mirrored(manifest: Manifest) -> tuple[int, ...]:
    return manifest.postprocess.mirror_axes


def _check_channels(recipe: Sections) -> None:
    """What the network's arguments say must be what the task needs."""
    arguments = recipe.package["network"].get("arguments", {})
    count = len(recipe.package["inputs"])
    reasons = {
        "spatial_dims": (recipe.dims, "package.inputs"),
        "out_channels": (recipe.classes, "the labels and the background"),
        "in_channels": (count, "a grey image" if count == 1 else "a channel for each of package.inputs"),
    }
    if isinstance(arguments, Mapping):
        for key, (needed, why) in reasons.items():
            if key in arguments and arguments[key] != needed:
                raise ValueError(f"package.network.arguments.{key}: is {arguments[key]}; {why} needs {needed}")
    changed = recipe.augment.needs_colour
    if changed:
        raise ValueError(f"augment.{changed}: changes colours, and the network is given grey images (one channel); leave it out")


def _check_task(recipe: Sections) -> None:
    if recipe.task == "detection":
        check_detection(recipe)
    if recipe.task != "classification":
        return
    if recipe.loss.kind in _OF_MASKS and "kind" in recipe.loss.model_fields_set:
        raise ValueError(f"loss.kind: {recipe.loss.kind} compares masks; a classification takes cross_entropy, focal or mse")
    for key in ("deep_supervision", "foreground_share"):
        if getattr(recipe.fit, key, False):
            raise ValueError(f"fit.{key}: needs masks; a classification has none")


def _check_figures(recipe: Sections) -> None:
    weights = recipe.loss.class_weights
    if weights and len(weights) != recipe.classes:
        raise ValueError(f"loss.class_weights: needs {recipe.classes} numbers, the background's first, not {len(weights)}")
    named = (*recipe.package["labels"], *(recipe.package.get("classes") or ()))
    names = {str(label["name"]) for label in named if "name" in label}
    for name, least in recipe.floor.items():
        if name not in names:
            raise ValueError(f"floor: names {name!r}, which is no label of package.labels; it has {', '.join(sorted(names))}")
        if not 0 <= least <= 1:
            raise ValueError(f"floor.{name}: must lie from 0 to 1")


def _check_baseline(recipe: Sections, manifest: Manifest) -> None:
    if recipe.evaluation.baseline != "uptake":
        return
    if recipe.task != "segmentation" or len(manifest.labels) > 1 or sum("PT" in one.modality for one in manifest.inputs) != 1:
        raise ValueError("evaluation.baseline: uptake needs a segmentation of one label with one input of modality PT")


def _check_ensemble(recipe: Sections) -> None:
    ensemble = recipe.ensemble
    if ensemble.folds == 1:
        raise ValueError("ensemble.folds: one fold holds nothing back; take 2 or more, or 0 for a single model")
    if ensemble.combine == "weights" and not ensemble.folds:
        raise ValueError("ensemble.combine: weights needs members to average; set ensemble.folds")
    if ensemble.combine == "weights" and recipe.transfer is None:
        raise ValueError("ensemble.combine: weights can be averaged only of members with an equal start; set transfer")


def _check_patches(recipe: Sections, manifest: Manifest) -> None:
    multiple = manifest.grid.minimum_multiple
    if any(size < 1 or size % multiple for size in (*recipe.fit.extent.patch, *manifest.grid.patch)):
        raise ValueError("fit.patch and package.grid.patch must be multiples of package.grid.minimum_multiple")
