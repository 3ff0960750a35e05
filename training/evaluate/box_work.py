"""An evaluation of a detector under way: cases are measured one by one; boxes stay, of the pixels those of mistakes alone."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from inference.pipeline.detect import rules_of
from training.data.case import Case
from training.evaluate.baselines.objects import BoxBaselines
from training.evaluate.detected.case import detect_case, keeping_all
from training.evaluate.detected.summary import summarise_detection
from training.evaluate.detection.figures import hit_rule
from training.evaluate.detection.pictures import draw_worst, mistakes
from training.evaluate.detection.records import DetectedImage
from training.evaluate.facts import facts_of
from training.evaluate.results import AS_IS, Evaluation
from training.evaluate.work import Work


@dataclass
class BoxWork(Work):
    """Objects."""

    found: dict[str, list[DetectedImage]] = field(default_factory=dict)
    simple: dict[str, list[DetectedImage]] = field(default_factory=dict)
    seconds: list[float] = field(default_factory=list)
    pixels: dict[str, NDArray[np.float32]] = field(default_factory=dict)

    def take(self, case: Case) -> None:
        model = keeping_all(self.model)
        for way in self.ways:
            begun_s = self.clock.monotonic_s()
            found = detect_case(model, self.way(case, way))
            if way == AS_IS:
                self.seconds.append(self.clock.monotonic_s() - begun_s)
                self._keep_pixels(case, found)
            self.found.setdefault(way, []).append(found)
        if isinstance(self.baseline, BoxBaselines):
            for name, image in self.baseline.detect(case).items():
                self.simple.setdefault(name, []).append(image)
        self.cases.append(facts_of(case))

    def finish(self) -> Evaluation:
        evaluation = summarise_detection(
            self.subject, self.model.manifest, self.cases, self.found, self.options, self.simple, self.seconds
        )
        pictures = draw_worst(
            self.found[AS_IS], self.pixels.__getitem__, hit_rule(), least_score=self._least(), most=self.options.worst_cases
        )
        return replace(evaluation, pictures=pictures)

    def _least(self) -> float:
        """The score from which boxes are drawn: the lowest threshold of a label."""
        return min(rules_of(self.model.manifest).thresholds)

    def _keep_pixels(self, case: Case, found: DetectedImage) -> None:
        missed, false = mistakes([found], hit_rule(), self._least())
        if missed or false:
            flat = len(self.model.manifest.grid.patch) == 2
            self.pixels[case.name] = (case.voxels_kji[0] if flat else case.voxels_kji).astype(np.float32)
