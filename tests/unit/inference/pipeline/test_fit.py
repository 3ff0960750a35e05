from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from inference.manifest import Manifest
from inference.pipeline.fit import Fit, fit_of
from inference.pipeline.prepare import prepare, prepare_labels
from inference.pipeline.restore import labels_on_source
from tests.support.packages import manifest


def flat(fit: str, patch: tuple[int, int], **changes: Any) -> Manifest:
    return manifest(
        inputs=[{"name": "image", "modality": ["DX"], "spatial_dims": 2}],
        grid={"spacing_mm": None, "patch": list(patch), "fit": fit},
        intensity={"kind": "window", "lower": 0.0, "upper": 1.0},
        **changes,
    )


def classifier(patch: tuple[int, ...], spacing_mm: tuple[float, ...]) -> Manifest:
    return manifest(
        inputs=[{"name": "image", "modality": ["CT"], "spatial_dims": len(patch)}],
        grid={"spacing_mm": list(spacing_mm), "patch": list(patch)},
        intensity={"kind": "window", "lower": 0.0, "upper": 1.0},
        task="classification",
        classification={"thresholds": [0.5]},
    )


@pytest.mark.parametrize(
    ("fit", "source", "expected"),
    [
        ("stretch", (40, 90), Fit((40, 90), (0, 0), (40, 90), (32, 32), (0, 0), (32, 32))),
        ("crop", (40, 90), Fit((40, 90), (0, 25), (40, 40), (32, 32), (0, 0), (32, 32))),
        ("pad", (40, 90), Fit((40, 90), (0, 0), (40, 90), (14, 32), (9, 0), (32, 32))),
        ("pad", (9000, 3), Fit((9000, 3), (0, 0), (9000, 3), (32, 1), (0, 15), (32, 32))),
        ("crop", (9000, 3), Fit((9000, 3), (4498, 0), (3, 3), (32, 32), (0, 0), (32, 32))),
        ("crop", (1, 1), Fit((1, 1), (0, 0), (1, 1), (32, 32), (0, 0), (32, 32))),
    ],
)
def test_what_an_image_shows_of_its_source(fit: str, source: tuple[int, int], expected: Fit) -> None:
    assert fit_of(source, (1.0, 1.0), flat(fit, (32, 32))) == expected


def test_pixels_that_measure_otherwise_change_nothing() -> None:
    for fit in ("stretch", "crop", "pad"):
        assert fit_of((40, 90), (0.1, 7.0), flat(fit, (32, 16))) == fit_of((40, 90), (1.0, 1.0), flat(fit, (32, 16)))


def test_a_letterbox_is_zero_after_the_intensities_are_scaled() -> None:
    model = flat("pad", (8, 8)).model_copy(update={"intensity": manifest().intensity})  # z-score
    voxels = np.random.default_rng(0).normal(500.0, 20.0, (1, 4, 8)).astype(np.float32)
    image = prepare(voxels, np.eye(4), model).image[0]
    assert not image[:2].any() and not image[6:].any()
    assert abs(float(image[2:6].mean())) < 1e-5 and float(image[2:6].std()) > 0.9


def test_a_crop_scales_by_what_it_shows() -> None:
    model = flat("crop", (4, 4)).model_copy(update={"intensity": manifest().intensity})
    voxels = np.random.default_rng(0).normal(0.0, 1.0, (1, 4, 12)).astype(np.float32)
    bright = voxels.copy()
    bright[..., :4] = 1e6
    assert torch.equal(prepare(voxels, np.eye(4), model).image, prepare(bright, np.eye(4), model).image)


def test_labels_come_back_where_the_image_shows_them_and_nowhere_else() -> None:
    voxels = np.ones((1, 10, 30), dtype=np.float32)
    for fit, covered in (("crop", 100), ("pad", 300), ("stretch", 300)):
        model = flat(fit, (6, 6))
        prepared = prepare(voxels, np.eye(4), model)
        scores = torch.stack([torch.zeros(6, 6), torch.ones(6, 6)])
        labels = labels_on_source(scores, prepared, model)
        assert labels.shape == (1, 10, 30) and int(labels.sum()) == covered
        if fit == "crop":
            assert labels[0, :, 10:20].all()


def test_the_mask_of_a_letterbox_is_background() -> None:
    masks = prepare_labels(np.ones((1, 4, 8), dtype=np.uint8), np.eye(4), flat("pad", (8, 8)), classes=2)
    assert masks.sum() == 32 and masks[2:6].all()


@pytest.mark.parametrize(("size", "shows"), [((20, 6, 9), slice(6, 14)), ((4, 4, 4), slice(0, 4))])
def test_a_classifier_of_volumes_sees_one_window_about_the_centre(size: tuple[int, int, int], shows: slice) -> None:
    voxels = np.zeros(size, dtype=np.float32)
    voxels += (1 + np.arange(size[0], dtype=np.float32))[:, None, None] / 100
    prepared = prepare(voxels, np.eye(4), classifier((8, 8, 8), (1.0, 1.0, 1.0)))
    assert prepared.image.shape == (1, 8, 8, 8)
    middle = prepared.image[0, :, 4, 4]
    assert middle[middle > 0].tolist() == pytest.approx(voxels[shows, 2, 2].tolist())


def test_what_was_cut_away_comes_back_as_zeros() -> None:
    fit = fit_of((20, 6, 10), (1.0, 1.0, 1.0), classifier((8, 8, 8), (1.0, 1.0, 1.0)))
    part = torch.rand((2, 20, 6, 10))
    back = fit.lift(fit.place(part))
    assert back.shape == part.shape
    assert torch.equal(back[:, 6:14, :, 1:9], part[:, 6:14, :, 1:9])
    assert not back[:, :6].any() and not back[..., 0].any() and not back[..., 9:].any()
