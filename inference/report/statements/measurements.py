"""What the label map says about each target of the model: is it there, where in the SEG, how large.

A volume is the number of voxels times |det| of the affine (mm3). A single image without position has no third dimension, so
an area is measured there (mm2); one that states no pixel spacing has no size at all. Values are rounded to 0.001.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from inference.manifest import Label, Manifest
from inference.report.codes import Lab, colours
from inference.report.identity import Identity
from inference.report.sources.source import Laterality, Source
from inference.report.statements.lengths import DECIMALS, UNCALIBRATED, Length, find_lengths
from inference.report.statements.sizes import count_voxels, voxel_size
from inference.volume.labelmap import LabelMap
from storage.base.errors import ModelError


@dataclass(frozen=True)
class Target:
    """One label of the manifest in this study.

    ``segment_number`` counts 1, 2 … over the labels that are present (PS3.3 C.8.20.2); 0 for an absent one. ``size`` is in
    ``unit``, 0.0 when absent, None where the image can't be measured. ``notes`` say what a reader of the numbers must know.
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
    size: float | None
    lengths: tuple[Length, ...] = ()
    notes: tuple[str, ...] = ()

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
    targets = []
    for label in manifest.labels:
        found = label.value in present
        lengths, notes = _measured(label, label_map, manifest, source) if found else ((), ())
        targets.append(
            Target(
                label=label,
                laterality=label.laterality or source.laterality,
                tracking_id=f"{manifest.name} {label.name}"[:64],
                tracking_uid=identity.uid("tracking", str(label.value)),
                colour=lab[label.value],
                voxels=int(counts[label.value]),
                segment_number=present.index(label.value) + 1 if found else 0,
                quantity="volume" if label_map.positioned else "area",
                unit="mm3" if label_map.positioned else "mm2",
                size=_size(int(counts[label.value]), label_map, source),
                lengths=lengths,
                notes=(*label_map.notes, *notes),
            )
        )
    return tuple(targets)


def _measured(
    label: Label, label_map: LabelMap, manifest: Manifest, source: Source
) -> tuple[tuple[Length, ...], tuple[str, ...]]:
    """Lengths of a label that is present, and notes; the manifest asks for lengths of single images alone."""
    columns_mm, rows_mm = np.linalg.norm(label_map.affine_lps_mm[:3, :2], axis=0)
    spacing_mm = (float(rows_mm), float(columns_mm)) if source.calibrated else None
    lengths, notes = find_lengths(label, manifest, label_map.labels_kji[0] == label.value, spacing_mm)
    return lengths, notes if source.calibrated else (UNCALIBRATED, *notes)


def _size(voxels: int, label_map: LabelMap, source: Source) -> float | None:
    if not source.calibrated:
        return None if voxels else 0.0
    return round(voxels * voxel_size(label_map), DECIMALS)


def _count(label_map: LabelMap, manifest: Manifest) -> NDArray[np.int64]:
    """Voxels of each label value, background first."""
    counts = count_voxels(label_map.labels_kji, len(manifest.labels) + 1)
    if len(counts) > len(manifest.labels) + 1:
        raise ModelError(f"label {len(counts) - 1} isn't declared by {manifest.name}", code="output-labels")
    return counts


def as_record(target: Target) -> dict[str, Any]:
    """A measurement as the job's row and the JSON report keep it; ``lengths`` and ``notes`` only where there are any."""
    record: dict[str, Any] = {
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
    if target.lengths:
        record["lengths"] = [{"name": o.name, "code": o.code.model_dump(), "mm": o.mm} for o in target.lengths]
    if target.notes:
        record["notes"] = list(target.notes)
    return record
