"""What the commands print, write and answer, in this process; ``test_processes`` starts them as a person would."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from inference.manifest import package_digest, read_manifest
from tests.unit.training.data.made import volume, write_pair
from tests.unit.training.small import spots_document, write_spots
from training.__main__ import main

pytestmark = pytest.mark.heavy

Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Runs a command on one thread; returns exit status, standard output, standard error."""

    def call(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["training", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
            sys.exit(0)
        told = capsys.readouterr()
        return int(ended.value.code or 0), told.out, told.err

    return call


@pytest.fixture
def spots(tmp_path: Path) -> Path:
    """``recipe.yaml`` beside its data."""
    write_spots(tmp_path)
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(spots_document()))
    return tmp_path


def test_a_rehearsal_tells_everything_and_writes_nothing(spots: Path, command: Command) -> None:
    before = sorted(spots.rglob("*"))
    arguments = ("train", spots / "recipe.yaml", "--data", spots, "--out", spots / "run", "--threads", 1, "--dry-run")
    status, told, _ = command(*arguments)
    assert status == 0 and sorted(spots.rglob("*")) == before
    for words in ("spots: classification, cnn of", "train     24 in", "8 steps", "s of fitting", "GB for a step"):
        assert words in told
    status, told, _ = command(*arguments, "--json")
    document = json.loads(told)
    assert status == 0 and document["steps"] == 8 and document["plan"]["decisions"] == [] and document["parameters"] > 0
    assert document["data"]["parts"]["test"]["cases"] == 20 and document["fit_seconds"] > 0


def test_train_evaluate_and_export(spots: Path, command: Command) -> None:
    recipe, run = spots / "recipe.yaml", spots / "run"
    status, told, progress = command("train", recipe, "--data", spots, "--out", run, "--threads", 1, "--json")
    figures = json.loads(told)
    assert status == 0 and figures["task"] == "classification" and "package: " in progress
    arguments = ("evaluate", run, recipe, "--data", spots, "--threads", 1)
    assert json.loads(command(*arguments, "--json")[1]) == figures
    status, told, _ = command(*arguments, "--report", spots / "report", "--explain", "grad-cam")
    assert status == 0 and "AUC, all classes" in told and "at the threshold, Spot" in told
    report = json.loads((spots / "report" / "report.json").read_text())
    assert "passed" in report["sanity"] and "grad-cam" in (spots / "report" / "report.html").read_text()
    status, _, _ = command("export", recipe, "--run", run, "--out", spots / "package")
    exported = read_manifest(spots / "package")
    assert status == 0 and exported.network.weights_sha256 == read_manifest(run / "package" / "spots").network.weights_sha256
    assert package_digest(spots / "package") != package_digest(run / "package" / "spots")  # it isn't calibrated


def test_a_missed_floor_is_told_after_the_figures(spots: Path, command: Command) -> None:
    document = spots_document(floor={"Spot": 1.0})
    document["fit"]["learning_rate"] = 1e-9
    (spots / "recipe.yaml").write_text(yaml.safe_dump(document))
    status, told, progress = command("train", spots / "recipe.yaml", "--data", spots, "--out", spots / "run", "--threads", 1)
    assert (
        status == 1
        and "AUC, all classes" in told
        and "at the threshold, Spot" in told
        and "error: the package misses the recipe's floor: Spot" in progress
    )


def test_maps_without_a_report_and_a_folder_without_a_package(spots: Path, command: Command) -> None:
    recipe = spots / "recipe.yaml"
    assert "error: --explain: " in command("evaluate", spots, recipe, "--explain", "occlusion")[2]
    status, _, told = command("evaluate", spots, recipe, "--data", spots)
    assert status == 1 and "no package, and no run that exported one" in told
    status, _, told = command("export", recipe, "--run", spots, "--out", spots / "package")
    assert status == 1 and "no checkpoint in it" in told and not (spots / "package").exists()


def test_data_are_stated_as_text_and_as_a_document(spots: Path, command: Command) -> None:
    status, told, _ = command("data", spots / "recipe.yaml", "--data", spots)
    assert status == 0 and "Drawn for a test." in told and "### Cases" in told
    document = json.loads(command("data", spots / "recipe.yaml", "--data", spots, "--json")[1])
    assert document["all"]["cases"] == 56


def test_variants_are_compared(spots: Path, command: Command) -> None:
    text = {"base": "recipe.yaml", "variants": {"plain": {}, "short": {"fit": {"steps": 2}}}}
    (spots / "compare.yaml").write_text(yaml.safe_dump(text))
    status, told, _ = command("compare", spots / "compare.yaml", "--data", spots, "--out", spots / "out", "--threads", 1)
    assert status == 0 and "| AUC, Spot | short |" in told and "Minus plain" in told
    assert {path.name for path in (spots / "out").iterdir()} >= {"plain", "short", "comparison.csv", "comparison.md"}


def test_a_recipe_is_made_of_an_nnunet_data_set(tmp_path: Path, command: Command) -> None:
    source = tmp_path / "Dataset001_Boxes"
    for number in range(1, 9):
        write_pair(tmp_path, number, *volume(number))
        for name, ending, folder in (("images", "_0000", "imagesTr"), ("labels", "", "labelsTr")):
            (source / folder).mkdir(parents=True, exist_ok=True)
            (tmp_path / name / f"case_{number:03d}.nii.gz").rename(source / folder / f"case_{number:03d}{ending}.nii.gz")
    labels = {"background": 0, "a": 1, "b": 2}
    description = {"channel_names": {"0": "MRI"}, "labels": labels, "numTraining": 8, "file_ending": ".nii.gz"}
    (source / "dataset.json").write_text(json.dumps(description))
    recipe = tmp_path / "boxes.yaml"
    status, _, told = command("import-nnunet", source, "--out", recipe)
    assert status == 0 and "recipe: " in told
    assert "is there already" in command("import-nnunet", source, "--out", recipe)[2]
    status, told, _ = command("train", recipe, "--data", source, "--dry-run", "--threads", 1)
    assert status == 0 and "package.grid.spacing_mm" in told and "fit.steps" in told


@pytest.mark.parametrize("name", ["train", "evaluate", "export", "compare", "data", "import-nnunet", "phantom"])
def test_every_command_explains_itself(name: str, command: Command) -> None:
    status, told, _ = command(name, "--help")
    assert status == 0 and "--" in told


def test_members_whose_weights_are_to_be_averaged_are_not_exported_apart(spots: Path, command: Command) -> None:
    document = spots_document(ensemble={"folds": 2, "combine": "weights"}, transfer={"weights": "none"})
    (spots / "recipe.yaml").write_text(yaml.safe_dump(document))
    status, _, told = command("export", spots / "recipe.yaml", "--run", spots, "--out", spots / "package")
    assert status == 1 and "ensemble.combine: a mean of weights needs the training part" in told


def test_wrong_use_is_status_2(command: Command) -> None:
    assert command("phantom")[0] == 2
    assert command("fit")[0] == 2


def test_phantom_study_of_the_asked_size(tmp_path: Path, command: Command) -> None:
    size, spacing = ("--size", 4, 16, 16), ("--spacing", 60, 25, 25)
    status, _, told = command("phantom", "--dicom", tmp_path / "ct", "--seed", 3, *size, *spacing)
    assert status == 0, told
    assert len(list((tmp_path / "ct").iterdir())) == 4
    (tmp_path / "file").write_text("")
    status, _, told = command("phantom", "--nifti", tmp_path / "file" / "x", "--size", 4, 8, 8)
    assert status == 1 and "can't be written" in told
