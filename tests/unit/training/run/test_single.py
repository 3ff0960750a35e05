"""A whole run of a segmentation: what it leaves, and that the same recipe leaves the same."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from inference.engine.package import load_package
from inference.engine.segmenter import label_volume
from inference.manifest import package_digest, read_manifest
from storage.base.errors import ConfigError
from tests.unit.training.run.made import run
from tests.unit.training.tiny import tiny_document, tiny_recipe
from training.data import read_cases
from training.evaluate.measure import evaluate, mirrored
from training.recipe import Recipe
from training.recipe.parts.further import Evaluation
from training.run.single import Finished

pytestmark = pytest.mark.heavy


def quick_recipe() -> Recipe:
    """The same package, measured beside no baseline, which no byte of the weights knows of."""
    return tiny_recipe().model_copy(update={"evaluation": Evaluation(baseline=False, bootstrap=20)})


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Finished]:
    torch.set_num_threads(1)
    out = tmp_path_factory.mktemp("run")
    return out, run(tiny_recipe(), out)


def test_a_run_leaves_package_report_metrics_and_card(done: tuple[Path, Finished]) -> None:
    out, package = done[0], done[1].package
    names = {path.relative_to(package).as_posix() for path in package.rglob("*") if path.is_file()}
    configs = {"configs/metadata.json", "configs/inference.json", "configs/wetread.json"}
    docs = {"docs/README.md", "docs/test.json", "docs/plan.json", "docs/ledger.json"}
    assert names == {*configs, *docs, "models/model.safetensors", "LICENSE"}
    assert {"plan.json", "report.html", "report.json", "metrics.csv", "statement.json"} <= {path.name for path in out.iterdir()}
    assert [row["step"] for row in csv.DictReader((out / "metrics.csv").read_text().splitlines())] == ["2", "4"]
    metrics = json.loads((out / "metrics.json").read_text())
    assert metrics["steps"] == 4 and metrics["cases"] == 2 and set(metrics["figures"]) == {"as is"}
    assert metrics["parity"]["cases"] == 1 and metrics["parity"]["difference"] <= metrics["parity"]["bound"]
    card = (package / "docs" / "README.md").read_text()
    for words in ("Not for clinical use", "Dice, Liver", "phantoms alone", "## What it cost", "95 % interval", "SCT Liver"):
        assert words in card


def test_the_same_recipe_makes_the_same_package(done: tuple[Path, Finished], tmp_path: Path) -> None:
    assert package_digest(run(quick_recipe(), tmp_path).package) == package_digest(done[1].package)


def test_a_finished_run_is_not_fitted_again(done: tuple[Path, Finished]) -> None:
    out, _ = done
    before = (out / "checkpoint.pt").read_bytes()
    run(quick_recipe(), out)
    assert (out / "checkpoint.pt").read_bytes() == before


def test_a_run_is_not_taken_up_by_another_recipe(done: tuple[Path, Finished]) -> None:
    with pytest.raises(ConfigError, match=r"plan\.json: this plan was made for another recipe"):
        run(tiny_recipe().model_copy(update={"seed": 9}), done[0])


def test_a_plan_repeats_a_run_elsewhere_byte_for_byte(tmp_path: Path) -> None:
    document = tiny_document()
    document["fit"]["steps"] = "auto"
    document["package"]["intensity"] = "auto"
    document["budget"] = {"seconds": 0.1}
    document["evaluation"] = {"baseline": False, "bootstrap": 20}
    document["data"]["split"] = {"kind": "ranges", "train": [1, 2], "validate": [11, 11], "test": [21, 21]}
    recipe = Recipe.model_validate(document)
    first = run(recipe, tmp_path / "first")
    again = run(recipe, tmp_path / "again", plan=tmp_path / "first" / "plan.json")
    assert package_digest(first.package) == package_digest(again.package)
    assert (tmp_path / "first" / "plan.json").read_bytes() == (tmp_path / "again" / "plan.json").read_bytes()
    assert read_manifest(first.package).intensity.kind == "window"


def test_mirrored_case_swaps_sides_of_the_patient() -> None:
    case = next(iter(read_cases(tiny_recipe(), "test", None)))
    assert np.array_equal(mirrored(case).mask_kji, case.mask_kji[:, :, ::-1])
    sideways = replace(case, affine_lps_mm=case.affine_lps_mm[:, [2, 1, 0, 3]])  # k runs to the left
    assert np.array_equal(mirrored(sideways).voxels_kji, case.voxels_kji[::-1])


def test_figures_are_of_the_package_itself(done: tuple[Path, Finished]) -> None:
    model = load_package(done[1].package)
    case = next(iter(read_cases(tiny_recipe(), "test", None)))
    own = replace(case, labels_kji=label_volume(model, case.voxels_kji, case.affine_lps_mm))
    evaluation = evaluate(model, tiny_recipe(), [own])
    assert {row["dice"].value for row in evaluation.figures["as is"].values() if row["dice"].cases} == {1.0}
    assert evaluation.below({"Liver": 1.0}) == [] and len(evaluate(model, tiny_recipe(), [case]).below({"Liver": 1.0})) == 1
