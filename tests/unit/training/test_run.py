from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from rich.console import Console

from inference.engine.segmenter import label_volume, load_package
from inference.manifest import package_digest
from storage.base.clock import ManualClock
from storage.base.errors import ConfigError
from tests.unit.training.tiny import tiny_recipe
from training.data import read_cases
from training.evaluate.measure import evaluate, mirrored
from training.export.package import export_package
from training.fit.trainer import Trainer
from training.phantom.body import make_phantom
from training.phantom.files import write_nifti
from training.recipe import Recipe
from training.recipe.data import Grouping, NiftiData, RangeSplit
from training.run.progress import Track
from training.run.single import train

pytestmark = pytest.mark.heavy

QUIET = Track(Console(quiet=True))


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    torch.set_num_threads(1)
    out = tmp_path_factory.mktemp("run")
    package, _ = train(tiny_recipe(), out, None, ManualClock(), QUIET)
    return out, package


def test_run_leaves_package_metrics_and_card(run: tuple[Path, Path]) -> None:
    out, package = run
    names = {path.relative_to(package).as_posix() for path in package.rglob("*") if path.is_file()}
    configs = {"configs/metadata.json", "configs/inference.json", "configs/wetread.json"}
    assert names == {*configs, "models/model.safetensors", "docs/README.md", "docs/test.json", "LICENSE"}
    assert [row["step"] for row in csv.DictReader((out / "metrics.csv").read_text().splitlines())] == ["2", "4"]
    metrics = json.loads((out / "metrics.json").read_text())
    assert metrics["steps"] == 4 and metrics["cases"] == 2 and set(metrics["dice"]) == {"as is"}
    card = (package / "docs" / "README.md").read_text()
    assert "Not for clinical use" in card and "| Liver | as is |" in card and "phantoms alone" in card


def test_same_recipe_same_package(run: tuple[Path, Path], tmp_path: Path) -> None:
    again, _ = train(tiny_recipe(), tmp_path, None, ManualClock(), QUIET)
    assert package_digest(again) == package_digest(run[1])


def test_finished_run_is_not_trained_again(run: tuple[Path, Path]) -> None:
    out, package = run
    before = (out / "checkpoint.pt").read_bytes()
    train(tiny_recipe(), out, None, ManualClock(), QUIET)
    assert (out / "checkpoint.pt").read_bytes() == before and package.is_dir()


def test_package_scores_as_the_trained_network_does(run: tuple[Path, Path]) -> None:
    """Trainer and node agree: half precision and the way through the files change next to nothing."""
    out, package = run
    recipe = tiny_recipe()
    trainer = Trainer(recipe, [])
    trainer.resume(out / "checkpoint.pt")
    image = torch.randn(2, 1, 16, 16, 16)
    with torch.inference_mode():
        expected, found = trainer.averaged(image), load_package(package).network(image)
    assert torch.allclose(expected, found, atol=5e-3 * float(expected.abs().max()))


def test_mirrored_case_swaps_sides_of_the_patient(run: tuple[Path, Path]) -> None:
    case = next(iter(read_cases(tiny_recipe(), "test", None)))
    flipped = mirrored(case)
    assert np.array_equal(flipped.mask_kji, case.mask_kji[:, :, ::-1])
    sideways = replace(case, affine_lps_mm=case.affine_lps_mm[:, [2, 1, 0, 3]])  # k runs to the left
    assert np.array_equal(mirrored(sideways).voxels_kji, case.voxels_kji[::-1])


def test_figures_are_of_the_package_itself(run: tuple[Path, Path]) -> None:
    model = load_package(run[1])
    case = next(iter(read_cases(tiny_recipe(), "test", None)))
    own = replace(case, labels_kji=label_volume(model, case.voxels_kji, case.affine_lps_mm))
    evaluation = evaluate(model, tiny_recipe(), [own])
    assert {figure["mean"] for figure in evaluation.figures["as is"].values()} == {1.0}
    assert evaluation.below({"Liver": 1.0}) == [] and len(evaluate(model, tiny_recipe(), [case]).below({"Liver": 1.0})) == 1


def _nifti_recipe() -> Recipe:
    split = RangeSplit(train=(1, 2), validate=(3, 4), test=(5, 6))
    group = Grouping(by="consecutive", size=2)
    data = NiftiData(kind="nifti", split=split, group=group, statement="-")
    return tiny_recipe().model_copy(update={"data": data})


def test_nifti_comes_in_the_patient_frame(tmp_path: Path) -> None:
    phantom = make_phantom(2, (6, 8, 10), (48.0, 50.0, 40.0))
    write_nifti(phantom, tmp_path, 2)
    (case,) = read_cases(_nifti_recipe(), "train", tmp_path)
    assert np.allclose(case.affine_lps_mm, phantom.affine_lps_mm)
    assert np.array_equal(case.voxels_kji, phantom.voxels_kji) and np.array_equal(case.labels_kji, phantom.labels_kji)


def test_wanting_data_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="--data"):
        list(read_cases(_nifti_recipe(), "test", None))
    with pytest.raises(ConfigError, match=r"no file images/"):
        list(read_cases(_nifti_recipe(), "test", tmp_path))
    write_nifti(make_phantom(5, (6, 8, 10), (48.0, 50.0, 40.0)), tmp_path, 5)
    (tmp_path / "labels" / "phantom_005.nii.gz").write_bytes(b"cut")
    with pytest.raises(ConfigError, match=r"phantom_005\.nii\.gz: no readable NIfTI"):
        list(read_cases(_nifti_recipe(), "test", tmp_path))


def test_unwritable_package_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    trainer = Trainer(tiny_recipe(), [])
    with pytest.raises(ConfigError, match="name another --out"):
        export_package(tiny_recipe(), trainer.averaged, tmp_path / "file" / "package")
