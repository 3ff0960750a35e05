"""A whole run of masks, classes and boxes by one network: all three are learnt, and its package is measured, told and served."""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path

import pytest
import torch

from inference.__main__ import main
from inference.manifest import read_manifest
from tests.unit.training.run.made import run
from tests.unit.training.several import three_recipe
from training.run.paired import compared

_FIT = {"steps": 60, "batch": 8, "ema_decay": 0.9, "validate_every": 60, "schedule": {"warmup_steps": 4}}


@pytest.mark.heavy
def test_three_heads_are_fitted_exported_and_measured(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    torch.set_num_threads(1)
    done = run(three_recipe(fit=_FIT), tmp_path)
    figures = done.evaluation.figures["as is"]
    lesion = figures["Lesion"]
    assert lesion["dice"].value > 0.3 and lesion["ap50"].value > 0.15 and figures["Malignant lesion"]["auc"].value > 0.7

    manifest = read_manifest(done.package)
    assert manifest.heads == ("segmentation", "classification", "detection") and manifest.classification is not None
    rules = manifest.detection
    assert rules is not None and rules.thresholds != (0.5,) and rules.thresholds[0] >= rules.score
    assert manifest.classification.thresholds != (0.5, 0.5), "each head's rules come from the held-out cases"
    assert main(["check", str(done.package)]) == 0, capsys.readouterr().err

    page, card = (tmp_path / "report.html").read_text(), (done.package / "docs" / "README.md").read_text()
    assert all(words in page for words in ("Dice", "AUC", "AP50", "FROC", "A box is a finding from", "Further baseline"))
    assert all(words in card for words in ("Dice, Lesion", "AP50, Lesion", "AUC, Malignant lesion", "Temperature", "greatest F1"))
    document = json.loads((tmp_path / "metrics.json").read_text())
    assert {"Lesion", "truth", "probabilities", "objects", "found"} <= set(document["by_case"]["as is"]["breast_040"])
    assert {"Lesion", "all classes", "any class"} == set(document["baseline"]["figures"])
    row = list(csv.DictReader((tmp_path / "metrics.csv").read_text().splitlines()))[-1]
    assert all(float(row[name]) >= 0 for name in ("dice", "auc", "ap50", "weight detection"))

    groups = {name: name for name in document["by_case"]["as is"]}
    told = {row.metric: row.figure.value for row in compared({"all": [document]}, "all", groups, 1, 20)}
    assert told["AP50, Lesion"] == pytest.approx(lesion["ap50"].value, abs=0.01) and not math.isnan(told["Dice, Lesion"])
