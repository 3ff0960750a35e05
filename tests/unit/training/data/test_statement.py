"""The data statement says what a data set holds, and the same each time."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tests.unit.training.data.made import THIRDS, recipe_of, volume, write_pair, write_pairs
from training.data import make_statement, read_parts
from training.data.statement.outliers import modified_z

NIFTI = {"kind": "nifti", "duplicates": {"treat": "drop", "contradictions": "keep"}}


def _set(folder: Path) -> Path:
    """Twenty cases, of which one is bright, one has a giant label, one repeats another."""
    write_pairs(folder, range(1, 21))
    voxels, labels = volume(9)
    write_pair(folder, 9, voxels * 1000, labels)
    voxels, labels = volume(10)
    labels[:, 0:5, :] = 1
    write_pair(folder, 10, voxels, labels)
    write_pair(folder, 15, *volume(3))
    return folder


RECIPE = recipe_of(NIFTI | {"split": {"kind": "ranges", "train": [1, 12], "validate": [13, 15], "test": [16, 19]}})


def test_counts_figures_and_findings(tmp_path: Path) -> None:
    statement = make_statement(read_parts(RECIPE, _set(tmp_path)))
    told = statement.document
    assert {part: told["parts"][part]["cases"] for part in told["parts"]} == {"train": 11, "validate": 3, "test": 4}
    assert told["all"]["in_no_part"] == 1
    assert told["geometry"]["size"]["rows"] == {"median": 8.0, "least": 8.0, "greatest": 8.0}
    assert told["labels"]["Left lung"]["test"] == {
        "held_by": 4,
        "of": 4,
        "volume": {"median": 54.0, "least": 54.0, "greatest": 54.0},
    }
    apart = {(outlier["case"], outlier["what"]) for outlier in told["outliers"]}
    assert {("case_009", "intensity scale"), ("case_010", "volume of Left lung")} <= apart
    assert told["intensity"]["train"]["scale_ratio"] > 500 > 10 > told["intensity"]["test"]["scale_ratio"]
    assert told["duplicates"]["dropped"] == {"case_003": "nearly the same image as case_015"}
    assert told["duplicates"]["pairs"] == [{"first": "case_003", "second": "case_015", "correlation": 1.0, "exact": True}]


def test_text_and_document_are_whole_and_repeat(tmp_path: Path) -> None:
    first = make_statement(read_parts(RECIPE, _set(tmp_path)))
    again = make_statement(read_parts(RECIPE, tmp_path))
    assert first.text == again.text and json.dumps(first.document) == json.dumps(again.document, allow_nan=False)
    for words in ("| train | 11 | 11 |", "1 further cases are in no part", "case_003 and case_015", "By case: nothing is known"):
        assert words in first.text
    assert str(tmp_path) not in first.text


@pytest.mark.parametrize(
    ("group", "says"),
    [
        ({"by": "consecutive", "size": 2, "means": "person"}, "all cases of one person are in one part"),
        ({"by": "pattern", "pattern": "_(..)", "means": "examination"}, "By examination, not by person"),
    ],
)
def test_what_grouping_means_is_said(tmp_path: Path, group: dict[str, object], says: str) -> None:
    write_pairs(tmp_path, range(1, 41, 2))
    dataset = read_parts(recipe_of(NIFTI | {"split": THIRDS, "group": group}), tmp_path)
    assert says in make_statement(dataset).text


def test_phantoms_are_painted_for_their_statement() -> None:
    split = {"kind": "ranges", "train": [1, 1], "validate": [2, 2], "test": [3, 3]}
    data = {"kind": "phantom", "size_kji": [6, 8, 10], "spacing_mm_kji": [48.0, 50.0, 40.0], "split": split}
    told = make_statement(read_parts(recipe_of(data), None)).document
    assert told["duplicates"] == {"checked": False} and told["parts"]["test"]["cases"] == 1


def test_modified_z_by_hand() -> None:
    values = np.array([1.0, 2.0, 3.0, 4.0, 100.0])  # median 3, deviations 2 1 0 1 97, their median 1
    assert np.allclose(modified_z(values), 0.6745 * np.array([-2, -1, 0, 1, 97]))
    assert np.allclose(modified_z(np.array([0.0, 0, 0, 0, 5])), np.array([0, 0, 0, 0, 5 / 1.253314]))
    assert not modified_z(np.full(9, 7.0)).any()
    assert abs(modified_z(np.array([1.0, 1.00001, 0.99999, 1.00002, 1.4]))).max() < 10  # spacings written with few decimals
