"""A model of several tasks as one model a head, which share each pass of the network.

Every head is then asked as a model of that single task is: its mask goes back to the source as any mask, its probabilities are
scaled as any classifier's.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from inference.engine.package import LoadedModel
from inference.networks.detection import Detections, Selection
from inference.networks.multitask import MultiTask


class SharedPass(nn.Module):
    """A network that is not run again on the images that it has just seen."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network
        self._last: tuple[Tensor, Any] | None = None

    def forward(self, images: Tensor) -> Any:
        if self._last is None or not torch.equal(self._last[0], images):
            self._last = images.clone(), self.network(images)
        return self._last[1]


class OneHead(nn.Module):
    """What one head of ``network`` says."""

    def __init__(self, network: SharedPass, head: str) -> None:
        super().__init__()
        self.shared, self._head = network, head

    def forward(self, images: Tensor) -> Any:
        return self.shared(images).by_task()[self._head]


class BoxHead(OneHead):
    """The head for boxes, asked as a detector is."""

    def detect(self, images: Tensor, selection: Selection) -> list[Detections]:
        """What is found in each image (N, C, *spatial)."""
        network = self.shared.network
        assert isinstance(network, MultiTask)
        return network.detect(self(images), selection)


def one_head(network: SharedPass, head: str) -> OneHead:
    """A head by its name, in evaluation mode."""
    return (BoxHead if head == "detection" else OneHead)(network, head).eval()


def models_of_heads(model: LoadedModel) -> dict[str, LoadedModel]:
    """A model of each head by its name, in the order of ``Manifest.heads``; a model of a single task is its own only one.

    Those of one call share passes; they are meant for one prediction, since they hold on to the last images and their scores.
    """
    if model.manifest.task != "multitask":
        return {model.manifest.task: model}
    shared = [SharedPass(network) for network in model.networks]
    return {
        head: replace(model, manifest=model.manifest.of_head(head), networks=tuple(one_head(network, head) for network in shared))
        for head in model.manifest.heads
    }
