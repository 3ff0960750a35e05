"""A network tried out on one window of zeros: finds one that doesn't fit its manifest, and warms up."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import nn

from inference.manifest import Manifest
from inference.networks import task_of
from inference.networks.detection import Detector
from inference.networks.multitask import Outputs
from inference.pipeline.window import asked
from storage.base.errors import ModelError


def check_kind(manifest: Manifest, document: Path) -> None:
    """Refuse a detector for another task, and another network for detection, before any weights are read.

    Raises
    ------
    ModelError
        Code ``network-invalid``, naming file, keys and mend.
    """
    found = task_of(manifest.network.name)
    if (found == "detection") != (manifest.task == "detection"):
        message = f"{document}: network.name: {manifest.network.name} is for {found}, and task is {manifest.task}; correct either"
        raise ModelError(message, code="network-invalid")


def try_out(network: nn.Module, manifest: Manifest, document: Path) -> None:
    """Run ``network`` on zeros of the manifest's patch, and compare what it yields with the labels.

    Parameters
    ----------
    network : in evaluation mode. document : the manifest's file, for messages.

    Raises
    ------
    ModelError
        Code ``network-invalid``, naming file and keys.
    """
    size, count = tuple(manifest.grid.patch), len(manifest.inputs)
    try:
        with torch.inference_mode():
            said: Any = asked(network, torch.ones(count, dtype=torch.bool))(torch.zeros((1, count, *size)))
    except (RuntimeError, ValueError, ModelError) as error:
        message = f"{document}: the network can't run on {count} input(s) of grid.patch {size}; correct any"
        raise ModelError(message, code="network-invalid") from error
    if isinstance(network, Detector):
        _check_labels(network, manifest, document)
    else:
        _check_heads(said, manifest, document)


def _check_labels(network: Detector, manifest: Manifest, document: Path) -> None:
    _check_count(network.classes, len(manifest.labels), "out_channels", document)


def _check_count(found: int, count: int, key: str, document: Path) -> None:
    if found != count:
        raise ModelError(
            f"{document}: the network finds objects of {found} label(s), the manifest declares {count}; "
            f"network.arguments.{key} must be {count + 1}, or correct labels",
            code="network-invalid",
        )


def _check_heads(said: Any, manifest: Manifest, document: Path) -> None:
    answers: dict[str, Any] = said.by_task() if isinstance(said, Outputs) else {str(manifest.task): said}
    for head in manifest.heads:
        if head not in answers:
            raise ModelError(f"{document}: the network has no head for {head}; correct either", code="network-invalid")
        if head == "detection":
            _check_count(answers[head].scores.shape[-1], len(manifest.labels), f"heads.{head}", document)
        else:
            _check_scores(answers[head], manifest.of_head(head), document)


def _check_scores(scores: Any, manifest: Manifest, document: Path) -> None:
    """What a head, or a network of one task, says of one window."""
    size, classes = tuple(manifest.grid.patch), 1 + len(manifest.labels)
    expected = (1, classes, *size) if manifest.task == "segmentation" else (1, classes)
    if tuple(scores.shape) != expected:
        raise ModelError(
            f"{document}: the network yields {tuple(scores.shape)}, a {manifest.task} with these labels and "
            f"grid.patch needs {expected}; correct either",
            code="network-invalid",
        )
