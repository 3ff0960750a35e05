"""One condition held against one Series: the verdict, a reason a person can read, and a trace without patient data.

A trace names the attributes that the condition looked at. Values are kept only of those on a list of technical attributes,
which nobody types by hand and which don't tell who the patient is; of others the trace says that there was a value.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from node.route.rules.compile import Condition, Part
from node.route.rules.environment import OWN_NAMES
from node.route.rules.language import EvaluationError, Value
from node.route.rules.tokens import names
from node.route.rules.values import SeriesValues, State

MAX_LISTED = 12

TECHNICAL = frozenset({
    "AcquisitionMatrix", "AngioFlag", "BitsAllocated", "BitsStored", "BodyPartExamined", "BurnedInAnnotation", "Columns",
    "ContentQualification", "ConvolutionKernel", "DiffusionBValue", "EchoNumbers", "EchoTime", "EchoTrainLength", "Exposure",
    "ExposureTime", "FlipAngle", "GantryDetectorTilt", "HighBit", "ImageLaterality", "ImageOrientationPatient", "ImageType",
    "ImagerPixelSpacing", "ImagingFrequency", "InversionTime", "Laterality", "LossyImageCompression", "MRAcquisitionType",
    "MagneticFieldStrength", "Manufacturer", "ManufacturerModelName", "Modality", "NominalScannedPixelSpacing",
    "NumberOfFrames", "NumberOfTemporalPositions", "PatientPosition", "PhotometricInterpretation", "PixelAspectRatio",
    "PixelBandwidth", "PixelRepresentation", "PixelSpacing", "PresentationIntentType", "ReceiveCoilName",
    "ReconstructionDiameter", "RepetitionTime", "RescaleIntercept", "RescaleSlope", "RescaleType", "Rows", "SOPClassUID",
    "SamplesPerPixel", "ScanOptions", "ScanningSequence", "SequenceVariant", "SeriesInstanceUID", "SliceThickness",
    "SpacingBetweenSlices", "SpiralPitchFactor", "StudyInstanceUID", "TemporalResolution", "Units", "VariableFlipAngleFlag",
    "ViewPosition", "WindowCenter", "WindowWidth", "XRayTubeCurrent", "KVP", "DataCollectionDiameter",
})  # fmt: skip
_STATES: dict[State, str] = {
    "value": "has a value (not shown: people write it)",
    "absent": "is absent",
    "differs": "differs between the instances",
    "unreadable": "has a value that its type does not allow",
}


@dataclass(frozen=True)
class Judgement:
    """``matched`` as the condition says; ``trace`` is plain JSON."""

    matched: bool
    reason: str
    trace: dict[str, Any]


def judge(condition: Condition, series: SeriesValues) -> Judgement:
    """Hold a condition against the values of a Series, as ``series_values`` gives them for ``condition.names`` and more."""
    outcome = condition.program.evaluate(series.values)
    trace: dict[str, Any] = {"names": {name: _told(name, series) for name in condition.names}}
    if isinstance(outcome, EvaluationError):
        trace["undecided"] = outcome.kind
        return Judgement(False, _undecided(condition, series, outcome), trace)
    if outcome:
        return Judgement(True, "the condition holds", trace)
    failing = _failing(condition, series)
    if failing is None:
        return Judgement(False, "the condition does not hold", trace)
    trace["failing"] = failing.text
    return Judgement(False, _not_held(failing, series), trace)


def _failing(condition: Condition, series: SeriesValues) -> Part | None:
    return next((part for part in condition.parts if part.program.evaluate(series.values) is False), None)


def _not_held(part: Part, series: SeriesValues) -> str:
    """Which part is false, and what the technical attributes in it were."""
    told = [_sentence(name, series) for name in names(part.text) if name in series.states]
    return f"{part.text} does not hold" + (f": {', '.join(told)}" if told else "")


def _sentence(name: str, series: SeriesValues) -> str:
    state = series.states[name]
    if state == "value" and _may_tell(name):
        return f"{name} is {_short(series.values[name])}"
    return f"{name} {_STATES[state]}"


def _undecided(condition: Condition, series: SeriesValues, error: EvaluationError) -> str:
    if error.kind == "no-value":
        return f"can't be decided: {error.name} {_STATES[series.states.get(error.name, 'absent')]}"
    if error.kind == "pattern":
        return "can't be decided: a pattern that is put together from attributes is no regular expression"
    if error.kind == "endless":
        return "can't be decided: the condition takes more steps than are allowed"
    lacking = [f"{name} {_STATES[series.states[name]]}" for name in condition.names if series.states[name] != "value"]
    return f"can't be decided: {', '.join(lacking) or 'a function cannot read its argument'}"


def _told(name: str, series: SeriesValues) -> dict[str, Any]:
    told: dict[str, Any] = {"state": series.states[name]}
    if told["state"] == "value" and _may_tell(name):
        value = series.values[name]
        told["value"] = value[:MAX_LISTED] if isinstance(value, list) else value
    return told


def _may_tell(name: str) -> bool:
    return name in TECHNICAL or (name in OWN_NAMES and name != "present")


def _short(value: Value) -> str:
    if isinstance(value, list):
        listed = ", ".join(_short(item) for item in value[:MAX_LISTED])
        return f"[{listed}{', …' if len(value) > MAX_LISTED else ''}]"
    return f'"{value}"' if isinstance(value, str) else str(value)
