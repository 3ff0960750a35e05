"""The stored SR as plain text for a person: the same numbers, read back from the object. No patient's name, ID or dates."""

from __future__ import annotations

from collections.abc import Iterator

from pydicom.dataset import Dataset

_LINE = "-" * 72


def render_text(sr: Dataset) -> str:
    """``sr`` as indented lines; UIDs name the study."""
    head = [
        _meaning(sr.ConceptNameCodeSequence),
        str(sr.get("SeriesDescription", "")),
        "",
        f"Study Instance UID   {sr.StudyInstanceUID}",
        f"SOP Instance UID     {sr.SOPInstanceUID}",
        f"Status               {sr.CompletionFlag}, {sr.PreliminaryFlag}, {sr.VerificationFlag}",
        f"Qualification        {sr.get('ContentQualification', '')}",
        _LINE,
    ]
    return "\n".join([*head, *_lines(sr, 0)]) + "\n"


def _lines(container: Dataset, depth: int) -> Iterator[str]:
    for item in container.get("ContentSequence", ()):
        name = _meaning(item.ConceptNameCodeSequence) if "ConceptNameCodeSequence" in item else item.ValueType
        value = _value(item)
        yield "  " * depth + (f"{name}: {value}" if value else name)
        yield from _lines(item, depth + 1)


def _value(item: Dataset) -> str:
    if item.ValueType == "NUM":
        if not item.MeasuredValueSequence:
            return "no value"
        measured = item.MeasuredValueSequence[0]
        return f"{measured.NumericValue} {measured.MeasurementUnitsCodeSequence[0].CodeValue}"
    if item.ValueType == "CODE":
        return _meaning(item.ConceptCodeSequence)
    if item.ValueType == "IMAGE":
        return _image(item.ReferencedSOPSequence[0])
    return str(item.get("TextValue") or item.get("UID") or "")


def _image(reference: Dataset) -> str:
    segment = reference.get("ReferencedSegmentNumber")
    return f"{reference.ReferencedSOPInstanceUID}" + ("" if segment is None else f", segment {segment}")


def _meaning(sequence: list[Dataset]) -> str:
    return str(sequence[0].CodeMeaning)
