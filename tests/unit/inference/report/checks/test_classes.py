"""Every check of a classification's report fails on the defect it is there for."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass

import numpy as np
import pytest
from pydicom.dataset import Dataset

from inference.report.checks.classes import check_class_report
from inference.report.checks.read_back import read_back
from inference.report.identity import Identity, identify
from inference.report.sources.source import Source, read_source
from inference.report.statements.classes import ClassFinding, find_classes
from inference.volume import ClassProbabilities
from storage.base.errors import ModelError
from tests.support.wrapped_images import dx_image
from tests.unit.inference.report.inputs import DIGEST, classifier, probabilities_of, results_of, task
from tests.unit.inference.report.sr.test_sr import groups_of, values_of


@dataclass(frozen=True, eq=False)
class Finished:
    """A finished report with what it was made from."""

    sr: Dataset
    found: ClassProbabilities
    findings: tuple[ClassFinding, ...]
    source: Source
    identity: Identity

    def check(self, sr: Dataset) -> None:
        check_class_report(sr, self.found, self.findings, classifier(), self.source, self.identity)


@pytest.fixture(scope="module")
def finished() -> Finished:
    datasets = [dx_image(np.zeros((20, 20), np.uint8))]
    found, package = probabilities_of(datasets, 0.55, 0.2), classifier()
    sr = read_back(results_of(datasets, found, package)["sr"].payload)
    source, identity = read_source(datasets, found), identify(package, DIGEST, task())
    return Finished(sr, found, find_classes(found, package, source, identity), source, identity)


def test_an_untouched_report_passes(finished: Finished) -> None:
    finished.check(deepcopy(finished.sr))


def _item(sr: Dataset, code: str) -> Dataset:
    return values_of(groups_of(sr)[0], code)[0]


def _number(sr: Dataset) -> Dataset:
    measured: Dataset = _item(sr, "122157").MeasuredValueSequence[0]
    return measured


def _double(sr: Dataset) -> None:
    group = groups_of(sr)[0]
    group.ContentSequence.append(deepcopy(_item(sr, "122157")))


def _state(sr: Dataset, number: int, text: str) -> None:
    values_of(groups_of(sr)[0], "111002")[number].TextValue = text


def _segmenting(sr: Dataset) -> None:
    for item in sr.ContributingEquipmentSequence:
        item.ContributionDescription = "Automatic segmentation; not for clinical use"


def _to(code: str, value: str) -> Callable[[Dataset], None]:
    return lambda sr: setattr(_item(sr, code).ConceptCodeSequence[0], "CodeValue", value)


DEFECTS: dict[str, tuple[str, Callable[[Dataset], None]]] = {
    "another probability": ("values", lambda sr: setattr(_number(sr), "NumericValue", "0.551")),
    "a percentage": ("values", lambda sr: setattr(_number(sr), "NumericValue", "55")),
    "another unit": ("values", lambda sr: setattr(_number(sr).MeasurementUnitsCodeSequence[0], "CodeValue", "%")),
    "another scheme of the unit": (
        "values",
        lambda sr: setattr(_number(sr).MeasurementUnitsCodeSequence[0], "CodingSchemeDesignator", "99X"),
    ),
    "another concept": (
        "values",
        lambda sr: setattr(_item(sr, "122157").ConceptNameCodeSequence[0], "CodeValue", "111012"),
    ),
    "a second number": ("values", _double),
    "another threshold": ("values", lambda sr: _state(sr, -2, "threshold: 0.5")),
    "another temperature": ("values", lambda sr: _state(sr, -1, "softmax temperature: 1")),
    "another model's digest": ("values", lambda sr: _state(sr, 0, "model digest: sha256:0")),
    "no research mark on the algorithm": ("values", lambda sr: _state(sr, 1, "intended use: any")),
    "absent for present": ("template", _to("121052", "272519000")),
    "another finding": ("template", _to("121071", "1")),
    "another category": ("template", _to("276214006", "1")),
    "another site": ("template", _to("363698007", "80891009")),
    "another tracking identifier": ("template", lambda sr: setattr(_item(sr, "112040"), "UID", "1.2")),
    "another version": ("equipment", lambda sr: setattr(_item(sr, "111003"), "TextValue", "9")),
    "another image": (
        "references",
        lambda sr: setattr(_item(sr, "121112").ReferencedSOPSequence[0], "ReferencedSOPInstanceUID", "1.2"),
    ),
    "a frame of the image": (
        "references",
        lambda sr: setattr(_item(sr, "121112").ReferencedSOPSequence[0], "ReferencedFrameNumber", 2),
    ),
    "a contribution that it wasn't": ("equipment", _segmenting),
}  # fmt: skip


@pytest.mark.parametrize("defect", DEFECTS)
def test_a_defect_is_found(defect: str, finished: Finished) -> None:
    code, spoil = DEFECTS[defect]
    sr = deepcopy(finished.sr)
    spoil(sr)
    with pytest.raises(ModelError) as failure:
        finished.check(sr)
    assert failure.value.reason_code == f"report-{code}"
