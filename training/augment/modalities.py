"""Dropout of modalities: a network learns to do without each of them, so that a missing one degrades and doesn't fail.

After Neverova et al., "ModDrop: adaptive multi-modal gesture recognition" (PAMI 2016), which drops each modality by
itself; that a case keeps at least one is ours.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Generator, Tensor

from inference.networks.fusion import blank
from storage.base.errors import ConfigError, InputError
from training.augment.draws import Stream


def drop_modalities(
    images: Tensor, present: Tensor | None, shares: Sequence[float], generators: Sequence[Generator]
) -> tuple[Tensor, Tensor]:
    """Leave out each modality of each case with its probability, but never the last one that a case has.

    Where all that a case has would go, one of them stays, each with the same chance. So a modality is absent with a probability
    a little below its share: by the product of the shares over the number of modalities, for a case that has them all.

    Parameters
    ----------
    images : (N, M, [K,] J, I), one channel a modality.
    present : bool (N, M), what there is to begin with; None: everything. What isn't there doesn't come back.
    shares : M numbers from 0 to 1, the probability of each modality to be left out.
    generators : one a case, the only source of its chance. Each is moved on by one draw, whatever the shares are.

    Returns
    -------
    The images with zeros for what is absent, and bool (N, M), on their device, for ``FusionNetwork``.

    Raises
    ------
    ConfigError
        Code ``recipe-invalid``: not one share for each modality, or one that is no probability.
    InputError
        Code ``modality-missing``: a case has nothing to begin with.
    """
    cases, count = images.shape[:2]
    if len(shares) != count or not all(0 <= share <= 1 for share in shares):
        message = f"dropout of modalities: {list(shares)} aren't {count} numbers from 0 to 1, one for each modality; correct them"
        raise ConfigError(message, code="recipe-invalid")
    there = [[True] * count] * cases if present is None else present.tolist()
    kept = [_kept(flags, shares, generator) for flags, generator in zip(there, generators, strict=True)]
    flags = torch.tensor(kept, dtype=torch.bool, device=images.device).view(cases, count)
    return blank(images, flags), flags


def _kept(there: Sequence[bool], shares: Sequence[float], generator: Generator) -> list[bool]:
    """What is left of one case."""
    seed = int(torch.randint(0, 2**62, (), generator=generator, device=generator.device))
    had = [modality for modality, flag in enumerate(there) if flag]
    if not had:
        raise InputError("a case has none of its modalities; leave it out", code="modality-missing")
    stream = Stream(seed)
    dropped = [stream.chance(share) for share in shares]  # a draw for each, there or not: the others' chance stays the same
    kept = [modality for modality in had if not dropped[modality]] or [had[stream.whole(0, len(had) - 1)]]
    return [modality in kept for modality in range(len(shares))]
