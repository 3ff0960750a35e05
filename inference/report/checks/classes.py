"""Checks of the measurement groups of a classification: every number against the model's own probabilities and manifest."""

from __future__ import annotations

from collections.abc import Sequence

from pydicom.dataset import Dataset

from inference.manifest import Classification, Manifest
from inference.report.checks.sr import Expected, check_document, check_group, check_number, numbers_of
from inference.report.codes import table
from inference.report.expect import expect
from inference.report.identity import Identity
from inference.report.sources.source import Source
from inference.report.sr.classes import TEMPERATURE, THRESHOLD
from inference.report.sr.reading import of_type
from inference.report.statements.classes import DECIMALS, ClassFinding
from inference.volume.probabilities import ClassProbabilities

_HALF_A_DIGIT = 0.5000001 * 10**-DECIMALS


def check_class_report(
    stored: Dataset,
    found: ClassProbabilities,
    findings: tuple[ClassFinding, ...],
    manifest: Manifest,
    source: Source,
    identity: Identity,
) -> None:
    """Check the SR of a classification that was read back.

    Raises
    ------
    ModelError
        See ``inference.report.checks.read_back``.
    """
    groups = check_document(stored, source, None, identity, len(manifest.labels))
    check_class_groups(groups, found, findings, manifest, source, identity)


def check_class_groups(
    groups: Sequence[Dataset],
    found: ClassProbabilities,
    findings: tuple[ClassFinding, ...],
    manifest: Manifest,
    source: Source,
    identity: Identity,
) -> None:
    """Check one group a finding, in their order."""
    rules = manifest.classification
    expect(rules is not None, "values", "the manifest states no thresholds")
    for group, finding in zip(groups, findings, strict=True):
        if rules is not None:
            _check(group, finding, float(found.probabilities[finding.label.value]), rules, identity)
        _check_images(group, source)


def _check(group: Dataset, finding: ClassFinding, probability: float, rules: Classification, identity: Identity) -> None:
    """The stated number is the model's, and it alone decides between Present and Absent."""
    item = numbers_of(group, 1)[0]
    value = check_number(item, table().concepts["probability"], table().concepts["unity"])
    expect(0.0 <= value <= 1.0 and abs(value - probability) <= _HALF_A_DIGIT, "values", "a probability isn't the model's")
    threshold = rules.thresholds[finding.label.value - 1]
    expected = Expected(
        template="1501",
        label=finding.label,
        tracking=(finding.tracking_id, finding.tracking_uid),
        site=finding.label.site,
        laterality=finding.laterality,
        present=value >= threshold,
        stated=(f"{THRESHOLD}: {threshold}", f"{TEMPERATURE}: {rules.temperature}"),
    )
    check_group(group, expected, identity)


def _check_images(group: Dataset, source: Source) -> None:
    """The one image that was classified is the group's source; a volume is told by the evidence."""
    images = [item.ReferencedSOPSequence[0] for item in of_type(group, "IMAGE")]
    named = [str(image.ReferencedSOPInstanceUID) for image in images]
    expect(named == ([] if len(source.frames) > 1 else list(source.sop_instance_uids)), "references", "a source image is wrong")
    numbers = [image.get("ReferencedFrameNumber") for image in images]
    expect(numbers == [source.frames[0].reference.frame_number] * len(images), "references", "a source image's frame is wrong")
