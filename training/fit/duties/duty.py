"""What a task has to offer, so that the step, the loop and the checkpoint needn't know it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any, ClassVar

import torch
from torch import Generator, Tensor, nn

from training.data import GridCase
from training.recipe import Recipe


@dataclass(frozen=True, eq=False)
class Drawn:
    """The samples of one batch.

    Attributes
    ----------
    images : float32 (N, C, *patch).
    targets : what the duty's loss understands: a tensor, or tensors in sequences, mappings and dataclasses.
    present : bool (N, inputs), which inputs each sample has; None where the network isn't told.
    """

    images: Tensor
    targets: Any
    present: Tensor | None = None

    def to(self, device: torch.device, layout: torch.memory_format = torch.contiguous_format) -> Drawn:
        """On ``device``, the images in ``layout``."""
        images = self.images.to(device, non_blocking=True).contiguous(memory_format=layout)
        return Drawn(images, _moved(self.targets, device), _moved(self.present, device))


def _moved(value: Any, device: torch.device) -> Any:
    if isinstance(value, Tensor):
        return value.to(device, non_blocking=True)
    if isinstance(value, Mapping):
        return {key: _moved(each, device) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_moved(each, device) for each in value)
    if is_dataclass(value) and not isinstance(value, type):
        return replace(value, **{each.name: _moved(getattr(value, each.name), device) for each in fields(value)})
    return value


class Duty(nn.Module):
    """One task, for one recipe. A new task is a subclass of this, and a line in ``choose``.

    Parameters that a duty owns (weights of several losses that are learned) are trained along with the network at the rate of its
    head, without decay, and are kept in the checkpoint; the package never sees them.

    Attributes
    ----------
    headlines : figures of a validation of which the first that is a number decides which weights are best; larger is better.
    """

    headlines: ClassVar[tuple[str, ...]]

    def __init__(self, recipe: Recipe) -> None:
        super().__init__()
        self.recipe = recipe

    def check(self, network: nn.Module) -> None:
        """Refuse a network that the recipe can't fit as it says: ConfigError, code ``recipe-invalid``."""

    def draw(self, cases: Sequence[GridCase], generators: Sequence[Generator]) -> Drawn:
        """One augmented sample of each case; ``generators``, one a sample, are the only source of its chance."""
        raise NotImplementedError

    def answer(self, network: nn.Module, drawn: Drawn) -> Any:
        """What the network says of a batch; runs in the number format of the run."""
        return network(drawn.images) if drawn.present is None else network(drawn.images, drawn.present)

    def loss(self, network: nn.Module, answer: Any, drawn: Drawn, generator: Generator) -> Tensor:
        """The number to go downhill on, in float32; ``generator``, on the CPU, follows from seed, step and process."""
        raise NotImplementedError

    def figures(self) -> list[str]:
        """The names of what ``validate`` yields."""
        raise NotImplementedError

    def validate(self, network: nn.Module, cases: Sequence[GridCase], device: torch.device) -> dict[str, float]:
        """Figures of ``network``, which is on ``device`` and in evaluation mode, on held-out cases, without mirrored passes.

        Called without gradients being recorded.
        """
        raise NotImplementedError

    def merit(self, figures: Mapping[str, float]) -> float:
        """How good a validation was; minus infinity when none of the headlines is a number."""
        known = (figures[name] for name in self.headlines if name in figures and not math.isnan(figures[name]))
        return next(known, -math.inf)


class Elsewhere(nn.Module):
    """A network on another device than the images that it is given; says logits float32 on the CPU."""

    def __init__(self, network: nn.Module, device: torch.device) -> None:
        super().__init__()
        self._network = network
        self._device = device

    @property
    def takes_presence(self) -> bool:
        """As of the network."""
        return bool(getattr(self._network, "takes_presence", False))

    def forward(self, images: Tensor, *present: Tensor) -> Tensor:
        given = (tensor.to(self._device) for tensor in (images, *present))
        logits: Tensor = self._network(*given).float().cpu()
        return logits


def beside(network: nn.Module, device: torch.device) -> nn.Module:
    """The network as the pipeline may call it with images on the CPU."""
    return network if device.type == "cpu" else Elsewhere(network, device)
