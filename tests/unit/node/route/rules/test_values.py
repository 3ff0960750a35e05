"""What a name means for a Series: agreement, union, absence, disagreement."""

from __future__ import annotations

from typing import Any

import pytest

from node.route.rules.environment import attributes, keyword_of, kinds, known_but_unusable
from node.route.rules.values import SeriesFacts, series_values
from tests.unit.node.route.rules.headers import header


def value_of(name: str, *headers: dict[str, Any]) -> tuple[Any, str]:
    found = series_values(headers, SeriesFacts(calling="CT_1"), [name])
    return found.values.get(name), found.states[name]


def test_kinds_follow_vr_and_vm() -> None:
    expected = {
        "Modality": "text",
        "PatientName": "text",
        "ImageType": "texts",
        "SliceThickness": "number",
        "PixelSpacing": "numbers",
        "Rows": "whole",
        "NumberOfFrames": "whole",
        "EchoNumbers": "wholes",
        "SmallestImagePixelValue": "whole",
        "RecommendedDisplayFrameRateInFloat": "number",
        "instances": "whole",
        "present": "texts",
        "calling": "text",
    }
    assert {name: kinds()[name] for name in expected} == expected
    assert len(kinds()) > 3000
    assert not {"PixelData", "ReferencedSeriesSequence", "TransferSyntaxUID", "CommandField"} & set(kinds())
    assert known_but_unusable("PixelData") and not known_but_unusable("Modality") and not known_but_unusable("Nonsense")


def test_instances_that_agree() -> None:
    assert value_of("Modality", header(Modality="CT"), header(Modality="CT")) == ("CT", "value")
    assert value_of("SliceThickness", header(SliceThickness="2"), header(SliceThickness="2.0")) == (2.0, "value")
    assert value_of("Rows", header(Rows=512)) == (512, "value")
    assert value_of("PixelSpacing", header(PixelSpacing=["0.5", "0.5"])) == ([0.5, 0.5], "value")
    assert value_of("PatientName", header(PatientName="Doe^Jane")) == ("Doe^Jane", "value")


def test_instances_that_differ() -> None:
    assert value_of("SeriesDescription", header(SeriesDescription="a"), header(SeriesDescription="b")) == ("", "differs")
    assert value_of("SeriesDescription", header(SeriesDescription="a"), header()) == ("", "differs")
    assert value_of("SliceThickness", header(SliceThickness="1"), header(SliceThickness="2")) == (None, "differs")
    assert value_of("Rows", header(Rows=1), header()) == (None, "differs")


def test_lists_are_the_union_in_order_of_appearance() -> None:
    headers = [header(ImageType=["ORIGINAL", "PRIMARY"]), header(ImageType=["DERIVED", "PRIMARY"]), header()]
    assert value_of("ImageType", *headers) == (["ORIGINAL", "PRIMARY", "DERIVED"], "value")
    assert value_of("PixelSpacing", header(PixelSpacing=["1", "1"]), header(PixelSpacing=["2", "1"])) == ([1.0, 2.0], "value")


@pytest.mark.parametrize("empty", [header(), header(Modality="", ImageType=[], SliceThickness="", Rows=[])])
def test_absent_and_empty_are_the_same(empty: dict[str, Any]) -> None:
    assert value_of("Modality", empty, empty) == ("", "absent")
    assert value_of("ImageType", empty) == ([], "absent")
    assert value_of("SliceThickness", empty) == (None, "absent")
    assert value_of("Rows", empty) == (None, "absent")


def test_a_series_without_instances_has_nothing() -> None:
    assert value_of("Modality") == ("", "absent")
    assert value_of("instances") == (0, "value")


@pytest.mark.parametrize(
    ("tag", "vr", "values", "name"),
    [
        ("00180050", "DS", ["two"], "SliceThickness"),
        ("00180050", "DS", ["NaN"], "SliceThickness"),
        ("00180050", "DS", [1.0, 2.0], "SliceThickness"),
        ("00280010", "US", [2.5], "Rows"),
        ("00280008", "IS", [2**63], "NumberOfFrames"),
        ("00180050", "DS", [{"a": 1}], "SliceThickness"),
    ],
)
def test_what_breaks_its_vr_has_no_value(tag: str, vr: str, values: list[Any], name: str) -> None:
    assert value_of(name, {tag: {"vr": vr, "Value": values}}) == (None, "unreadable")


def test_the_forms_that_json_headers_take() -> None:
    assert value_of("SliceThickness", {"00180050": {"vr": "DS", "Value": ["2.50 "]}}) == (2.5, "value")
    assert value_of("NumberOfFrames", {"00280008": {"vr": "IS", "Value": ["12"]}}) == (12, "value")
    assert value_of("PixelSpacing", {"00280030": {"vr": "DS", "Value": [None, 1]}}) == ([1.0], "value")
    assert value_of("Modality", {"00080060": {"vr": "CS", "Value": [None]}}) == ("", "absent")
    assert value_of("ImageType", {"00080008": {"vr": "CS", "Value": ["A", None, "B"]}}) == (["A", "", "B"], "value")
    assert value_of("SeriesDescription", {"0008103E": {"vr": "LO", "Value": ["a", "b"]}}) == ("a\\b", "value")
    assert value_of("Modality", {"00080060": {"vr": "CS"}}) == ("", "absent")


def test_our_own_names() -> None:
    odd = {"00091001": {"vr": "LO", "Value": ["private"]}, "7FE00010": {"vr": "OW", "BulkDataURI": "x"}, "zz": {"vr": "LO"}}
    headers = [header(Modality="CT", SeriesDescription=""), header(Rows=3) | odd]
    assert value_of("instances", *headers) == (2, "value")
    assert value_of("calling", *headers) == ("CT_1", "value")
    assert value_of("present", *headers) == (["Modality", "PixelData", "Rows"], "value")


def test_tags_and_keywords() -> None:
    assert attributes()["Modality"].tag == "00080060"
    assert keyword_of("00080060") == "Modality"
    assert keyword_of("00091001") == "" == keyword_of("not a tag")
