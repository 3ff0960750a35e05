"""What MONAI configs of all tasks have in common: the frame around transforms and inferer, and the intensities."""

from __future__ import annotations

from typing import Any

from inference.manifest import Intensity, Manifest

Steps = list[dict[str, Any]]


def frame(manifest: Manifest, files: str, preprocessing: Steps, inferer: dict[str, Any], postprocessing: Steps) -> dict[str, Any]:
    """``inference.json``: the ``files`` below ``dataset_dir`` through network and transforms to ``output_dir``."""
    return {
        "imports": ["$import glob", "$import pathlib", "$import torch", "$import inference.networks as networks"],
        "bundle_root": ".",
        "dataset_dir": "$@bundle_root + '/images'",
        "output_dir": "$@bundle_root + '/eval'",
        "datalist": f"$[{{'image': path}} for path in sorted(glob.glob(@dataset_dir + '/{files}'))]",
        "device": "$torch.device('cpu')",
        "network_def": {
            "_target_": "inference.networks.build",
            "name": manifest.network.name,
            "arguments": manifest.network.arguments,
        },
        "network": "$@network_def.to(@device).eval()",
        "preprocessing": {"_target_": "Compose", "transforms": preprocessing},
        "inferer": inferer,
        "postprocessing": {"_target_": "Compose", "transforms": postprocessing},
        "dataset": {"_target_": "Dataset", "data": "@datalist", "transform": "@preprocessing"},
        "dataloader": {"_target_": "DataLoader", "dataset": "@dataset", "batch_size": 1, "num_workers": 0},
        "load": (
            "$networks.load_weights(@network_def, pathlib.Path(@bundle_root) / "
            f"'{manifest.network.weights}', '{manifest.network.weights_sha256}')"
        ),
        "evaluator": {
            "_target_": "SupervisedEvaluator",
            "device": "@device",
            "val_data_loader": "@dataloader",
            "network": "@network",
            "inferer": "@inferer",
            "postprocessing": "@postprocessing",
        },
        "initialize": ["@load"],
        "run": ["$@evaluator.run()"],
    }


def intensity_steps(intensity: Intensity) -> Steps:
    """The manifest's intensity rule."""
    lower, upper = intensity.lower, intensity.upper
    if intensity.kind == "window":
        scaled = {"_target_": "ScaleIntensityRanged", "keys": "image", "a_min": lower, "a_max": upper}
        return [{**scaled, "b_min": 0.0, "b_max": 1.0, "clip": True}]
    return [
        {"_target_": "ClipIntensityPercentilesd", "keys": "image", "lower": lower, "upper": upper},
        {"_target_": "NormalizeIntensityd", "keys": "image"},
    ]
