"""What the label map says about each target of the model: is it there, where in the SEG, how large.

A volume is the number of voxels times |det| of the affine (mm3). A single image without position has no third dimension, so
an area is measured there (mm2). Values are rounded to 0.001.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from inference.manifest import Label, Manifest
from inference.report.codes import Lab, colours
from inference.report.identity import Identity
from inference.report.source import Laterality, Source
from inference.volume.labelmap import LabelMap
from storage.base.errors import ModelError

DECIMALS = 3


@dataclass(frozen=True)
class Target:
    """One label of the manifest in this study.

    ``segment_number`` counts 1, 2 … over the labels that are present (PS3.3 C.8.20.2); 0 for an absent one. ``size`` is in
    ``unit``, 0.0 when absent.
    """

    label: Label
    laterality: Laterality | None
    tracking_id: str
    tracking_uid: str
    colour: Lab
    voxels: int
    segment_number: int
    quantity: Literal["volume", "area"]
    unit: Literal["mm3", "mm2"]
    size: float

    @property
    def present(self) -> bool:
        return self.voxels > 0


def find_targets(label_map: LabelMap, manifest: Manifest, source: Source, identity: Identity) -> tuple[Target, ...]:
    """Every label of the manifest, in its order.

    Raises
    ------
    ModelError
        Code ``output-labels``: the label map holds a value that the manifest doesn't declare.
    """
    counts = _count(label_map, manifest)
    present = [label.value for label in manifest.labels if counts[label.value]]
    lab = colours(manifest.labels)
    unit_size = voxel_size(label_map)
    planar = not label_map.positioned
    return tuple(
        Target(
            label=label,
            laterality=label.laterality or source.laterality,
            tracking_id=f"{manifest.name} {label.name}"[:64],
            tracking_uid=identity.uid("tracking", str(label.value)),
            colour=lab[label.value],
            voxels=int(counts[label.value]),
            segment_number=present.index(label.value) + 1 if label.value in present else 0,
            quantity="area" if planar else "volume",
            unit="mm2" if planar else "mm3",
            size=round(int(counts[label.value]) * unit_size, DECIMALS),
        )
        for label in manifest.labels
    )


def _count(label_map: LabelMap, manifest: Manifest) -> NDArray[np.int64]:
    """Voxels of each label value, background first; slice by slice, since bincount widens its input to 8 bytes a voxel."""
    labels = label_map.labels_kji
    highest = int(labels.max(initial=0))
    if highest > len(manifest.labels):
        raise ModelError(f"label {highest} isn't declared by {manifest.name}", code="output-labels")
    counts = np.zeros(len(manifest.labels) + 1, dtype=np.int64)
    for plane in labels:
        counts += np.bincount(plane.ravel(), minlength=len(counts))
    return counts


def voxel_size(label_map: LabelMap) -> float:
    """mm3 of one voxel, or mm2 of one pixel of an image without position."""
    axes = 3 if label_map.positioned else 2
    return abs(float(np.linalg.det(label_map.affine_lps_mm[:axes, :axes])))


def as_record(target: Target) -> dict[str, Any]:
    """A measurement as the job's row and the JSON report keep it."""
    return {
        "label": target.label.name,
        "label_value": target.label.value,
        "laterality": target.laterality,
        "present": target.present,
        "segment_number": target.segment_number or None,
        "voxels": target.voxels,
        f"{target.quantity}_{target.unit}": target.size,
        "type": target.label.type.model_dump(),
        "tracking_uid": target.tracking_uid,
    }
