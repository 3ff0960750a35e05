"""A whole run of a detection: it learns, its package does what the trainer would, and wrong keys are named."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from pydantic import ValidationError
from safetensors.torch import load_file

from inference.manifest import read_manifest
from tests.unit.training.run.made import run
from training.plan import read_plan
from training.recipe import Recipe
from training.recipe.checks.said import said
from training.run.ship import faults

_SHIPPED = Path(__file__).parents[4] / "training" / "recipes" / "breast-detection-us.yaml"


def _document(**package: Any) -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load(_SHIPPED.read_text())
    document.pop("profiles")
    split = {"kind": "ranges", "train": [1, 24], "validate": [31, 42], "test": [51, 62]}
    document["data"] = {"kind": "phantom-pictures", "of": "breast", "size_ji": [32, 32], "instances": "parts", "split": split}
    document["data"]["statement"] = "drawn"
    document["fit"] = {
        "steps": 60,
        "batch": 8,
        "patch": [32, 32],
        "learning_rate": 0.006,
        "schedule": {"warmup_steps": 4},
        "ema_decay": 0.9,
        "validate_every": 60,
        "checkpoint_every": 40,
    }
    document["augment"], document["evaluation"] = {"mirror_axes": [1]}, {"bootstrap": 20}
    wanted = document["package"]
    wanted["labels"] = wanted["labels"][:1]
    wanted["grid"] |= {"patch": [32, 32], "minimum_multiple": 16}
    arguments = {"spatial_dims": 2, "in_channels": 1, "out_channels": 2, "depth": 10, "width": 8, "pyramid": 16}
    wanted["network"] = {"name": "yolo", "arguments": {**arguments, "stem": "small", "finest": 2}}
    wanted |= {"licence": "Apache-2.0", "weights_licence": "Apache-2.0", "attribution": "none", **package}
    return document


@pytest.mark.heavy
def test_a_detector_is_fitted_exported_and_measured(tmp_path: Path) -> None:
    torch.set_num_threads(1)
    recipe = Recipe.model_validate(_document())
    done = run(recipe, tmp_path)
    label = "Benign breast lesion"
    figures = done.evaluation.figures["as is"][label]
    assert figures["ap50"].value > 0.15 and figures["image_auc"].value > 0.6
    rules = read_manifest(done.package).detection
    assert rules is not None and rules.thresholds != (0.5,) and rules.thresholds[0] >= rules.score
    # Rounded weights turn the choice of boxes: a Faster R-CNN's lost a box with a score of 0.1.
    assert {tensor.dtype for tensor in load_file(done.package / "models" / "model.safetensors").values()} == {torch.float32}
    planned = read_plan(done.package / "docs" / "plan.json", recipe).recipe
    assert faults(done.package, planned) == [], "a package may ship whose thresholds were chosen"
    document = json.loads((tmp_path / "metrics.json").read_text())
    assert {"ap50", "sensitivity_at_1"} == set(document["baseline"]["figures"]["any class"])
    assert document["further_baselines"][0]["name"] == "the largest dark blob" and document["parity"]["difference"] == 0
    assert "ap50" in (tmp_path / "metrics.csv").read_text().splitlines()[0]
    page = (tmp_path / "report.html").read_text()
    assert "Further baseline" in page and "A box is a finding from" in page and "false alarms" in page
    assert "greatest F1 on 12 held-out cases" in (done.package / "docs" / "README.md").read_text()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"loss": {"kind": "dice"}}, "loss: a detector's losses follow from its network"),
        ({"package.network.name": "unet"}, r"package.network.name: unet finds no objects; a detection takes one of faster-rcnn"),
        ({"data.instances": ""}, "data.instances: is missing; write parts"),
        ({"fit.deep_supervision": True}, "fit.deep_supervision: is for masks"),
        ({"augment.lesions": {"probability": 0.5, "label": 1}}, "augment.lesions: paints masks, not single objects"),
        ({"package.detection": {"thresholds": [0.01]}}, "detection.thresholds: one is below detection.score"),
    ],
)
def test_keys_that_mean_nothing_to_a_detector_are_named(change: dict[str, Any], says: str) -> None:
    document = _document()
    for key, value in change.items():
        at = document
        *above, last = key.split(".")
        for part in above:
            at = at[part]
        at[last] = value
    with pytest.raises(ValidationError) as raised:
        Recipe.model_validate(document)
    assert says in said(raised.value)
