"""``configs/metadata.json`` and ``configs/inference.json``, for people who run the package with MONAI instead of the node.

The node never evaluates them. MONAI's chain is near to the node's but not the same: its Spacingd samples where the node
averages when it makes a grid coarser, there are no mirrored passes, and small components stay (MONAI's transform for that
needs scikit-image, which nothing else here does). What it can't do at all gets ``metadata.json`` alone; ``holds`` says what.
"""

from __future__ import annotations

from typing import Any

from inference.manifest import Manifest
from training.export.monai_classification import classification_config
from training.export.monai_parts import frame, intensity_steps

_VERSIONS = {"monai_version": "1.6.1", "pytorch_version": "2.13.0", "numpy_version": "2.4.6"}


def holds(manifest: Manifest) -> bool:
    """Whether MONAI's own transforms can do what this package asks of one network.

    A segmentation of one volume; a classification of grey images that are stretched, where they are no smaller than the patch.
    """
    if manifest.network.more_weights or manifest.task in ("multitask", "detection") or len(manifest.inputs) > 1:
        return False
    if manifest.task == "classification":
        return manifest.grid.fit == "stretch"
    return len(manifest.grid.patch) == 3


def metadata(manifest: Manifest, data_source: str) -> dict[str, Any]:
    """``metadata.json`` by MONAI's bundle specification."""
    common = {
        "type": "image",
        "num_channels": len(manifest.inputs),
        "spatial_shape": list(manifest.grid.patch),
        "dtype": "float32",
        "is_patch_data": manifest.task == "segmentation" or (manifest.task == "detection" and manifest.grid.fit == "spacing"),
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
        "data_type": "nifti or dicom" if len(manifest.grid.patch) == 3 else "png or dicom",
        "intended_use": manifest.intended_use,
        "network_data_format": {
            "inputs": {
                "image": {
                    **common,
                    "format": "magnitude",
                    "modality": ", ".join(given.modality[0] for given in manifest.inputs),
                    "channel_def": {str(number): given.name for number, given in enumerate(manifest.inputs)},
                }
            },
            "outputs": _outputs(manifest, common),
        },
    }


def _outputs(manifest: Manifest, common: dict[str, Any]) -> dict[str, Any]:
    """One output, or one a head by its name."""
    if manifest.task != "multitask":
        return {"pred": _output(manifest, common)}
    return {head: _output(manifest.of_head(head), common) for head in manifest.heads}


def _output(manifest: Manifest, common: dict[str, Any]) -> dict[str, Any]:
    first = "none of the labels" if manifest.task == "classification" else "background"
    names = {"0": first, **{str(label.value): label.name for label in manifest.labels}}
    channels = {"num_channels": len(names), "channel_def": names}
    if manifest.task == "classification":
        return {"type": "probabilities", "format": "classes", "spatial_shape": [], "dtype": "float32", **channels}
    if manifest.task == "detection":
        return {**common, **channels, "type": "object", "format": "dict", "spatial_shape": ["n"], "content": _content(manifest)}
    return {**common, "format": "segmentation", **channels}


def _content(manifest: Manifest) -> str:
    """What a detector's dictionaries hold; the bundle specification has no words for boxes."""
    axes = "j, i" if len(manifest.grid.patch) == 2 else "k, j, i"
    boxes = f"boxes, lower then upper corner ({axes}) in pixels of the input, half-open"
    masks = "; masks, probabilities on a grid over each box" if manifest.network.name == "mask-rcnn" else ""
    return f"of each image, by the network's detect(): {boxes}; scores, 0 to 1; labels, keys of channel_def from 1{masks}"


def inference_config(manifest: Manifest) -> dict[str, Any]:
    """``inference.json`` of a package that ``holds``."""
    return classification_config(manifest) if manifest.task == "classification" else _segmentation_config(manifest)


def _segmentation_config(manifest: Manifest) -> dict[str, Any]:
    """``inference.json``: NIfTI files below ``dataset_dir`` to label maps in ``output_dir``.

    Axis codes SPL make MONAI's array axes run (k, j, i), which is the network's order.
    """
    inferer = {
        "_target_": "SlidingWindowInferer",
        "roi_size": list(manifest.grid.patch),
        "sw_batch_size": 1,
        "overlap": manifest.grid.overlap,
        "mode": "gaussian",
    }
    return frame(manifest, "*.nii.gz", _preprocessing(manifest), inferer, _postprocessing())


def _preprocessing(manifest: Manifest) -> list[dict[str, Any]]:
    spacing: list[dict[str, Any]] = []
    if manifest.grid.spacing_mm is not None:
        spacing = [{"_target_": "Spacingd", "keys": "image", "pixdim": list(manifest.grid.spacing_mm), "mode": "bilinear"}]
    return [
        {"_target_": "LoadImaged", "keys": "image"},
        {"_target_": "EnsureChannelFirstd", "keys": "image"},
        {"_target_": "Orientationd", "keys": "image", "axcodes": "SPL", "labels": [["L", "R"], ["P", "A"], ["I", "S"]]},
        *spacing,
        *intensity_steps(manifest.intensity),
        {"_target_": "EnsureTyped", "keys": "image"},
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
