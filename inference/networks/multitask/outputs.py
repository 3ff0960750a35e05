"""What a network of several tasks returns."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Literal

from torch import Tensor

Head = Literal["segmentation", "classification"]


@dataclass(frozen=True, eq=False)
class Outputs:
    """One output for each head that the network has, None for the others.

    Attributes
    ----------
    segmentation : logits (N, classes, [K,] J, I), of the image's size.
    classification : logits (N, classes).
    """

    segmentation: Tensor | None = None
    classification: Tensor | None = None

    def by_task(self) -> dict[str, Tensor]:
        """The outputs that there are, by the head's name."""
        every = {field.name: getattr(self, field.name) for field in fields(self)}
        return {task: output for task, output in every.items() if output is not None}
