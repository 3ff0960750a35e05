"""Several named inputs: what a package may ask for, and what doesn't fit."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from inference.manifest import Manifest
from tests.support.packages import manifest

CT: dict[str, Any] = {"name": "ct", "modality": ["CT"], "intensity": {"kind": "window", "lower": -100, "upper": 250}}
PET: dict[str, Any] = {"name": "pet", "modality": ["PT"], "optional": True, "minimum_overlap": 0.5}


def test_the_first_is_the_reference_unless_another_is_named() -> None:
    first = manifest(inputs=[CT, PET])
    other = manifest(inputs=[PET, CT], reference="ct")
    assert first.reference_input.name == other.reference_input.name == "ct"
    assert [given.name for given in other.further_inputs] == ["pet"]
    assert Manifest.model_validate_json(other.model_dump_json()) == other


def test_an_input_without_a_rule_of_its_own_is_scaled_by_that_of_the_manifest() -> None:
    made = manifest(inputs=[CT, PET])
    assert [made.intensity_of(given).kind for given in made.inputs] == ["window", "zscore"]


def test_one_input_means_what_it_meant() -> None:
    made = manifest()
    assert made.reference is None and made.reference_input is made.inputs[0] and made.further_inputs == ()
    assert made.intensity_of(made.inputs[0]) is made.intensity


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"inputs": [CT, CT]}, "inputs: two have one name"),
        ({"inputs": [CT, PET], "reference": "mr"}, "reference: no input is named mr; take one of: ct, pet"),
        ({"inputs": [CT, PET], "reference": "pet"}, "inputs: the reference, .* can't be optional"),
        ({"inputs": [{**CT, "optional": True}]}, "inputs: the reference, .* can't be optional"),
        ({"inputs": [CT, {**PET, "name": "p.et"}]}, "inputs: where there are several, a name is at most 40"),
        ({"inputs": [CT, {**PET, "spatial_dims": 2}]}, "grid.patch: needs one number per spatial dimension"),
        (
            {"inputs": [{**CT, "spatial_dims": 2}, {**PET, "spatial_dims": 2}], "grid": {"spacing_mm": [1, 1], "patch": [8, 8]}},
            "inputs: several must be volumes",
        ),
        (
            {"inputs": [CT, PET], "task": "classification", "classification": {"thresholds": [0.5]}},
            "inputs: a classification takes one input",
        ),
        ({"inputs": [{**CT, "intensity": {"kind": "window", "lower": 2, "upper": 1}}]}, r"inputs\.0\.intensity\.upper: must be"),
        ({"inputs": [CT, {**PET, "intensity": {"kind": "zscore", "lower": -1, "upper": 9}}]}, r"inputs\.1\.intensity: .* perc"),
        ({"inputs": [CT, {**PET, "minimum_overlap": 1.5}]}, "less than or equal to 1"),
    ],
)
def test_what_does_not_fit_is_named(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        manifest(**changes)
