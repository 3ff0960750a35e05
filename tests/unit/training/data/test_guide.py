"""The examples of the guide are valid, and between them use every kind of source."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from tests.unit.training.data.made import recipe_of

GUIDE = Path(__file__).parents[4] / "training" / "data" / "README.md"


def test_examples_are_valid_data_sections() -> None:
    examples: list[dict[str, Any]] = [yaml.safe_load(text) for text in re.findall(r"```yaml\n(.*?)```", GUIDE.read_text(), re.S)]
    assert {example["kind"] for example in examples} == {"nifti", "series", "png", "csv", "npz", "dicom", "nnunet"}
    for example in examples:
        assert recipe_of(example).data.kind == example["kind"]
