"""From weights to a package folder: manifest, MONAI configs, weights, licence; and the model card once it is measured.

The bytes depend on recipe and weights alone, so the same training yields the same package digest.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from torch import nn

from inference.networks import save_weights
from storage.base.errors import ConfigError
from training.evaluate.measure import Evaluation
from training.export.card import model_card
from training.export.licence import licence_text
from training.export.monai_configs import inference_config, metadata
from training.recipe import Recipe


def export_package(recipe: Recipe, network: nn.Module, folder: Path) -> None:
    """Write all of a package but its model card.

    Parameters
    ----------
    network : its weights are stored in half precision.
    folder : the package's folder; made when absent, its files replaced.

    Raises
    ------
    ConfigError
        The folder can't be written, or the licence is unknown to the exporter.
    """
    try:
        for part in ("configs", "models", "docs"):
            (folder / part).mkdir(parents=True, exist_ok=True)
        weights = folder / recipe.manifest().network.weights
        manifest = recipe.manifest(save_weights(network, weights))
        _write_json(folder / "configs" / "wetread.json", manifest.model_dump(mode="json"))
        _write_json(folder / "configs" / "metadata.json", metadata(manifest, recipe.data.statement))
        _write_json(folder / "configs" / "inference.json", inference_config(manifest))
        (folder / "LICENSE").write_text(licence_text(manifest.licence, manifest.attribution), encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{folder}: can't be written ({error.strerror}); name another --out", code="not-writable") from error


def write_card(recipe: Recipe, evaluation: Evaluation, folder: Path) -> None:
    """Write ``docs/README.md`` and, beside it, the figures of every case. Neither is part of the package digest."""
    (folder / "docs" / "README.md").write_text(model_card(recipe, evaluation), encoding="utf-8")
    _write_json(folder / "docs" / "test.json", evaluation.document())


def _write_json(path: Path, document: dict[str, Any]) -> None:
    path.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
