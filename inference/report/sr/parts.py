"""What the measurement groups of every task have in common: site, algorithm, presence, comment."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from highdicom.sr import (
    AlgorithmIdentification,
    FindingSite,
    QualitativeEvaluation,
    RelationshipTypeValues,
    SourceImageForMeasurementGroup,
    TextContentItem,
    TrackingIdentifier,
)

from inference.manifest import Code, Label, Manifest
from inference.report.codes import coded, concept, table
from inference.report.identity import NOT_FOR_CLINICAL_USE, Identity
from inference.report.sources.source import Laterality, Source
from inference.volume.volume import SliceRef


def group_head(label: Label, tracking_id: str, tracking_uid: str, site: FindingSite | None) -> dict[str, Any]:
    """highdicom's keyword arguments that say what a group is about."""
    return {
        "tracking_identifier": TrackingIdentifier(uid=tracking_uid, identifier=tracking_id),
        "finding_type": coded(label.type),
        "finding_category": coded(label.category),
        "finding_sites": None if site is None else [site],
    }


def finding_site(site: Code | None, laterality: Laterality | None) -> FindingSite | None:
    """The site, qualified by the side where one is known (TID 1419)."""
    if site is None:
        return None
    return FindingSite(coded(site), laterality=coded(table().laterality[laterality]) if laterality else None)


def algorithm(manifest: Manifest, identity: Identity, stated: Sequence[str] = ()) -> AlgorithmIdentification:
    """TID 4019; ``stated`` are parameters of this very group."""
    return AlgorithmIdentification(
        name=manifest.name,
        version=manifest.version,
        parameters=algorithm_parameters(identity, stated),
        family=coded(manifest.family),
        manufacturer=manifest.manufacturer,
    )


def algorithm_parameters(identity: Identity, stated: Sequence[str]) -> list[str]:
    """What decided a group's content: the model's digest, its research mark, the task's parameters, then ``stated``."""
    given = [f"{key}={value}" for key, value in identity.parameters]
    use = [] if identity.clinical_use else [f"intended use: {NOT_FOR_CLINICAL_USE}"]
    return [f"model digest: sha256:{identity.model_digest}", *use, *given, *stated]


def presence(present: bool) -> QualitativeEvaluation:
    """Presence of property: Present or Absent."""
    return QualitativeEvaluation(concept("presence"), concept("present" if present else "absent"))


def comment(text: str) -> TextContentItem:
    """A qualitative evaluation in words."""
    return TextContentItem(concept("comment"), text, RelationshipTypeValues.CONTAINS)


def source_images(source: Source) -> list[SourceImageForMeasurementGroup] | None:
    """The one image that a group speaks of; of a volume, which has many, evidence alone names them."""
    if len(source.frames) > 1:
        return None
    origin = source.frames[0].reference
    return [SourceImageForMeasurementGroup(origin.sop_class_uid, origin.sop_instance_uid, frame_numbers(origin))]


def frame_numbers(image: SliceRef) -> list[int] | None:
    """As highdicom takes the frame of an image reference."""
    return None if image.frame_number is None else [image.frame_number]
