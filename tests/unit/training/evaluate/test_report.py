"""The report: whole, self-contained, safe."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from storage.base.errors import ConfigError
from tests.unit.training.evaluate.made import CIRCUMFERENCE, ByMean, ByThreshold, bright_case, ellipse_case, model_of, recipe_of
from training.evaluate.baselines.fit import fit_baseline
from training.evaluate.measure import Evaluation, evaluate
from training.evaluate.page.charts import curves_chart, spread_chart
from training.evaluate.page.curves import curve_charts
from training.evaluate.page.details import Details, Table, details_of
from training.evaluate.page.report import html, write_report

MEASURE = {"label": 1, "kind": "ellipse_circumference", "name": "Head circumference", "code": CIRCUMFERENCE}
VOID = {"meta", "img", "br", "link", "input"}


@pytest.fixture(scope="module")
def segmented() -> Evaluation:
    model = model_of(ByThreshold(0.45), "segmentation", 2, measures=[MEASURE])
    baseline = fit_baseline("segmentation", 2, [ellipse_case(n) for n in range(30, 36)])
    cases = [ellipse_case(n, semi_mm=(8 + n / 2, 7.0), empty=n == 9) for n in range(10)]
    return evaluate(model, recipe_of(worst_cases=2), cases, baseline=baseline)


class _Page(HTMLParser):
    """Checks that what is opened is closed, and collects text and attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.words, self.links, self.open, self.tags = "", [""], list[str](), list[str]()
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name in ("src", "href", "action", "data", "xlink:href")]
        if tag not in VOID and not (self.get_starttag_text() or "").endswith("/>"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open[-1] != tag:
            assert (self.get_starttag_text() or "").endswith("/>"), f"</{tag}> closes {self.open[-3:]}"
            return
        self.open.pop()

    def handle_data(self, data: str) -> None:
        self.words += data


def _details() -> Details:
    sanity = {"passed": False, "correlation": 0.71, "bound": 0.5, "images": 8}
    table = Table("Ablation", ["Variant", "Dice"], [["all", "0.9"], ["<without>", "0.8"]])
    return details_of(recipe_of(), tables=[table], sanity=sanity, statement={"Cases": "10"})


def test_a_segmentations_page_tells_all(segmented: Evaluation) -> None:
    page = _Page(html(segmented, _details()))
    for words in (
        *("Not for clinical use.", "Dice, mean", "Surface Dice at 1 mm", "Mean absolute difference (mm)", "95 % interval"),
        *("Baseline, learnt from", "False alarms", "limits of agreement", "By site", "By size of Head", "Worst 2:", "Median:"),
        *("Parted by case", "Ablation", "<without>", "failed", "Weight-randomisation", "estimate", "Limits"),
    ):
        assert words in page.words, words
    assert page.tags.count("img") == 3 and page.tags.count("svg") == 2


def test_nothing_is_fetched_and_no_code_runs(segmented: Evaluation) -> None:
    text = html(segmented, _details())
    page = _Page(text)
    assert all(link == "" or link.startswith("data:image/png;base64,") for link in page.links)
    assert not {"script", "link", "iframe", "object", "form"} & set(page.tags)
    outside = re.findall(r"(?:https?:)?//[a-z]+\S*|url\(|@import", re.sub(r"data:image/png;base64,[\w+/=]+", "", text))
    assert set(outside) <= {'http://www.w3.org/2000/svg"'}


@pytest.mark.parametrize(("means", "words"), [("person", "all cases of a person"), ("examination", "same person may stand in")])
def test_how_cases_were_parted_is_said(means: str, words: str) -> None:
    recipe = recipe_of()
    data = recipe.data.model_copy(update={"group": recipe.data.group.model_copy(update={"means": means})})
    assert words in details_of(recipe.model_copy(update={"data": data})).split


def test_names_are_shown_as_text(segmented: Evaluation) -> None:
    hostile = "<script>alert(1)</script>&"
    subject = replace(segmented.subject, title=hostile)
    values = {hostile: np.array([0.5, 0.7])}
    odd = replace(
        segmented,
        subject=subject,
        charts={hostile: spread_chart(hostile, hostile, values)},
        strata=(replace(segmented.strata[0], key=hostile, value=hostile),),
        pictures=(replace(segmented.pictures[0], caption=f'"{hostile}'),),
    )
    curves = {hostile: curves_chart(hostile, hostile, {hostile: [(1.0, 2.0), (2.0, 1.0)]})}
    tables = [Table(hostile, [hostile], [[hostile]])]
    told = Details(data=hostile, limits=[hostile], statement={hostile: hostile}, curves=curves, tables=tables)
    text = html(odd, told)
    assert "<script" not in text and 'alt=""' not in text and hostile in _Page(text).words


def test_a_classifications_page_tells_all() -> None:
    model = model_of(ByMean(60.0), "classification", 2, classification={"temperature": 3.0, "thresholds": [0.45]})
    found = evaluate(model, recipe_of(worst_cases=1), [bright_case(n) for n in range(30)])
    page = _Page(html(found, Details()))
    for words in (
        "AUC",
        "Sensitivity at a specificity of 0.9",
        "True class, called",
        "calibration error",
        "at temperature 1",
        "0.4500",
    ):
        assert words in page.words, words
    assert "surface" not in page.words and "Baseline" not in page.words


def test_files_are_written_and_the_json_holds_the_page(segmented: Evaluation, tmp_path: Path) -> None:
    page = write_report(segmented, tmp_path / "new" / "report", _details())
    assert page.read_text(encoding="utf-8").startswith("<!DOCTYPE html>") and page.stat().st_size < 1_000_000
    document = json.loads((page.parent / "report.json").read_text(encoding="utf-8"))
    assert document["figures"]["as is"]["Head"]["dice"]["value"] == 1.0 and document["labels"] == ["Head"]
    assert document["baseline"]["differences"]["Head"]["dice"]["value"] > 0
    assert document["ledger"]["evaluation"]["energy_source"] and document["sanity"]["passed"] is False
    assert document["split"].startswith("Parted by case") and document["strata"] and document["worst"]["Head"]


def test_a_folder_that_can_not_be_made_is_named(segmented: Evaluation, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="name another folder"):
        write_report(segmented, tmp_path / "file" / "report")


def test_every_chart_is_well_formed(segmented: Evaluation, tmp_path: Path) -> None:
    (tmp_path / "metrics.csv").write_text("step,loss,learning_rate,dice\n10,0.9,0.1,\n20,0.5,0.1,0.4\n30,nan,0.1,0.6\n")
    charts = {**segmented.charts, **curve_charts(tmp_path / "metrics.csv")}
    assert set(charts) == {"Dice of every case", "Head circumference", "Loss", "Validation"}
    for chart in charts.values():
        drawn = ET.fromstring(chart)
        numbers = [float(value) for item in drawn.iter() for key in ("x", "y", "cx", "cy") if (value := item.get(key))]
        assert numbers and all(-5 <= number <= 425 for number in numbers), "nothing lies outside"


def test_curves_that_can_not_be_read_are_named(tmp_path: Path) -> None:
    for content in ("loss\n0.1\n", "step,loss\nten,0.1\n"):
        (tmp_path / "metrics.csv").write_text(content)
        with pytest.raises(ConfigError, match=r"metrics\.csv: no readable metrics"):
            curve_charts(tmp_path / "metrics.csv")
    (tmp_path / "metrics.csv").write_text("step,loss\n")
    assert curve_charts(tmp_path / "metrics.csv") == {}
