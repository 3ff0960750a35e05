"""Figures on held-out cases while a run goes on, on the model's grid, by the averaged weights."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import groupby

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from inference.manifest import Manifest
from inference.pipeline.window import forward, slide
from training.data import GridCase
from training.fit.order import number, seeded

_AT_ONCE = 16


def chosen(cases: Sequence[GridCase], most: int, seed: int) -> list[GridCase]:
    """At most ``most`` of the cases, always the same ones, in their order."""
    if len(cases) <= most:
        return list(cases)
    drawn = torch.randperm(len(cases), generator=seeded(seed, number(5)))[:most].tolist()
    return [cases[index] for index in sorted(drawn)]


def figure_names(manifest: Manifest) -> list[str]:
    """What ``validate`` yields for a package of this manifest."""
    if manifest.task == "classification":
        return ["auc", "accuracy", "validation loss"]
    return ["dice", *(f"dice {label.name}" for label in manifest.labels)]


class _Elsewhere(nn.Module):
    """A network on another device than the images that it is given."""

    def __init__(self, network: nn.Module, device: torch.device) -> None:
        super().__init__()
        self._network = network
        self._device = device

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self._network(images.to(self._device)).float().cpu()
        return logits


def validate(network: nn.Module, cases: Sequence[GridCase], manifest: Manifest, device: torch.device) -> dict[str, float]:
    """Figures of ``network``, which is in evaluation mode, without mirrored passes.

    Returns
    -------
    Segmentation: ``dice``, the mean over labels of the mean over cases, and ``dice LABEL`` (1 where truth and network both lack
    the label). Classification: ``auc`` (mean over the labels that some cases have and others lack, each against the rest),
    ``accuracy``, ``validation loss`` (cross-entropy in nats).
    """
    placed = network if device.type == "cpu" else _Elsewhere(network, device)
    with torch.inference_mode():
        return _classes(placed, cases, manifest) if manifest.task == "classification" else _labels(placed, cases, manifest)


def _labels(network: nn.Module, cases: Sequence[GridCase], manifest: Manifest) -> dict[str, float]:
    sums = dict.fromkeys((label.name for label in manifest.labels), 0.0)
    for case in cases:
        found = slide(network, case.image[None], manifest)[0].argmax(0)
        for label in manifest.labels:
            sums[label.name] += _dice(found == label.value, case.mask == label.value)
    means = {f"dice {name}": total / len(cases) for name, total in sums.items()}
    return {"dice": sum(means.values()) / len(means), **means}


def _dice(ours: Tensor, truth: Tensor) -> float:
    total = int(ours.sum()) + int(truth.sum())
    return 1.0 if total == 0 else 2 * int((ours & truth).sum()) / total


def _classes(network: nn.Module, cases: Sequence[GridCase], manifest: Manifest) -> dict[str, float]:
    truth = torch.tensor([case.class_index for case in cases])
    logits = torch.cat([forward(network, torch.stack(images)) for images in _batches(cases)])
    probabilities = logits.softmax(1)
    areas = [area_under_curve(probabilities[:, label.value], truth == label.value) for label in manifest.labels]
    known = [area for area in areas if not math.isnan(area)]
    return {
        "auc": sum(known) / len(known) if known else math.nan,
        "accuracy": float((logits.argmax(1) == truth).float().mean()),
        "validation loss": float(F.cross_entropy(logits, truth)),
    }


def _batches(cases: Sequence[GridCase]) -> Iterator[list[Tensor]]:
    """The images in their order, those of one size together, some at a time."""
    for _size, group in groupby((case.image for case in cases), key=lambda image: image.shape):
        images = list(group)
        yield from (images[first : first + _AT_ONCE] for first in range(0, len(images), _AT_ONCE))


def area_under_curve(scores: Tensor, positive: Tensor) -> float:
    """Area under the ROC curve: the share of (positive, other) pairs in the right order, ties counting half; nan without both.

    Parameters
    ----------
    scores, positive : float and bool (cases,).
    """
    ours, others = scores[positive], scores[~positive]
    if not len(ours) or not len(others):
        return math.nan
    difference = ours[:, None] - others[None, :]
    return float(((difference > 0).double() + 0.5 * (difference == 0).double()).mean())
