from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from storage.base.errors import ConfigError
from tests.unit.training.run.made import QUIET
from tests.unit.training.small import TickingClock, spots_recipe, write_spots
from training.run.compare import compare
from training.run.paired import best_of, compared
from training.run.prepare import Options
from training.run.tables import markdown, write_tables

NAMES = [f"case {number:02d}" for number in range(12)]
GROUPS = {name: name[:-1] + str(number // 2) for number, name in enumerate(NAMES)}


def _masks(values: Any) -> dict[str, Any]:
    rows = {name: {"Liver": {"dice": value}} for name, value in zip(NAMES, values, strict=True)}
    return {"task": "segmentation", "labels": ["Liver"], "by_case": {"as is": rows}}


def test_a_constant_gain_has_an_interval_of_no_width_however_much_cases_differ() -> None:
    base = np.linspace(0.2, 0.9, 12)
    rows = compared({"base": [_masks(base)], "better": [_masks(base + 0.05)]}, "base", GROUPS, seed=1, resamples=200)
    first, second = (row for row in rows if row.metric == "Dice, Liver")
    assert first.difference is None and second.difference is not None and first.figure.low is not None
    assert first.figure.groups == 6 and first.figure.low < 0.5 < 0.6 < (first.figure.high or 0)
    ends = (second.difference.value, second.difference.low, second.difference.high)
    assert ends == pytest.approx((0.05, 0.05, 0.05))
    assert "+0.050 (+0.050 to +0.050) *" in markdown("base", rows)


def test_a_label_that_one_case_holds_is_no_warning_and_one_that_none_holds_is_not_defined() -> None:
    rare, none = _masks([0.5] + [None] * 11), _masks([None] * 12)
    rows = compared({"rare": [rare], "again": [rare]}, "rare", GROUPS, 1, 50)
    assert {(row.figure.value, row.figure.low, row.figure.high) for row in rows} == {(0.5, 0.5, 0.5)}
    assert "not defined" in markdown("none", compared({"none": [none], "again": [none]}, "none", GROUPS, 1, 50))


def test_the_best_of_several_is_what_the_others_are_compared_with() -> None:
    base = np.linspace(0.2, 0.9, 12)
    documents = {"mr": [_masks(base)], "pet": [_masks(base + 0.02)], "both": [_masks(base + 0.05)]}
    assert best_of(documents, ["mr", "pet"]) == "pet" and best_of(documents, ["mr"]) == "mr"
    text = markdown("pet", compared(documents, "pet", GROUPS, 1, 50), ["mr", "pet"])
    assert "| +0.030 (+0.030 to +0.030) * |" in text and "pet is the best of mr, pet on these very cases" in text


def test_seeds_are_averaged_and_their_spread_is_told() -> None:
    base = np.full(12, 0.5)
    rows = compared({"a": [_masks(base), _masks(base + 0.2)], "b": [_masks(base), _masks(base)]}, "a", GROUPS, 1, 50)
    first, second = (row for row in rows if row.metric == "Dice, Liver")
    assert first.figure.value == pytest.approx(0.6) and first.spread == pytest.approx(np.std([0.5, 0.7], ddof=1))
    assert second.difference is not None and second.difference.value == pytest.approx(-0.1) and second.seeds == 2


def test_classes_are_compared_by_area_and_accuracy() -> None:
    truth = ["none" if number % 2 else "Spot" for number in range(12)]

    def document(scores: Any) -> dict[str, Any]:
        rows = {
            name: {"truth": said, "predicted": "Spot" if score > 0.5 else "none", "probabilities": {"Spot": score}}
            for name, said, score in zip(NAMES, truth, scores, strict=True)
        }
        return {"task": "classification", "labels": ["Spot"], "by_case": {"as is": rows}}

    right = [0.9 if said == "Spot" else 0.1 for said in truth]
    rows = compared({"right": [document(right)], "blind": [document([0.6] * 12)]}, "right", GROUPS, 1, 50)
    found = {(row.variant, row.metric): row.figure.value for row in rows}
    assert found == {
        ("right", "Accuracy"): 1.0,
        ("blind", "Accuracy"): 0.5,
        ("right", "AUC, Spot"): 1.0,
        ("blind", "AUC, Spot"): 0.5,
    }


def _boxes(mask_hits: str) -> dict[str, Any]:
    """A box on every case's one object, on every third a surer false alarm; ``mask_hits`` of the former, no masks where empty."""
    mask = {"mask_hits": mask_hits} if mask_hits else {}
    alarm = mask and {"mask_hits": "0" * 10}

    def case(number: int) -> dict[str, Any]:
        on = {"label": "Lesion", "score": 0.5, "hit": True, "box": [0, 0, 4, 4], **mask}
        off = {"label": "Lesion", "score": 0.9, "hit": False, "box": [8, 8, 9, 9], **alarm}
        return {"objects": [{"label": "Lesion", "box": [0, 0, 4, 4]}], "found": [on, *([off] if number % 3 == 0 else [])]}

    rows = {name: case(number) for number, name in enumerate(NAMES)}
    return {"task": "detection", "labels": ["Lesion"], "by_case": {"as is": rows}}


def test_figures_that_only_others_have_stand_without_a_difference() -> None:
    """Masks that are hits up to an IoU of 0.70 are so at five of ten thresholds, so that AP is half of AP50."""
    documents = {"yolo": [_boxes("")], "mask-rcnn": [_boxes("1111100000")], "cascade": [_boxes("1111111111")]}
    rows = compared(documents, "yolo", GROUPS, 1, 50)
    told = {(row.metric, row.variant): row for row in rows}
    fifty, mean = "AP50 of masks, Lesion", "AP of masks, mean over IoU 0.5 to 0.95, Lesion"
    assert {variant for metric, variant in told if metric in (fifty, mean)} == {"mask-rcnn", "cascade"}
    masks = [told[metric, variant] for metric in (fifty, mean) for variant in ("mask-rcnn", "cascade")]
    assert all(row.difference is None and row.figure.low is not None and row.figure.high is not None for row in masks)
    boxes = told["AP50, Lesion", "mask-rcnn"]
    assert boxes.difference is not None and boxes.difference.value == 0 and rows[0].variant == "yolo"
    ap50 = boxes.figure.value
    assert 0.6 < ap50 < 0.8 and [row.figure.value for row in masks] == pytest.approx([ap50, ap50, ap50 / 2, ap50])
    text = markdown("yolo", rows)
    assert f"| {fifty} | mask-rcnn | {masks[0].figure.text()} |  |  |" in text
    assert "Where yolo has no such figure" in text and "no such figure" not in markdown("yolo", rows[:3])
    both = compared(documents, "mask-rcnn", GROUPS, 1, 50)
    differences = {(row.metric, row.variant): row.difference for row in both}
    assert differences[mean, "cascade"] is not None and (fifty, "yolo") not in differences


def test_a_head_that_only_one_variant_has_is_listed() -> None:
    base = _masks(np.linspace(0.2, 0.9, 12))
    found = _boxes("")["by_case"]["as is"]
    rows = {name: {**row, **found[name], "Lesion": {"dice": 0.5}} for name, row in base["by_case"]["as is"].items()}
    three = {"task": "multitask", "labels": ["Liver", "Lesion"], "by_case": {"as is": rows}}
    told = {
        (row.metric, row.variant): row.difference for row in compared({"fixed": [base], "three": [three]}, "fixed", GROUPS, 1, 50)
    }
    assert told["AP50, Lesion", "three"] is None and told["Dice, Lesion", "three"] is None
    assert told["Dice, Liver", "three"] is not None and ("AP50, Lesion", "fixed") not in told


def test_other_cases_are_refused() -> None:
    fewer = _masks(np.full(12, 0.5))
    del fewer["by_case"]["as is"][NAMES[3]]
    with pytest.raises(ConfigError, match="variant b was measured on other cases than a"):
        compared({"a": [_masks(np.full(12, 0.5))], "b": [fewer]}, "a", GROUPS, 1, 50)


def test_tables_hold_the_same_figures(tmp_path: Path) -> None:
    rows = compared({"a": [_masks(np.full(12, 0.5))], "b": [_masks(np.full(12, 0.25))]}, "a", GROUPS, 1, 50)
    write_tables(tmp_path, "a", rows)
    listed = json.loads((tmp_path / "comparison.json").read_text())["rows"]
    table = list(csv.DictReader((tmp_path / "comparison.csv").read_text().splitlines()))
    assert [row["variant"] for row in table] == [row["variant"] for row in listed] == ["a", "b", "a", "b"]
    assert [float(row["value"]) for row in table] == [row["value"] for row in listed]
    assert listed[1]["difference"] == -0.25 and table[0]["difference"] == ""


@pytest.mark.heavy
def test_finished_variants_are_not_run_again(tmp_path: Path) -> None:
    options = Options(data=write_spots(tmp_path))
    variants = {"plain": [spots_recipe()], "noisy": [spots_recipe(augment={"noise": 0.2})]}
    first = compare(variants, ["plain"], tmp_path / "out", options, TickingClock(), QUIET)
    kept = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("metrics.json")}
    assert len(kept) == 2 and {row.variant for row in first.rows} == {"plain", "noisy"}
    (tmp_path / "out" / "noisy" / "seed-3" / "metrics.json").unlink()  # as if it had been killed before its end
    again = compare(variants, ["plain"], tmp_path / "out", options, TickingClock(), QUIET)
    assert again == first
    assert (tmp_path / "out" / "plain" / "seed-3" / "metrics.json").stat().st_mtime_ns == kept[
        tmp_path / "out" / "plain" / "seed-3" / "metrics.json"
    ]
