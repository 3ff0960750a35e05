"""One encoder for several questions about an image: where the lesion is, in which box, and which class the image has.

That tasks which share an encoder help each other is after Caruana, "Multitask learning" (Machine Learning 28, 1997). The encoder
is ``resnet``'s with its parameter names, so that weights of either load into the other.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args

import torch
from torch import Tensor, nn

from inference.networks.arguments import choice, common, share, whole
from inference.networks.base import Network, check_size
from inference.networks.decoder import Decoder
from inference.networks.detection.geometry.anchors import shapes
from inference.networks.detection.parts.pyramid import Pyramid
from inference.networks.detection.records import Detections, Raw, Selection, check_finite
from inference.networks.detection.yolo import YoloHead, raw_of, select_by_product
from inference.networks.layers import CONV, Norm, he_initialise, resize, spatial_mean
from inference.networks.multitask.boxes import BoxHead
from inference.networks.multitask.outputs import Head, Outputs
from inference.networks.residual import ENCODER_STAGES, ResidualEncoder, Stem


class MultiTask(Network):
    """Residual encoder with a head for each task.

    Parameters
    ----------
    spatial_dims : 2 or 3. in_channels : input channels.
    heads : outputs by task, of which only those named here are built and returned. ``segmentation``: classes of the mask,
        background included. ``classification``: classes of the image, "none of the labels" included. ``detection``: classes of
        the boxes, background included as for a detector; the head is ``yolo``'s, on a pyramid of its own.
    depth, width, stem, norm : of the encoder, as in ``ResNet``.
    dropout : share of features set to zero before the classification, in training.
    boxes : keyword arguments of the box head: ``pyramid``, ``finest``, ``convs``, ``anchor`` (see ``BoxHead``).

    Forward: float (N, in_channels, [K,] J, I) to ``Outputs``. Any size, but with boxes each must be a multiple of 32, or of 8
    with the small stem.
    """

    per_place = 1

    def __init__(
        self,
        *,
        spatial_dims: int,
        in_channels: int,
        heads: Mapping[str, int],
        depth: int = 18,
        width: int = 32,
        stem: Stem = "large",
        norm: Norm = "batch",
        dropout: float = 0.0,
        boxes: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__()
        common(spatial_dims, in_channels, 1, norm)
        counts = _counts(heads)
        if boxes is not None and "detection" not in counts:
            raise ValueError("boxes is for a network whose heads name detection; leave it out")
        self.encoder = ResidualEncoder(spatial_dims, in_channels, depth=depth, width=width, norm=norm, stem=stem)
        self.dropout = nn.Dropout(share("dropout", dropout))
        channels = self.encoder.channels
        self.heads = nn.ModuleDict()
        if "segmentation" in counts:
            self.decoder = Decoder(spatial_dims, channels, norm)
            self.heads["segmentation"] = CONV[spatial_dims](channels[0], counts["segmentation"], kernel_size=1)
        if "classification" in counts:
            self.heads["classification"] = nn.Linear(channels[-1], counts["classification"])
        if "detection" in counts:
            box = BoxHead.of({} if boxes is None else boxes)
            self.strides, self.classes = box.strides(stem), counts["detection"] - 1
            self.pyramid = Pyramid(spatial_dims, channels[box.finest - 1 :], box.pyramid)
            self.register_buffer("sides", shapes(box.anchor, (1.0,), [[1.0] * spatial_dims]), persistent=False)
            self.heads["detection"] = YoloHead(spatial_dims, box.pyramid, box.convs, self.classes)
        he_initialise(self)
        between = [part for part in ("decoder", "pyramid") if hasattr(self, part)]
        self.stages = (*ENCODER_STAGES, *between, "heads")

    @classmethod
    def multiple(cls, arguments: Mapping[str, Any]) -> int:
        """1, and with boxes what their coarsest level needs."""
        stem = arguments.get("stem", "large")
        choice("stem", stem, "large", "small")
        return BoxHead().strides(stem)[-1] if "detection" in _counts(arguments.get("heads")) else 1

    def forward(self, image: Tensor) -> Outputs:
        found: dict[str, Any] = {}
        if "detection" in self.heads:
            check_size(image, self.strides[-1])
        levels = self.encoder(image)
        if "segmentation" in self.heads:
            found["segmentation"] = resize(self.heads["segmentation"](self.decoder(levels)), image.shape[2:])
        if "classification" in self.heads:
            found["classification"] = self.heads["classification"](self.dropout(spatial_mean(levels[-1])))
        if "detection" in self.heads:
            maps = self.pyramid(levels[-len(self.strides) :])
            sides = self.get_buffer("sides")
            found["detection"] = raw_of(self.heads["detection"], maps, self.strides, sides, image.shape[2:])
        return Outputs(**found)

    @torch.no_grad()
    def detect(self, raw: Raw, selection: Selection | None = None) -> list[Detections]:
        """What the box head found in each image.

        Parameters
        ----------
        raw : ``Outputs.detection``. selection : what counts as found; None: the defaults.

        Raises
        ------
        ModelError
            Code ``output-invalid``: the network yields what isn't a number.
        """
        check_finite(raw)
        return select_by_product(raw, selection or Selection())


def _counts(heads: Any) -> dict[str, int]:
    """The argument ``heads``, checked."""
    known = get_args(Head)
    if not isinstance(heads, Mapping) or not heads or not set(heads) <= set(known):
        raise ValueError(f"heads must name outputs by task, of {', '.join(known[:-1])} and {known[-1]}, not {heads!r}")
    return {task: whole(f"heads.{task}", count, least=2) for task, count in heads.items()}
