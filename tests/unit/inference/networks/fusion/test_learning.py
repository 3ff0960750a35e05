"""Each fusion learns what takes two modalities, as no network of one can, and is of use without either; in seconds."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest
import torch
from torch import Generator, Tensor, nn
from torch.nn import functional

from inference.networks import build
from inference.networks.fusion import FusionNetwork
from training.augment.modalities import drop_modalities

pytestmark = pytest.mark.heavy

STEPS, RATE, SIZE = 60, 0.03, 24
FUSIONS: list[tuple[str, dict[str, Any]]] = [
    ("early-fusion", {}),
    ("gated-fusion", {}),
    ("attention-fusion", {"attention_levels": 1, "tokens": 36}),
    ("late-fusion", {}),
]


@cache
def _task(count: int, seed: int) -> tuple[Tensor, Tensor]:
    """Noisy images (count, 2, …) of three bright discs in each of two modalities; label 1 is where both are bright."""
    generator = Generator().manual_seed(seed)
    line = torch.arange(SIZE, dtype=torch.float32)
    grid = torch.stack(torch.meshgrid(line, line, indexing="ij"))
    centres = 4 + (SIZE - 8) * torch.rand((count, 2, 3, 2, 1, 1), generator=generator)
    radii = SIZE * (0.14 + 0.1 * torch.rand((count, 2, 3, 1, 1), generator=generator))
    bright = ((grid - centres).square().sum(3).sqrt() <= radii).any(2)
    return bright + 0.3 * torch.randn(bright.shape, generator=generator), bright.all(1).long()


def _loss(logits: Tensor, truth: Tensor) -> Tensor:
    shares = logits.softmax(1)[:, 1]
    dice = 2 * (shares * truth).sum() / (shares.sum() + truth.sum())
    return functional.cross_entropy(logits, truth) + 1 - dice


def _fit(network: nn.Module, channels: slice) -> None:
    """Adam on batches of eight, at a rate that falls in a straight line; a fusion network with dropout of modalities."""
    images, truth = _task(128, seed=1)
    optimiser = torch.optim.Adam(network.parameters(), lr=RATE)
    for step in range(STEPS):
        optimiser.param_groups[0]["lr"] = RATE * (1 - step / STEPS)
        chosen = [(8 * step + n) % len(images) for n in range(8)]
        given: tuple[Tensor, ...] = (images[chosen][:, channels],)
        if isinstance(network, FusionNetwork):
            given = drop_modalities(given[0], None, (0.25, 0.25), [Generator().manual_seed(8 * step + n) for n in range(8)])
        loss = _loss(network(*given), truth[chosen])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    network.eval()


def _dice(logits: Tensor, truth: Tensor) -> float:
    found = logits.argmax(1)
    assert bool(torch.isfinite(logits).all())
    return float(2 * (found * truth).sum() / (found.sum() + truth.sum()))


def _built(name: str, in_channels: int, **given: Any) -> nn.Module:
    torch.manual_seed(0)
    return build(name, {"spatial_dims": 2, "in_channels": in_channels, "out_channels": 2, "channels": [8, 16], **given})


@cache
def _best_alone() -> float:
    """The better of two U-Nets of one modality, after the same steps."""
    images, truth = _task(32, seed=2)
    found = []
    for channels in (slice(0, 1), slice(1, 2)):
        network = _built("unet", 1)
        _fit(network, channels)
        with torch.inference_mode():
            found.append(_dice(network(images[:, channels]), truth))
    return max(found)


@pytest.mark.parametrize(("name", "given"), FUSIONS, ids=[name for name, _ in FUSIONS])
def test_learns_what_takes_both(name: str, given: dict[str, Any]) -> None:
    network = _built(name, 2, **given)
    _fit(network, slice(None))
    images, truth = _task(32, seed=2)
    with torch.inference_mode():
        both, first, second = (
            _dice(network(images, torch.tensor([flags] * len(images))), truth)
            for flags in ((True, True), (True, False), (False, True))
        )
    assert _best_alone() < 0.7 and both > 0.85, (_best_alone(), both)
    assert 0.3 < min(first, second) <= max(first, second) < 0.7, (first, second)
