"""The packages that ship, on data that nobody trained them with."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread

from inference.engine.segmenter import label_volume, load_package, run
from inference.volume import assemble
from training.data import read_cases
from training.data.names import number_of
from training.evaluate.figures.dice import dice
from training.evaluate.measure import evaluate
from training.phantom.body import make_phantom
from training.recipe import read_recipe
from training.run.ship import MOST_BYTES, faults, planned_for

ROOT = Path(__file__).parents[2]
SHIPPED = ROOT / "inference" / "bundles"
BUNDLES = sorted(path for path in SHIPPED.iterdir() if path.is_dir())
BEFORE_PLANS = {("phantom-organs-ct", "1.0.0")}
"""Made before packages held their plan and the digest that was measured."""


@pytest.mark.parametrize("package", BUNDLES, ids=lambda path: path.name)
def test_package_is_whole_and_honest(package: Path) -> None:
    manifest = load_package(package).manifest
    card = (package / "docs" / "README.md").read_text()
    assert manifest.name == package.name and not manifest.clinical_use
    licence = (package / "LICENSE").read_text()
    assert "Not for clinical use" in card and manifest.licence in licence and manifest.weights_licence in licence
    assert sum(path.stat().st_size for path in (package / "models").iterdir()) <= MOST_BYTES
    assert f"| `{manifest.name}` |" in (ROOT / "README.md").read_text(), "name it under What ships"


@pytest.mark.parametrize("package", BUNDLES, ids=lambda path: path.name)
def test_package_is_what_its_recipe_makes(package: Path) -> None:
    manifest = load_package(package).manifest
    recipe = ROOT / "training" / "recipes" / f"{package.name}.yaml"
    if (manifest.name, manifest.version) in BEFORE_PLANS and not (package / "docs" / "plan.json").exists():
        assert read_recipe(recipe).manifest(manifest.network.weights_sha256) == manifest
    else:
        assert faults(package, planned_for(package, recipe)) == []


def test_hippocampus_on_held_out_cases(test_data: Path) -> None:
    recipe = read_recipe(ROOT / "training" / "recipes" / "hippocampus-mr.yaml", "full")
    held_out = list(read_cases(recipe, "test", test_data / "labelled" / "hippocampus"))
    assert len(held_out) == 36 and min(number_of(case.name) for case in held_out) >= 241
    evaluation = evaluate(load_package(SHIPPED / "hippocampus-mr"), recipe, held_out[::6])
    assert evaluation.figure("Hippocampus anterior", "dice", "as is").value > 0.86
    assert evaluation.figure("Hippocampus posterior", "dice", "as is").value > 0.85


@pytest.mark.parametrize("series", ["Study1/13_HCropVolume", "Study2/14_HCropVolume"])
def test_hippocampus_of_real_dicom(test_data: Path, series: str) -> None:
    (folder,) = test_data.glob(f"dicom/udacity__nd*/data/TestVolumes/{series}")
    volume = assemble([dcmread(path) for path in folder.iterdir()], spatial_dims=3, minimum_slices=16)
    labels = run(load_package(SHIPPED / "hippocampus-mr"), {"image": volume})
    anterior, posterior = (np.argwhere(labels == value) for value in (1, 2))
    for voxels in (anterior, posterior):
        assert 500 < len(voxels) < 3000  # of 1 mm³
    assert anterior[:, 1].mean() < posterior[:, 1].mean()  # rows run to the posterior


def test_organs_of_a_phantom_on_the_demo_grid() -> None:
    phantom = make_phantom(7, (60, 256, 256), (5.0, 1.6, 1.6))
    model = load_package(SHIPPED / "phantom-organs-ct")
    labels = label_volume(model, phantom.voxels_kji, phantom.affine_lps_mm)
    scores = {label.name: dice(labels, phantom.labels_kji, label.value) for label in model.manifest.labels}
    assert min(scores["Left lung"], scores["Right lung"]) > 0.9 and np.mean(list(scores.values())) > 0.8, scores
