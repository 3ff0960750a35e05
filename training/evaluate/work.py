"""An evaluation under way: cases are measured one by one and forgotten but for their figures and one slice each."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from inference.engine.package import LoadedModel
from storage.base.clock import Clock
from training.data.case import Case
from training.evaluate.baselines.classes import ClassBaseline
from training.evaluate.baselines.fit import Baseline
from training.evaluate.baselines.masks import MaskBaseline
from training.evaluate.baselines.uptake import UptakeBaseline
from training.evaluate.classification import class_names, summarise_classification, worst_classified
from training.evaluate.classified import ClassifiedCases
from training.evaluate.facts import Facts, facts_of
from training.evaluate.figures.classes import Probabilities
from training.evaluate.options import Options
from training.evaluate.page.gallery import Gallery
from training.evaluate.pictures import Picture
from training.evaluate.results import AS_IS, MIRRORED, WITHOUT, Evaluation, Subject
from training.evaluate.segmentation import summarise_segmentation, worst_segmented
from training.evaluate.segmented import SegmentedCase, column, measure_case
from training.evaluate.served import at_temperature, labels_of, mirrored, probabilities_of, without

MOST_PICTURES = 24
"""Of the worst cases of all labels together, so that a page of many labels stays small; one of each label at least."""


@dataclass
class Work:
    """An evaluation under way: ``take`` each case, then ``finish``."""

    model: LoadedModel
    subject: Subject
    options: Options
    ways: tuple[str, ...]
    baseline: Baseline | None
    clock: Clock
    cases: list[Facts] = field(default_factory=list)
    gallery: Gallery = field(default_factory=Gallery)

    def take(self, case: Case) -> None:
        """Measure a case."""
        raise NotImplementedError

    def finish(self) -> Evaluation:
        """The figures of all cases that were taken."""
        raise NotImplementedError

    def way(self, case: Case, way: str) -> Case:
        """The case as this way shows it."""
        if way.startswith(WITHOUT):
            return without(case, way.removeprefix(WITHOUT))
        return mirrored(case) if way == MIRRORED else case


@dataclass
class MaskWork(Work):
    rows: dict[str, list[SegmentedCase]] = field(default_factory=dict)
    simple: list[SegmentedCase] = field(default_factory=list)

    def take(self, case: Case) -> None:
        manifest, tolerance = self.model.manifest, self.options.surface_tolerance
        for way in self.ways:
            shown = self.way(case, way)
            begun_s = self.clock.monotonic_s()
            predicted = labels_of(self.model, shown)
            seconds = self.clock.monotonic_s() - begun_s
            self.rows.setdefault(way, []).append(measure_case(predicted, shown, manifest, tolerance, seconds))
            if way == AS_IS:
                self.gallery.add(case, predicted)
        if isinstance(self.baseline, MaskBaseline | UptakeBaseline):
            self.simple.append(measure_case(self.baseline.labels(case), case, manifest, tolerance, 0.0))
        self.cases.append(facts_of(case))

    def finish(self) -> Evaluation:
        beside = (self.baseline.name, self.simple) if isinstance(self.baseline, MaskBaseline | UptakeBaseline) else None
        found = summarise_segmentation(self.subject, self.rows, self.options, beside)
        return replace(found, pictures=tuple(self._pictures()))

    def _pictures(self) -> list[Picture]:
        rows, pictures = self.rows[AS_IS], list[Picture]()
        most = min(self.options.worst_cases, max(1, MOST_PICTURES // len(self.model.manifest.labels)))
        for label in self.model.manifest.labels:
            scores = zip(rows, column(rows, label.name, "dice"), strict=True)
            captions = {row.facts.name: f"{row.facts.name}, {label.name}, Dice {score:.3f}" for row, score in scores}
            ranked = worst_segmented(rows, label.name)
            pictures += self.gallery.pictures(ranked, captions, most, label.value)
        return pictures


@dataclass
class ClassWork(Work):
    probabilities: dict[str, list[Probabilities]] = field(default_factory=dict)
    seconds: dict[str, list[float]] = field(default_factory=dict)
    plain: list[Probabilities] = field(default_factory=list)
    simple: list[Probabilities] = field(default_factory=list)

    def take(self, case: Case) -> None:
        for way in self.ways:
            begun_s = self.clock.monotonic_s()
            self.probabilities.setdefault(way, []).append(probabilities_of(self.model, self.way(case, way)))
            self.seconds.setdefault(way, []).append(self.clock.monotonic_s() - begun_s)
        if self._tempered:
            self.plain.append(probabilities_of(at_temperature(self.model, 1.0), case))
        if isinstance(self.baseline, ClassBaseline):
            self.simple.append(self.baseline.probabilities(case))
        self.gallery.add(case)
        self.cases.append(facts_of(case))

    @property
    def _tempered(self) -> bool:
        stated = self.model.manifest.classification
        return stated is not None and stated.temperature != 1.0

    def finish(self) -> Evaluation:
        plain = np.stack(self.plain) if self.plain else None
        ways = {
            way: ClassifiedCases(self.cases, np.stack(rows), self.seconds[way], plain if way == AS_IS else None)
            for way, rows in self.probabilities.items()
        }
        beside = (self.baseline.name, np.stack(self.simple)) if isinstance(self.baseline, ClassBaseline) else None
        found = summarise_classification(self.subject, self.model.manifest, ways, self.options, beside)
        pictures = self.gallery.pictures(worst_classified(ways[AS_IS]), self._captions(ways[AS_IS]), self.options.worst_cases)
        return replace(found, pictures=tuple(pictures))

    def _captions(self, rows: ClassifiedCases) -> dict[str, str]:
        names = class_names(self.subject.labels)
        told = zip(rows.cases, rows.truth, rows.probabilities, strict=True)
        return {
            case.name: f"{case.name}, true {names[truth]}, most probable {names[int(p.argmax())]} ({p.max():.2f})"
            for case, truth, p in told
        }
