"""Segmentation of a tumour in PET by a fixed share of its greatest uptake: 41 % (Boellaard et al., FDG PET/CT: EANM procedure
guidelines for tumour imaging: version 2.0, Eur J Nucl Med Mol Imaging 2015;42:328-354, section on tumour volumes).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from inference.manifest import Manifest
from inference.pipeline.align import align
from training.data import Case, inputs_of
from training.evaluate.figures.sizes import Mask

SHARE = 0.41


def uptake_mask(pet_kji: NDArray[np.float32], share: float = SHARE, within: Mask | None = None) -> Mask:
    """What reaches ``share`` of the maximum and hangs together with it (by faces).

    On crops about a tumour the maximum is most often its own. On whole bodies it is that of bladder, brain or heart: give
    ``within``, or the baseline measures those.

    Parameters
    ----------
    pet_kji : (K, J, I), SUV or activity; 0 is nothing.
    within : where the maximum is looked for and the mask may lie; everywhere where None.

    Returns
    -------
    bool (K, J, I), empty where nothing is above 0.
    """
    seen = pet_kji if within is None else np.where(within, pet_kji, 0.0)
    peak = np.unravel_index(int(np.argmax(seen)), seen.shape)
    if not seen[peak] > 0:
        return np.zeros(pet_kji.shape, dtype=bool)
    parts, _ = ndimage.label(seen >= share * seen[peak])
    return np.asarray(parts == parts[peak], dtype=bool)


@dataclass(frozen=True)
class UptakeBaseline:
    """``uptake_mask`` of a package's input of modality PT, on the grid of its reference; empty for a case without it."""

    manifest: Manifest

    @property
    def name(self) -> str:
        """For people."""
        return f"{SHARE:.0%} of the greatest uptake in the crop"

    def labels(self, case: Case) -> NDArray[np.uint8]:
        """Label map (K, J, I) on the case's own grid: 1 where the mask is."""
        given = inputs_of(case, self.manifest)
        pet = next((given[one.name] for one in self.manifest.inputs if "PT" in one.modality and one.name in given), None)
        if pet is None:
            return np.zeros(case.voxels_kji.shape, dtype=np.uint8)
        values, inside = align(pet.voxels_kji, pet.affine_lps_mm, case.affine_lps_mm, case.voxels_kji.shape)
        return uptake_mask(values, within=inside).astype(np.uint8)
