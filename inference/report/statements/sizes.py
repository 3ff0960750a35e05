"""How large a mask is: the volume of voxels in mm3, or the area of pixels in mm2. Values are rounded to 0.001.

Nothing is measured in an image that states no pixel spacing in the patient.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from inference.report.sources.source import Source
from inference.report.statements.lengths import DECIMALS
from inference.volume.boxes import Detections
from inference.volume.labelmap import LabelMap

Quantity = Literal["volume", "area"]
UNITS: dict[Quantity, Literal["mm3", "mm2"]] = {"volume": "mm3", "area": "mm2"}


@dataclass(frozen=True)
class Size:
    """``value`` is in the unit of ``quantity`` (``UNITS``)."""

    quantity: Quantity
    value: float


def sizes_of_masks(found: Detections, source: Source) -> dict[int, Size]:
    """The size of each segment that the boxes' masks fill: a volume's in mm3, an image's in mm2; none without a spacing."""
    masks = found.mask_map
    if masks is None or not source.calibrated:
        return {}
    quantity: Quantity = "volume" if found.dims == 3 else "area"
    each = voxel_size(masks) if quantity == "volume" else pixel_size(masks)
    counts = count_voxels(masks.labels_kji)
    return {number: Size(quantity, round(int(counts[number]) * each, DECIMALS)) for number in range(1, len(counts))}


def count_voxels(labels_kji: NDArray[np.integer], values: int = 0) -> NDArray[np.int64]:
    """Voxels of each value from 0 to the greatest, or of the first ``values`` at least.

    Slice by slice, since bincount widens its input to 8 bytes a voxel.
    """
    counts = np.zeros(max(values, int(labels_kji.max(initial=0)) + 1), dtype=np.int64)
    for plane in labels_kji:
        counts += np.bincount(plane.ravel(), minlength=len(counts))
    return counts


def voxel_size(label_map: LabelMap) -> float:
    """mm3 of one voxel, or mm2 of one pixel of an image without position."""
    return abs(float(np.linalg.det(label_map.affine_lps_mm[:3, :3]))) if label_map.positioned else pixel_size(label_map)


def pixel_size(label_map: LabelMap) -> float:
    """mm2 of one pixel within its slice."""
    return float(np.linalg.norm(np.cross(label_map.affine_lps_mm[:3, 0], label_map.affine_lps_mm[:3, 1])))
