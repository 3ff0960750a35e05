"""Measurement groups of a detection: those of each finding, and one of TID 1501 that says "Absent" for a label without any.

======================  =============================================================================================
box of an image         TID 1410: the outline as SCOORD, a closed POLYLINE
box of a volume         TID 1410: the outline on the slice through its middle, which is what viewers draw; and TID 1411:
                        the surface as SCOORD3D, two POLYGONs, the faces before the first and behind the last slice
with a mask             TID 1410 (image) or 1411 (volume) once more, for the segment of the SEG, with its area or volume
======================  =============================================================================================

No primitive of SCOORD3D is a box. Two faces state its eight corners exactly, oblique ones too; an ellipsoid would have to lie
inside or around it, and the corners couldn't be told from it. All groups of a finding have the same tracking identifiers,
"Present", and the certainty in per cent (DCM 111012); the geometric purpose says that a box bounds the finding rather than
outlines it. Threshold and scale of the score are algorithm parameters. A mask in an image without pixel spacing has no size, and
a comment says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from highdicom.sr import (
    GraphicTypeValues,
    GraphicTypeValues3D,
    ImageRegion,
    Measurement,
    MeasurementsAndQualitativeEvaluations,
    PlanarROIMeasurementsAndQualitativeEvaluations,
    SourceImageForRegion,
    SourceSeriesForSegmentation,
    VolumeSurface,
    VolumetricROIMeasurementsAndQualitativeEvaluations,
)
from pydicom.dataset import Dataset

from inference.manifest import Manifest
from inference.report.codes import concept
from inference.report.identity import Identity
from inference.report.sources.source import Source
from inference.report.sr.parts import algorithm, comment, finding_site, frame_numbers, group_head, presence, source_images
from inference.report.sr.targets import Group, referenced_segment, segmentation_frame
from inference.report.statements.detections import Finding, Sought
from inference.report.statements.lengths import UNCALIBRATED
from inference.report.statements.sizes import UNITS
from inference.volume.boxes import outline_column_row

THRESHOLD = "threshold"
SCORE_SCALE = "score scale (certainty is 100 times the score)"


def detection_groups(
    sought: Sequence[Sought], source: Source, seg: Dataset | None, manifest: Manifest, identity: Identity
) -> list[Group]:
    """The groups of every label in its order; of a label those of its findings, the most certain first.

    Parameters
    ----------
    seg : the SEG whose segments the findings name; None where they name none.

    Source: PS3.16 TID 1410, 1411, 1501, 1419, 4019, CID 219; PS3.3 C.18.6, C.18.9.
    """
    groups: list[Group] = []
    for label in sought:
        groups += [group for finding in label.findings for group in _finding(finding, label, source, seg, manifest, identity)]
        if not label.findings:
            groups.append(_absence(label, source, manifest, identity))
    return groups


def stated_rules(label: Sought) -> list[str]:
    """How scores became findings, as algorithm parameters."""
    return [f"{THRESHOLD}: {label.threshold}", f"{SCORE_SCALE}: {label.score_scale}"]


def _finding(
    finding: Finding, label: Sought, source: Source, seg: Dataset | None, manifest: Manifest, identity: Identity
) -> list[Group]:
    common = _common(label, (finding.tracking_id, finding.tracking_uid), manifest, identity)
    common["qualitative_evaluations"] = [presence(True)]
    certainty = Measurement(name=concept("certainty"), value=finding.certainty_percent, unit=concept("percent"))
    common["measurements"] = [certainty]
    groups: list[Group] = [_on_image(finding, common)]
    if finding.corners_lps_mm is not None:
        groups.append(_in_patient(finding.corners_lps_mm, source, common))
    if seg is not None and finding.segment_number:
        groups.append(_of_segment(finding, source, seg, common))
    return groups


def _absence(label: Sought, source: Source, manifest: Manifest, identity: Identity) -> MeasurementsAndQualitativeEvaluations:
    return MeasurementsAndQualitativeEvaluations(
        **_common(label, (label.tracking_id, label.tracking_uid), manifest, identity),
        qualitative_evaluations=[presence(False)],
        source_images=source_images(source),
    )


def _common(label: Sought, tracking: tuple[str, str], manifest: Manifest, identity: Identity) -> dict[str, Any]:
    site = finding_site(label.label.site, label.laterality)
    head = group_head(label.label, *tracking, site)
    return {**head, "algorithm_id": algorithm(manifest, identity, stated_rules(label))}


def _on_image(finding: Finding, common: dict[str, Any]) -> PlanarROIMeasurementsAndQualitativeEvaluations:
    image = finding.image
    region = ImageRegion(
        graphic_type=GraphicTypeValues.POLYLINE,
        graphic_data=outline_column_row(finding.box),
        source_image=SourceImageForRegion(image.sop_class_uid, image.sop_instance_uid, frame_numbers(image)),
    )
    purpose = concept("bounded_by")
    return PlanarROIMeasurementsAndQualitativeEvaluations(referenced_region=region, geometric_purpose=purpose, **common)


def _in_patient(
    corners_lps_mm: np.ndarray, source: Source, common: dict[str, Any]
) -> VolumetricROIMeasurementsAndQualitativeEvaluations:
    surface = VolumeSurface(
        graphic_type=GraphicTypeValues3D.POLYGON,
        graphic_data=[np.concatenate([face, face[:1]]) for face in corners_lps_mm],
        frame_of_reference_uid=source.frames[0].frame_of_reference_uid,
        source_series=SourceSeriesForSegmentation(source.attributes.SeriesInstanceUID),
    )
    return VolumetricROIMeasurementsAndQualitativeEvaluations(
        referenced_volume_surface=surface, geometric_purpose=concept("bounded_by"), **common
    )


def _of_segment(finding: Finding, source: Source, seg: Dataset, common: dict[str, Any]) -> Group:
    number, size = finding.segment_number, finding.size
    if size is not None:
        measured = Measurement(name=concept(size.quantity), value=size.value, unit=concept(UNITS[size.quantity]))
        common = {**common, "measurements": [*common["measurements"], measured]}
    group: Group
    if finding.corners_lps_mm is None:
        frame = segmentation_frame(number, source, seg)
        group = PlanarROIMeasurementsAndQualitativeEvaluations(referenced_segment=frame, **common)
    else:
        segment = referenced_segment(number, source, seg)
        group = VolumetricROIMeasurementsAndQualitativeEvaluations(referenced_segment=segment, **common)
    if size is None:
        group[0].ContentSequence.append(comment(UNCALIBRATED))
    return group
