"""The loss of whichever detector there is."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Generator, Tensor

from inference.networks.detection import Detector, FasterRCNN, MaskRCNN, Raw, RetinaNet, Yolo
from training.losses.detection.one_stage import retinanet_losses, yolo_losses
from training.losses.detection.targets import Targets, check
from training.losses.detection.two_stage import faster_rcnn_losses, mask_rcnn_losses


def detection_losses(network: Detector, raw: Raw, targets: Sequence[Targets], generator: Generator) -> dict[str, Tensor]:
    """The named terms whose sum is the loss of a batch; images without objects are welcome.

    Every parameter gets a gradient, if only of 0, from every batch.

    Parameters
    ----------
    network : the detector that said ``raw``; of two stages, it is asked for its second one.
    targets : of each image, on the device of ``raw``.
    generator : on the CPU; detectors of two stages choose by it what a step learns from, those of one don't use it.

    Raises
    ------
    InputError
        Code ``targets-invalid``: boxes, labels or masks don't fit.
    """
    check(targets, raw, network.classes, masks=isinstance(network, MaskRCNN))
    if isinstance(network, MaskRCNN):
        return mask_rcnn_losses(network, raw, targets, generator)
    if isinstance(network, FasterRCNN):
        return faster_rcnn_losses(network, raw, targets, generator)
    if isinstance(network, RetinaNet):
        return retinanet_losses(raw, targets, network.per_place, network.classes)
    if isinstance(network, Yolo):
        return yolo_losses(raw, targets, network.per_place, network.classes)
    raise TypeError(f"{type(network).__name__} has no loss")
