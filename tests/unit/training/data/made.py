"""Small data sets on disk, and recipes that read them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tests.unit.training.tiny import tiny_document
from training.recipe import Recipe

RANGES = {"kind": "ranges", "train": [1, 4], "validate": [5, 6], "test": [7, 8]}
THIRDS = {"kind": "drawn", "shares": {"train": 0.5, "validate": 0.25, "test": 0.25}}


def recipe_of(data: Mapping[str, Any], labels: int = 2, task: str = "segmentation", dims: int = 3) -> Recipe:
    """A recipe whose data section is this one; its package has ``labels`` labels."""
    document = tiny_document()
    package = document["package"]
    package["labels"] = package["labels"][:labels]
    package["network"]["arguments"]["out_channels"] = labels + 1
    package["postprocess"] = {}
    package["task"] = task
    if task == "classification":
        package["classification"] = {"thresholds": [0.5] * labels}
    if dims == 2:
        package["inputs"][0] |= {"spatial_dims": 2, "minimum_slices": 1}
        package["grid"] |= {"spacing_mm": [1.0, 1.0], "patch": [16, 16]}
        package["network"]["arguments"]["spatial_dims"] = 2
        document["fit"]["patch"] = [8, 8]
        document["augment"] = {}
    document["loss"], document["floor"] = {}, {}
    document["data"] = {"statement": "made for a test", "split": RANGES, **data}
    if data["kind"] == "series":
        package["inputs"][0]["name"] = data["labels_on"]
    return Recipe.model_validate(document)


def volume(seed: int, size: tuple[int, ...] = (6, 8, 10)) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """Noise with two boxes of labels 1 and 2, no two seeds alike."""
    random = np.random.default_rng(seed)
    voxels = random.normal(100, 20, size).astype(np.float32)
    labels = np.zeros(size, dtype=np.uint8)
    labels[..., 2:5, 2:5], labels[..., 5:7, 5:8] = 1, 2
    return voxels + 50 * labels, labels


def write_pair(
    folder: Path, number: int, voxels: NDArray[Any], labels: NDArray[Any], spacing: Sequence[float] = (1, 1, 1)
) -> None:
    """``images/case_N.nii.gz`` and ``labels/case_N.nii.gz``."""
    affine = np.diag([*spacing, 1.0])
    for name, array in (("images", voxels), ("labels", labels)):
        (folder / name).mkdir(exist_ok=True)
        image = nibabel.nifti1.Nifti1Image(array.transpose(2, 1, 0), affine)
        nibabel.nifti1.save(image, folder / name / f"case_{number:03d}.nii.gz")


def write_pairs(folder: Path, numbers: Sequence[int] = range(1, 9)) -> Path:
    """Eight such pairs."""
    for number in numbers:
        write_pair(folder, number, *volume(number))
    return folder


def write_png(path: Path, pixels: NDArray[Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


def grey(seed: int, size: tuple[int, int] = (20, 24)) -> NDArray[np.uint8]:
    """Noise as 8-bit grey."""
    return np.random.default_rng(seed).integers(0, 256, size).astype(np.uint8)


def write_json(path: Path, document: Any) -> None:
    path.write_text(json.dumps(document))
