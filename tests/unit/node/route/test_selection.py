"""Which Series of a study a model of several inputs is given, and what a person reads where none or too many fit."""

from __future__ import annotations

import json
from typing import Any

import pytest

from node.route.rules.compile import CompiledRule, compile_rules
from node.route.rules.values import SeriesFacts, series_values
from node.route.selection import FRAME, Candidate, Selection, choose_inputs
from tests.support.packages import manifest
from tests.unit.node.route.rules.headers import header

CT, PET, MR = ({"name": name, "modality": [kind]} for name, kind in (("ct", "CT"), ("pet", "PT"), ("t1", "MR")))
FUSED = manifest("fused", inputs=[CT, PET])
WITHOUT = manifest("fused", inputs=[CT, {**PET, "optional": True}])


def rule(inputs: dict[str, str] | None = None) -> CompiledRule:
    text = {"name": "one", "when": 'Modality == "CT"', "model": "fused", "deliver_to": [], "inputs": inputs or {}}
    return compile_rules(json.dumps({"rules": [text]}), "r").rules[0]


def series(uid: str, modality: str, frame: str = "9", **attributes: Any) -> Candidate:
    names = [FRAME, "Modality", "SeriesDescription", "SeriesInstanceUID", "SliceThickness"]
    held = header(Modality=modality, SeriesInstanceUID=uid, **({FRAME: frame} if frame else {}), **attributes)
    return Candidate(uid, modality, series_values([held], SeriesFacts(), names))


ONE = series("1.1", "CT")


def chosen(*others: Candidate, inputs: dict[str, str] | None = None, model: Any = FUSED, reference: Candidate = ONE) -> Selection:
    return choose_inputs(rule(inputs), model, reference, [reference, *others])


def test_the_only_series_of_the_modality_in_the_frame_of_reference_is_taken() -> None:
    found = chosen(series("1.2", "PT"), series("1.3", "PT", frame="8"), series("1.4", "MR"), series("1.5", "PT", frame=""))
    assert (found.inputs, found.obstacle, found.said) == ({"ct": "1.1", "pet": "1.2"}, "", "with pet 1.2")
    assert found.trace == {"pet": {"candidates": ["1.2"], "chosen_by": "modality and frame of reference"}}


def test_inputs_come_in_the_order_of_the_manifest_and_when_chooses_the_reference() -> None:
    found = chosen(series("1.2", "PT"), model=manifest("fused", inputs=[PET, CT], reference="ct"))
    assert list(found.inputs.items()) == [("pet", "1.2"), ("ct", "1.1")]


def test_a_condition_chooses_also_over_frames_of_reference_but_never_another_modality() -> None:
    others = series("1.2", "PT", SeriesDescription="AC"), series("1.3", "PT", "8", SeriesDescription="NAC")
    assert chosen(*others, inputs={"pet": 'SeriesDescription == "NAC"'}).inputs["pet"] == "1.3"
    assert chosen(*others, inputs={"pet": 'SeriesInstanceUID == "1.2"'}).inputs["pet"] == "1.2"
    assert chosen(others[0], series("1.4", "MR", SeriesDescription="AC"), inputs={"pet": "true"}).inputs["pet"] == "1.2"


@pytest.mark.parametrize("model", [FUSED, WITHOUT])
def test_two_are_never_chosen_between(model: Any) -> None:
    found = chosen(series("1.2", "PT"), series("1.3", "PT"), model=model)
    assert found.inputs == {}
    assert found.obstacle == (
        "2 series fit input pet (1.2, 1.3); give the rule a condition under inputs.pet that holds for one of them, "
        "such as of SeriesDescription"
    )


@pytest.mark.parametrize(
    ("others", "inputs", "why"),
    [
        ([], {}, "the study has no PT series"),
        ([series("1.2", "PT", "8")], {}, "1 PT series, none in the frame of reference of 1.1"),
        ([series("1.2", "PT", "")], {}, "1 PT series, none in the frame of reference of 1.1"),
        (
            [series("1.2", "PT", SeriesDescription="DOE^JANE")],
            {"pet": 'SeriesDescription == "AC"'},
            '1 PT series, but SeriesDescription == "AC" does not hold: '
            "SeriesDescription has a value (not shown: people write it)",
        ),
        (
            [series("1.2", "PT")],
            {"pet": "SliceThickness < 3"},
            "1 PT series, but can't be decided: SliceThickness is absent",
        ),
        ([series("1.2", "PT"), series("1.3", "PT")], {"pet": "false"}, "2 PT series, but its condition holds for none of them"),
    ],
)
def test_none_is_an_obstacle_unless_the_input_is_optional(others: list[Candidate], inputs: dict[str, str], why: str) -> None:
    needed = chosen(*others, inputs=inputs)
    assert (needed.inputs, needed.obstacle) == ({}, f"input pet is missing: {why}")
    optional = chosen(*others, inputs=inputs, model=WITHOUT)
    assert (optional.inputs, optional.obstacle) == ({"ct": "1.1"}, "")
    assert optional.said == f"without pet, which is optional: {why}"


def test_a_reference_without_a_frame_of_reference_has_no_company() -> None:
    found = chosen(series("1.2", "PT", ""), reference=series("1.1", "CT", ""))
    assert found.obstacle == "input pet is missing: 1 PT series, none in the frame of reference of 1.1"


def test_the_reference_is_no_further_input_and_no_series_is_two_inputs() -> None:
    pair = manifest("fused", inputs=[CT, {"name": "late", "modality": ["CT"]}])
    assert chosen(model=pair).obstacle == "input late is missing: the study has no further CT series"
    three = manifest("fused", inputs=[CT, PET, {"name": "later", "modality": ["PT"]}])
    assert chosen(series("1.2", "PT"), model=three).obstacle == (
        "inputs pet and later come to the same series 1.2; make their conditions under inputs differ"
    )


def test_names_that_the_model_in_use_does_not_know_are_named() -> None:
    assert chosen(series("1.2", "PT"), inputs={"t1": "true"}).obstacle == "model fused has no further input t1; it has pet"
    assert "ct is the reference of model fused" in chosen(series("1.2", "PT"), inputs={"ct": "true"}).obstacle
    alone = manifest("fused", inputs=[MR])
    assert chosen(model=alone).obstacle == "model fused takes MR and the series is CT"
