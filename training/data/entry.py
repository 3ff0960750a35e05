"""What is known of a case before a voxel is read, and how to read it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from inference.pipeline.orient import Affine
from training.data.case import Case, Series
from training.recipe import PartName


@dataclass(frozen=True, eq=False)
class Content:
    """Voxels float32 (C, K, J, I), the affine of (i, j, k, 1) to LPS mm, labels uint8 (K, J, I) or None.

    ``truths``: those that are known only when the case is read. ``instances_kji``, ``instance_labels``, ``further``: as of
    the ``Case``.
    """

    voxels_ckji: NDArray[np.float32]
    affine_lps_mm: Affine
    labels_kji: NDArray[np.uint8] | None = None
    truths: Mapping[str, float] = field(default_factory=dict)
    instances_kji: NDArray[np.uint16] | None = None
    instance_labels: tuple[int, ...] = ()
    further: Mapping[str, Series] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Entry:
    """A case that isn't read yet.

    Attributes
    ----------
    name, group, class_index, truths, traits : as of the ``Case``.
    load : reads the voxels; raises ConfigError naming the file.
    part : the part that the source itself gives the case, or None.
    """

    name: str
    group: str
    load: Callable[[], Content]
    part: PartName | None = None
    class_index: int | None = None
    truths: Mapping[str, float] = field(default_factory=dict)
    traits: Mapping[str, str] = field(default_factory=dict)

    def read(self) -> Case:
        """The case with its voxels."""
        content = self.load()
        return Case(
            name=self.name,
            group=self.group,
            voxels_ckji=content.voxels_ckji,
            affine_lps_mm=content.affine_lps_mm,
            labels_kji=content.labels_kji,
            class_index=self.class_index,
            truths={**self.truths, **content.truths},
            traits=self.traits,
            instances_kji=content.instances_kji,
            instance_labels=content.instance_labels,
            further=content.further,
        )
