"""A real package of several tasks, small enough to load in no time: a network of two heads that nobody trained."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch

from inference.networks import build, save_weights

PATCH = (32, 32)
_ABNORMAL = {"value": "49755003", "scheme": "SCT", "meaning": "Morphologically Abnormal Structure"}
_BREAST = {"value": "76752008", "scheme": "SCT", "meaning": "Breast"}
_LESION = {"value": "52988006", "scheme": "SCT", "meaning": "Lesion"}
_BENIGN = {"value": "108369006", "scheme": "SCT", "meaning": "Neoplasm"}
_MALIGNANT = {"value": "363346000", "scheme": "SCT", "meaning": "Malignant neoplastic disease"}


def write_tiny_reader(folder: Path, *, members: int = 1, boxes: bool = False, **changes: Any) -> Path:
    """Write a package that takes ultrasound images, finds one label and knows two classes; ``changes`` go over the manifest.

    ``boxes``: with a head for these too.

    The mask's head is shifted so that noise comes out half lesion, half background.
    """
    arguments: dict[str, Any] = {
        "spatial_dims": 2,
        "in_channels": 1,
        "heads": {"segmentation": 2, "classification": 3},
        "depth": 10,
        "width": 8,
        "stem": "small",
    }
    if boxes:
        arguments["heads"] = {"segmentation": 2, "classification": 3, "detection": 2}
        arguments["boxes"] = {"pyramid": 8, "convs": 1}
        changes = {"detection": {"score": 0.0001, "thresholds": [0.0001], "most": 5}, **changes}
    for part in ("configs", "models", "docs"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    weights = []
    for member in range(members):
        torch.manual_seed(member)
        network = build("multitask", arguments).eval()
        with torch.no_grad():
            mask = network(torch.randn((1, 1, *PATCH))).segmentation
            network.get_parameter("heads.segmentation.bias")[1] -= (mask[:, 1] - mask[:, 0]).median()
        name = f"models/member-{member}.safetensors"
        weights.append({"weights": name, "sha256": save_weights(network, folder / name)})
    labels = [("Benign tumour", _BENIGN), ("Malignant tumour", _MALIGNANT)]
    manifest: dict[str, Any] = {
        "name": "tiny-reader",
        "version": "1.0.0",
        "title": "Untrained reader",
        "task": "multitask",
        "intended_use": "Tests. Not for clinical use.",
        "licence": "Apache-2.0",
        "weights_licence": "Apache-2.0",
        "family": {"value": "123110", "scheme": "DCM", "meaning": "Artificial Intelligence"},
        "inputs": [{"name": "image", "modality": ["US"], "spatial_dims": 2}],
        "grid": {"spacing_mm": None, "patch": list(PATCH), "fit": "pad"},
        "intensity": {"kind": "zscore", "lower": 1.0, "upper": 99.0},
        "network": {
            "name": "multitask",
            "arguments": arguments,
            "weights": weights[0]["weights"],
            "weights_sha256": weights[0]["sha256"],
            "more_weights": weights[1:],
        },
        "labels": [{"value": 1, "name": "Lesion", "category": _ABNORMAL, "type": _LESION, "site": _BREAST}],
        "classes": [
            {"value": value, "name": name, "category": _ABNORMAL, "type": code, "site": _BREAST}
            for value, (name, code) in enumerate(labels, start=1)
        ],
        "classification": {"temperature": 1.5, "thresholds": [0.5, 0.3]},
        "deadline_s": 120.0,
        **changes,
    }
    (folder / "configs" / "wetread.json").write_text(json.dumps(manifest, indent=2))
    return folder
