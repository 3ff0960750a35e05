"""Structured Report: Comprehensive 3D SR (PS3.3 A.35.13) with a Measurement Report (PS3.16 TID 1500).

A target that is present is a group of TID 1411 (TID 1410 on a single image) with its segment, size and algorithm; one that
was sought and not found is a group of TID 1501 that says "Absent", so that a negative result is stated and never left out.
The document is complete, preliminary and unverified: no person has seen it. Device Observer (TID 1004) and Algorithm
Identification (TID 4019) name the model exactly as Contributing Equipment does (IHE AIR). Evidence is the SEG and the source
Instances. Absent on purpose: an image library, whose cost grows with groups times images.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from highdicom.sr import (
    AlgorithmIdentification,
    CodedConcept,
    Comprehensive3DSR,
    DeviceObserverIdentifyingAttributes,
    FindingSite,
    Measurement,
    MeasurementReport,
    MeasurementsAndQualitativeEvaluations,
    ObservationContext,
    ObserverContext,
    PlanarROIMeasurementsAndQualitativeEvaluations,
    QualitativeEvaluation,
    ReferencedSegment,
    ReferencedSegmentationFrame,
    SourceImageForSegmentation,
    SourceSeriesForSegmentation,
    TrackingIdentifier,
    VolumetricROIMeasurementsAndQualitativeEvaluations,
)
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes
from pydicom.uid import ExplicitVRLittleEndian

from inference.manifest import Code, Manifest
from inference.report.codes import coded, concept, procedure_of, table
from inference.report.common import contributing_equipment, equipment, finish
from inference.report.identity import NOT_FOR_CLINICAL_USE, Identity, series_number
from inference.report.measurements import Target
from inference.report.source import Source

Group = (
    VolumetricROIMeasurementsAndQualitativeEvaluations
    | PlanarROIMeasurementsAndQualitativeEvaluations
    | MeasurementsAndQualitativeEvaluations
)


def build_report_document(
    source: Source, seg: Dataset | None, targets: Sequence[Target], manifest: Manifest, identity: Identity
) -> Dataset:
    """The SR of all targets; ``seg`` is None where none is present.

    Returns
    -------
    Dataset
        With file meta information, ready to be written.

    Source: PS3.16 TID 1500, 1410, 1411, 1501, 1004, 4019; PS3.3 C.17.
    """
    report = MeasurementReport(
        observation_context=_observer(identity),
        procedure_reported=_procedure(source),
        imaging_measurements=[_group(target, source, seg, manifest, identity) for target in targets],
    )
    dataset = Comprehensive3DSR(
        evidence=[*source.images, *([seg] if seg is not None else [])],
        content=report,
        series_instance_uid=identity.uid("sr", "series"),
        series_number=series_number("sr", source.series_number),
        sop_instance_uid=identity.uid("sr", "instance"),
        instance_number=1,
        is_complete=True,
        is_final=False,
        is_verified=False,
        transfer_syntax_uid=ExplicitVRLittleEndian,
        contributing_equipment=[contributing_equipment(identity)],
        **equipment(identity),
    )
    return finish(dataset, source, identity)


def _observer(identity: Identity) -> ObservationContext:
    note = "" if identity.clinical_use else f" ({NOT_FOR_CLINICAL_USE})"
    device = DeviceObserverIdentifyingAttributes(
        uid=identity.device_uid,
        name=f"{identity.model_name} {identity.model_version}{note}",
        manufacturer_name=identity.model_manufacturer,
        model_name=identity.model_name,
    )
    return ObservationContext(ObserverContext(observer_type=codes.DCM.Device, observer_identifying_attributes=device))


def _procedure(source: Source) -> CodedConcept:
    stated = source.procedure
    if stated is None:
        return coded(procedure_of(source.modality))
    value, scheme, meaning = stated
    return coded(Code(value=value, scheme=scheme, meaning=meaning))


def _group(target: Target, source: Source, seg: Dataset | None, manifest: Manifest, identity: Identity) -> Group:
    common: dict[str, Any] = {
        "tracking_identifier": TrackingIdentifier(uid=target.tracking_uid, identifier=target.tracking_id),
        "finding_type": coded(target.label.type),
        "finding_category": coded(target.label.category),
        "finding_sites": _sites(target),
        "algorithm_id": _algorithm(manifest, identity),
    }
    if seg is None or not target.present:
        absent = QualitativeEvaluation(concept("presence"), concept("absent"))
        return MeasurementsAndQualitativeEvaluations(qualitative_evaluations=[absent], **common)
    size = Measurement(name=concept(target.quantity), value=target.size, unit=concept(target.unit))
    if target.quantity == "area":
        reference = _segmentation_frame(target, source, seg)
        return PlanarROIMeasurementsAndQualitativeEvaluations(referenced_segment=reference, measurements=[size], **common)
    segment = ReferencedSegment(
        sop_class_uid=seg.SOPClassUID,
        sop_instance_uid=seg.SOPInstanceUID,
        segment_number=target.segment_number,
        source_series=SourceSeriesForSegmentation(source.attributes.SeriesInstanceUID),
    )
    return VolumetricROIMeasurementsAndQualitativeEvaluations(referenced_segment=segment, measurements=[size], **common)


def _segmentation_frame(target: Target, source: Source, seg: Dataset) -> ReferencedSegmentationFrame:
    """The one frame of a segment of a single image: frames are stored in the order of segments."""
    origin = source.frames[0].reference
    reference = ReferencedSegmentationFrame(
        sop_class_uid=seg.SOPClassUID,
        sop_instance_uid=seg.SOPInstanceUID,
        frame_number=target.segment_number,
        segment_number=target.segment_number,
        source_image=SourceImageForSegmentation(
            origin.sop_class_uid,
            origin.sop_instance_uid,
            None if origin.frame_number is None else [origin.frame_number],
        ),
    )
    # The frame tells the segment; naming both is against PS3.3 C.18.4.1.
    del reference[0].ReferencedSOPSequence[0].ReferencedSegmentNumber
    return reference


def _sites(target: Target) -> list[FindingSite] | None:
    """The side, where one is known, qualifies a Finding Site (TID 1419)."""
    if target.laterality is None:
        return None
    return [FindingSite(coded(target.label.type), laterality=coded(table().laterality[target.laterality]))]


def _algorithm(manifest: Manifest, identity: Identity) -> AlgorithmIdentification:
    stated = [f"{key}={value}" for key, value in identity.parameters]
    use = [] if identity.clinical_use else [f"intended use: {NOT_FOR_CLINICAL_USE}"]
    return AlgorithmIdentification(
        name=manifest.name,
        version=manifest.version,
        parameters=[f"model digest: sha256:{identity.model_digest}", *use, *stated],
        family=coded(manifest.family),
        manufacturer=manifest.manufacturer,
    )
