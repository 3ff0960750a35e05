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
    assert metrics["steps"] == 4 and metrics["cases"] == 2 and set(metrics["figures"]) == {"as is"}
    card = (package / "docs" / "README.md").read_text()
    assert "Not for clinical use" in card and "| Dice, Liver | as is |" in card and "phantoms alone" in card


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
    assert {row["dice"].value for row in evaluation.figures["as is"].values() if row["dice"].cases} == {1.0}
    assert evaluation.below({"Liver": 1.0}) == [] and len(evaluate(model, tiny_recipe(), [case]).below({"Liver": 1.0})) == 1


def test_unwritable_package_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    trainer = Trainer(tiny_recipe(), [])
    with pytest.raises(ConfigError, match="name another --out"):
        export_package(tiny_recipe(), trainer.averaged, tmp_path / "file" / "package")
