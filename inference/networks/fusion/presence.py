"""Which modalities each case of a batch has.

What a network learns of an absent modality is its absence alone: its content is never read, whatever it is, NaN included.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from inference.networks.arguments import whole
from storage.base.errors import ModelError

MOST = 16


@dataclass(frozen=True, eq=False)
class Presence:
    """The modalities of a batch.

    Attributes
    ----------
    flags : bool (N, M), on the images' device.
    rows : for each modality the cases that have it, in order.
    """

    flags: Tensor
    rows: tuple[tuple[int, ...], ...]

    @property
    def some(self) -> tuple[int, ...]:
        """The modalities that at least one case has."""
        return tuple(modality for modality, rows in enumerate(self.rows) if rows)

    def select(self, image: Tensor, modality: int) -> Tensor:
        """(N, M, *spatial) to (cases that have it, 1, *spatial)."""
        channel = image[:, modality : modality + 1]
        if len(self.rows[modality]) == len(image):
            return channel
        return channel.index_select(0, self._index(modality))

    def spread(self, features: Tensor, modality: int) -> Tensor:
        """What came of `select`, back at its place in the batch, with zeros for the cases without the modality."""
        if len(features) == len(self.flags):
            return features
        empty = features.new_zeros((len(self.flags), *features.shape[1:]))
        return empty.index_copy(0, self._index(modality), features)

    def _index(self, modality: int) -> Tensor:
        return torch.tensor(self.rows[modality], device=self.flags.device)


def modalities(in_channels: object) -> int:
    """``in_channels`` as a number of modalities."""
    return whole("in_channels, one for each modality,", in_channels, least=2, most=MOST)


def presence_of(image: Tensor, present: Tensor | None, count: int) -> Presence:
    """Check what a fusion network is given.

    Parameters
    ----------
    image : (N, M, [K,] J, I). present : bool (N, M); None: every case has every modality.
    count : M as the network was built.

    Raises
    ------
    ModelError
        Code ``network-invalid``: other numbers of channels or flags, or a case without any modality.
    """
    cases = len(image)
    if image.shape[1] != count:
        _refuse(f"an input of {image.shape[1]} channels doesn't fit the network: it takes one for each of {count} modalities")
    if present is None:
        return Presence(torch.ones((cases, count), dtype=torch.bool, device=image.device), (tuple(range(cases)),) * count)
    if present.dtype != torch.bool or tuple(present.shape) != (cases, count):
        shape = " × ".join(map(str, present.shape))
        _refuse(f"the flags of presence are {present.dtype} of {shape}; they must be torch.bool of {cases} × {count}")
    listed: Sequence[Sequence[bool]] = present.tolist()
    lacking = [case for case, flags in enumerate(listed) if not any(flags)]
    if lacking:
        _refuse(f"case {lacking[0]} of the batch has none of the {count} modalities; leave it out")
    rows = tuple(tuple(case for case in range(cases) if listed[case][modality]) for modality in range(count))
    return Presence(present.to(image.device), rows)


def blank(image: Tensor, flags: Tensor) -> Tensor:
    """Images (N, M, [K,] J, I) with zeros for each modality whose flag, bool (N, M), isn't set."""
    return torch.where(flags.view(*flags.shape, *[1] * (image.ndim - 2)), image, 0.0)


def _refuse(message: str) -> None:
    raise ModelError(message, code="network-invalid")
