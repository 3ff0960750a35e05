"""The stored SR as plain text for a person: the same numbers, read back from the object. No patient's name, ID or dates."""

from __future__ import annotations

from collections.abc import Iterator

from pydicom.dataset import Dataset

from inference.report.sr.classes import THRESHOLD
from inference.report.sr.reading import named, of_type, text_of, texts_of

_LINE = "-" * 72
_TRACKING_ID, _PRESENCE, _PARAMETERS, _COMMENT = "112039", "121052", "111002", "121106"
_NO_UNIT = "1"
_COORDINATES = {"SCOORD": (2, "column, row"), "SCOORD3D": (3, "LPS mm")}


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
    return "\n".join([*head, *_summary(sr), _LINE, *_lines(sr, 0)]) + "\n"


def _summary(sr: Dataset) -> Iterator[str]:
    """One line a measurement group: what it is about, whether it was found, its numbers; then what must be known of them."""
    for container in sr.ContentSequence:
        for group in container.get("ContentSequence", ()) if container.ValueType == "CONTAINER" else ():
            presence = [_value(item) for item in named(group, _PRESENCE)]
            numbers = [f"{_meaning(item.ConceptNameCodeSequence)} {_value(item)}" for item in of_type(group, "NUM")]
            rules = [text for text in texts_of(group, _PARAMETERS) if text.startswith(f"{THRESHOLD}: ")]
            yield f"{text_of(group, _TRACKING_ID)}: {', '.join([*presence, *numbers, *rules])}"
            yield from (f"  {note}" for note in texts_of(group, _COMMENT))


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
        unit = measured.MeasurementUnitsCodeSequence[0].CodeValue
        return str(measured.NumericValue) if unit == _NO_UNIT else f"{measured.NumericValue} {unit}"
    if item.ValueType == "CODE":
        return _meaning(item.ConceptCodeSequence)
    if item.ValueType == "IMAGE":
        return _image(item.ReferencedSOPSequence[0])
    if item.ValueType in _COORDINATES:
        return _shape(item, _COORDINATES[item.ValueType])
    return str(item.get("TextValue") or item.get("UID") or "")


def _shape(item: Dataset, kind: tuple[int, str]) -> str:
    """``POLYLINE (column, row): 10 20; 30 20; …``, points to two digits."""
    size, axes = kind
    values = [f"{float(value):.2f}".rstrip("0").rstrip(".") for value in item.GraphicData]
    points = [" ".join(values[start : start + size]) for start in range(0, len(values), size)]
    return f"{item.GraphicType} ({axes}): {'; '.join(points)}"


def _image(reference: Dataset) -> str:
    parts = [str(reference.ReferencedSOPInstanceUID)]
    parts += [f"frame {number}" for number in _numbers(reference, "ReferencedFrameNumber")]
    parts += [f"segment {number}" for number in _numbers(reference, "ReferencedSegmentNumber")]
    return ", ".join(parts)


def _numbers(reference: Dataset, keyword: str) -> list[int]:
    if keyword not in reference:
        return []
    value = reference[keyword].value
    return [int(number) for number in (value if reference[keyword].VM > 1 else [value])]


def _meaning(sequence: list[Dataset]) -> str:
    return str(sequence[0].CodeMeaning)
