from __future__ import annotations

import numpy as np
import pytest
import torch

from inference.manifest import Intensity
from inference.pipeline.prepare import prepare, prepare_labels, scale
from inference.pipeline.resample import model_size, resample
from storage.base.errors import InputError
from tests.support.packages import manifest

IDENTITY = np.eye(4)


def test_model_grid_covers_the_same_field_of_view() -> None:
    assert model_size((120, 512, 512), (2.5, 0.8, 0.8), (6, 6, 6)) == (50, 68, 68)
    assert model_size((3, 3, 3), (1, 1, 1), (9, 9, 9)) == (1, 1, 1)
    assert model_size((3, 4, 5), (1, 1, 1), None) == (3, 4, 5)


def test_coarser_is_averaged_and_finer_interpolated() -> None:
    image = torch.arange(8.0).reshape(1, 1, 2, 4)
    coarse = resample(image, (1, 2, 2))
    assert torch.equal(coarse, torch.tensor([[[[0.5, 2.5], [4.5, 6.5]]]]))
    fine = resample(torch.tensor([[[0.0, 4.0]]]), (1, 4))
    assert torch.allclose(fine, torch.tensor([[[0.0, 1.0, 3.0, 4.0]]]))
    assert resample(image, (1, 2, 4)) is not None and torch.equal(resample(image, (1, 2, 4)), image)


def test_window_clips_to_zero_and_one() -> None:
    scaled = scale(torch.tensor([[-1000.0, -100.0, 0.0, 300.0]]), Intensity(kind="window", lower=-100, upper=100))
    assert torch.equal(scaled, torch.tensor([[0.0, 0.0, 0.5, 1.0]]))


@pytest.mark.parametrize("factor", [1e-3, 1.0, 15_000.0])
def test_zscore_does_not_know_the_scale(factor: float) -> None:
    voxels = np.random.default_rng(2).gamma(2.0, 50.0, (6, 7, 8)).astype(np.float32)
    reference = prepare(voxels, IDENTITY, manifest()).image
    other = prepare(voxels * np.float32(factor), IDENTITY, manifest()).image
    assert torch.allclose(reference, other, atol=1e-4)
    assert abs(float(reference.mean())) < 1e-5 and abs(float(reference.std(correction=0)) - 1) < 1e-5


@pytest.mark.parametrize("value", [0.0, 1234.5])
def test_flat_image_is_refused(value: float) -> None:
    with pytest.raises(InputError, match="no contrast") as caught:
        prepare(np.full((4, 4, 4), value, dtype=np.float32), IDENTITY, manifest())
    assert caught.value.reason_code == "flat-image"


def test_source_stays_as_it_was() -> None:
    voxels = np.random.default_rng(2).normal(size=(4, 4, 4)).astype(np.float32)
    before = voxels.copy()
    prepare(voxels, IDENTITY, manifest())
    assert np.array_equal(voxels, before)


def test_labels_take_the_class_that_covers_most() -> None:
    labels = np.zeros((2, 2, 4), dtype=np.uint8)
    labels[..., 2:] = 1
    labels[0, 0, 2] = 0
    coarse = manifest(grid={"spacing_mm": [2, 2, 2], "patch": [8, 8, 8]})
    assert prepare_labels(labels, IDENTITY, coarse, classes=2).tolist() == [[[0, 1]]]


def test_image_model_takes_one_image_in_its_own_order() -> None:
    flat = manifest(
        inputs=[{"name": "image", "modality": ["US"], "spatial_dims": 2}], grid={"spacing_mm": [2, 2], "patch": [8, 8]}
    )
    mirrored = np.diag([-1.0, -1.0, 1.0, 1.0])
    voxels = np.arange(64, dtype=np.float32).reshape(1, 8, 8)
    prepared = prepare(voxels, mirrored, flat)
    assert prepared.image.shape == (1, 4, 4) and float(prepared.image[0, 0, 0]) < float(prepared.image[0, 3, 3])
    with pytest.raises(InputError, match="one single image"):
        prepare(np.zeros((2, 8, 8), dtype=np.float32), mirrored, flat)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("kind", ["zscore", "window"])
def test_a_voxel_that_is_no_number_is_the_images_fault_and_not_the_models(value: float, kind: str) -> None:
    voxels = np.random.default_rng(2).normal(size=(4, 4, 4)).astype(np.float32)
    voxels[1, 2, 3] = value
    with pytest.raises(InputError) as caught:
        prepare(voxels, IDENTITY, manifest(intensity={"kind": kind, "lower": 1, "upper": 99}))
    assert caught.value.reason_code == "not-finite"


def test_values_beyond_single_precision_are_refused() -> None:
    voxels = np.linspace(-3e38, 3e38, 64, dtype=np.float32).reshape(4, 4, 4)
    with pytest.raises(InputError) as caught:
        prepare(voxels, IDENTITY, manifest())
    assert caught.value.reason_code == "not-finite"


@pytest.mark.parametrize("step_mm", [1e4, 1e150])
def test_a_spacing_that_asks_for_more_than_memory_is_refused_before_it_is_asked_for(step_mm: float) -> None:
    voxels = np.random.default_rng(2).normal(size=(4, 4, 4)).astype(np.float32)
    with pytest.raises(InputError, match="voxels of the model's grid") as caught:
        prepare(voxels, np.diag([step_mm, step_mm, step_mm, 1.0]), manifest())
    assert caught.value.reason_code == "too-large"
