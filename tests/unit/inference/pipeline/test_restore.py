from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from inference.pipeline.fit import Fit
from inference.pipeline.orient import Orientation
from inference.pipeline.prepare import Prepared
from inference.pipeline.restore import keep_largest, labels_on_source, upsample_labels
from tests.support.packages import manifest

SIZES = [
    ((4, 5, 6, 7), (12, 15, 20)),  # finer on every axis, not by whole numbers
    ((4, 9, 6, 5), (4, 15, 3)),  # coarser on two
    ((3, 1, 8, 8), (1, 33, 20)),  # an image
    ((3, 1, 2, 2), (6, 9, 9)),  # one plane stretched
    ((5, 6, 6, 6), (6, 6, 6)),  # the same grid
    ((300, 3, 4, 5), (7, 6, 9)),  # more labels than a byte holds
]


def _plain(scores: torch.Tensor, size: tuple[int, ...]) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    whole = F.interpolate(scores[None], size=size, mode="trilinear", align_corners=False)[0]
    return whole.argmax(0).numpy()


@pytest.mark.parametrize("boundary_share", [0.0, 1.0])
@pytest.mark.parametrize(("shape", "size"), SIZES)
def test_equals_plain_interpolation_and_argmax(shape: tuple[int, ...], size: tuple[int, int, int], boundary_share: float) -> None:
    scores = torch.randn(shape, generator=torch.Generator().manual_seed(3))
    labels = upsample_labels(scores, size, boundary_share=boundary_share)
    assert labels.dtype == (np.uint16 if shape[0] > 256 else np.uint8)
    assert np.array_equal(labels, _plain(scores, size))


@pytest.mark.parametrize("boundary_share", [0.0, 0.25, 1.0])
def test_equals_plain_on_smooth_scores_with_layers_of_both_kinds(boundary_share: float) -> None:
    coarse = torch.randn((1, 6, 3, 4, 4), generator=torch.Generator().manual_seed(9))
    coarse[:, 0, 2] += 20  # the last layers hold background alone
    scores = F.interpolate(coarse, size=(14, 20, 22), mode="trilinear")[0]
    labels = upsample_labels(scores, (30, 61, 67), boundary_share=boundary_share)
    assert np.array_equal(labels, _plain(scores, (30, 61, 67)))


def test_largest_component_stays_by_26_neighbourhood() -> None:
    labels = np.zeros((4, 8, 8), dtype=np.uint8)
    labels[0, 0, 0:2] = 1
    labels[1, 1, 2] = 1  # touches the pair at a corner
    labels[3, 6, 6:8] = 1
    labels[3, 0, 0] = 2
    keep_largest(labels, 1)
    assert int((labels == 1).sum()) == 3 and not labels[3, 6].any()
    assert labels[3, 0, 0] == 2


def test_absent_label_stays_absent() -> None:
    labels = np.zeros((2, 2, 2), dtype=np.uint8)
    keep_largest(labels, 1)
    assert not labels.any()


def test_labels_return_in_source_order() -> None:
    turned = Orientation(axes_kji=(2, 0, 1), flipped_kji=(True, False, True))
    source = np.random.default_rng(0).integers(0, 2, (3, 4, 5))
    oriented = torch.from_numpy(turned.apply(source).copy())
    scores = F.one_hot(oriented, 2).movedim(-1, 0).float()
    prepared = Prepared(image=scores[:1], orientation=turned, fit=Fit.whole(oriented.shape, oriented.shape))
    assert np.array_equal(labels_on_source(scores, prepared, manifest()), source)


def test_a_single_image_is_interpolated_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Twice would take twice the memory, which an image of 20000 x 20000 feels."""
    seen: list[int] = []
    plain = F.interpolate

    def counting(planes: torch.Tensor, **how: object) -> torch.Tensor:
        seen.append(len(planes))
        return plain(planes, **how)  # type: ignore[arg-type]

    monkeypatch.setattr("inference.pipeline.restore.F.interpolate", counting)
    upsample_labels(torch.randn((3, 1, 8, 8), generator=torch.Generator().manual_seed(3)), (1, 33, 20), boundary_share=0.0)
    assert seen == [1]
