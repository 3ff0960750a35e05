"""What is wrong with a recipe or its data ends the command in one line that names it, before the first step."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
import yaml

from tests.unit.training.data.made import recipe_of, volume, write_pair
from tests.unit.training.small import spots_document
from training.__main__ import main
from training.plan.document import document_of


def _data(folder: Path) -> Path:
    for number in range(1, 9):
        write_pair(folder, number, *volume(number))
    return folder


def _train(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], folder: Path, document: dict[str, Any], *more: str
) -> str:
    """Run the command; it must fail with status 1, nothing on standard output, no checkpoint, one line that is returned."""
    path = folder / "recipe.yaml"
    path.write_text(yaml.safe_dump(document))
    monkeypatch.setattr(sys, "argv", ["training", "train", str(path), "--data", str(folder), "--out", str(folder / "run"), *more])
    with pytest.raises(SystemExit) as ended:
        main()
    told = capsys.readouterr()
    assert ended.value.code == 1 and told.out == "" and not list(folder.rglob("checkpoint.pt"))
    lines = [line for line in told.err.splitlines() if line.startswith("error: ")]
    assert len(lines) == 1
    return lines[0]


@pytest.fixture
def document(tmp_path: Path) -> dict[str, Any]:
    _data(tmp_path)
    return document_of(recipe_of({"kind": "nifti", "duplicates": None}))


def test_wrong_key(document: dict[str, Any], tmp_path: Path, monkeypatch: Any, capsys: Any) -> None:
    document["fit"]["learning_rat"] = 1
    assert "recipe.yaml: fit.learning_rat: no such key" in _train(monkeypatch, capsys, tmp_path, document)


def test_leaking_split(document: dict[str, Any], tmp_path: Path, monkeypatch: Any, capsys: Any) -> None:
    document["data"]["group"] = {"by": "consecutive", "size": 3, "means": "person"}
    told = _train(monkeypatch, capsys, tmp_path, document)
    assert "person" in told and "case_00" in told


def test_duplicates_across_the_split(document: dict[str, Any], tmp_path: Path, monkeypatch: Any, capsys: Any) -> None:
    write_pair(tmp_path, 8, *volume(1))
    document["data"]["duplicates"] = {"treat": "fail"}
    told = _train(monkeypatch, capsys, tmp_path, document)
    assert "case_001" in told and "case_008" in told and "duplicates" in told


def test_missing_file(document: dict[str, Any], tmp_path: Path, monkeypatch: Any, capsys: Any) -> None:
    (tmp_path / "labels" / "case_003.nii.gz").unlink()
    assert "case_003" in _train(monkeypatch, capsys, tmp_path, document)


def test_labels_out_of_range(document: dict[str, Any], tmp_path: Path, monkeypatch: Any, capsys: Any) -> None:
    image = nibabel.nifti1.Nifti1Image(np.full((10, 8, 6), 7, np.uint8), np.eye(4))
    nibabel.nifti1.save(image, tmp_path / "labels" / "case_002.nii.gz")
    assert "case_002" in _train(monkeypatch, capsys, tmp_path, document)


def test_a_label_that_no_training_case_holds(document: dict[str, Any], tmp_path: Path, monkeypatch: Any, capsys: Any) -> None:
    for number in range(1, 5):
        voxels, labels = volume(number)
        write_pair(tmp_path, number, voxels, np.where(labels == 2, 0, labels).astype(np.uint8))
    assert document["package"]["labels"][1]["name"] in _train(monkeypatch, capsys, tmp_path, document)


def test_starting_weights_that_are_not_there(document: dict[str, Any], tmp_path: Path, monkeypatch: Any, capsys: Any) -> None:
    document["transfer"] = {"weights": str(tmp_path / "none.safetensors"), "licence": "MIT"}
    assert "transfer.weights: " in _train(monkeypatch, capsys, tmp_path, document)


def test_more_folds_than_groups(document: dict[str, Any], tmp_path: Path, monkeypatch: Any, capsys: Any) -> None:
    document["ensemble"] = {"folds": 9}
    assert "9" in _train(monkeypatch, capsys, tmp_path, document)


def test_a_multiple_that_the_network_cannot_take(document: dict[str, Any], tmp_path: Path, monkeypatch: Any, capsys: Any) -> None:
    document["package"]["grid"]["minimum_multiple"] = 2
    assert "package.grid.minimum_multiple: is 2" in _train(monkeypatch, capsys, tmp_path, document, "--dry-run")


def test_no_data_folder_and_no_array_file(tmp_path: Path, monkeypatch: Any, capsys: Any) -> None:
    assert "spots.npz" in _train(monkeypatch, capsys, tmp_path, spots_document())
