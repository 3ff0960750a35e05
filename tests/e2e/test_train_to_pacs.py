"""From a recipe to a result at the PACS, by commands alone: train, models add, rules apply, C-STORE, SEG and SR at Orthanc.

The node runs all the while and is told of a new model without a restart. The shipped recipes are shortened (see
``small_training``); the data are real. What the node delivers must equal what the trainer's own code says of the same case.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from pydicom import Dataset, dcmread

from inference.engine.package import LoadedModel, load_package
from tests.support import peers, small_training, validators
from tests.support.dicom_builders import write
from tests.support.in_process import inference_here, wetread_here
from tests.support.line import Line
from tests.support.studies import hippocampus_copy
from tests.support.wetread_node import delivered, running_node, wetread
from tests.support.wrapped_images import dx_image, us_region
from training.data import Case, read_parts
from training.data.sources.dicom.cases import dicom_entries
from training.evaluate.served import labels_of, probabilities_of
from training.recipe import Recipe, read_recipe
from training.recipe.data import DicomData, DrawnSplit

pytestmark = [pytest.mark.heavy, pytest.mark.timeout(900)]
TRAIN_S, CHECK_S = 600.0, 300.0


@dataclass(frozen=True)
class Trained:
    """A finished run: its recipe, its package's folder, and a case of its test part."""

    recipe: Recipe
    package: Path
    model: LoadedModel
    case: Case


@pytest.fixture(scope="module")
def line(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Line]:
    folder = tmp_path_factory.mktemp("line")
    with peers.orthanc(folder / "orthanc") as pacs, running_node(folder / "node", pacs, rules=()) as node:
        yield Line(node, pacs)


def _train(folder: Path, make: Callable[[Path], small_training.RecipeAndData]) -> Trained:
    path, data = make(folder)
    command = ("train", path, "--data", data, "--out", folder / "run", "--threads", "1")
    done = wetread(*command, timeout_s=TRAIN_S)
    assert done.returncode == 0, done.stderr
    recipe = read_recipe(path)
    package = folder / "run" / "package" / recipe.name
    return Trained(recipe, package, load_package(package), next(iter(read_parts(recipe, data).cases("test"))))


def _infer(package: Path, study: Path, out: Path) -> dict[str, Any]:
    """What `wetread infer` starts says of the same files, without a node."""
    done = inference_here("run", package, study, "--out", out, "--json")
    assert done.returncode == 0, done.stderr
    (measured,) = json.loads(done.stdout)["measurements"]
    return dict(measured)


def _numbers(sr: Dataset, code: str) -> list[float]:
    """Every number of an SR under a concept name, at any depth."""
    items = [item for item in sr.get("ContentSequence", ())]
    below = [value for item in items for value in _numbers(item, code)]
    here = [item for item in items if item.ValueType == "NUM" and item.ConceptNameCodeSequence[0].CodeValue == code]
    return [float(item.MeasuredValueSequence[0].NumericValue) for item in here] + below


def _grey(case: Case) -> NDArray[np.uint8]:
    picture: NDArray[np.uint8] = case.voxels_ckji[0, 0].astype(np.uint8)
    assert np.array_equal(picture, case.voxels_ckji[0, 0])
    return picture


def _written(dataset: Dataset, folder: Path) -> tuple[Path, str]:
    write([dataset], folder)
    return folder, str(dataset.StudyInstanceUID)


def test_fetal_head_from_recipe_to_pacs(line: Line, tmp_path: Path) -> None:
    """2-D: an ultrasound image with a calibrated region gives the trainer's own mask, and its circumference as one number."""
    trained = _train(tmp_path, small_training.fetal_head)
    case = trained.case
    spacing_mm = float(case.affine_lps_mm[1, 1]), float(case.affine_lps_mm[0, 0])
    study, uid = _written(us_region(_grey(case), spacing_mm), tmp_path / "us")
    added = line.use(tmp_path / "run", {"name": "heads", "when": 'Modality == "US"', "model": trained.recipe.name})
    assert added["digest"] == trained.model.digest and added["source"] == str(trained.package)
    line.send(study)
    story = line.node.wait(uid, delivered, 300.0)
    found = line.at_pacs(uid, tmp_path / "pacs")
    expected = labels_of(trained.model, case)
    assert found.keys() == {"SEG", "SR"} and np.count_nonzero(expected) > 500
    assert np.array_equal(np.atleast_3d(dcmread(found["SEG"]).pixel_array).reshape(expected.shape), expected)
    offline = _infer(trained.package, study, tmp_path / "offline")
    (length,) = offline["lengths"]
    (number,) = _numbers(dcmread(found["SR"]), "11984-2")
    assert number == pytest.approx(length["mm"], rel=1e-6) and 10 < number < 600
    _told(line, uid, story, trained, f"Head circumference {number:,.1f} mm")


