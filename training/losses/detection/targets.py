"""What is there to be found in an image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from inference.networks.detection.geometry.boxes import extended
from inference.networks.detection.records import Raw
from storage.base.errors import InputError


@dataclass(frozen=True)
class Targets:
    """The objects of one image; there may be none.

    Attributes
    ----------
    boxes : float (n, 2 d), lower and then upper corners in array axis order, half-open, in pixels of the network's input, longer
        than nothing on every axis.
    labels : int64 (n,), from 1.
    masks : of the image, (n, [K,] J, I), bool or whole numbers 0 and 1; for networks with masks.
    """

    boxes: Tensor
    labels: Tensor
    masks: Tensor | None = None

    def __len__(self) -> int:
        return len(self.boxes)


def check(targets: Sequence[Targets], raw: Raw, classes: int, masks: bool = False) -> None:
    """Refuse targets that don't fit what the network said.

    Raises
    ------
    InputError
        Code ``targets-invalid``, naming the image by its place in the batch and what is wrong.
    """
    if len(targets) != len(raw.scores):
        raise _refused(f"targets of {len(targets)} images for a batch of {len(raw.scores)}")
    for index, each in enumerate(targets):
        wrong = _wrong(each, raw, classes, masks)
        if wrong:
            raise _refused(f"image {index} of the batch: {wrong}")


def _wrong(targets: Targets, raw: Raw, classes: int, masks: bool) -> str:
    count, sides = len(targets.boxes), raw.anchors.shape[-1]
    if targets.boxes.shape != (count, sides) or targets.labels.shape != (count,):
        return f"boxes {tuple(targets.boxes.shape)} and labels {tuple(targets.labels.shape)}, not (n, {sides}) and (n,)"
    if not bool(torch.isfinite(targets.boxes).all()) or not bool(extended(targets.boxes).all()):
        return "a box has no extent or isn't finite; leave it out"
    if count and not (int(targets.labels.min()) >= 1 and int(targets.labels.max()) <= classes):
        return f"a label isn't from 1 to {classes}"
    if masks and (targets.masks is None or targets.masks.shape != (count, *raw.size)):
        found = None if targets.masks is None else tuple(targets.masks.shape)
        return f"masks {found}, not {(count, *raw.size)}, which this network needs"
    return ""


def _refused(what: str) -> InputError:
    return InputError(f"{what}; correct the data", code="targets-invalid")
