"""A finished report of a detection for tests, with all that it was made from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from inference.manifest import Manifest
from inference.report.checks.detections import check_detection_report
from inference.report.checks.read_back import read_back
from inference.report.common import encode
from inference.report.identity import Identity, identify
from inference.report.pictures.detections import draw_detections
from inference.report.seg.reading import pixels_of_segment
from inference.report.sources.source import Source, read_source
from inference.report.sr.build import build_report_document
from inference.report.sr.detections import detection_groups
from inference.report.statements.detections import Sought, find_detections
from inference.report.statements.rules import DetectionRules
from inference.volume import assemble
from inference.volume.boxes import Detections
from tests.unit.inference.report.inputs import DIGEST, classifier, head_finder, label_map_of, manifest, results_of, task

RULES = DetectionRules((0.4, 0.3), "sigmoid of the class score, not calibrated")
Rows = Sequence[tuple[Sequence[float], float, int]]
"""Box, score, label value."""


@dataclass(frozen=True, eq=False)
class Detected:
    """What a detector gave, what was read from it, and the stored SR."""

    found: Detections
    sought: tuple[Sought, ...]
    source: Source
    identity: Identity
    payload: bytes

    @property
    def sr(self) -> Dataset:
        return read_back(self.payload)

    def check(self, sr: Dataset, seg: Dataset | None = None) -> None:
        numbers = [] if seg is None else [int(segment.SegmentNumber) for segment in seg.SegmentSequence]
        counts = {number: sum(int(frame.sum()) for frame in pixels_of_segment(seg, number)) for number in numbers if seg}
        check_detection_report(sr, seg, counts, self.found, self.sought, RULES, self.source, self.identity)

    def picture(self) -> bytes:
        return draw_detections(self.source, self.found.mask_map, self.sought, self.identity)


def finder() -> Manifest:
    """A made-up detector with two labels: one in the lung, one at no stated site."""
    return classifier(name="lesion-finder")


def detections_of(
    datasets: Sequence[Dataset],
    rows: Rows,
    segments: Sequence[int] | None = None,
    masks_kji: NDArray[np.uint16] | None = None,
    dims: int = 0,
) -> Detections:
    """Boxes on the grid of a source; ``dims`` tells an image from a volume where there are none."""
    dims = dims or (3 if len(datasets) > 1 or "NumberOfFrames" in datasets[0] else 2)
    volume = assemble(datasets, spatial_dims=dims, scale="unknown")
    boxes: NDArray[np.float64] = np.array([row[0] for row in rows], np.float64).reshape(-1, 2 * dims)
    numbers = None if segments is None else np.array(segments, np.int64)
    scores, labels = np.array([row[1] for row in rows], np.float64), np.array([row[2] for row in rows], np.int64)
    return Detections.on(volume, boxes, scores, labels, numbers, masks_kji)


def detected(
    datasets: Sequence[Dataset],
    rows: Rows,
    seg: Dataset | None = None,
    segments: Sequence[int] | None = None,
    masks_kji: NDArray[np.integer] | None = None,
) -> Detected:
    """The report of these boxes, in which a mask is named and measured where there are a SEG, segments and their voxels."""
    masks = None if masks_kji is None else masks_kji.astype(np.uint16)
    found, package = detections_of(datasets, rows, segments, masks), finder()
    source = read_source(datasets, found)
    identity = replace(identify(package, DIGEST, task()), task="detection")
    sought = find_detections(found, package, RULES, source, identity)
    groups = detection_groups(sought, source, seg, package, identity)
    return Detected(found, sought, source, identity, encode(build_report_document(source, seg, groups, identity)))


def masked(
    datasets: Sequence[Dataset], rows: Rows, labels_kji: NDArray[np.uint8], segments: Sequence[int]
) -> tuple[Detected, Dataset]:
    """The report of boxes whose masks are ``labels_kji``, and the stored SEG of these."""
    package = manifest() if len(datasets) > 1 else head_finder()
    seg = read_back(results_of(datasets, label_map_of(datasets, labels_kji), package)["seg"].payload)
    return detected(datasets, rows, seg, segments, labels_kji), seg
