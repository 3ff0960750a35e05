"""What every network offers beside ``forward``: its stages, the sizes it takes, and where its last picture is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from storage.base.errors import ModelError


class Network(nn.Module):
    """A network of the registry.

    Attributes
    ----------
    stages : prefixes of parameter names from the input to the head (the last one), which together cover each parameter once.
        Freezing and layer-wise rates go by them; ``stage_of`` says which one a parameter belongs to.
    takes_presence : whether ``forward`` takes, after the image (N, M, [K,] J, I), a bool (N, M) that says which of its inputs
        each image has; the channel of a missing one is zeros.
    """

    stages: tuple[str, ...]
    takes_presence: bool = False

    @classmethod
    def multiple(cls, arguments: Mapping[str, Any]) -> int:
        """What each spatial size of the input must be a multiple of; 1 where any size will do."""
        return 1


class Classifier(Network):
    """A network from images (N, C, [K,] J, I) to logits (N, classes)."""

    @property
    def cam_layer(self) -> nn.Module:
        """The last module whose output still has spatial axes, for Grad-CAM."""
        raise NotImplementedError


class ScaledNetwork(Network):
    """A segmenter that can be supervised at several scales.

    Attributes
    ----------
    deep_supervision : whether there are heads at the coarser levels of the decoder.
    """

    deep_supervision: bool

    def forward_scales(self, image: Tensor) -> list[Tensor]:
        """Logits at full resolution, then, with deep supervision, at each coarser level of the decoder, halving each time."""
        raise NotImplementedError


def stage_of(network: Network, name: str) -> str:
    """The stage that the parameter or buffer ``name`` belongs to.

    Raises
    ------
    KeyError
        The network has no such stage.
    """
    for stage in network.stages:
        if name == stage or name.startswith(stage + "."):
            return stage
    raise KeyError(name)


def check_size(image: Tensor, multiple: int) -> None:
    """Refuse an input that the network can't halve as often as it must.

    Raises
    ------
    ModelError
        Code ``network-invalid``, naming the sizes and what they must be multiples of.
    """
    sizes = image.shape[2:]
    if any(size % multiple for size in sizes):
        found = " × ".join(str(size) for size in sizes)
        raise ModelError(
            f"an input of {found} doesn't fit the network: each size must be a multiple of {multiple}; correct the patch",
            code="network-invalid",
        )
