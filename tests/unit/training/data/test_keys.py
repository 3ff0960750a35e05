"""Keys of the data section that contradict each other or can't be meant are named before any data is looked at."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from tests.unit.training.data.made import RANGES, THIRDS, recipe_of
from training.data.sources.files import inside

NIFTI = {"kind": "nifti"}
PNG = {"kind": "png"}


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (NIFTI | {"split": RANGES | {"number": r"\d+"}}, "needs a parenthesis"),
        (NIFTI | {"split": RANGES | {"number": "("}}, "is no regular expression"),
        (NIFTI | {"split": RANGES | {"test": [6, 8]}}, "must not overlap"),
        (NIFTI | {"split": THIRDS | {"shares": {"train": 1.0}}}, "train, validate and test"),
        (NIFTI | {"split": THIRDS | {"shares": {"train": 0.5, "validate": 0.2, "test": 0.2}}}, "sum to 1"),
        (NIFTI | {"group": {"by": "pattern"}}, "needs the key pattern"),
        (NIFTI | {"group": {"by": "column"}}, "needs the key column"),
        (NIFTI | {"group": {"by": "study", "means": "person"}}, "a study is an examination"),
        (NIFTI | {"duplicates": {"treat": "ignore"}}, r"data\.nifti\.duplicates\.treat"),
        (PNG | {"spacing_column": "mm"}, "a column is named, but no table"),
        (PNG | {"class_from": "verdict"}, "a column is named, but no table"),
        (PNG | {"masks": "*/{stem}.png"}, "name the folder by {folder}"),
        (PNG | {"spacing_mm": -1}, r"spacing_mm"),
        ({"kind": "dicom", "labels": {"a": 1}}, "must be drawn or given"),
        ({"kind": "dicom", "labels": {}, "split": THIRDS}, r"data\.dicom\.labels"),
        ({"kind": "phantom-pictures", "of": "chest", "split": THIRDS}, r"phantom-pictures\.split"),
    ],
)
def test_the_key_is_named(data: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        recipe_of(data)


def test_a_pattern_that_stays_inside() -> None:
    assert inside("a/*/b.png", "data.images") == "a/*/b.png"
