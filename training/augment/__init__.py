"""Augmentation: random changes of an image and its target together, every draw from the sample's own generator."""

from __future__ import annotations

from training.augment.batch import Batch, draw_batch, draw_objects, draw_samples, geometry_of
from training.augment.crop import crop
from training.augment.geometry import Geometry

__all__ = ["Batch", "Geometry", "crop", "draw_batch", "draw_objects", "draw_samples", "geometry_of"]
