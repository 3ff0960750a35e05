"""A real model package, small enough to load in no time: a U-Net of a few hundred weights that nobody trained."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn

from inference.networks import build, save_weights

PATCH = (8, 16, 16)
LEVELS = (2, 4)
HIPPOCAMPUS = {"value": "5668004", "scheme": "SCT", "meaning": "Hippocampus"}
STRUCTURE = {"value": "123037004", "scheme": "SCT", "meaning": "Anatomical Structure"}


def write_tiny_package(folder: Path, *, modality: str = "MR", seed: int = 0, **changes: Any) -> Path:
    """Write a package that takes 3-D volumes of ``modality`` in their own spacing; ``changes`` go over the manifest.

    Its network has a channel for each of ``inputs``, where they are among the changes.
    """
    torch.manual_seed(seed)
    channels = len(changes.get("inputs", [modality]))
    arguments = {"spatial_dims": 3, "in_channels": channels, "out_channels": 2, "channels": list(LEVELS)}
    network = build("unet", arguments).eval()
    _balance(network, channels=channels)
    for part in ("configs", "models", "docs"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    weights_sha256 = save_weights(network, folder / "models" / "model.safetensors")
    manifest: dict[str, Any] = {
        "name": "tiny",
        "version": "1.0.0",
        "title": "Untrained network",
        "task": "segmentation",
        "intended_use": "Tests. Not for clinical use.",
        "licence": "Apache-2.0",
        "weights_licence": "Apache-2.0",
        "family": {"value": "123110", "scheme": "DCM", "meaning": "Artificial Intelligence"},
        "inputs": [{"name": "image", "modality": [modality], "spatial_dims": 3, "minimum_slices": 3}],
        "grid": {"spacing_mm": None, "patch": list(PATCH), "overlap": 0.25, "minimum_multiple": 2},
        "intensity": {"kind": "zscore", "lower": 1.0, "upper": 99.0},
        "network": {"name": "unet", "arguments": arguments, "weights_sha256": weights_sha256},
        "labels": [{"value": 1, "name": "Thing", "category": STRUCTURE, "type": HIPPOCAMPUS}],
        "deadline_s": 120.0,
        **changes,
    }
    (folder / "configs" / "wetread.json").write_text(json.dumps(manifest, indent=2))
    return folder


def write_flat_package(folder: Path, *, modality: str = "US", grid: dict[str, Any] | None = None, **changes: Any) -> Path:
    """The same for single images of ``modality``, at 2 mm unless ``grid`` says otherwise."""
    arguments = {"spatial_dims": 2, "in_channels": 1, "out_channels": 2, "channels": list(LEVELS)}
    write_tiny_package(folder)
    torch.manual_seed(0)
    network = build("unet", arguments).eval()
    _balance(network, PATCH[1:])
    document: dict[str, Any] = json.loads((folder / "configs" / "wetread.json").read_text()) | {
        "inputs": [{"name": "image", "modality": [modality], "spatial_dims": 2}],
        "grid": {"spacing_mm": [2.0, 2.0], "patch": list(PATCH[1:]), "minimum_multiple": 2, **(grid or {})},
        "network": {
            "name": "unet",
            "arguments": arguments,
            "weights_sha256": save_weights(network, folder / "models" / "model.safetensors"),
        },
    }
    (folder / "configs" / "wetread.json").write_text(json.dumps(document | changes, indent=2))
    return folder


def _balance(network: nn.Module, patch: Sequence[int] = PATCH, channels: int = 1) -> None:
    """Shift the head so that noise comes out half label, half background."""
    with torch.no_grad():
        scores = network(torch.randn((1, channels, *patch)))
        parameters = dict(network.named_parameters())
        parameters["head.bias"][1] -= (scores[:, 1] - scores[:, 0]).median()
