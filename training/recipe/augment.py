"""Ranges that augmentation draws from, uniformly unless said otherwise. Lengths in voxels of the model's grid."""

from __future__ import annotations

from pydantic import Field

from training.recipe.base import Part


class Augment(Part):
    """Everything is off by default; ``mirror_axes`` count the grid's axes from 0 and belong where anatomy allows it."""

    mirror_axes: tuple[int, ...] = ()
    rotate_deg: float = Field(default=0.0, ge=0, le=180)
    scale: tuple[float, float] = (1.0, 1.0)
    shift_voxels: float = Field(default=0.0, ge=0)
    elastic_voxels: float = Field(default=0.0, ge=0)
    elastic_nodes: int = Field(default=4, ge=2)
    gamma: tuple[float, float] = (1.0, 1.0)
    contrast: tuple[float, float] = (1.0, 1.0)
    brightness: float = Field(default=0.0, ge=0)
    noise: float = Field(default=0.0, ge=0)
    coarsen: float = Field(default=0.0, ge=0, le=1)
