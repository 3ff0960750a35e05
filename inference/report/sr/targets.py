"""Measurement groups of a segmentation.

A target that is present is a group of TID 1411 (TID 1410 on a single image) with its segment, size, lengths and algorithm; one
that was sought and not found is a group of TID 1501 that says "Absent", so that a negative result is stated and never left out.
A target that is there and has no size, for want of a pixel spacing, says "Present". Notes are comments.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from highdicom.sr import (
    CodedConcept,
    Measurement,
    MeasurementsAndQualitativeEvaluations,
    PlanarROIMeasurementsAndQualitativeEvaluations,
    ReferencedSegment,
    ReferencedSegmentationFrame,
    SourceImageForSegmentation,
    SourceSeriesForSegmentation,
    VolumetricROIMeasurementsAndQualitativeEvaluations,
)
from pydicom.dataset import Dataset

from inference.manifest import Manifest
from inference.report.codes import coded, concept
from inference.report.identity import Identity
from inference.report.sources.source import Source
from inference.report.sr.parts import algorithm, comment, finding_site, frame_numbers, group_head, presence
from inference.report.statements.measurements import Target

Group = (
    VolumetricROIMeasurementsAndQualitativeEvaluations
    | PlanarROIMeasurementsAndQualitativeEvaluations
    | MeasurementsAndQualitativeEvaluations
)


def target_groups(
    targets: Sequence[Target], source: Source, seg: Dataset | None, manifest: Manifest, identity: Identity
) -> list[Group]:
    """One group a target, in their order; ``seg`` is None where none is present.

    Source: PS3.16 TID 1410, 1411, 1501, 1419, 4019.
    """
    return [_group(target, source, seg, manifest, identity) for target in targets]


def _group(target: Target, source: Source, seg: Dataset | None, manifest: Manifest, identity: Identity) -> Group:
    site = target.label.site or (target.label.type if target.laterality else None)
    definitions = [f"{length.name}: {length.definition}" for length in target.lengths]
    common: dict[str, Any] = {
        **group_head(target.label, target.tracking_id, target.tracking_uid, finding_site(site, target.laterality)),
        "algorithm_id": algorithm(manifest, identity, definitions),
    }
    if seg is None or not target.present:
        return MeasurementsAndQualitativeEvaluations(qualitative_evaluations=[presence(False)], **common)
    measured = _measurements(target)
    common["measurements"] = measured or None
    common["qualitative_evaluations"] = None if measured else [presence(True)]
    group = _planar(target, source, seg, common) if target.quantity == "area" else _volumetric(target, source, seg, common)
    group[0].ContentSequence.extend([comment(note) for note in target.notes])
    return group


def _measurements(target: Target) -> list[Measurement]:
    """Size and lengths, those that are known."""
    known: list[tuple[CodedConcept, float | None, str]] = [(concept(target.quantity), target.size, target.unit)]
    known += [(coded(length.code), length.mm, "mm") for length in target.lengths]
    return [Measurement(name=name, value=value, unit=concept(unit)) for name, value, unit in known if value is not None]


def _planar(
    target: Target, source: Source, seg: Dataset, common: dict[str, Any]
) -> PlanarROIMeasurementsAndQualitativeEvaluations:
    reference = segmentation_frame(target.segment_number, source, seg)
    return PlanarROIMeasurementsAndQualitativeEvaluations(referenced_segment=reference, **common)


def _volumetric(
    target: Target, source: Source, seg: Dataset, common: dict[str, Any]
) -> VolumetricROIMeasurementsAndQualitativeEvaluations:
    segment = referenced_segment(target.segment_number, source, seg)
    return VolumetricROIMeasurementsAndQualitativeEvaluations(referenced_segment=segment, **common)


def referenced_segment(number: int, source: Source, seg: Dataset) -> ReferencedSegment:
    """A segment of a volume, with the Series that it was made from."""
    return ReferencedSegment(
        sop_class_uid=seg.SOPClassUID,
        sop_instance_uid=seg.SOPInstanceUID,
        segment_number=number,
        source_series=SourceSeriesForSegmentation(source.attributes.SeriesInstanceUID),
    )


def segmentation_frame(number: int, source: Source, seg: Dataset) -> ReferencedSegmentationFrame:
    """The one frame of a segment of a single image: frames are stored in the order of segments."""
    origin = source.frames[0].reference
    reference = ReferencedSegmentationFrame(
        sop_class_uid=seg.SOPClassUID,
        sop_instance_uid=seg.SOPInstanceUID,
        frame_number=number,
        segment_number=number,
        source_image=SourceImageForSegmentation(origin.sop_class_uid, origin.sop_instance_uid, frame_numbers(origin)),
    )
    # The frame tells the segment; naming both is against PS3.3 C.18.4.1.
    del reference[0].ReferencedSOPSequence[0].ReferencedSegmentNumber
    return reference
