"""A real classification package of a few hundred weights that nobody trained, also as an ensemble of several."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch

from inference.networks import build, save_weights

PATCH = (16, 16)
_FINDING = {"value": "233604007", "scheme": "SCT", "meaning": "Pneumonia"}
_CATEGORY = {"value": "49755003", "scheme": "SCT", "meaning": "Morphologically Abnormal Structure"}
_LUNG = {"value": "39607008", "scheme": "SCT", "meaning": "Lung"}


def write_tiny_classifier(folder: Path, *, members: int = 1, modality: str = "DX", **changes: Any) -> Path:
    """Write a package that takes single images of ``modality`` and knows one label; ``changes`` go over the manifest."""
    arguments = {"spatial_dims": 2, "in_channels": 1, "out_channels": 2, "channels": [2, 4]}
    for part in ("configs", "models", "docs"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    weights = []
    for member in range(members):
        torch.manual_seed(member)
        name = f"models/member-{member}.safetensors"
        weights.append({"weights": name, "sha256": save_weights(build("cnn", arguments).eval(), folder / name)})
    network: dict[str, Any] = {"name": "cnn", "arguments": arguments, "more_weights": weights[1:]}
    manifest: dict[str, Any] = {
        "name": "tiny-classifier",
        "version": "1.0.0",
        "title": "Untrained classifier",
        "task": "classification",
        "intended_use": "Tests. Not for clinical use.",
        "licence": "Apache-2.0",
        "weights_licence": "Apache-2.0",
        "family": {"value": "123110", "scheme": "DCM", "meaning": "Artificial Intelligence"},
        "inputs": [{"name": "image", "modality": [modality], "spatial_dims": 2}],
        "grid": {"spacing_mm": None, "patch": list(PATCH), "minimum_multiple": 2, "fit": "stretch"},
        "intensity": {"kind": "zscore", "lower": 1.0, "upper": 99.0},
        "network": {**network, "weights": weights[0]["weights"], "weights_sha256": weights[0]["sha256"]},
        "labels": [{"value": 1, "name": "Pneumonia", "category": _CATEGORY, "type": _FINDING, "site": _LUNG}],
        "classification": {"temperature": 1.5, "thresholds": [0.5]},
        "deadline_s": 120.0,
        **changes,
    }
    (folder / "configs" / "wetread.json").write_text(json.dumps(manifest, indent=2))
    return folder
