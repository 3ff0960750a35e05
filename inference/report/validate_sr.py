"""Checks of a finished SR: structure (PS3.16 TID 1500), references to the SEG, and numbers recomputed from the stored SEG."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

from pydicom.dataset import Dataset
from pydicom.uid import Comprehensive3DSRStorage

from inference.report.codes import same_code, table
from inference.report.findings import expect
from inference.report.identity import NOT_FOR_CLINICAL_USE, Identity
from inference.report.measurements import DECIMALS, Target
from inference.report.source import Source
from inference.report.validate import check_common, check_inputs_only
from inference.report.validate_seg import segment_of

_ROOT = "126000"  # Imaging Measurement Report
_MEASUREMENTS, _GROUP = "126010", "125007"
_TRACKING_ID, _TRACKING_UID = "112039", "112040"
_DEVICE_UID, _DEVICE_NAME, _DEVICE_MANUFACTURER, _DEVICE_MODEL = "121012", "121013", "121014", "121015"
_ALGORITHM_NAME, _ALGORITHM_VERSION = "111001", "111003"
_PRESENCE = "121052"
_FINDING = "121071"
_TOLERANCE = 1e-5  # a fraction: Decimal Strings and the rounding to DECIMALS


def check_report(
    stored: Dataset,
    seg: Dataset | None,
    counts: Mapping[int, int],
    source: Source,
    targets: Sequence[Target],
    identity: Identity,
) -> None:
    """Check an SR that was read back against the SEG that was read back.

    Parameters
    ----------
    counts : segment number -> voxels of the stored SEG.

    Raises
    ------
    ModelError
        See ``inference.report.validate``.
    """
    check_common(stored, "sr", Comprehensive3DSRStorage, source, identity)
    _check_root(stored)
    _check_observer(stored, identity)
    evidence = [*source.sop_instance_uids, *([str(seg.SOPInstanceUID)] if seg is not None else [])]
    check_inputs_only(list(_evidence(stored)), evidence, "Current Requested Procedure Evidence Sequence")
    groups = _groups(stored)
    expect(len(groups) == len(targets), "template", "not one measurement group a target")
    for group, target in zip(groups, targets, strict=True):
        _check_group(group, target, identity)
        if seg is not None and target.present:
            _check_size(group, target, seg, counts)


def _check_root(stored: Dataset) -> None:
    template = stored.ContentTemplateSequence[0]
    titled = stored.ConceptNameCodeSequence[0].CodeValue == _ROOT
    expect(titled and template.TemplateIdentifier == "1500", "template", "the root isn't TID 1500")
    flags = (stored.CompletionFlag, stored.PreliminaryFlag, stored.VerificationFlag)
    expect(flags == ("COMPLETE", "PRELIMINARY", "UNVERIFIED"), "template", "the document's flags are wrong")


def _check_observer(stored: Dataset, identity: Identity) -> None:
    said = (_text(stored, _DEVICE_UID), _text(stored, _DEVICE_MANUFACTURER), _text(stored, _DEVICE_MODEL))
    model = (identity.device_uid, identity.model_manufacturer, identity.model_name)
    expect(said == model, "equipment", "the observer isn't the model")
    marked = NOT_FOR_CLINICAL_USE in _text(stored, _DEVICE_NAME)
    expect(marked != identity.clinical_use, "attributes", "the report lacks its research mark")


def _evidence(stored: Dataset) -> Iterator[str]:
    for study in stored.CurrentRequestedProcedureEvidenceSequence:
        for series in study.ReferencedSeriesSequence:
            for item in series.ReferencedSOPSequence:
                yield str(item.ReferencedSOPInstanceUID)


def _groups(stored: Dataset) -> list[Dataset]:
    containers = _named(stored, _MEASUREMENTS)
    expect(len(containers) == 1, "template", "not one container of imaging measurements")
    return _named(containers[0], _GROUP)


def _check_group(group: Dataset, target: Target, identity: Identity) -> None:
    template = "1501" if not target.present else "1410" if target.quantity == "area" else "1411"
    expect(group.ContentTemplateSequence[0].TemplateIdentifier == template, "template", f"a group isn't TID {template}")
    tracked = (_text(group, _TRACKING_ID), _text(group, _TRACKING_UID))
    expect(tracked == (target.tracking_id, target.tracking_uid), "template", "a group's tracking identifiers are wrong")
    found = _named(group, _FINDING)
    expect(len(found) == 1 and same_code(found[0].ConceptCodeSequence[0], target.label.type), "template", "a finding is wrong")
    algorithm = (_text(group, _ALGORITHM_NAME), _text(group, _ALGORITHM_VERSION))
    expect(algorithm == (identity.model_name, identity.model_version), "equipment", "a group's algorithm isn't the model")
    presence = [item.ConceptCodeSequence[0] for item in _named(group, _PRESENCE)]
    absent = [same_code(code, table().concepts["absent"]) for code in presence]
    expect(absent == ([] if target.present else [True]), "template", "a group says the wrong thing about presence")


def _check_size(group: Dataset, target: Target, seg: Dataset, counts: Mapping[int, int]) -> None:
    images = [item for item in group.ContentSequence if item.ValueType == "IMAGE"]
    reference = images[0].ReferencedSOPSequence[0]
    number = _segment_number(reference, seg)
    expect(reference.ReferencedSOPInstanceUID == seg.SOPInstanceUID, "references", "a group refers to another object")
    expect(number == target.segment_number and number in counts, "references", "a group refers to the wrong segment")
    measured = _named(group, table().concepts[target.quantity].value)
    expect(len(measured) == 1, "values", "not one size in a group")
    value = measured[0].MeasuredValueSequence[0]
    expect(value.MeasurementUnitsCodeSequence[0].CodeValue == target.unit, "values", "a size has the wrong unit")
    again = recomputed_size(seg, counts[number])
    close = math.isclose(float(value.NumericValue), again, rel_tol=_TOLERANCE, abs_tol=10**-DECIMALS)
    expect(math.isfinite(again) and close, "values", "a size isn't that of the stored segment")


def _segment_number(reference: Dataset, seg: Dataset) -> int:
    """TID 1411 names the segment, TID 1410 the frame that holds it."""
    if "ReferencedSegmentNumber" in reference:
        return int(reference.ReferencedSegmentNumber)
    return segment_of(seg, seg.PerFrameFunctionalGroupsSequence[int(reference.ReferencedFrameNumber) - 1])


def recomputed_size(seg: Dataset, voxels: int) -> float:
    """mm3 of ``voxels`` from a stored SEG's own Pixel Measures; mm2 where it has no position."""
    measures = seg.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0]
    rows_mm, columns_mm = map(float, measures.PixelSpacing)
    slices_mm = float(measures.SpacingBetweenSlices) if "FrameOfReferenceUID" in seg else 1.0
    return voxels * rows_mm * columns_mm * slices_mm


def _named(container: Dataset, code_value: str) -> list[Dataset]:
    return [
        item
        for item in container.get("ContentSequence", ())
        if "ConceptNameCodeSequence" in item and item.ConceptNameCodeSequence[0].CodeValue == code_value
    ]


def _text(container: Dataset, code_value: str) -> str:
    """The one text or UID under a concept name; empty unless there is exactly one."""
    found = _named(container, code_value)
    return str(found[0].get("TextValue") or found[0].get("UID") or "") if len(found) == 1 else ""
