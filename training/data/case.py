"""The records of this room: a labelled case on its own grid, its further series, and the same case on the model's grid."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from inference.pipeline.orient import Affine


@dataclass(frozen=True, eq=False)
class Series:
    """A grey image on a grid of its own: voxels float32 (K, J, I) in the source's units, index (i, j, k, 1) to LPS mm."""

    voxels_kji: NDArray[np.float32]
    affine_lps_mm: Affine


@dataclass(frozen=True, eq=False)
class Case:
    """One labelled example, as its source gives it. Of several inputs ``voxels_ckji`` is the package's reference.

    Attributes
    ----------
    name : unique within the data set; a file's name without its ending. No person's name.
    group : of one person, or examination; cases of a group are never parted.
    voxels_ckji : float32 (C, K, J, I) in the source's units; K is 1 for an image, C is 3 for colour.
    affine_lps_mm : (4, 4), index (i, j, k, 1) to LPS millimetres; for an image its pixel spacing on the diagonal.
    labels_kji : uint8 (K, J, I), 0 is background; None for a case with a class alone.
    instances_kji : uint16 (K, J, I), the number of the object that a voxel belongs to, 0 for none; None where single objects
        aren't told. instance_labels : the label's value of object n at n - 1.
    class_index : 0 for "none of the labels", else the label's value; None for a case with a mask alone.
    truths : what was measured by the data's makers, such as ``{"circumference_mm": 312.4}``.
    traits : what subgroups and strata are made of, such as ``{"class": "malignant"}``.
    further : by name the package's other inputs, as many as the case has, in the same frame of reference.
    """

    name: str
    group: str
    voxels_ckji: NDArray[np.float32]
    affine_lps_mm: Affine
    labels_kji: NDArray[np.uint8] | None = None
    class_index: int | None = None
    truths: Mapping[str, float] = field(default_factory=dict)
    traits: Mapping[str, str] = field(default_factory=dict)
    instances_kji: NDArray[np.uint16] | None = None
    instance_labels: tuple[int, ...] = ()
    further: Mapping[str, Series] = field(default_factory=dict)

    @property
    def voxels_kji(self) -> NDArray[np.float32]:
        """The first channel."""
        first: NDArray[Any] = self.voxels_ckji[0]
        return first

    @property
    def mask_kji(self) -> NDArray[np.uint8]:
        """``labels_kji`` of a case that has them; asking another one is a mistake of the caller."""
        if self.labels_kji is None:
            raise ValueError(f"case {self.name} has no mask")
        return self.labels_kji


@dataclass(frozen=True, eq=False)
class GridCase:
    """A case on the model's grid: image float32 (C, *spatial), target uint8 (*spatial) or None, class index or None.

    ``instances``: int16 (*spatial), the number of the object at each voxel as in ``Case``, or None; ``instance_labels`` as there.
    An object that covers most of no voxel of the grid isn't in the map. ``present``: bool (inputs,), which of the package's
    inputs the case has; the channel of a missing one is zeros.
    """

    name: str
    image: Tensor
    target: Tensor | None = None
    class_index: int | None = None
    instances: Tensor | None = None
    instance_labels: tuple[int, ...] = ()
    present: Tensor = field(default_factory=lambda: torch.ones(1, dtype=torch.bool))

    @property
    def objects(self) -> Tensor:
        """``instances`` of a case that has them; asking another one is a mistake of the caller."""
        if self.instances is None:
            raise ValueError(f"case {self.name} has no objects")
        return self.instances

    @property
    def mask(self) -> Tensor:
        """``target`` of a case that has one; asking another one is a mistake of the caller."""
        if self.target is None:
            raise ValueError(f"case {self.name} has no mask")
        return self.target
