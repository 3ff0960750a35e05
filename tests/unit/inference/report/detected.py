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
from inference.report.sources.source import Source, read_source
from inference.report.sr.build import build_report_document
from inference.report.sr.detections import detection_groups
from inference.report.statements.detections import Sought, find_detections
from inference.report.statements.rules import DetectionRules
from inference.volume import assemble
from inference.volume.boxes import Detections
from tests.unit.inference.report.inputs import DIGEST, classifier, task

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
        check_detection_report(sr, seg, self.found, self.sought, RULES, self.source, self.identity)

    def picture(self) -> bytes:
        return draw_detections(self.source, self.sought, self.identity)


def finder() -> Manifest:
    """A made-up detector with two labels: one in the lung, one at no stated site."""
    return classifier(name="lesion-finder")


def detections_of(datasets: Sequence[Dataset], rows: Rows, segments: Sequence[int] | None = None, dims: int = 0) -> Detections:
    """Boxes on the grid of a source; ``dims`` tells an image from a volume where there are none."""
    dims = dims or (3 if len(datasets) > 1 or "NumberOfFrames" in datasets[0] else 2)
    volume = assemble(datasets, spatial_dims=dims, scale="unknown")
    boxes: NDArray[np.float64] = np.array([row[0] for row in rows], np.float64).reshape(-1, 2 * dims)
    numbers = None if segments is None else np.array(segments, np.int64)
    scores, labels = np.array([row[1] for row in rows], np.float64), np.array([row[2] for row in rows], np.int64)
    return Detections.on(volume, boxes, scores, labels, numbers)


def detected(
    datasets: Sequence[Dataset], rows: Rows, seg: Dataset | None = None, segments: Sequence[int] | None = None
) -> Detected:
    """The report of these boxes, in which a mask is named where there are a SEG and segments."""
    found, package = detections_of(datasets, rows, segments), finder()
    source = read_source(datasets, found)
    identity = replace(identify(package, DIGEST, task()), task="detection")
    sought = find_detections(found, package, RULES, source, identity)
    groups = detection_groups(sought, source, seg, package, identity)
    return Detected(found, sought, source, identity, encode(build_report_document(source, seg, groups, identity)))
