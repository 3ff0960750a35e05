"""A real detection package of a few thousand weights, which nobody trained unless a state is given."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from inference.networks import build, save_weights

SMALL: dict[str, dict[str, Any]] = {
    "yolo": {},
    "retinanet": {},
    "faster-rcnn": {"hidden": 32},
    "mask-rcnn": {"hidden": 32, "mask_convs": 1},
}
"""What each detector takes beside ``TRUNK``."""

TRUNK: dict[str, Any] = {"depth": 10, "width": 4, "pyramid": 8, "stem": "small"}
_CATEGORY = {"value": "49755003", "scheme": "SCT", "meaning": "Morphologically Abnormal Structure"}
_TYPES = {
    "Mass": {"value": "4147007", "scheme": "SCT", "meaning": "Mass"},
    "Cyst": {"value": "441457006", "scheme": "SCT", "meaning": "Cyst"},
}


def arguments_of(name: str, dims: int, labels: int = 1, **more: Any) -> dict[str, Any]:
    """Keyword arguments of the smallest detector that can still learn discs."""
    return {"spatial_dims": dims, "in_channels": 1, "out_channels": 1 + labels, **TRUNK, **SMALL[name], **more}


def write_tiny_detector(
    folder: Path,
    network: str = "yolo",
    *,
    dims: int = 2,
    labels: int = 1,
    members: int = 1,
    modality: str = "US",
    arguments: Mapping[str, Any] | None = None,
    states: tuple[Mapping[str, Tensor], ...] = (),
    detection: Mapping[str, Any] | None = None,
    **changes: Any,
) -> Path:
    """Write a package for images (``dims`` 2) or volumes of ``modality``.

    Parameters
    ----------
    arguments : over those of ``arguments_of``. states : weights of each member; fresh ones where there are none.
    detection : over the manifest's key. changes : over the manifest.
    """
    given = arguments_of(network, dims, labels, **(arguments or {}))
    for part in ("configs", "models", "docs"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    weights = []
    for member in range(members):
        torch.manual_seed(member)
        built = build(network, given).eval()
        if states:
            built.load_state_dict(states[member])
        path = f"models/member-{member}.safetensors"
        weights.append({"weights": path, "sha256": save_weights(built, folder / path)})
    names = list(_TYPES)[:labels]
    manifest: dict[str, Any] = {
        "name": "tiny-detector",
        "version": "1.0.0",
        "title": "Detector of discs",
        "task": "detection",
        "intended_use": "Tests. Not for clinical use.",
        "licence": "Apache-2.0",
        "weights_licence": "Apache-2.0",
        "family": {"value": "123110", "scheme": "DCM", "meaning": "Artificial Intelligence"},
        "inputs": [{"name": "image", "modality": [modality], "spatial_dims": dims}],
        "grid": {"spacing_mm": None, "patch": [64, 64] if dims == 2 else [32] * 3, "minimum_multiple": 16},
        "intensity": {"kind": "window", "lower": 0.0, "upper": 255.0},
        "network": {
            "name": network,
            "arguments": given,
            "weights": weights[0]["weights"],
            "weights_sha256": weights[0]["sha256"],
            "more_weights": weights[1:],
        },
        "labels": [
            {"value": number, "name": name, "category": _CATEGORY, "type": _TYPES[name]} for number, name in enumerate(names, 1)
        ],
        "detection": {"thresholds": [0.5] * labels, **(detection or {})},
        "deadline_s": 120.0,
        **changes,
    }
    if dims == 2:
        manifest["grid"] = {"fit": "stretch", **manifest["grid"]}
    (folder / "configs" / "wetread.json").write_text(json.dumps(manifest, indent=2))
    return folder
