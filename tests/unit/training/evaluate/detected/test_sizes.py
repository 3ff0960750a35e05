"""Sensitivities by the size of objects, counted by hand, with a line a band in the chart and a row a band on the page."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from torch import nn

from tests.unit.training.evaluate.detection.made import drawn_images, image
from tests.unit.training.evaluate.made import THING, model_of
from training.evaluate.detected.sizes import by_size, froc
from training.evaluate.detected.summary import summarise_detection
from training.evaluate.detection.froc import RATE_METRICS
from training.evaluate.detection.records import DetectedImage
from training.evaluate.facts import Facts
from training.evaluate.options import Options
from training.evaluate.page.details import Details
from training.evaluate.page.report import html
from training.evaluate.results import AS_IS, Evaluation, Stratum, Subject

OPTIONS = Options(resamples=40, size_bands=2)


def _cube(corner: float, side: float) -> tuple[float, ...]:
    return (corner,) * 3 + (corner + side,) * 3


SMALL, LARGE, FAR, FARTHER = _cube(0, 2), _cube(20, 10), _cube(60, 9), _cube(80, 2)


def _scene(copies: int = 1) -> list[DetectedImage]:
    """Of two volumes, one of 2 mm voxels and one of 1 mm: balls of 4 and 20 mm, of 3 and 20 mm.

    By falling score: the 4 mm one, an alarm, a 20 mm one, two alarms, the other 20 mm one; the one of 3 mm is missed.
    """
    fine, fine_large = _cube(0, 3), _cube(20, 20)
    coarse_found = [(SMALL, 0.9), (FAR, 0.8), (LARGE, 0.7)]
    fine_found = [(FAR, 0.6), (FARTHER, 0.55), (fine_large, 0.5)]
    return [
        one
        for n in range(copies)
        for one in (
            replace(image(f"coarse{n}", coarse_found, [SMALL, LARGE], dims=3), voxel=8.0),
            image(f"fine{n}", fine_found, [fine, fine_large], dims=3),
        )
    ]


def _subject(unit: str, dims: int) -> Subject:
    return Subject("detection", "made", "1", "Made", "0" * 64, ("Head",), 1, length_unit=unit, size_unit=f"{unit}{dims}")


def _manifest(dims: int, labels: Sequence[str] = ("Head",)) -> Any:
    wanted = [{"value": n, "name": name, "category": THING, "type": THING} for n, name in enumerate(labels, 1)]
    detection = {"thresholds": [0.5] * len(labels)}
    return model_of(nn.Identity(), "detection", dims, labels=wanted, detection=detection).manifest


def _shares(strata: Sequence[Stratum], band: str, subject: str = "Head") -> list[float]:
    rows = {row.metric: row.figure for row in strata if (row.value, row.subject) == (band, subject)}
    return [rows[metric].value for metric in RATE_METRICS]


@pytest.mark.parametrize("copies", [1, 6])
def test_sensitivities_by_size_are_those_counted_by_hand(copies: int) -> None:
    """At ½ a volume an alarm is allowed, at 2 all three; equal volumes besides change nothing."""
    strata, _ = by_size(_scene(copies), _manifest(3), _subject("mm", 3), OPTIONS)
    assert {row.key for row in strata} == {"equivalent diameter of the true box"}
    assert _shares(strata, "below 15.9 mm") == [0.5] * 7
    assert _shares(strata, "15.9 mm and more") == [0, 0, 0.5, 0.5, 1, 1, 1]
    ends = [(row.figure.low, row.figure.high) for row in strata]
    assert all((low is None) == (copies == 1) for low, _ in ends), "intervals are over groups, none of a few"


def test_average_precision_of_a_band_has_the_alarms_of_its_size() -> None:
    """A volume's 9-voxel alarm of 18 mm comes before the second large object; the other alarms are small ones."""
    rows = {(row.value, row.metric): row.figure.value for row in by_size(_scene(), _manifest(3), _subject("mm", 3), OPTIONS)[0]}
    # large: alarm 0.8 (18 mm), hit 0.7, hit 0.5: precision 1/2, then 2/3 at every recall
    assert rows["15.9 mm and more", "ap50"] == pytest.approx(2 / 3)
    assert rows["below 15.9 mm", "ap50"] == pytest.approx(51 / 101)


@pytest.mark.parametrize(("unit", "first"), [("mm", "below 15.9 mm (2 objects)"), ("px", "below 4,032 voxels (2 objects)")])
def test_the_chart_has_a_line_and_a_name_for_each_band(unit: str, first: str) -> None:
    chart = ET.fromstring(by_size(_scene(), _manifest(3), _subject(unit, 3), OPTIONS)[1]["FROC by size"])
    lines = [item for item in chart.iter() if item.tag.endswith("polyline")]
    assert len(lines) == 2 == len({(line.get("stroke"), line.get("stroke-dasharray")) for line in lines})
    assert {line.get("stroke-dasharray") for line in lines} == {None, "6 3"}, "told apart in grey too"
    words = [item.text for item in chart.iter() if item.tag.endswith("text")]
    assert {first, "sensitivity", "false alarms an image (logarithmic)", "⅛", "½", "8"} <= set(words)


def test_of_several_labels_the_lines_are_of_any() -> None:
    images, names = drawn_images(3, 30, 15), ["one", "two"]
    strata, charts = by_size(images, _manifest(2, names), _subject("px", 2), replace(OPTIONS, size_bands=3))
    assert {row.subject for row in strata} == {"one", "two", "any class"} and len({row.value for row in strata}) == 3
    assert all("px²" in row.value and row.figure.low is not None for row in strata)
    assert charts["FROC by size, any class"].count("<polyline") == 3


def test_without_bands_or_objects_there_is_neither() -> None:
    assert by_size(_scene(), _manifest(3), _subject("mm", 3), replace(OPTIONS, size_bands=0)) == ((), {})
    none = [image("a", [(FAR, 0.9)], [], dims=3)]
    assert by_size(none, _manifest(3), _subject("mm", 3), OPTIONS) == ((), {}) and froc("FROC", {"Head": []}) == {}


def _evaluation() -> Evaluation:
    images = _scene(6)
    facts = [Facts(one.name, one.group, {}, None) for one in images]
    return summarise_detection(_subject("mm", 3), _manifest(3), facts, {AS_IS: images}, OPTIONS, {}, [0.1] * len(images))


def test_page_and_document_tell_every_rate_of_every_band() -> None:
    evaluation = _evaluation()
    assert list(evaluation.charts) == ["FROC", "FROC by size"] and evaluation.charts["FROC"].count("<polyline") == 1
    rows = json.loads(json.dumps(evaluation.document()))["strata"]
    told = {(row["part"], row["metric"]): row["value"] for row in rows}
    assert [told["15.9 mm and more", metric] for metric in RATE_METRICS] == [0, 0, 0.5, 0.5, 1, 1, 1]
    page = html(evaluation, Details())
    assert "at so many false alarms an image" in page and "equivalent diameter of a box is that of the ball" in page
    assert page.count("Sensitivity at 2 false alarms an image") == 1, "rates by size stand in a table of their own"
    assert "a box on no object is a false alarm in each band" in page and "The most probable class" not in page