@pytest.mark.slow
def test_pneumonia_from_recipe_to_pacs(line: Line, tmp_path: Path) -> None:
    """Classification: a radiograph gives an SR with the trainer's own probability, and no SEG."""
    trained = _train(tmp_path, small_training.pneumonia)
    study, uid = _written(dx_image(_grey(trained.case)), tmp_path / "dx")
    line.use(tmp_path / "run", {"name": "chests", "when": 'Modality == "DX"', "model": trained.recipe.name})
    line.send(study)
    story = line.node.wait(uid, delivered, 300.0)
    found = line.at_pacs(uid, tmp_path / "pacs")
    assert found.keys() == {"SR"}
    offline = _infer(trained.package, study, tmp_path / "offline")
    (measured,) = story["jobs"][0]["measurements"]
    assert measured | {"tracking_uid": ""} == offline | {"tracking_uid": ""}  # which each object has its own of
    assert measured["probability"] == pytest.approx(probabilities_of(trained.model, trained.case)[1], abs=1e-4)
    verdict = "present" if measured["present"] else "absent"
    assert verdict.capitalize() in validators.dsrdump(found["SR"])
    assert measured["probability"] in _all_numbers(dcmread(found["SR"]))
    _told(line, uid, story, trained, f"Pneumonia: {verdict}, probability {measured['probability']:g} (threshold ")


@pytest.mark.slow
def test_hippocampus_from_recipe_to_pacs(line: Line, tmp_path: Path) -> None:
    """3-D: weights fitted on from a shipped package; the SEG, read as training data, is what the trainer's own code marks."""
    trained = _train(tmp_path, small_training.hippocampus)
    assert "began as those of" in trained.model.manifest.attribution
    study = tmp_path / "mr"
    uid = hippocampus_copy(study, 401)
    added = line.use(tmp_path / "run", {"name": "hippocampus", "when": 'Modality == "MR"', "model": trained.recipe.name})
    assert added["retires"]["version"] == "1.0.0"
    line.send(study)
    story = line.node.wait(uid, delivered, 300.0)
    found = line.at_pacs(uid, tmp_path / "pacs")
    assert found.keys() == {"SEG", "SR"}
    found["SEG"].rename(study / "seg.dcm")
    expected = _read_back(study, trained)
    predicted = labels_of(trained.model, expected)
    assert min(np.count_nonzero(predicted == value) for value in (1, 2)) > 500
    assert expected.labels_kji is not None and np.array_equal(predicted, expected.labels_kji)
    _told(line, uid, story, trained, "Hippocampus anterior: ")


def _read_back(folder: Path, trained: Trained) -> Case:
    """An image Series and its SEG as a case of training."""
    labels = {label.name: label.value for label in trained.model.manifest.labels}
    split = DrawnSplit(kind="drawn", shares={"train": 0.5, "validate": 0.25, "test": 0.25})
    (entry,) = dicom_entries(DicomData(kind="dicom", split=split, statement="", labels=labels), len(labels) + 1, folder, 3)
    return entry.read()


def _all_numbers(sr: Dataset) -> Sequence[float]:
    items = list(sr.get("ContentSequence", ()))
    here = [float(item.MeasuredValueSequence[0].NumericValue) for item in items if item.ValueType == "NUM"]
    return [*here, *(number for item in items for number in _all_numbers(item))]


def _told(line: Line, uid: str, story: dict[str, Any], trained: Trained, result: str) -> None:
    """`wetread show` names model, version, digest and what was found."""
    (job,) = story["jobs"]
    assert (job["model"], job["model_version"], job["model_digest"]) == (trained.recipe.name, "9.0.0", trained.model.digest)
    shown = wetread_here("show", uid, "--config", line.node.config).stdout
    assert f"{trained.recipe.name} 9.0.0 (digest {trained.model.digest[:12]})" in shown
    assert result in shown, shown
