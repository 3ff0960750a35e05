"""``configs/inference.json`` of a classifier: grey PNG images to class probabilities, for people who run it with MONAI."""

from __future__ import annotations

from typing import Any

from inference.manifest import Manifest
from training.export.monai_parts import Steps, frame, intensity_steps


def classification_config(manifest: Manifest) -> dict[str, Any]:
    """Probabilities of every class, none of the labels first, at the manifest's temperature.

    Averaging over areas is what the node does where an image becomes smaller; one that must grow is interpolated by the node
    and repeated by MONAI.
    """
    return frame(manifest, "*.png", _preprocessing(manifest), {"_target_": "SimpleInferer"}, _postprocessing(manifest))


def _preprocessing(manifest: Manifest) -> Steps:
    return [
        {"_target_": "LoadImaged", "keys": "image", "reader": "PILReader", "reverse_indexing": False},
        {"_target_": "EnsureChannelFirstd", "keys": "image", "channel_dim": "no_channel"},
        {"_target_": "EnsureTyped", "keys": "image", "dtype": "$torch.float32"},
        {"_target_": "Resized", "keys": "image", "spatial_size": list(manifest.grid.patch), "mode": "area"},
        *intensity_steps(manifest.intensity),
    ]


def _postprocessing(manifest: Manifest) -> Steps:
    stated = manifest.classification
    factor = 1.0 / stated.temperature - 1.0 if stated is not None else 0.0
    return [
        {"_target_": "ScaleIntensityd", "keys": "pred", "minv": None, "maxv": None, "factor": factor},
        {"_target_": "Activationsd", "keys": "pred", "softmax": True},
        {"_target_": "SaveClassificationd", "keys": "pred", "output_dir": "@output_dir"},
    ]
