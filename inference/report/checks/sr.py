"""Checks of a finished SR as a document (PS3.16 TID 1500), and of what its measurement groups have in common.

The numbers of a group are checked in ``validate_targets`` and ``validate_classes``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pydicom.dataset import Dataset
from pydicom.uid import Comprehensive3DSRStorage

from inference.manifest import Code, Label
from inference.report.checks.read_back import check_common, check_inputs_only
from inference.report.codes import same_code, table
from inference.report.expect import expect
from inference.report.identity import NOT_FOR_CLINICAL_USE, Identity
from inference.report.sources.source import Laterality, Source
from inference.report.sr.parts import algorithm_parameters
from inference.report.sr.reading import named, of_type, text_of, texts_of

_ROOT = "126000"  # Imaging Measurement Report
_MEASUREMENTS, _GROUP = "126010", "125007"
_TRACKING_ID, _TRACKING_UID = "112039", "112040"
_DEVICE_UID, _DEVICE_NAME, _DEVICE_MANUFACTURER, _DEVICE_MODEL = "121012", "121013", "121014", "121015"
_ALGORITHM_NAME, _ALGORITHM_PARAMETERS, _ALGORITHM_VERSION = "111001", "111002", "111003"
_FINDING, _CATEGORY, _SITE, _LATERALITY = "121071", "276214006", "363698007", "272741003"


@dataclass(frozen=True)
class Expected:
    """What a measurement group must say beside its numbers; None for ``present`` where it says nothing about presence."""

    template: str
    label: Label
    tracking: tuple[str, str]
    site: Code | None
    laterality: Laterality | None
    present: bool | None
    stated: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def check_document(stored: Dataset, source: Source, seg_uid: str | None, identity: Identity, count: int) -> list[Dataset]:
    """Check an SR that was read back, up to its ``count`` measurement groups, which are returned.

    Parameters
    ----------
    seg_uid : SOP Instance UID of the SEG that is evidence beside the source; None where there is none.

    Raises
    ------
    ModelError
        See ``inference.report.checks.read_back``.
    """
    check_common(stored, "sr", Comprehensive3DSRStorage, source, identity)
    _check_root(stored)
    _check_observer(stored, identity)
    evidence = [*source.evidence_uids, *([seg_uid] if seg_uid else [])]
    check_inputs_only(list(_evidence(stored)), evidence, "Current Requested Procedure Evidence Sequence")
    named_within = set(_referenced(stored))
    expect(named_within <= set(evidence), "references", "the content refers to an object that is no evidence")  # C.17.2.3
    containers = named(stored, _MEASUREMENTS)
    expect(len(containers) == 1, "template", "not one container of imaging measurements")
    groups = named(containers[0], _GROUP)
    expect(len(groups) == count, "template", "not one measurement group a target")
    return groups


def check_group(group: Dataset, expected: Expected, identity: Identity) -> None:
    """Check template, codes, texts and presence of a group."""
    template = group.ContentTemplateSequence[0].TemplateIdentifier
    expect(template == expected.template, "template", f"a group isn't TID {expected.template}")
    tracked = (text_of(group, _TRACKING_ID), text_of(group, _TRACKING_UID))
    expect(tracked == expected.tracking, "template", "a group's tracking identifiers are wrong")
    expect(_says(group, _FINDING, [expected.label.type]), "template", "a finding is wrong")
    expect(_says(group, _CATEGORY, [expected.label.category]), "template", "a finding's category is wrong")
    presence = [] if expected.present is None else [table().concepts["present" if expected.present else "absent"]]
    expect(_says(group, table().concepts["presence"].value, presence), "template", "a group says the wrong thing about presence")
    _check_site(group, expected)
    named_algorithm = (text_of(group, _ALGORITHM_NAME), text_of(group, _ALGORITHM_VERSION))
    expect(named_algorithm == (identity.model_name, identity.model_version), "equipment", "a group's algorithm isn't the model")
    told = texts_of(group, _ALGORITHM_PARAMETERS)
    expect(told == algorithm_parameters(identity, expected.stated), "values", "a group's algorithm parameters are wrong")
    expect(texts_of(group, table().concepts["comment"].value) == list(expected.notes), "values", "a group's notes are wrong")


def check_number(item: Dataset, name: Code, unit: Code) -> float:
    """The value of a NUM item that must have this name and unit."""
    expect(same_code(item.ConceptNameCodeSequence[0], name), "values", "a number has the wrong name")
    expect(len(item.MeasuredValueSequence) == 1, "values", "a number has no value")
    value = item.MeasuredValueSequence[0]
    expect(same_code(value.MeasurementUnitsCodeSequence[0], unit), "values", "a number has the wrong unit")
    return float(value.NumericValue)


def numbers_of(group: Dataset, count: int) -> list[Dataset]:
    """The NUM items of a group, of which there must be ``count``."""
    found = of_type(group, "NUM")
    expect(len(found) == count, "values", f"a group has {len(found)} numbers instead of {count}")
    return found


def _check_root(stored: Dataset) -> None:
    template = stored.ContentTemplateSequence[0]
    titled = stored.ConceptNameCodeSequence[0].CodeValue == _ROOT
    expect(titled and template.TemplateIdentifier == "1500", "template", "the root isn't TID 1500")
    flags = (stored.CompletionFlag, stored.PreliminaryFlag, stored.VerificationFlag)
    expect(flags == ("COMPLETE", "PRELIMINARY", "UNVERIFIED"), "template", "the document's flags are wrong")


def _check_observer(stored: Dataset, identity: Identity) -> None:
    said = (text_of(stored, _DEVICE_UID), text_of(stored, _DEVICE_MANUFACTURER), text_of(stored, _DEVICE_MODEL))
    model = (identity.device_uid, identity.model_manufacturer, identity.model_name)
    expect(said == model, "equipment", "the observer isn't the model")
    marked = NOT_FOR_CLINICAL_USE in text_of(stored, _DEVICE_NAME)
    expect(marked != identity.clinical_use, "attributes", "the report lacks its research mark")


def _evidence(stored: Dataset) -> Iterator[str]:
    for study in stored.CurrentRequestedProcedureEvidenceSequence:
        for series in study.ReferencedSeriesSequence:
            for item in series.ReferencedSOPSequence:
                yield str(item.ReferencedSOPInstanceUID)


def _referenced(container: Dataset) -> Iterator[str]:
    """Every SOP Instance UID that the content refers to, at any depth."""
    for item in container.get("ContentSequence", ()):
        yield from (str(reference.ReferencedSOPInstanceUID) for reference in item.get("ReferencedSOPSequence", ()))
        yield from _referenced(item)


def _check_site(group: Dataset, expected: Expected) -> None:
    expect(_says(group, _SITE, [expected.site] if expected.site else []), "template", "a finding's site is wrong")
    if expected.site:
        side = [table().laterality[expected.laterality]] if expected.laterality else []
        expect(_says(named(group, _SITE)[0], _LATERALITY, side), "template", "a finding's side is wrong")


def _says(container: Dataset, code_value: str, meant: Sequence[Code]) -> bool:
    """Whether the codes under a concept name are exactly ``meant``."""
    found = named(container, code_value)
    return len(found) == len(meant) and all(
        same_code(item.ConceptCodeSequence[0], code) for item, code in zip(found, meant, strict=True)
    )
