"""The masks of a detection's findings, one segment each, as what a SEG holds."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import ndimage

from inference.report.codes import Lab, colours
from inference.report.statements.detections import Finding, Sought
from inference.report.statements.measurements import Target
from inference.report.statements.sizes import UNITS, Quantity, count_voxels
from inference.volume.labelmap import LabelMap
from storage.base.errors import ModelError

_TOLERANCE = 0.01
"""Pixels: what corners lose as 32-bit floats and by rounding."""


def instance_targets(label_map: LabelMap, sought: Sequence[Sought]) -> tuple[Target, ...]:
    """One target a finding that has a mask, in the order of segments.

    Parameters
    ----------
    label_map : the segment that each voxel belongs to, as the findings count them.

    Returns
    -------
    Targets whose label has the segment's number as its value, and the name of its kind with the finding's number: ``Mass 2``.

    Raises
    ------
    ModelError
        Code ``output-boxes``: the findings' segments aren't those of the map, or a mask leaves its box.
    """
    lab = colours([label.label for label in sought])
    counts = count_voxels(label_map.labels_kji)
    targets = sorted(
        (
            _target(finding, place, label, lab[label.label.value], int(counts[finding.segment_number]))
            for label in sought
            for place, finding in enumerate(label.findings, start=1)
            if 0 < finding.segment_number < len(counts)
        ),
        key=lambda target: target.segment_number,
    )
    if [target.segment_number for target in targets] != list(range(1, len(counts))):
        raise ModelError("the findings' masks aren't one segment each; have the model checked", code="output-boxes")
    _check_within(label_map, sought)
    return tuple(targets)


def _check_within(label_map: LabelMap, sought: Sequence[Sought]) -> None:
    """The middles of a mask's voxels lie in the box of its finding: else masks would be of other findings, or elsewhere."""
    windows = ndimage.find_objects(label_map.labels_kji.astype(np.int32))
    for finding in (finding for label in sought for finding in label.findings if finding.segment_number):
        dims = len(finding.box) // 2
        window = windows[finding.segment_number - 1][-dims:]
        low, high = (np.array([getattr(span, end) for span in window]) for end in ("start", "stop"))
        within = (low + 0.5 >= finding.box[:dims] - _TOLERANCE) & (high - 0.5 <= finding.box[dims:] + _TOLERANCE)
        if not within.all():
            raise ModelError("a finding's mask leaves its box; have the model checked", code="output-boxes")


def _target(finding: Finding, place: int, sought: Sought, colour: Lab, voxels: int) -> Target:
    quantity: Quantity = "area" if finding.corners_lps_mm is None else "volume"
    name = f"{sought.label.name[:59]} {place}"
    return Target(
        label=sought.label.model_copy(update={"value": finding.segment_number, "name": name}),
        laterality=sought.laterality,
        tracking_id=finding.tracking_id,
        tracking_uid=finding.tracking_uid,
        colour=colour,
        voxels=voxels,
        segment_number=finding.segment_number,
        quantity=quantity,
        unit=UNITS[quantity],
        size=None if finding.size is None else finding.size.value,
    )
