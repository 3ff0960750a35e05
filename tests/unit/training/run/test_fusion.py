"""A recipe of two inputs, from phantoms to a measured package: what only both tell is learnt, and one alone still serves."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from inference.engine.package import load_package
from storage.base.errors import ConfigError
from tests.unit.training.fused import SHIPPED, fused_document
from tests.unit.training.run.made import run
from training.data import read_parts
from training.evaluate.baselines.uptake import UptakeBaseline, uptake_mask
from training.evaluate.served import labels_of, mirrored, without
from training.explain.explain import explain
from training.recipe import Recipe, read_recipe
from training.run.single import Finished

pytestmark = pytest.mark.heavy


def _recipe() -> Recipe:
    """The shipped recipe with fewer phantoms and steps."""
    document = read_recipe(SHIPPED).model_dump(mode="json", by_alias=True, exclude_unset=True)
    document["data"]["split"] = {"kind": "ranges", "train": [1, 30], "validate": [201, 202], "test": [301, 306]}
    document["fit"] |= {
        "steps": 70,
        "schedule": {"warmup_steps": 5, "cooldown_steps": 20},
        "ema_decay": 0.9,
        "validate_every": 50,
    }
    document["evaluation"] = {"bootstrap": 20, "worst_cases": 1, "baseline": "uptake"}
    return Recipe.model_validate(document | {"floor": {"Body": 0.65}})


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Finished]:
    torch.set_num_threads(1)
    out = tmp_path_factory.mktemp("run")
    return out, run(_recipe(), out)


def test_both_together_are_clearly_better_than_one_or_the_threshold(done: tuple[Path, Finished]) -> None:
    found = done[1].evaluation
    whole, alone = (found.figure("Body", "dice", way).value for way in ("as is", "without pet"))
    assert found.comparison is not None and "41%" in found.comparison.name
    assert whole > 0.7 and whole > alone + 0.1 and whole > found.comparison.figures["Body"]["dice"].value + 0.1
    assert found.below({"Body": 0.65}) == [], "no floor is held against what an input was taken from"


def test_the_package_says_what_may_be_missing(done: tuple[Path, Finished]) -> None:
    out, package = done[0], done[1].package
    manifest = load_package(package).manifest
    assert [(given.name, given.optional) for given in manifest.inputs] == [("mr", False), ("pet", True)]
    assert manifest.reference == "mr" and not (package / "configs" / "inference.json").exists()
    channels = json.loads((package / "configs" / "metadata.json").read_text())["network_data_format"]["inputs"]["image"]
    assert channels["num_channels"] == 2 and channels["channel_def"] == {"0": "mr", "1": "pet"}
    metrics = json.loads((out / "metrics.json").read_text())
    assert set(metrics["figures"]) == {"as is", "without pet"}
    assert metrics["parity"]["cases"] == 2 and metrics["parity"]["difference"] <= metrics["parity"]["bound"]
    assert "| pet | PT | may be missing |" in (package / "docs" / "README.md").read_text()
    assert "without pet" in (out / "report.html").read_text()


def test_a_mirrored_case_is_answered_mirrored_where_all_of_it_was(done: tuple[Path, Finished]) -> None:
    """On a grid that is symmetrical to the model's, the series on another grid is mirrored in the same plane."""
    model = load_package(done[1].package)
    case = next(read_parts(_recipe(), None).cases("test"))
    turned = mirrored(case)
    again = mirrored(turned)
    assert np.allclose(again.further["pet"].affine_lps_mm, case.further["pet"].affine_lps_mm)
    assert np.array_equal(again.further["pet"].voxels_kji, case.further["pet"].voxels_kji)
    on_one = replace(
        case, further={"pet": replace(case.further["pet"], voxels_kji=case.voxels_kji, affine_lps_mm=case.affine_lps_mm)}
    )
    assert np.allclose(mirrored(on_one).further["pet"].affine_lps_mm, case.affine_lps_mm)
    seen = UptakeBaseline(model.manifest)
    ours, theirs = seen.labels(turned), np.flip(seen.labels(case), 2)
    assert (ours != theirs).mean() < 0.002
    assert labels_of(model, without(case, "pet")).shape == case.mask_kji.shape


def test_the_threshold_without_a_pet_marks_nothing() -> None:
    recipe = Recipe.model_validate(fused_document())
    case = next(read_parts(recipe, None).cases("test"))
    assert not UptakeBaseline(recipe.manifest()).labels(without(case, "pet")).any()
    assert uptake_mask(case.further["pet"].voxels_kji).any()


def test_maps_are_refused_for_several_inputs(done: tuple[Path, Finished]) -> None:
    case = next(read_parts(_recipe(), None).cases("test"))
    with pytest.raises(ConfigError, match="one task and one input; evaluate this one without --explain"):
        explain(load_package(done[1].package), case)
