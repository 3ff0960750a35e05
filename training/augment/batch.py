"""A batch of augmented samples, from cases of any size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from storage.base.errors import ConfigError
from training.augment.colour import change_colour
from training.augment.draws import Draws
from training.augment.foreground import draw_focus
from training.augment.geometry import Geometry
from training.augment.intensity import add_noise, change_light, coarsen, cut_out
from training.augment.lesions import paste_lesions
from training.augment.modalities import drop_modalities
from training.augment.objects import read_objects
from training.augment.place import draw_geometry, window_size
from training.augment.resample import read_patches
from training.data.case import GridCase
from training.recipe import Recipe
from training.recipe.parts.augment import Augment


@dataclass(frozen=True, eq=False)
class Batch:
    """Images float32 (N, C, *patch); targets int64 (N, *patch): labels, or in a detection the numbers of single objects; (N,) in
    a classification; where each sample came from.

    ``present``: bool (N, inputs), which of the package's inputs each sample has; the channels of the others are zeros.
    """

    images: Tensor
    targets: Tensor
    geometries: tuple[Geometry, ...]
    present: Tensor


def draw_batch(cases: Sequence[GridCase], recipe: Recipe, generators: Sequence[Generator]) -> tuple[Tensor, Tensor]:
    """Images and targets of `draw_samples`."""
    batch = draw_samples(cases, recipe, generators)
    return batch.images, batch.targets


@torch.no_grad()
def draw_samples(cases: Sequence[GridCase], recipe: Recipe, generators: Sequence[Generator]) -> Batch:
    """One augmented sample of each case; on the cases' device.

    Parameters
    ----------
    cases : on the model's grid, of any size, all with the same number of channels. One may occur several times.
    recipe : a planned one. The patch is ``fit.patch``; a classification takes ``package.grid.patch``.
    generators : one a sample, the only source of its chance: a sample doesn't depend on its neighbours. Each is moved on by one
        draw, and where there are several inputs by another one.

    Raises
    ------
    ConfigError
        Code ``recipe-invalid``: a rule that doesn't suit the grid or the images, by its key.
    """
    patch, rules = _patch(recipe), recipe.augment
    _check(rules, recipe, cases, len(patch))
    draws = [Draws(generator, rules) for generator in generators]
    geometries = [_geometry(case, recipe, patch, draw) for case, draw in zip(cases, draws, strict=True)]
    masks, window = recipe.task == "segmentation", window_size(patch, rules, _spacing(recipe))
    images, masks_drawn = read_patches(cases, geometries, window, recipe.classes if masks else 0, rules.outside)
    if recipe.task == "detection":
        images, present = _left_out(_changed(images, rules, draws), cases, recipe, generators)
        return Batch(images, read_objects(cases, geometries, window), tuple(geometries), present)
    indices = [0 if masks else _class_of(case) for case in cases]
    for n in range(len(cases) if rules.lesions else 0):
        mask = None if masks_drawn is None else masks_drawn[n]
        if rules.lesions and paste_lesions(images[n], mask, rules.lesions, draws[n]) and indices[n] == 0:
            indices[n] = rules.lesions.label
    targets = torch.tensor(indices, device=images.device) if masks_drawn is None else masks_drawn.long()
    images, present = _left_out(_changed(images, rules, draws), cases, recipe, generators)
    return Batch(images, targets, tuple(geometries), present)


def draw_objects(cases: Sequence[GridCase], batch: Batch, recipe: Recipe) -> Tensor:
    """Numbers of single objects int64 (N, *patch) in samples of these cases whose targets are others."""
    return read_objects(cases, batch.geometries, window_size(_patch(recipe), recipe.augment, _spacing(recipe)))


def geometry_of(case: GridCase, recipe: Recipe, generator: Generator) -> Geometry:
    """The geometry alone that `draw_samples` takes for a generator in this state."""
    return _geometry(case, recipe, _patch(recipe), Draws(generator, recipe.augment))


def _geometry(case: GridCase, recipe: Recipe, patch: tuple[int, ...], draws: Draws) -> Geometry:
    share = recipe.fit.foreground_share if recipe.task != "classification" else 0.0
    focus = draw_focus(case, share, draws)
    return draw_geometry(case.image.shape[1:], patch, recipe.augment, draws, _spacing(recipe), focus)


def _changed(images: Tensor, rules: Augment, draws: Sequence[Draws]) -> Tensor:
    """All that leaves places alone, in the order of a camera: light, colour, resolution, noise."""
    images = change_light(images, rules, draws)
    if rules.needs_colour:
        images = change_colour(images, rules, draws)
    if rules.coarsen:
        coarsen(images, rules, draws)
    images = add_noise(images, rules, draws)
    if rules.cutout:
        cut_out(images, rules, draws)
    return images


def _left_out(
    images: Tensor, cases: Sequence[GridCase], recipe: Recipe, generators: Sequence[Generator]
) -> tuple[Tensor, Tensor]:
    """Images without the inputs that cases lack or that are dropped, zeros to the last, whatever was changed before."""
    present = torch.stack([case.present for case in cases]).to(images.device)
    inputs = recipe.package["inputs"]
    if len(inputs) == 1:
        return images, present
    shares = [recipe.augment.drop_inputs.get(str(given["name"]), 0.0) for given in inputs]
    return drop_modalities(images, present, shares, generators)


def _patch(recipe: Recipe) -> tuple[int, ...]:
    if recipe.task != "classification":
        return recipe.fit.extent.patch
    return tuple(int(n) for n in recipe.package["grid"]["patch"])


def _spacing(recipe: Recipe) -> tuple[float, ...]:
    """Of the model's grid, in array order; empty where the images keep their own or are stretched."""
    return tuple(recipe.package["grid"].get("spacing_mm") or ())


def _class_of(case: GridCase) -> int:
    if case.class_index is None:
        raise ValueError(f"case {case.name} has no class")
    return case.class_index


def _check(rules: Augment, recipe: Recipe, cases: Sequence[GridCase], dims: int) -> None:
    try:
        rules.check(dims, recipe.classes)
    except ValueError as error:
        raise ConfigError(f"{error}; correct it", code="recipe-invalid") from None
    for case in cases:
        if case.image.dim() != dims + 1:
            message = (
                f"case {case.name} has {case.image.dim() - 1} axes, the patch {dims}; correct fit.patch or package.grid.patch"
            )
            raise ConfigError(message, code="recipe-invalid")
