"""A detector over an image or volume of any size: windows that overlap, mirrored passes, one list of boxes.

Windows lie as those of a segmentation do (``inference.pipeline.window``). An object no larger than the overlap of neighbours is
whole in one window at least; a larger one may come back in parts. What is held of a window is `Detection.most` boxes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import product
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from inference.manifest import Detection, Manifest
from inference.networks.detection import Detections, Selection
from inference.pipeline.join import agree, join_windows
from inference.pipeline.prepare import Prepared
from inference.pipeline.window import Progress, mirrored, padded_to, silent, starts, window_at, window_size

_BATCH = 4


@runtime_checkable
class FindsBoxes(Protocol):
    """A detector, or the head for boxes of a network of several tasks."""

    def detect(self, images: Tensor, selection: Selection, /) -> list[Detections]:
        """What is found in each image (N, C, *spatial)."""
        ...


_AT_FACE = 1.0
"""Pixels: a box that ends nearer to an inner face of its window than this is taken for one that is cut there."""


def rules_of(manifest: Manifest) -> Detection:
    """The manifest's own key of a detection, which every valid one has."""
    assert manifest.detection is not None
    return manifest.detection


def detect(network: FindsBoxes, prepared: Prepared, manifest: Manifest, progress: Progress = silent) -> list[Detections]:
    """Boxes on the model's grid, a list for each mirrored pass, the image as it is first.

    Parameters
    ----------
    network : in evaluation mode.
    progress : told about stage ``network``.

    Returns
    -------
    One `Detections` a pass, float32 on the CPU, in pixels of ``prepared.image``, turned back; `agree` makes one of them.

    Raises
    ------
    ModelError
        Code ``output-invalid``: the network yields values that are not numbers.
    """
    images, mirrors = mirrored(prepared.image, manifest.postprocess.mirror_axes)
    found = []
    for number, (image, axes) in enumerate(zip(images, mirrors, strict=True)):
        one = _slide(network, image, manifest, _pass(progress, number, len(images)))
        found.append(_turned_back(one, axes, image.shape[1:]))
    return found


def _pass(progress: Progress, number: int, count: int) -> Callable[[float], None]:
    """Progress of one pass as progress of all."""
    return lambda fraction: progress("network", (number + fraction) / count)


def joined(found: Sequence[Detections], manifest: Manifest) -> Detections:
    """One list of the passes of all members."""
    rules = rules_of(manifest)
    return agree(found, rules.overlap, rules.score, rules.most)


def _slide(network: FindsBoxes, image: Tensor, manifest: Manifest, progress: Callable[[float], None]) -> Detections:
    """Boxes of one image (C, *spatial), in its own pixels."""
    size, rules = tuple(image.shape[1:]), rules_of(manifest)
    window = window_size(size, manifest.grid.patch, manifest.grid.minimum_multiple)
    before = [max(0, w - n) // 2 for n, w in zip(size, window, strict=True)]
    padded = padded_to(image[None], window, before)
    whole = tuple(padded.shape[2:])
    places = list(product(*(starts(n, w, manifest.grid.overlap) for n, w in zip(whole, window, strict=True))))
    selection = Selection(rules.score, rules.overlap, rules.most, rules.suppression, rules.candidates)
    found, cut = [], []
    for first in range(0, len(places), _BATCH):
        chosen = places[first : first + _BATCH]
        batch = torch.cat([padded[window_at(place, window)] for place in chosen])
        for place, each in zip(chosen, _detect_batch(network, batch, selection), strict=True):
            cut.append(_ends_inside(each.boxes, place, window, whole))
            offset = torch.tensor([start - b for start, b in zip(place, before, strict=True)] * 2, dtype=torch.float32)
            found.append(Detections(each.boxes + offset, each.scores, each.labels, each.masks))
        progress(min(1.0, (first + _BATCH) / len(places)))
    return join_windows(found, cut, rules.overlap, rules.most)


def _detect_batch(network: FindsBoxes, batch: Tensor, selection: Selection) -> list[Detections]:
    """A single volume goes twice, which is faster on a CPU (``inference.pipeline.window.forward``)."""
    with torch.inference_mode():
        if batch.dim() == 4:
            return network.detect(batch.contiguous(memory_format=torch.channels_last), selection)
        pair = batch.repeat(2, 1, 1, 1, 1) if len(batch) == 1 and batch.device.type == "cpu" else batch
        return network.detect(pair.contiguous(memory_format=torch.channels_last_3d), selection)[: len(batch)]


def _ends_inside(boxes: Tensor, place: Sequence[int], window: Sequence[int], whole: Sequence[int]) -> Tensor:
    """Whether each box (n, 2 d) of a window ends at a face of it that isn't one of the image: bool (n,)."""
    dims = len(window)
    cut = torch.zeros(len(boxes), dtype=torch.bool)
    for axis in range(dims):
        if place[axis] > 0:
            cut |= boxes[:, axis] < _AT_FACE
        if place[axis] + window[axis] < whole[axis]:
            cut |= boxes[:, dims + axis] > window[axis] - _AT_FACE
    return cut


def _turned_back(found: Detections, axes: Sequence[int], size: Sequence[int]) -> Detections:
    """What was found in an image (C, *spatial) flipped along ``axes``, as it lies in the image."""
    if not axes:
        return found
    boxes, dims = found.boxes.clone(), len(size)
    for axis in (axis - 1 for axis in axes):
        boxes[:, axis], boxes[:, dims + axis] = size[axis] - found.boxes[:, dims + axis], size[axis] - found.boxes[:, axis]
    return Detections(boxes, found.scores, found.labels, None if found.masks is None else found.masks.flip(list(axes)))
