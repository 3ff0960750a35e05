"""The report of a model of several tasks: one SEG where something was segmented, and one SR with the groups of every head.

What each head adds is that of its single task. Labels of two heads may have equal values, so their tracking identifiers are
derived with the head's name.
"""

from __future__ import annotations

from collections.abc import Sequence

from pydicom.dataset import Dataset

from inference.manifest import Manifest
from inference.report.checks.read_back import read_back
from inference.report.checks.seg import check_segmentation
from inference.report.checks.sr import check_document
from inference.report.common import encode
from inference.report.heads import Share, share_of_boxes, share_of_classes, share_of_targets
from inference.report.identity import Identity
from inference.report.pictures.overlay import draw_overlay
from inference.report.results import Made, built, dicom_object
from inference.report.seg.build import build_segmentation
from inference.report.sources.source import Source
from inference.report.sr.build import build_report_document
from inference.report.statements.measurements import Target, find_targets
from inference.volume.answers import Answers
from inference.volume.boxes import Detections
from inference.volume.labelmap import LabelMap
from inference.volume.probabilities import ClassProbabilities


def of_answers(source: Source, answers: Answers, manifest: Manifest, identity: Identity) -> Made:
    """SEG and SR, both checked as stored; picture; records."""
    label_map = answers.mask
    alone = manifest.of_head("segmentation")
    targets = find_targets(label_map, alone, source, identity.of_head("segmentation"))
    shares = _shares(source, answers, targets, manifest, identity)
    seg, sr = built(source, lambda: _encoded(source, label_map, targets, shares, alone, identity))
    stored, counts = None, {}
    if seg is not None:
        stored = read_back(seg)
        counts = check_segmentation(stored, source, label_map, targets, identity)
    stored_sr = read_back(sr)
    check_answers(stored_sr, stored, counts, shares, source, identity)
    first = [] if stored is None or seg is None else [dicom_object("seg", stored, seg)]
    boxes, legend = [box for share in shares for box in share.boxes], [line for share in shares for line in share.legend]
    picture = draw_overlay(source, label_map, targets, identity, boxes, legend)
    return [*first, dicom_object("sr", stored_sr, sr)], picture, [record for share in shares for record in share.records]


def _shares(source: Source, answers: Answers, targets: Sequence[Target], manifest: Manifest, identity: Identity) -> list[Share]:
    """Those of all heads, in their order."""
    shares = []
    for head, answer in answers.by_head.items():
        alone, theirs = manifest.of_head(head), identity.of_head(head)
        if isinstance(answer, ClassProbabilities):
            shares.append(share_of_classes(answer, source, alone, theirs))
        elif isinstance(answer, Detections):
            shares.append(share_of_boxes(answer, source, alone, theirs))
        else:
            shares.append(share_of_targets(targets, source, alone, theirs))
    return shares


def _encoded(
    source: Source,
    label_map: LabelMap,
    targets: Sequence[Target],
    shares: Sequence[Share],
    manifest: Manifest,
    identity: Identity,
) -> tuple[bytes | None, bytes]:
    found = any(target.present for target in targets)
    seg = build_segmentation(source, label_map, targets, manifest, identity) if found else None
    groups = [group for share in shares for group in share.groups(seg)]
    sr = build_report_document(source, seg, groups, identity)
    return None if seg is None else encode(seg), encode(sr)


def check_answers(
    stored: Dataset, seg: Dataset | None, counts: dict[int, int], shares: Sequence[Share], source: Source, identity: Identity
) -> None:
    """The document, and each head's groups, which stand one head after the other."""
    seg_uid = None if seg is None else str(seg.SOPInstanceUID)
    groups = check_document(stored, source, seg_uid, identity, sum(share.count for share in shares))
    first = 0
    for share in shares:
        share.check(groups[first : first + share.count], seg, counts)
        first += share.count
