"""A whole run of two tasks at once: what it leaves of each, and that a stopped one ends with the same bytes."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
import torch

from inference.engine.package import load_package
from inference.manifest import package_digest, read_manifest
from tests.unit.training.run.made import run
from tests.unit.training.several import several_recipe
from training.data import fold_names, read_parts
from training.evaluate.measure import evaluate
from training.run.paired import compared
from training.run.single import Finished

pytestmark = pytest.mark.heavy


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Finished]:
    torch.set_num_threads(1)
    out = tmp_path_factory.mktemp("run")
    return out, run(several_recipe(), out)


def test_a_run_leaves_the_figures_of_each_head_on_one_page(done: tuple[Path, Finished]) -> None:
    out, package = done[0], done[1].package
    metrics = json.loads((out / "metrics.json").read_text())
    figures = metrics["figures"]["as is"]
    assert set(figures) == {"Lesion", "all classes", "Benign lesion", "Malignant lesion"} and metrics["task"] == "multitask"
    assert "dice" in figures["Lesion"] and "auc" in figures["Malignant lesion"]
    assert set(metrics["by_case"]["as is"]["breast_040"]) == {"Lesion", "truth", "predicted", "probabilities"}
    assert set(metrics["baseline"]["figures"]) == {"Lesion", "all classes"}
    page, card = (out / "report.html").read_text(), (package / "docs" / "README.md").read_text()
    assert all(words in card for words in ("Dice, Lesion", "AUC, Malignant lesion"))
    assert all(words in page for words in ("Hausdorff distance", "Expected calibration error", "Called present", "truth"))
    assert "| 2 | Malignant lesion |" in card
    manifest = read_manifest(package)
    assert manifest.classification is not None and len(manifest.classification.thresholds) == 2
    assert not (package / "configs" / "inference.json").exists()
    outputs = json.loads((package / "configs" / "metadata.json").read_text())["network_data_format"]["outputs"]
    assert {head: output["num_channels"] for head, output in outputs.items()} == {"segmentation": 2, "classification": 3}


def test_learned_weights_are_told_beside_the_figures(done: tuple[Path, Finished]) -> None:
    rows = list(csv.DictReader((done[0] / "metrics.csv").read_text().splitlines()))
    assert [row["step"] for row in rows] == ["3", "6"] and float(rows[0]["dice"]) >= 0
    weights = [[float(row[f"weight {head}"]) for head in ("segmentation", "classification")] for row in rows]
    assert weights[0] != weights[1] and all(value > 0 for row in weights for value in row)


def test_a_floor_holds_each_head_by_its_own_figure(done: tuple[Path, Finished]) -> None:
    found = done[1].evaluation.below({"Lesion": 1.0, "Benign lesion": 1.01})
    assert len(found) == 2 and "mean Dice" in found[0] and "AUC" in found[1]


def test_a_comparison_has_the_figures_of_each_head(done: tuple[Path, Finished]) -> None:
    document = json.loads((done[0] / "metrics.json").read_text())
    groups = {name: name for name in document["by_case"]["as is"]}
    single = {**document, "task": "segmentation"}
    del single["classes"]
    rows = compared({"both": [document], "masks": [single]}, "both", groups, 1, 20)
    told = {(row.variant, row.metric) for row in rows}
    assert ("both", "AUC, Malignant lesion") in told and ("masks", "Dice, Lesion") in told
    assert ("masks", "AUC, Malignant lesion") not in told


def test_figures_are_of_the_package_itself_and_folds_are_drawn_alike(done: tuple[Path, Finished]) -> None:
    model, dataset = load_package(done[1].package), read_parts(several_recipe(), None)
    again = evaluate(model, several_recipe(), dataset.cases("test"))
    assert again.document()["figures"] == done[1].evaluation.document()["figures"]
    assert len(fold_names(dataset, 3, 1)) == 3


def test_fixed_weights_make_another_package_and_no_column(done: tuple[Path, Finished], tmp_path: Path) -> None:
    fixed = several_recipe(loss={"weights": {"segmentation": 1.0, "classification": 0.5}}, evaluation={"baseline": False})
    found = run(fixed, tmp_path)
    assert package_digest(found.package) != package_digest(done[1].package)
    assert "weight" not in (tmp_path / "metrics.csv").read_text()
