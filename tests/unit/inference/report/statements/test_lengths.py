"""The circumference of a head: the number, what makes it doubtful, and when there is none."""

from __future__ import annotations

import math
from collections.abc import Callable
from copy import deepcopy

import numpy as np
import pytest
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from inference.report import build_report
from inference.report.checks.read_back import read_back
from inference.report.checks.targets import check_report
from inference.report.identity import identify
from inference.report.sources.source import read_source
from inference.report.statements.lengths import UNCALIBRATED, circumference, find_lengths
from inference.report.statements.measurements import find_targets
from storage.base.errors import ModelError
from tests.support.wrapped_images import dx_image, us_region
from tests.unit.inference.report.inputs import DIGEST, HEAD_CIRCUMFERENCE, disc, head_finder, label_map_of, results_of, task
from tests.unit.inference.report.sr.test_sr import groups_of, values_of

ROWS, COLUMNS = 120, 160
GREY = np.zeros((ROWS, COLUMNS), np.uint8)
SPACING = (0.5, 0.25)
ROUND = disc((ROWS, COLUMNS), (60, 80), (30, 60))  # 15 mm in both directions


def test_a_circle_of_15_mm_is_told_in_millimetres_under_its_code_in_the_heads_group() -> None:
    source = [us_region(GREY, SPACING)]
    results, (record,) = build_report(source, label_map_of(source, ROUND), head_finder(), DIGEST, task())
    (length,) = record["lengths"]
    assert length["mm"] == pytest.approx(2 * math.pi * 15, rel=2e-3)
    assert (length["name"], length["code"]) == ("Head circumference", HEAD_CIRCUMFERENCE)
    assert record["area_mm2"] == pytest.approx(math.pi * 15**2, rel=5e-3)
    assert "notes" not in record
    (group,) = groups_of(read_back(results[1].payload))
    assert group.ContentTemplateSequence[0].TemplateIdentifier == "1410"
    (item,) = values_of(group, "11984-2")
    measured = item.MeasuredValueSequence[0]
    assert float(measured.NumericValue) == length["mm"]
    unit = measured.MeasurementUnitsCodeSequence[0]
    assert (unit.CodeValue, unit.CodingSchemeDesignator) == ("mm", "UCUM")
    text = results[3].payload.decode()
    assert f"Head Circumference {length['mm']} mm" in text
    assert "Head circumference: circumference of the ellipse" in text


def test_an_absent_head_is_absent_and_has_no_length() -> None:
    source = [us_region(GREY, SPACING)]
    results, records = build_report(source, label_map_of(source, np.zeros_like(ROUND)), head_finder(), DIGEST, task())
    assert [item.role for item in results] == ["sr", "overlay", "text", "json"]
    assert (records[0]["present"], "lengths" in records[0]) == (False, False)
    (group,) = groups_of(read_back(results[0].payload))
    assert [item.ValueType for item in group.ContentSequence].count("NUM") == 0
    assert values_of(group, "121052")[0].ConceptCodeSequence[0].CodeMeaning == "Absent"


def lengths_of(labels: NDArray[np.uint8]) -> tuple[float | None, tuple[str, ...]]:
    package = head_finder()
    (length,), notes = find_lengths(package.labels[0], package, labels[0] == 1, SPACING)
    return length.mm, notes


@pytest.mark.parametrize("centre", [(29, 80), (90, 80), (60, 59), (60, 100)])
def test_a_head_at_the_edge_keeps_its_number_and_gets_a_note(centre: tuple[int, int]) -> None:
    mm, notes = lengths_of(disc((ROWS, COLUMNS), centre, (30, 60)))
    assert mm == pytest.approx(2 * math.pi * 15, rel=2e-2)
    assert notes == ("Head circumference: the mask touches the edge of the image, so the length may be too short",)
    assert lengths_of(ROUND)[1] == ()


def test_a_head_cut_by_the_crop_that_the_model_sees_gets_a_note_too() -> None:
    """Of 120 rows and 160 columns a square crop is columns 20 to 139."""
    package = head_finder()
    package = package.model_copy(update={"grid": package.grid.model_copy(update={"fit": "crop", "patch": (64, 64)})})
    for first, touched in ((20, True), (21, False), (60, False)):
        mask = np.zeros((ROWS, COLUMNS), dtype=bool)
        mask[40:80, first:100] = True
        notes = find_lengths(package.labels[0], package, mask, SPACING)[1]
        assert [("what the model sees" in note) for note in notes] == [True] * touched


