"""What class probabilities say about each label of the model: how likely, and by the manifest's threshold present or absent.

Probabilities are rounded to 0.000001, and what is reported is what decides: a label is present where the rounded probability
reaches its threshold.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from inference.manifest import Label, Manifest
from inference.report.identity import Identity
from inference.report.sources.source import Laterality, Source
from inference.volume.probabilities import ClassProbabilities
from storage.base.errors import ModelError

DECIMALS = 6


@dataclass(frozen=True)
class ClassFinding:
    """One label of the manifest in this image or volume."""

    label: Label
    laterality: Laterality | None
    tracking_id: str
    tracking_uid: str
    probability: float
    threshold: float
    temperature: float

    @property
    def present(self) -> bool:
        return self.probability >= self.threshold


def find_classes(found: ClassProbabilities, manifest: Manifest, source: Source, identity: Identity) -> tuple[ClassFinding, ...]:
    """Every label of the manifest, in its order.

    Raises
    ------
    ModelError
        Code ``output-labels``: not one probability a label and one for "none of them".
    """
    rules = manifest.classification
    if rules is None or len(found.probabilities) != 1 + len(manifest.labels):
        raise ModelError(f"{manifest.name} gave {len(found.probabilities)} probabilities", code="output-labels")
    return tuple(
        ClassFinding(
            label=label,
            laterality=label.laterality or source.laterality,
            tracking_id=f"{manifest.name} {label.name}"[:64],
            tracking_uid=identity.uid("tracking", str(label.value)),
            probability=round(float(found.probabilities[label.value]), DECIMALS),
            threshold=threshold,
            temperature=rules.temperature,
        )
        for label, threshold in zip(manifest.labels, rules.thresholds, strict=True)
    )


def as_record(finding: ClassFinding) -> dict[str, Any]:
    """A finding as the job's row and the JSON report keep it."""
    return {
        "label": finding.label.name,
        "label_value": finding.label.value,
        "laterality": finding.laterality,
        "present": finding.present,
        "probability": finding.probability,
        "threshold": finding.threshold,
        "temperature": finding.temperature,
        "type": finding.label.type.model_dump(),
        "tracking_uid": finding.tracking_uid,
    }
