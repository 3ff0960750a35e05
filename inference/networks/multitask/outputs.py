"""What a network of several tasks returns."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Literal

from torch import Tensor

from inference.networks.detection import Raw

Head = Literal["segmentation", "classification", "detection"]


@dataclass(frozen=True, eq=False)
class Outputs:
    """One output for each head that the network has, None for the others.

    Attributes
    ----------
    segmentation : logits (N, classes, [K,] J, I), of the image's size.
    classification : logits (N, classes).
    detection : what the box head says, for its loss and for ``MultiTask.detect``.
    """

    segmentation: Tensor | None = None
    classification: Tensor | None = None
    detection: Raw | None = None

    def by_task(self) -> dict[str, Tensor | Raw]:
        """The outputs that there are, by the head's name."""
        every = {field.name: getattr(self, field.name) for field in fields(self)}
        return {task: output for task, output in every.items() if output is not None}
