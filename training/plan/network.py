"""Depth and width of the network, patch and batch: as large as the memory budget allows."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from inference.networks import minimum_multiple
from inference.networks.registry import detector_names, fusion_names
from training.plan.document import Decision
from training.plan.fingerprint import Fingerprint
from training.plan.memory import need_of, weights_bytes
from training.plan.rules import batch_for, channels_for, levels_for, rounded_up, shape_on, shrunk
from training.recipe import Recipe

_BY_CHANNELS = ("unet", "attention-unet", "vnet", "cnn", *fusion_names())
_BY_STEM = ("resnet", "densenet", "fcn", "deeplabv3plus", "resunet", *detector_names())
_SMALL_IMAGE = 64
_GB = 2**30


@dataclass(frozen=True)
class Draft:
    """A recipe, its data, what was decided of the grid so far, and the memory that a step may take."""

    recipe: Recipe
    found: Fingerprint
    so_far: Mapping[str, Any]
    memory_gb: float

    @property
    def grid(self) -> dict[str, Any]:
        """The package's grid with what was decided."""
        grid = dict(self.recipe.package["grid"])
        if "package.grid.spacing_mm" in self.so_far:
            grid["spacing_mm"] = self.so_far["package.grid.spacing_mm"]
        return grid

    @property
    def shape(self) -> tuple[int, ...]:
        """The median case's size on the model's grid."""
        grid = self.grid
        if grid.get("fit", "spacing") != "spacing" and grid["patch"] != "auto":
            return tuple(grid["patch"])
        spacing = grid.get("spacing_mm")
        return self.found.median_shape if spacing is None else shape_on(spacing, self.found)

    @property
    def whole(self) -> bool:
        """Whether each image is seen whole: a classifier's, or one that is brought to the patch's size."""
        return self.recipe.task == "classification" or self.grid.get("fit", "spacing") != "spacing"

    def is_open(self, key: str) -> bool:
        """Whether the plan has to decide the key."""
        return key in self.recipe.open_keys


@dataclass(frozen=True)
class _Sized:
    """A network of one depth, and the bytes it takes: for its weights, and for each voxel of a batch."""

    arguments: Mapping[str, Any]
    multiple: int
    fixed: float
    per_voxel: float

    def bytes(self, batch: int, patch: tuple[int, ...]) -> float:
        """Of one training step."""
        return self.fixed + self.per_voxel * batch * math.prod(patch)


def network_decisions(draft: Draft, width: int) -> tuple[Decision, ...]:
    """Network arguments, patch, batch and grid, for channels that begin with ``width`` where the plan chooses them."""
    sized, patch = _patch(draft, width)
    limit = draft.memory_gb * _GB
    cases, dims = draft.found.cases, draft.recipe.dims
    batch = batch_for(patch, draft.shape, cases, lambda batch: sized.bytes(batch, patch) <= limit, dims, draft.whole)
    values = {
        **_network_values(draft, sized),
        "fit.patch": (list(patch), _why_patch(draft, sized, patch)),
        "fit.batch": (
            batch,
            f"two at least; more while {draft.memory_gb:g} GB hold it and it sees no twentieth of the data at once",
        ),
        "package.grid.patch": (list(patch), "windows of the size that was learnt from"),
        "package.grid.minimum_multiple": (sized.multiple, "how often the network halves its input"),
    }
    return tuple(Decision(key, value, why) for key, (value, why) in values.items() if draft.is_open(key))


def _network_values(draft: Draft, sized: _Sized) -> dict[str, tuple[Any, str]]:
    channels = sized.arguments.get("channels")
    if channels is None:
        return {"package.network.arguments": (dict(sized.arguments), "the network's own defaults for this task")}
    why = f"{len(channels)} levels, halved while four voxels are left; widths double up to a cap"
    return {
        "package.network.arguments": (dict(sized.arguments), why),
        "package.network.arguments.channels": (list(channels), why),
    }


def _patch(draft: Draft, width: int) -> tuple[_Sized, tuple[int, ...]]:
    """The patch, and the network as deep as it can be on it."""
    given = draft.recipe.fit.patch
    if given != "auto":
        return _sized(draft, given, width), given
    if draft.whole or draft.grid["patch"] != "auto":
        start = draft.shape if draft.grid["patch"] == "auto" else tuple(draft.grid["patch"])
        sized = _sized(draft, start, width)
        return sized, rounded_up(start, sized.multiple)
    patch = draft.shape
    limit = draft.memory_gb * _GB
    for _ in range(8):  # a smaller patch may allow fewer levels, and fewer levels another patch
        sized = _sized(draft, patch, width)
        start = rounded_up(draft.shape, sized.multiple)
        smaller = shrunk(start, draft.shape, sized.multiple, lambda size, sized=sized: sized.bytes(2, size) <= limit)  # type: ignore[misc]
        if _multiple(draft, smaller, width) == sized.multiple:
            return sized, smaller
        patch = smaller
    return sized, smaller


def _sized(draft: Draft, patch: tuple[int, ...], width: int) -> _Sized:
    recipe = draft.recipe
    name, arguments = str(recipe.package["network"]["name"]), _arguments(draft, patch, width)
    multiple = minimum_multiple(name, arguments)
    probe = rounded_up(patch, multiple)
    need = need_of(name, arguments, 2, len(recipe.package["inputs"]), probe)
    fixed = weights_bytes(need.parameters)
    return _Sized(arguments, multiple, fixed, (need.bytes - fixed) / (2 * math.prod(probe)))


def _multiple(draft: Draft, patch: tuple[int, ...], width: int) -> int:
    return minimum_multiple(str(draft.recipe.package["network"]["name"]), _arguments(draft, patch, width))


def _arguments(draft: Draft, patch: tuple[int, ...], width: int) -> dict[str, Any]:
    """The network's arguments; the channels by the patch's size where they are open."""
    recipe, name = draft.recipe, draft.recipe.package["network"]["name"]
    given = recipe.package["network"].get("arguments", "auto")
    arguments: dict[str, Any] = {"spatial_dims": recipe.dims, "in_channels": len(recipe.package["inputs"])}
    if recipe.task != "multitask":  # whose heads say their outputs
        arguments["out_channels"] = recipe.classes
    arguments |= {} if given == "auto" else given
    if name in _BY_CHANNELS and (given == "auto" or given.get("channels") == "auto"):
        arguments["channels"] = channels_for(levels_for(patch, recipe.dims), recipe.dims, width)
    if name in _BY_STEM and given == "auto" and min(patch) <= _SMALL_IMAGE:
        arguments["stem"] = "small"
    if recipe.fit.deep_supervision and name in _BY_CHANNELS:
        arguments.setdefault("deep_supervision", True)
    return arguments


def _why_patch(draft: Draft, sized: _Sized, patch: tuple[int, ...]) -> str:
    if draft.whole:
        return "each image is seen whole"
    if all(n >= m for n, m in zip(patch, draft.shape, strict=True)):
        return f"the median case whole ({' x '.join(map(str, draft.shape))}), to the next multiple of {sized.multiple}"
    return f"the median case is {' x '.join(map(str, draft.shape))}; made smaller until two patches fit {draft.memory_gb:g} GB"
