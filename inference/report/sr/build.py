"""Structured Report: Comprehensive 3D SR (PS3.3 A.35.13) with a Measurement Report (PS3.16 TID 1500).

The document is complete, preliminary and unverified: no person has seen it. Device Observer (TID 1004) and Algorithm
Identification (TID 4019) name the model exactly as Contributing Equipment does (IHE AIR). Evidence is the SEG, where there is
one, and the Instances of every input. What stands in the measurement groups: ``targets``, ``classes``, ``detections`` here.
Absent on purpose: an image library, whose cost grows with groups times images.
"""

from __future__ import annotations

from collections.abc import Sequence

from highdicom.sr import (
    CodedConcept,
    Comprehensive3DSR,
    DeviceObserverIdentifyingAttributes,
    MeasurementReport,
    ObservationContext,
    ObserverContext,
)
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes
from pydicom.uid import ExplicitVRLittleEndian

from inference.manifest import Code
from inference.report.codes import coded, procedure_of
from inference.report.common import contributing_equipment, equipment, finish
from inference.report.identity import NOT_FOR_CLINICAL_USE, Identity, series_number
from inference.report.sources.source import Source
from inference.report.sr.targets import Group


def build_report_document(source: Source, seg: Dataset | None, groups: Sequence[Group], identity: Identity) -> Dataset:
    """The SR that holds ``groups``; ``seg`` is None where they refer to none.

    Returns
    -------
    Dataset
        With file meta information, ready to be written.

    Source: PS3.16 TID 1500, 1004; PS3.3 C.17.
    """
    report = MeasurementReport(
        observation_context=_observer(identity),
        procedure_reported=_procedure(source),
        imaging_measurements=groups,
    )
    dataset = Comprehensive3DSR(
        evidence=[*source.images, *([seg] if seg is not None else []), *source.further],
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
