"""Measurement groups of a classification: one of TID 1501 a label, present or not.

Each states the finding sought, where it would lie if the manifest says so, Present or Absent, the probability (0 to 1, a number
without unit, DCM 122157), and as algorithm parameters the threshold that decided and the temperature that scaled the scores.
The image that was classified is the group's source; of a volume, which has many, evidence alone names them.
"""

from __future__ import annotations

from collections.abc import Sequence

from highdicom.sr import Measurement, MeasurementsAndQualitativeEvaluations

from inference.manifest import Manifest
from inference.report.codes import concept
from inference.report.identity import Identity
from inference.report.sources.source import Source
from inference.report.sr.parts import algorithm, finding_site, group_head, presence, source_images
from inference.report.statements.classes import ClassFinding

THRESHOLD = "threshold"
TEMPERATURE = "softmax temperature"


def class_groups(
    findings: Sequence[ClassFinding], source: Source, manifest: Manifest, identity: Identity
) -> list[MeasurementsAndQualitativeEvaluations]:
    """One group a finding, in their order.

    Source: PS3.16 TID 1501, 300, 1419, 4019.
    """
    return [_group(finding, source, manifest, identity) for finding in findings]


def stated_rules(finding: ClassFinding) -> list[str]:
    """How the probability came about and what was made of it, as algorithm parameters."""
    return [f"{THRESHOLD}: {finding.threshold}", f"{TEMPERATURE}: {finding.temperature}"]


def _group(
    finding: ClassFinding, source: Source, manifest: Manifest, identity: Identity
) -> MeasurementsAndQualitativeEvaluations:
    site = finding_site(finding.label.site, finding.laterality)
    return MeasurementsAndQualitativeEvaluations(
        **group_head(finding.label, finding.tracking_id, finding.tracking_uid, site),
        algorithm_id=algorithm(manifest, identity, stated_rules(finding)),
        measurements=[Measurement(name=concept("probability"), value=finding.probability, unit=concept("unity"))],
        qualitative_evaluations=[presence(finding.present)],
        source_images=source_images(source),
    )
