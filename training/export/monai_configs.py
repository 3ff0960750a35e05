"""``configs/metadata.json`` and ``configs/inference.json``, for people who run the package with MONAI instead of the node.

The node never evaluates them. MONAI's chain is near to the node's but not the same: its Spacingd samples where the node
averages when it makes a grid coarser, there are no mirrored passes, and small components stay (MONAI's transform for that
needs scikit-image, which nothing else here does).
"""

from __future__ import annotations

from typing import Any

from inference.manifest import Intensity, Manifest

_VERSIONS = {"monai_version": "1.6.1", "pytorch_version": "2.13.0", "numpy_version": "2.4.6"}


def holds(manifest: Manifest) -> bool:
    """Whether MONAI's own transforms can do what this package asks: a segmentation of volumes by one network."""
    return manifest.task == "segmentation" and len(manifest.grid.patch) == 3 and not manifest.network.more_weights


def metadata(manifest: Manifest, data_source: str) -> dict[str, Any]:
    """``metadata.json`` by MONAI's bundle specification."""
    names = {"0": "background", **{str(label.value): label.name for label in manifest.labels}}
    common = {
        "type": "image",
        "num_channels": 1,
        "spatial_shape": list(manifest.grid.patch),
        "dtype": "float32",
        "is_patch_data": True,
    }
    return {
        "version": manifest.version,
        "changelog": {manifest.version: "first export"},
        **_VERSIONS,
        "required_packages_version": {"nibabel": "5.3", "safetensors": "0.6", "scipy": "1.15"},
        "name": manifest.title,
        "task": manifest.task,
        "description": manifest.intended_use,
        "authors": manifest.manufacturer,
        "copyright": manifest.attribution,
        "data_source": data_source,
        "data_type": "nifti or dicom",
        "intended_use": manifest.intended_use,
        "network_data_format": {
            "inputs": {
                "image": {
                    **common,
                    "format": "magnitude",
                    "modality": manifest.inputs[0].modality[0],
                    "channel_def": {"0": "image"},
                }
            },
            "outputs": {"pred": {**common, "format": "segmentation", "num_channels": len(names), "channel_def": names}},
        },
    }


def inference_config(manifest: Manifest) -> dict[str, Any]:
    """``inference.json``: NIfTI files below ``dataset_dir`` to label maps in ``output_dir``.

    Axis codes SPL make MONAI's array axes run (k, j, i), which is the network's order.
    """
    return {
        "imports": ["$import glob", "$import pathlib", "$import torch", "$import inference.networks as networks"],
        "bundle_root": ".",
        "dataset_dir": "$@bundle_root + '/images'",
        "output_dir": "$@bundle_root + '/eval'",
        "datalist": "$[{'image': path} for path in sorted(glob.glob(@dataset_dir + '/*.nii.gz'))]",
        "device": "$torch.device('cpu')",
        "network_def": {
            "_target_": "inference.networks.build",
            "name": manifest.network.name,
            "arguments": manifest.network.arguments,
        },
        "network": "$@network_def.to(@device).eval()",
        "preprocessing": {"_target_": "Compose", "transforms": _preprocessing(manifest)},
        "inferer": {
            "_target_": "SlidingWindowInferer",
            "roi_size": list(manifest.grid.patch),
            "sw_batch_size": 1,
            "overlap": manifest.grid.overlap,
            "mode": "gaussian",
        },
        "postprocessing": {"_target_": "Compose", "transforms": _postprocessing()},
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


def _preprocessing(manifest: Manifest) -> list[dict[str, Any]]:
    spacing: list[dict[str, Any]] = []
    if manifest.grid.spacing_mm is not None:
        spacing = [{"_target_": "Spacingd", "keys": "image", "pixdim": list(manifest.grid.spacing_mm), "mode": "bilinear"}]
    return [
        {"_target_": "LoadImaged", "keys": "image"},
        {"_target_": "EnsureChannelFirstd", "keys": "image"},
        {"_target_": "Orientationd", "keys": "image", "axcodes": "SPL", "labels": [["L", "R"], ["P", "A"], ["I", "S"]]},
        *spacing,
        *_intensity(manifest.intensity),
        {"_target_": "EnsureTyped", "keys": "image"},
    ]


def _intensity(intensity: Intensity) -> list[dict[str, Any]]:
    lower, upper = intensity.lower, intensity.upper
    if intensity.kind == "window":
        scaled = {"_target_": "ScaleIntensityRanged", "keys": "image", "a_min": lower, "a_max": upper}
        return [{**scaled, "b_min": 0.0, "b_max": 1.0, "clip": True}]
    return [
        {"_target_": "ClipIntensityPercentilesd", "keys": "image", "lower": lower, "upper": upper},
        {"_target_": "NormalizeIntensityd", "keys": "image"},
    ]


def _postprocessing() -> list[dict[str, Any]]:
    return [
        {
            "_target_": "Invertd",
            "keys": "pred",
            "transform": "@preprocessing",
            "orig_keys": "image",
            "nearest_interp": False,
            "to_tensor": True,
        },
        {"_target_": "AsDiscreted", "keys": "pred", "argmax": True},
        {"_target_": "SaveImaged", "keys": "pred", "output_dir": "@output_dir"},
    ]
