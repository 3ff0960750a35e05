"""What a detector's boxes say about each label of the model: which findings there are, how certain, or that there is none.

A box is a finding where its score reaches the label's threshold. Scores are rounded to 0.0001 and corners to 0.001 pixel, and
what is reported is what decides. A finding of a volume lies in the patient as well: eight corners in LPS millimetres. One
with a mask has the mask's size.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from inference.manifest import Label, Manifest
from inference.report.identity import Identity
from inference.report.sources.source import Laterality, Source
from inference.report.statements.rules import DetectionRules
from inference.report.statements.sizes import UNITS, Size, sizes_of_masks
from inference.volume.boxes import SCORE_DECIMALS, Array, Detections, are_findings, central_slice, corners_lps_mm
from inference.volume.volume import SliceRef
from storage.base.errors import ModelError

PIXEL_DECIMALS = 3
MOST_FINDINGS = 200
"""More than a person would ever read; a report grows with them, so a model that finds more is wrong or its threshold is."""


@dataclass(frozen=True, eq=False)
class Finding:
    """One box.

    Attributes
    ----------
    tracking_id, tracking_uid : the same in every measurement group that speaks of this finding.
    box : (2 d,), lower then upper corner, ([k,] j, i) in pixels of the source, half-open (``inference.volume.boxes``).
    certainty_percent : 100 times the score.
    slice_index : k, from 0, of the slice through its middle. image : the frame that this slice is.
    corners_lps_mm : (2, 4, 3) of a volume's box; None for that of an image.
    segment_number : of the SEG's segment that is its mask; 0 where there is none.
    size : of its mask; None without one, or where the image states no pixel spacing.
    """

    tracking_id: str
    tracking_uid: str
    box: Array
    certainty_percent: float
    slice_index: int
    image: SliceRef
    corners_lps_mm: Array | None
    segment_number: int = 0
    size: Size | None = None


@dataclass(frozen=True, eq=False)
class Sought:
    """One label of the manifest: its findings, the most certain first, or none; the tracking identifiers are of their absence."""

    label: Label
    laterality: Laterality | None
    tracking_id: str
    tracking_uid: str
    threshold: float
    score_scale: str
    findings: tuple[Finding, ...]


def find_detections(
    found: Detections, manifest: Manifest, rules: DetectionRules, source: Source, identity: Identity
) -> tuple[Sought, ...]:
    """Every label of the manifest, in its order. Equal scores go by their boxes, so that the order of the input doesn't matter.

    Raises
    ------
    ModelError
        Codes ``output-labels`` (a label or a count of thresholds that the manifest doesn't have), ``output-boxes`` (a score that
        is none, a box that is empty or leaves the image, too many findings).
    """
    _check_output(found, manifest, rules)
    scores = found.scores.round(SCORE_DECIMALS)
    boxes = found.boxes.round(PIXEL_DECIMALS)
    kept = np.flatnonzero(are_findings(found.scores, found.labels, rules.thresholds))
    if kept.size > MOST_FINDINGS:
        message = f"{manifest.name} gave {kept.size} findings, more than {MOST_FINDINGS}; raise its threshold"
        raise ModelError(message, code="output-boxes")
    order = sorted(kept.tolist(), key=lambda n: (-scores[n], *boxes[n]))
    sizes = sizes_of_masks(found, source)
    sought = []
    for label, threshold in zip(manifest.labels, rules.thresholds, strict=True):
        name = f"{manifest.name} {label.name}"
        mine = [n for n in order if found.labels[n] == label.value]
        findings = [_finding(found, n, place, name, label, sizes, identity) for place, n in enumerate(mine, start=1)]
        tracking = (name[:64], identity.uid("tracking", str(label.value)))
        laterality = label.laterality or source.laterality
        sought.append(Sought(label, laterality, *tracking, threshold, rules.score_scale, tuple(findings)))
    return tuple(sought)


def as_record(sought: Sought) -> dict[str, Any]:
    """A label as the job's row and the JSON report keep it; boxes in pixels of the source, corners in LPS millimetres."""
    return {
        "label": sought.label.name,
        "label_value": sought.label.value,
        "laterality": sought.laterality,
        "present": bool(sought.findings),
        "threshold": sought.threshold,
        "score_scale": sought.score_scale,
        "type": sought.label.type.model_dump(),
        "findings": [_record(finding) for finding in sought.findings],
    }


def _record(finding: Finding) -> dict[str, Any]:
    record: dict[str, Any] = {
        "certainty_percent": finding.certainty_percent,
        "box": finding.box.tolist(),
        "sop_instance_uid": finding.image.sop_instance_uid,
        "frame_number": finding.image.frame_number,
        "segment_number": finding.segment_number or None,
        "tracking_uid": finding.tracking_uid,
    }
    if finding.corners_lps_mm is not None:
        record["corners_lps_mm"] = finding.corners_lps_mm.reshape(-1, 3).round(PIXEL_DECIMALS).tolist()
    if finding.size is not None:
        record[f"{finding.size.quantity}_{UNITS[finding.size.quantity]}"] = finding.size.value
    return record


def _finding(
    found: Detections, n: int, place: int, name: str, label: Label, sizes: Mapping[int, Size], identity: Identity
) -> Finding:
    box = found.boxes[n].round(PIXEL_DECIMALS) + 0.0  # no negative zero
    k = central_slice(box, len(found.slices))
    number = f" {place}"
    return Finding(
        tracking_id=name[: 64 - len(number)] + number,
        tracking_uid=identity.uid("tracking", str(label.value), str(place)),
        box=box,
        certainty_percent=round(100 * round(float(found.scores[n]), SCORE_DECIMALS), SCORE_DECIMALS - 2),
        slice_index=k,
        image=found.slices[k],
        corners_lps_mm=corners_lps_mm(box, found.affine_lps_mm) if found.dims == 3 else None,
        segment_number=int(found.segments[n]),
        size=sizes.get(int(found.segments[n])),
    )


def _check_output(found: Detections, manifest: Manifest, rules: DetectionRules) -> None:
    if len(rules.thresholds) != len(manifest.labels):
        raise ModelError(f"{manifest.name} has {len(rules.thresholds)} thresholds, not one a label", code="output-labels")
    if not np.isin(found.labels, [label.value for label in manifest.labels]).all():
        raise ModelError(f"{manifest.name} gave a box of a label that it doesn't declare", code="output-labels")
    if not ((found.scores >= 0) & (found.scores <= 1)).all():
        raise ModelError(f"{manifest.name} gave a score that isn't from 0 to 1", code="output-boxes")
    low, high = found.boxes[:, : found.dims], found.boxes[:, found.dims :]
    inside = (low >= 0) & (low.round(PIXEL_DECIMALS) < high.round(PIXEL_DECIMALS)) & (high <= found.shape_kji[-found.dims :])
    if not inside.all():
        raise ModelError(f"{manifest.name} gave a box that is empty or leaves the image; clip boxes", code="output-boxes")
