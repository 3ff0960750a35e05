"""Each head's share in the report of several: its measurement groups, their check, its records, its share of the picture."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from pydicom.dataset import Dataset

from inference.manifest import Manifest
from inference.report.checks.classes import check_class_groups
from inference.report.checks.detections import check_detection_groups, group_count
from inference.report.checks.targets import check_target_groups
from inference.report.identity import Identity
from inference.report.pictures.classes import class_line
from inference.report.pictures.detections import detection_lines
from inference.report.pictures.parts import Line
from inference.report.results import Records
from inference.report.sources.source import Source
from inference.report.sr.classes import class_groups
from inference.report.sr.detections import detection_groups
from inference.report.sr.targets import Group, target_groups
from inference.report.statements import classes, detections, measurements
from inference.report.statements.detections import Sought
from inference.report.statements.measurements import Target
from inference.report.statements.rules import detection_rules
from inference.volume.boxes import Detections
from inference.volume.probabilities import ClassProbabilities


@dataclass(frozen=True)
class Share:
    """What one head adds.

    Attributes
    ----------
    groups : makes its measurement groups; given the SEG, or None where nothing was segmented.
    check : checks these groups as they were read back; given the SEG that was read back, and its voxels by segment.
    count : how many groups there must be. records : one a label. legend : lines under the picture. boxes : drawn in it.
    """

    groups: Callable[[Dataset | None], Sequence[Group]]
    check: Callable[[Sequence[Dataset], Dataset | None, Mapping[int, int]], None]
    count: int
    records: Records
    legend: tuple[Line, ...] = ()
    boxes: tuple[Sought, ...] = ()


def share_of_targets(targets: Sequence[Target], source: Source, manifest: Manifest, identity: Identity) -> Share:
    """Of masks; the picture says their lines itself."""
    return Share(
        groups=lambda seg: target_groups(targets, source, seg, manifest, identity),
        check=lambda groups, seg, counts: check_target_groups(groups, seg, counts, source, targets, identity),
        count=len(targets),
        records=[measurements.as_record(target) for target in targets],
    )


def share_of_classes(found: ClassProbabilities, source: Source, manifest: Manifest, identity: Identity) -> Share:
    """Of the image's classes."""
    findings = classes.find_classes(found, manifest, source, identity)
    return Share(
        groups=lambda _seg: class_groups(findings, source, manifest, identity),
        check=lambda groups, _seg, _counts: check_class_groups(groups, found, findings, manifest, source, identity),
        count=len(findings),
        records=[classes.as_record(finding) for finding in findings],
        legend=tuple(class_line(finding) for finding in findings),
    )


def share_of_boxes(found: Detections, source: Source, manifest: Manifest, identity: Identity) -> Share:
    """Of boxes, which have no masks of their own."""
    rules = detection_rules(manifest)
    sought = detections.find_detections(found, manifest, rules, source, identity)
    return Share(
        groups=lambda _seg: detection_groups(sought, source, None, manifest, identity),
        check=lambda groups, _seg, _counts: check_detection_groups(groups, None, {}, found, sought, rules, source, identity),
        count=group_count(sought, None),
        records=[detections.as_record(label) for label in sought],
        legend=tuple(detection_lines(sought)),
        boxes=sought,
    )
