"""From weights to a package folder: manifest, MONAI configs, weights, licence; and the model card once it is measured.

The bytes depend on recipe and weights alone, so the same training yields the same package digest.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn

from inference.manifest import Classification, Detection, Manifest, Weights
from inference.networks import save_weights
from storage.base.errors import ConfigError
from training.export.licence import licence_text
from training.export.monai_configs import holds, inference_config, metadata
from training.recipe import Recipe

Rules = Classification | Detection

_FIRST = "models/model.safetensors"


def export_package(recipe: Recipe, networks: Sequence[nn.Module], folder: Path, *rules: Rules) -> Manifest:
    """Write all of a package but its model card.

    Parameters
    ----------
    networks : one, or the members of an ensemble; their weights are stored in the precision of ``precision_of``.
    folder : the package's folder; made when absent, its files replaced.
    rules : temperature and thresholds of a classifier, thresholds of a detector; where not given the recipe's.

    Raises
    ------
    ConfigError
        The folder can't be written, or the licence is unknown to the exporter.
    """
    licence = licence_text(recipe.manifest())
    try:
        for part in ("configs", "models", "docs"):
            (folder / part).mkdir(parents=True, exist_ok=True)
        manifest = _manifest(recipe, _write_weights(recipe, networks, folder), rules)
        _write_json(folder / "configs" / "wetread.json", manifest.model_dump(mode="json"))
        _write_json(folder / "configs" / "metadata.json", metadata(manifest, recipe.data.statement))
        inference = folder / "configs" / "inference.json"
        inference.unlink(missing_ok=True)
        if holds(manifest):
            _write_json(inference, inference_config(manifest))
        (folder / "LICENSE").write_text(licence, encoding="utf-8")
    except OSError as error:
        raise _unwritable(folder, error) from error
    return manifest


def write_documents(folder: Path, card: str, documents: Mapping[str, Mapping[str, Any]]) -> None:
    """Write ``docs/README.md`` and, beside it, JSON documents by file name. None is part of the package digest.

    Raises
    ------
    ConfigError
        They can't be written.
    """
    try:
        (folder / "docs" / "README.md").write_text(card, encoding="utf-8")
        for name, document in documents.items():
            _write_json(folder / "docs" / name, document)
    except OSError as error:
        raise _unwritable(folder, error) from error


def _unwritable(folder: Path, error: OSError) -> ConfigError:
    return ConfigError(f"{folder}: can't be written ({error.strerror}); make room or name another --out", code="not-writable")


def _write_weights(recipe: Recipe, networks: Sequence[nn.Module], folder: Path) -> tuple[Weights, ...]:
    """One file a member; files of members that an earlier export had more of are removed, as the digest covers the folder."""
    first = str(recipe.package["network"].get("weights", _FIRST))
    names = [first, *(f"models/member-{number}.safetensors" for number in range(2, len(networks) + 1))]
    for path in (folder / "models").glob("*.safetensors"):
        if path.relative_to(folder).as_posix() not in names:
            path.unlink()
    pairs, dtype = zip(names, networks, strict=True), precision_of(recipe)
    return tuple(Weights(weights=name, sha256=save_weights(network, folder / name, dtype)) for name, network in pairs)


def precision_of(recipe: Recipe) -> torch.dtype:
    """In what a package's weights are stored: half precision, but for boxes single.

    Detectors choose the best boxes and drop those that overlap, twice where they have two stages. A rounded weight can turn such
    a choice, so that a box with a score of 0.1 is there or isn't.
    """
    return torch.float32 if "detection" in recipe.heads else torch.float16


def _manifest(recipe: Recipe, members: tuple[Weights, ...], rules: Sequence[Rules]) -> Manifest:
    plain = recipe.manifest(members[0].sha256)
    network = plain.network.model_copy(update={"weights": members[0].weights, "more_weights": members[1:]})
    changes: dict[str, Any] = {"network": network}
    for stated in rules:
        changes["classification" if isinstance(stated, Classification) else "detection"] = stated
    return Manifest.model_validate(plain.model_copy(update=changes).model_dump())


def _write_json(path: Path, document: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
