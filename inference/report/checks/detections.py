"""Checks of the measurement groups of a detection against the model's own boxes and scores.

A finding's numbers are checked in ``numbers`` here, where it lies in ``places``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from pydicom.dataset import Dataset

from inference.report.checks.numbers import check_numbers, size_of_mask
from inference.report.checks.places import check_place
from inference.report.checks.sr import Expected, check_document, check_group, numbers_of
from inference.report.expect import expect
from inference.report.identity import Identity
from inference.report.sources.source import Source
from inference.report.sr.detections import SCORE_SCALE, THRESHOLD
from inference.report.sr.reading import of_type
from inference.report.statements.detections import Finding, Sought
from inference.report.statements.lengths import UNCALIBRATED
from inference.report.statements.rules import DetectionRules
from inference.volume.boxes import SCORE_DECIMALS, Detections

_ROUNDING = 0.01  # of corners in pixels and of a certainty in per cent, together


def check_detection_report(
    stored: Dataset,
    seg: Dataset | None,
    counts: Mapping[int, int],
    found: Detections,
    sought: Sequence[Sought],
    rules: DetectionRules,
    source: Source,
    identity: Identity,
) -> None:
    """Check the SR of a detection that was read back.

    Parameters
    ----------
    seg : the SEG that was read back, whose segments the findings name; None where there is none.
    counts : segment number -> voxels of the stored SEG.
    found : what the model gave, unrounded and with boxes below the threshold.

    Raises
    ------
    ModelError
        See ``inference.report.checks.read_back``.
    """
    _check_complete(found, sought, rules)
    uid = None if seg is None else str(seg.SOPInstanceUID)
    groups = check_document(stored, source, uid, identity, group_count(sought, seg))
    check_detection_groups(groups, seg, counts, found, sought, rules, source, identity)


def group_count(sought: Sequence[Sought], seg: Dataset | None) -> int:
    """How many groups state these labels; parameters as for `check_detection_report`."""
    stated = sum(_groups_of(finding, seg) for label in sought for finding in label.findings)
    return stated + sum(not label.findings for label in sought)


def check_detection_groups(
    items: Sequence[Dataset],
    seg: Dataset | None,
    counts: Mapping[int, int],
    found: Detections,
    sought: Sequence[Sought],
    rules: DetectionRules,
    source: Source,
    identity: Identity,
) -> None:
    """Check the groups of all labels, in their order; parameters as for `check_detection_report`."""
    _check_complete(found, sought, rules)
    groups = iter(items)
    for label, threshold in zip(sought, rules.thresholds, strict=True):
        stated = (f"{THRESHOLD}: {threshold}", f"{SCORE_SCALE}: {rules.score_scale}")
        if not label.findings:
            _check_absence(next(groups), label, stated, source, identity)
        for finding in label.findings:
            scored = _of_model(found, label, finding)
            tracking = (finding.tracking_id, finding.tracking_uid)
            for template, mask, group in _kinds(groups, finding, seg):
                size = None if mask is None else size_of_mask(finding, mask, counts)
                notes = () if mask is None or size is not None else (UNCALIBRATED,)
                check_group(group, _expected(label, template, tracking, stated, notes), identity)
                check_numbers(group, float(found.scores[scored]), threshold, size)
                check_place(group, found.boxes[scored], finding, source, seg)


def _check_complete(found: Detections, sought: Sequence[Sought], rules: DetectionRules) -> None:
    """Every box of the model that reaches its threshold is a finding once, and no other."""
    for label, threshold in zip(sought, rules.thresholds, strict=True):
        scores = found.scores[found.labels == label.label.value].round(SCORE_DECIMALS)
        expect(len(label.findings) == int((scores >= threshold).sum()), "values", "not one finding a box above the threshold")
        used = [_of_model(found, label, finding) for finding in label.findings]
        expect(len(set(used)) == len(used), "values", "two findings are one box")


def _of_model(found: Detections, label: Sought, finding: Finding) -> int:
    """Index of the model's box that a finding is: of the label, at the place, with the score; of equals that of its segment."""
    off = np.abs(found.boxes - finding.box).max(axis=1, initial=0.0)
    off += np.abs(100 * found.scores - finding.certainty_percent)
    off[(found.labels != label.label.value) | (found.segments != finding.segment_number)] = np.inf
    expect(off.size > 0 and bool(off.min() <= _ROUNDING), "values", "a finding is no box of the model")
    return int(off.argmin())


def _groups_of(finding: Finding, seg: Dataset | None) -> int:
    return 1 + (finding.corners_lps_mm is not None) + (seg is not None and finding.segment_number > 0)


def _kinds(groups: Iterator[Dataset], finding: Finding, seg: Dataset | None) -> Iterator[tuple[str, Dataset | None, Dataset]]:
    """The groups of a finding with their templates, and the SEG of the one that speaks of the mask."""
    volume = finding.corners_lps_mm is not None
    yield "1410", None, next(groups)
    if volume:
        yield "1411", None, next(groups)
    if seg is not None and finding.segment_number:
        yield "1411" if volume else "1410", seg, next(groups)


def _expected(
    label: Sought, template: str, tracking: tuple[str, str], stated: tuple[str, ...], notes: tuple[str, ...] = ()
) -> Expected:
    side = label.laterality if label.label.site else None
    return Expected(template, label.label, tracking, label.label.site, side, bool(label.findings), stated, notes)


def _check_absence(group: Dataset, label: Sought, stated: tuple[str, ...], source: Source, identity: Identity) -> None:
    tracking = (label.tracking_id, label.tracking_uid)
    check_group(group, _expected(label, "1501", tracking, stated), identity)
    numbers_of(group, 0)
    images = [str(item.ReferencedSOPSequence[0].ReferencedSOPInstanceUID) for item in of_type(group, "IMAGE")]
    expect(images == ([] if len(source.frames) > 1 else list(source.sop_instance_uids)), "references", "a source image is wrong")
