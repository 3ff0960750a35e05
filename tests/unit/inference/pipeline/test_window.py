from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import pytest
import torch
from torch import Tensor, nn

from inference.manifest import Manifest
from inference.pipeline.fit import Fit
from inference.pipeline.orient import IDENTITY_2D
from inference.pipeline.prepare import Prepared
from inference.pipeline.window import segment, starts, window_size
from tests.support.packages import manifest


class _Pointwise(nn.Module):
    """Scores that depend on the voxel alone, so that windows, however cut and blended, must give what the whole gives."""

    def __init__(self) -> None:
        super().__init__()
        self.batches: list[tuple[int, ...]] = []

    def forward(self, image: Tensor) -> Tensor:
        self.batches.append(tuple(image.shape))
        return torch.cat([1 - image, image, image**2], dim=1)


class _LeftRight(nn.Module):
    """Scores that lean to one side: the i index itself."""

    def forward(self, image: Tensor) -> Tensor:
        ramp = torch.arange(image.shape[-1], dtype=torch.float32).expand(image.shape)
        return torch.cat([ramp, 2 * ramp], dim=1)


def _prepared(size: Sequence[int]) -> Prepared:
    image = torch.randn((1, *size), generator=torch.Generator().manual_seed(0))
    return Prepared(image=image, orientation=IDENTITY_2D, fit=Fit.whole(size, size))


def _manifest(patch: Sequence[int], mirror_axes: Sequence[int] = (), overlap: float = 0.25) -> Manifest:
    dims = len(patch)
    return manifest(
        inputs=[{"name": "image", "modality": ["MR"], "spatial_dims": dims}],
        grid={"spacing_mm": None, "patch": list(patch), "overlap": overlap, "minimum_multiple": 4},
        postprocess={"mirror_axes": list(mirror_axes)},
    )


@pytest.mark.parametrize("mirror_axes", [(), (1,), (0, 1)])
@pytest.mark.parametrize(
    ("size", "patch"), [((5, 6, 7), (8, 8, 8)), ((21, 9, 16), (8, 8, 8)), ((30, 17), (12, 8)), ((3, 40), (8, 8))]
)
def test_windows_give_what_the_whole_gives(size: tuple[int, ...], patch: tuple[int, ...], mirror_axes: tuple[int, ...]) -> None:
    prepared = _prepared(size)
    scores = segment(_Pointwise(), prepared, _manifest(patch, mirror_axes))
    image = prepared.image
    assert scores.shape == (3, *size)
    assert torch.allclose(scores, torch.cat([1 - image, image, image**2]), atol=1e-5)


def test_mirrored_passes_cancel_a_side() -> None:
    scores = segment(_LeftRight(), _prepared((4, 4, 8)), _manifest((4, 4, 8), mirror_axes=(2,)))
    assert torch.allclose(scores[0], torch.full((4, 4, 8), 3.5))


def test_windows_cover_everything_and_overlap_enough() -> None:
    for size in range(1, 60):
        places = starts(size, 12, 0.5)
        assert places[0] == 0 and (size <= 12 or places[-1] == size - 12)
        assert all(0 < second - first <= 6 for first, second in pairwise(places))


def test_small_image_needs_less_than_the_patch() -> None:
    assert window_size((5, 30, 16), (16, 16, 16), 4) == (8, 16, 16)


def test_single_volume_never_goes_alone() -> None:
    """A batch of one leaves PyTorch's fast 3-D convolutions."""
    network = _Pointwise()
    segment(network, _prepared((6, 6, 6)), _manifest((8, 8, 8)))
    segment(network, _prepared((20, 6, 6)), _manifest((8, 8, 8)))
    assert min(shape[0] for shape in network.batches) == 2


def test_progress_rises_to_one_and_may_stop_the_run() -> None:
    seen: list[tuple[str, float]] = []
    segment(_Pointwise(), _prepared((40, 16, 16)), _manifest((8, 8, 8)), lambda stage, fraction: seen.append((stage, fraction)))
    assert [stage for stage, _ in seen] == ["network"] * len(seen) and len(seen) > 3
    assert seen == sorted(seen) and seen[-1][1] == 1.0

    def stop(_stage: str, _fraction: float) -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        segment(_Pointwise(), _prepared((40, 16, 16)), _manifest((8, 8, 8)), stop)
