"""Names of architectures. A manifest says a name and keyword arguments; nothing else of a package decides what code runs."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any, Literal

from inference.networks.base import Network
from storage.base.errors import ModelError

Task = Literal["segmentation", "classification", "detection", "multitask"]

# Name -> module of this package, class, task. A module is imported when its network is asked for: MONAI's take seconds.
_ARCHITECTURES: dict[str, tuple[str, str, Task]] = {
    "attention-unet": ("attention", "AttentionUNet", "segmentation"),
    "cnn": ("cnn", "CNN", "classification"),
    "deeplabv3plus": ("deeplab", "DeepLabV3Plus", "segmentation"),
    "densenet": ("densenet", "DenseNet", "classification"),
    "fcn": ("fcn", "FCN", "segmentation"),
    "meshnet": ("meshnet", "MeshNet", "segmentation"),
    "resnet": ("resnet", "ResNet", "classification"),
    "resunet": ("resunet", "ResUNet", "segmentation"),
    "swin-unetr": ("swin", "SwinUNETR", "segmentation"),
    "unet": ("unet", "UNet", "segmentation"),
    "vnet": ("vnet", "VNet", "segmentation"),
}
# The same for networks of several modalities of one patient, a channel each.
_FUSIONS: dict[str, tuple[str, str, Task]] = {
    "attention-fusion": ("fusion.attention", "AttentionFusion", "segmentation"),
    "early-fusion": ("fusion.early", "EarlyFusion", "segmentation"),
    "gated-fusion": ("fusion.gated", "GatedFusion", "segmentation"),
    "late-fusion": ("fusion.late", "LateFusion", "segmentation"),
}
# The same for detectors, which yield boxes; each is a ``detection.Detector``.
_DETECTORS: dict[str, tuple[str, str, Task]] = {
    "faster-rcnn": ("detection.faster_rcnn", "FasterRCNN", "detection"),
    "mask-rcnn": ("detection.mask_rcnn", "MaskRCNN", "detection"),
    "retinanet": ("detection.retinanet", "RetinaNet", "detection"),
    "yolo": ("detection.yolo", "Yolo", "detection"),
}
# The same for a network of several heads, whose outputs are ``multitask.Outputs``.
_SEVERAL_TASKS: dict[str, tuple[str, str, Task]] = {"multitask": ("multitask", "MultiTask", "multitask")}


def names(task: Task | None = None) -> tuple[str, ...]:
    """The names that ``build`` knows for segmenters and classifiers of one image, of one task or both."""
    return tuple(sorted(name for name, entry in _ARCHITECTURES.items() if task in (None, entry[2])))


def fusion_names() -> tuple[str, ...]:
    """The names that ``build`` knows for networks of several modalities; each is a ``fusion.FusionNetwork``."""
    return tuple(sorted(_FUSIONS))


def detector_names() -> tuple[str, ...]:
    """The names that ``build`` knows for detectors; each is a ``detection.Detector``."""
    return tuple(sorted(_DETECTORS))


def task_of(name: str) -> Task:
    """Whether a network yields a map of classes, one class for the whole image, boxes, or the answers of several heads.

    Raises
    ------
    ModelError
        Code ``network-invalid``: the architecture is unknown.
    """
    return _entry(name)[2]


def takes_presence(name: str) -> bool:
    """Whether a network is told which of its inputs each image has.

    Raises
    ------
    ModelError
        Code ``network-invalid``: the architecture is unknown.
    """
    return _class(name).takes_presence


def build(name: str, arguments: Mapping[str, Any]) -> Network:
    """Build an architecture with fresh weights, in training mode.

    Parameters
    ----------
    name : one of ``names()``, ``fusion_names()`` or ``detector_names()``, or ``multitask``.
    arguments : keyword arguments of the architecture, plain JSON values.

    Raises
    ------
    ModelError
        Code ``network-invalid``, naming the unknown architecture or the wrong argument.
    """
    network = _class(name)
    try:
        return network(**arguments)
    except (TypeError, ValueError) as error:
        raise ModelError(
            f"network {name!r}: wrong arguments ({error}); correct network.arguments", code="network-invalid"
        ) from error


def minimum_multiple(name: str, arguments: Mapping[str, Any]) -> int:
    """What each spatial size of the network's input must be a multiple of; 1 where any size will do.

    Raises
    ------
    ModelError
        Code ``network-invalid``: the architecture is unknown, or the arguments don't say how deep it is.
    """
    try:
        return _class(name).multiple(arguments)
    except (TypeError, ValueError) as error:
        raise ModelError(
            f"network {name!r}: wrong arguments ({error}); correct network.arguments", code="network-invalid"
        ) from error


def _entry(name: str) -> tuple[str, str, Task]:
    known = _ARCHITECTURES | _FUSIONS | _DETECTORS | _SEVERAL_TASKS
    if name not in known:
        raise ModelError(f"network {name!r} is unknown; use one of: {', '.join(sorted(known))}", code="network-invalid")
    return known[name]


def _class(name: str) -> type[Network]:
    module, class_name, _ = _entry(name)
    network: type[Network] = getattr(import_module(f"inference.networks.{module}"), class_name)
    return network