def test_pixels_in_a_row_have_no_circumference() -> None:
    line = np.zeros_like(ROUND)
    line[0, 60, 20:100] = 1
    mm, notes = lengths_of(line)
    assert mm is None and "too thin" in notes[0]


def test_nothing_is_measured_without_a_spacing_in_the_patient() -> None:
    """An X-ray detector's own spacing is none: the head before it is magnified."""
    for source in ([us_region(GREY, None)], [dx_image(GREY)]):
        results, records = build_report(source, label_map_of(source, ROUND), head_finder(), DIGEST, task())
        assert (records[0]["present"], records[0]["area_mm2"], records[0]["lengths"][0]["mm"]) == (True, None, None)
        assert records[0]["notes"] == [UNCALIBRATED]
        (group,) = groups_of(read_back(results[1].payload))
        assert [item.ValueType for item in group.ContentSequence].count("NUM") == 0
        assert values_of(group, "121052")[0].ConceptCodeSequence[0].CodeMeaning == "Present"
        assert values_of(group, "121106")[0].TextValue == UNCALIBRATED


def _number(sr: Dataset, code: str = "11984-2") -> Dataset:
    measured: Dataset = values_of(groups_of(sr)[0], code)[0].MeasuredValueSequence[0]
    return measured


def _without(code: str) -> Callable[[Dataset], None]:
    def drop(sr: Dataset) -> None:
        (group,) = groups_of(sr)
        group.ContentSequence = [item for item in group.ContentSequence if item not in values_of(group, code)]

    return drop


DEFECTS: dict[str, Callable[[Dataset], None]] = {
    "another length": lambda sr: setattr(_number(sr), "NumericValue", "94.5"),
    "centimetres": lambda sr: setattr(_number(sr).MeasurementUnitsCodeSequence[0], "CodeValue", "cm"),
    "another name": lambda sr: setattr(
        values_of(groups_of(sr)[0], "11984-2")[0].ConceptNameCodeSequence[0], "CodeValue", "11979-2"
    ),
    "no length": _without("11984-2"),
    "another area": lambda sr: setattr(_number(sr, "42798000"), "NumericValue", "700"),
    "no note": _without("121106"),
}


Check = Callable[[Dataset], None]


@pytest.fixture(scope="module")
def finished() -> tuple[Dataset, Check]:
    """A report of a head at the edge, and its check."""
    source = [us_region(GREY, SPACING)]
    label_map, package = label_map_of(source, disc((ROWS, COLUMNS), (20, 80), (30, 60))), head_finder()
    results = results_of(source, label_map, package)
    seg, sr = (read_back(results[role].payload) for role in ("seg", "sr"))
    read, identity = read_source(source, label_map), identify(package, DIGEST, task())
    targets = find_targets(label_map, package, read, identity)
    return sr, lambda sr: check_report(sr, seg, {1: targets[0].voxels}, read, targets, identity)


@pytest.mark.parametrize("defect", DEFECTS)
def test_a_defect_of_a_length_is_found(defect: str, finished: tuple[Dataset, Check]) -> None:
    sr, check = deepcopy(finished[0]), finished[1]
    check(sr)
    DEFECTS[defect](sr)
    with pytest.raises(ModelError) as failure:
        check(sr)
    assert failure.value.reason_code == "report-values"


@pytest.mark.parametrize("spacing", [(0.5, 0.5), (0.3, 0.7), (0.123, 0.1), (1 / 3, 0.7)])
@pytest.mark.parametrize("count", [1, 2, 7, 50])
@pytest.mark.parametrize("step", [(1, 0), (0, 1), (1, 1), (1, 2)], ids=str)
def test_pixels_in_a_row_of_any_slant_have_no_circumference(
    spacing: tuple[float, float], count: int, step: tuple[int, int]
) -> None:
    mask = np.zeros((128, 128), dtype=bool)
    for n in range(count):
        mask[3 + n * step[0], 5 + n * step[1]] = True
    assert circumference(mask, spacing) is None
