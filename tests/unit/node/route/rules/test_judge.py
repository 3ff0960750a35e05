"""Reasons and traces: they name the attribute that decided, and never hold what a patient could be known by."""

from __future__ import annotations

import json
from typing import Any

import pytest

from node.route.rules.compile import compile_rules
from node.route.rules.environment import attributes
from node.route.rules.judge import TECHNICAL, Judgement, judge
from node.route.rules.values import SeriesFacts, series_values
from tests.unit.node.route.rules.headers import header


def judged(condition: str, *headers: dict[str, Any]) -> Judgement:
    text = json.dumps({"rules": [{"name": "one", "when": condition, "model": "m", "deliver_to": []}]})
    compiled = compile_rules(text, "r").rules[0]
    return judge(compiled.when, series_values(headers, SeriesFacts(), compiled.names))


@pytest.mark.parametrize(
    ("condition", "reason"),
    [
        ('Modality == "MR" && SeriesDescription.contains("HippoCrop")', 'Modality == "MR" does not hold: Modality is "CT"'),
        (
            'Modality == "CT" && SeriesDescription.contains("HippoCrop")',
            'SeriesDescription.contains("HippoCrop") does not hold: SeriesDescription has a value (not shown: people write it)',
        ),
        ('"AXIAL" in ImageType', '"AXIAL" in ImageType does not hold: ImageType is ["ORIGINAL", "PRIMARY"]'),
        ("SliceThickness <= 2", "SliceThickness <= 2 does not hold: SliceThickness is 5.0"),
        ("instances >= 3 && true", "instances >= 3 does not hold: instances is 1"),
        ('"A" in ScanOptions', '"A" in ScanOptions does not hold: ScanOptions is absent'),
        ('Modality == "MR" || SliceThickness < 2', 'Modality == "MR" || SliceThickness < 2 does not hold: '),
        ("Modality ==  // what\n 'MR'", "Modality == 'MR' does not hold"),
        ("KVP > 100", "can't be decided: KVP is absent"),
        ('Modality == "CT" && KVP > 100', "can't be decided: KVP is absent"),
        ("age_years(PatientAge) > 1", "can't be decided: PatientAge is absent"),
        ("age_years(Modality) > 1.0", "can't be decided: a function cannot read its argument"),
        ("PixelSpacing[3] > 1", "can't be decided: PixelSpacing is absent"),
        ("Modality.matches(SeriesDescription)", "can't be decided: a pattern that is put together"),
        ("false", "false does not hold"),
    ],
)
def test_why_not(condition: str, reason: str) -> None:
    seen = header(Modality="CT", SliceThickness="5", SeriesDescription="Axial (", ImageType=["ORIGINAL", "PRIMARY"])
    outcome = judged(condition, seen)
    assert not outcome.matched
    assert outcome.reason.startswith(reason)


def test_disagreement_is_named() -> None:
    outcome = judged("SliceThickness <= 2", header(SliceThickness="1"), header(SliceThickness="2"))
    assert (outcome.matched, outcome.reason) == (False, "can't be decided: SliceThickness differs between the instances")
    assert outcome.trace["names"] == {"SliceThickness": {"state": "differs"}}


def test_an_absent_number_spoils_nothing_that_does_not_depend_on_it() -> None:
    assert judged('Modality == "CT" || KVP > 100', header(Modality="CT")).matched
    assert judged('!("KVP" in present) || KVP > 100', header(Modality="CT")).matched
    outcome = judged('Modality == "MR" && KVP > 100', header(Modality="CT"))
    assert outcome.reason == 'Modality == "MR" does not hold: Modality is "CT"'


def test_trace_of_a_match() -> None:
    outcome = judged('Modality == "CT" && SliceThickness <= 2', header(Modality="CT", SliceThickness="2"))
    assert outcome.matched
    assert outcome.trace == {
        "names": {"Modality": {"state": "value", "value": "CT"}, "SliceThickness": {"state": "value", "value": 2.0}}
    }


CANARY = "ZZCANARYZZ"
PERSONAL = {
    "PatientName": CANARY,
    "PatientID": CANARY,
    "AccessionNumber": CANARY,
    "SeriesDescription": f"({CANARY}",
    "StudyDescription": CANARY,
    "PatientBirthDate": "19700101",
    "PatientAge": "ZZCANARYZZ"[:4],
    "InstitutionName": CANARY,
    "ReferringPhysicianName": CANARY,
    "ProtocolName": CANARY,
    "ImageComments": CANARY,
}


@pytest.mark.filterwarnings("ignore:Invalid value for VR AS")
@pytest.mark.parametrize("keyword", PERSONAL)
@pytest.mark.parametrize(
    "condition", ['{0} == "x"', '"a".matches({0})', "age_years({0}) > 1", "double({0}) > 1", "hour_of({0}) > 1", '{0} != "x"']
)
def test_no_personal_value_gets_out(keyword: str, condition: str) -> None:
    outcome = judged(condition.format(keyword), header(**{keyword: PERSONAL[keyword]}))
    told = json.dumps([outcome.reason, outcome.trace])
    assert PERSONAL[keyword].strip("(") not in told
    assert keyword in told


def test_technical_attributes_exist_and_are_no_free_text() -> None:
    assert set(attributes()) >= TECHNICAL
    assert not any(word in name for name in TECHNICAL for word in ("Name", "Description", "Comments", "Date")) or {
        name for name in TECHNICAL for word in ("Name", "Description", "Comments", "Date") if word in name
    } == {"ManufacturerModelName", "ReceiveCoilName"}


def test_long_lists_are_cut() -> None:
    outcome = judged("EchoNumbers == [1]", header(EchoNumbers=list(range(1, 40))))
    assert len(outcome.trace["names"]["EchoNumbers"]["value"]) == 12
    assert outcome.reason.endswith("11, 12, …]")
