"""The shipped recipes at a size that trains in seconds: a few of the real cases, a small network, few steps.

Each function writes a recipe and its data into a folder and returns their paths; the recipe keeps everything else as it ships.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from tests.support.data import REPOSITORY, data_path
from training.recipe.read import overlaid

_QUICK: dict[str, Any] = {
    "schedule": {"kind": "cosine", "warmup_steps": 5, "over_steps": 0, "cooldown_steps": 10},
    "ema_decay": 0.9,
    "validate_every": 1000,
    "validate_cases": 4,
    "checkpoint_every": 1000,
}
# The recipe's own parts name cases that aren't among the few.
_DRAWN = {"kind": "drawn", "file": None, "shares": {"train": 0.7, "validate": 0.1, "test": 0.2}, "seed": 1}
RecipeAndData = tuple[Path, Path]


def fetal_head(folder: Path) -> RecipeAndData:
    """48 images of HC18 at 48 x 72."""
    source, data = data_path("labelled/fetal-head"), folder / "data"
    header, *rows = (source / "cases.csv").read_text().splitlines()
    chosen = rows[::10][:48]
    for part in ("images", "masks"):
        _link([source / part / row.split(",")[0] for row in chosen], data / part)
    (data / "cases.csv").write_text("\n".join([header, *chosen]) + "\n")
    grid = {"patch": [48, 72], "minimum_multiple": 4}
    network = {"arguments": {"channels": [8, 16, 32]}}
    fit = {"steps": 60, "batch": 6, "patch": [48, 72], "learning_rate": 0.006}
    recipe = _recipe(folder, "fetal-head-us", fit, {"grid": grid, "network": network}, data={"split": _DRAWN})
    return recipe, data


def pneumonia(folder: Path) -> RecipeAndData:
    """Some 320 images to learn from, 100 to validate, 50 to test."""
    data = folder / "data"
    data.mkdir(parents=True)
    with np.load(data_path("labelled/pneumonia-mnist/pneumoniamnist.npz")) as source:
        steps = {"train": 12, "val": 5, "test": 12}
        kept = {key: source[key][:: steps[key.split("_")[0]]] for key in source.files}
    np.savez(data / "pneumoniamnist.npz", **kept)
    network = {"name": "cnn", "arguments": {"spatial_dims": 2, "in_channels": 1, "out_channels": 2, "channels": [8, 16]}}
    return _recipe(folder, "pneumonia-xr", {"steps": 60, "batch": 32, "keep": "last"}, {"network": network}), data


def hippocampus(folder: Path) -> RecipeAndData:
    """The shipped package's weights, fitted a little further on 4 crops; 2 to validate, 2 to test."""
    source, data = data_path("labelled/hippocampus"), folder / "data"
    numbered = {int(path.name.split("_")[1].split(".")[0]): path for path in sorted((source / "images").iterdir())}
    parts = (range(1, 201), range(201, 241), range(241, 401))
    chosen = [
        number for part, count in zip(parts, (4, 2, 2), strict=True) for number in [n for n in numbered if n in part][:count]
    ]
    for kind in ("images", "labels"):
        _link([source / kind / numbered[number].name for number in chosen], data / kind)
    fit = {"steps": 8, "learning_rate": 0.0002, "schedule": {"warmup_steps": 2, "cooldown_steps": 2}}
    transfer = {"weights": str(REPOSITORY / "inference" / "bundles" / "hippocampus-mr")}
    return _recipe(folder, "hippocampus-mr", fit, {}, transfer=transfer), data


def breast_masks(folder: Path) -> RecipeAndData:
    """Every third breast image, at 96 x 128, for a small Mask R-CNN."""
    source, data = data_path("labelled/breast-us"), folder / "data"
    for kind in ("benign", "malignant", "normal"):
        images = sorted(path for path in (source / kind).glob("*.png") if "_mask" not in path.name)
        _link([file for path in images[::3] for file in sorted(source.glob(f"{kind}/{path.stem}*.png"))], data / kind)
    grid = {"patch": [96, 128], "minimum_multiple": 32}
    shape = {"spatial_dims": 2, "in_channels": 1, "out_channels": 3, "depth": 10, "width": 12, "finest": 2}
    fit = {"steps": 250, "batch": 4, "patch": [96, 128]}
    package = {"grid": grid, "network": {"name": "mask-rcnn", "arguments": shape}}
    return _recipe(folder, "breast-detection-us", fit, package, data={"split": _DRAWN}), data


def sarcoma(folder: Path) -> RecipeAndData:
    """MR, PET and CT of ten patients to learn from and of one to validate; STS_002, who is in the recipe's test part, to test."""
    source, data = data_path("labelled/sarcoma"), folder / "data"
    given = json.loads((REPOSITORY / "training" / "recipes" / "splits" / "sarcoma.json").read_text())
    parts = {"train": given["train"][:10], "validate": given["validate"][:1], "test": ["STS_002"]}
    for patient in [patient for part in parts.values() for patient in part]:
        _link(sorted((source / patient).iterdir()), data / patient)
    (folder / "split.json").write_text(json.dumps(parts))
    package = {"network": {"arguments": {"channels": [8, 16, 32]}}}
    fit = {"steps": 160, "learning_rate": 0.006}
    split = {"kind": "given", "file": str(folder / "split.json")}
    return _recipe(folder, "sarcoma-fusion", fit, package, data={"split": split}), data


def _recipe(folder: Path, name: str, fit: Mapping[str, Any], package: Mapping[str, Any], **more: Any) -> Path:
    document = yaml.safe_load((REPOSITORY / "training" / "recipes" / f"{name}.yaml").read_text())
    document.pop("profiles", None)
    over = {"fit": {**_QUICK, **fit}, "package": {"version": "9.0.0", **package}, **more}
    small = overlaid(document, over) | {"floor": {}}
    small["data"]["split"] = {key: value for key, value in small["data"]["split"].items() if value is not None}
    path = folder / "recipe.yaml"
    path.write_text(yaml.safe_dump(small, sort_keys=False))
    return path


def _link(files: Sequence[Path], folder: Path) -> None:
    folder.mkdir(parents=True)
    for path in files:
        (folder / path.name).symlink_to(path)
