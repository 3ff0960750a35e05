"""Single images as they come: without a scale, with that of a detector alone, in colour."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.uid import RLELossless

from inference.volume import assemble
from inference.volume.colour import LUMA, luma
from storage.base.errors import InputError
from tests.support import wrapped_images as wrapped
from tests.support.dicom_builders import us_image

GREY = (np.arange(24 * 20).reshape(24, 20) % 251).astype(np.uint8)


def coloured(rgb: NDArray[np.uint8], photometric: str = "RGB", planar: int = 0) -> Dataset:
    """An ultrasound image of (rows, columns, 3)."""
    stored = rgb if planar == 0 else np.moveaxis(rgb, -1, 0)
    return us_image(
        rgb[..., 0],
        SamplesPerPixel=3,
        PhotometricInterpretation=photometric,
        PlanarConfiguration=planar,
        PixelData=np.ascontiguousarray(stored).tobytes(),
    )


def refusal(dataset: Dataset, **asked: Any) -> InputError:
    with pytest.raises(InputError) as caught:
        assemble([dataset], spatial_dims=2, **asked)
    return caught.value


def test_a_radiograph_without_spacing_is_read_where_nothing_is_measured() -> None:
    bare = wrapped.dx_image(GREY, ImagerPixelSpacing=None)
    volume = assemble([bare], spatial_dims=2, scale="unknown")
    assert volume.spacing_ijk_mm == (1.0, 1.0, 1.0) and not volume.positioned
    assert np.array_equal(volume.voxels_kji[0], GREY)
    for scale in ("patient", "detector"):
        assert refusal(bare, scale=scale).facts["attribute"] == "PixelSpacing"


def test_the_spacing_of_a_detector_is_no_size_in_the_patient() -> None:
    image = wrapped.dx_image(GREY, ImagerPixelSpacing=["0.2", "0.1"])
    assert refusal(image).reason_code == "missing-geometry"
    for scale in ("detector", "unknown"):
        assert assemble([image], spatial_dims=2, scale=scale).spacing_ijk_mm == pytest.approx((0.1, 0.2, 1.0))


def test_the_spacing_in_the_patient_comes_first() -> None:
    image = wrapped.dx_image(GREY, spacing_mm=(0.17, 0.16), ImagerPixelSpacing=["0.2", "0.2"])
    assert assemble([image], spatial_dims=2, scale="unknown").spacing_ijk_mm == pytest.approx((0.16, 0.17, 1.0))


def test_a_position_without_spacing_in_the_patient_is_none() -> None:
    image = wrapped.dx_image(GREY, ImagePositionPatient=[1, 2, 3], ImageOrientationPatient=[1, 0, 0, 0, 1, 0])
    assert not assemble([image], spatial_dims=2, scale="detector").positioned


@pytest.mark.parametrize("spacing", [["0", "0.2"], ["-1", "0.2"]])
def test_a_detector_spacing_that_is_none_is_refused(spacing: list[str]) -> None:
    assert refusal(wrapped.dx_image(GREY, ImagerPixelSpacing=spacing), scale="unknown").reason_code == "missing-geometry"


@pytest.mark.parametrize("planar", [0, 1])
def test_grey_sent_in_colour_is_the_grey_it_was(planar: int) -> None:
    image = coloured(np.repeat(GREY[..., None], 3, axis=2), planar=planar)
    assert np.array_equal(assemble([image], spatial_dims=2, colour="grey").voxels_kji[0], GREY.astype(np.float32))
    assert refusal(image).reason_code == "colour-image"


def test_colours_turn_into_their_luma() -> None:
    rgb = np.random.default_rng(0).integers(0, 256, (24, 20, 3)).astype(np.uint8)
    found = assemble([coloured(rgb)], spatial_dims=2, colour="grey").voxels_kji[0]
    assert np.allclose(found, rgb @ np.array(LUMA), atol=1e-4)
    assert luma(np.eye(3)).tolist() == pytest.approx(list(LUMA)) and sum(LUMA) == pytest.approx(1.0)


def test_luma_and_flat_chroma_are_the_luma() -> None:
    ybr = np.full((24, 20, 3), 128, dtype=np.uint8)
    ybr[..., 0] = GREY
    found = assemble([coloured(ybr, "YBR_FULL")], spatial_dims=2, colour="grey").voxels_kji[0]
    assert np.abs(found - GREY).max() <= 1


def test_compressed_colour_is_read() -> None:
    image = coloured(np.repeat(GREY[..., None], 3, axis=2))
    image.compress(RLELossless, generate_instance_uid=False)
    assert np.array_equal(assemble([image], spatial_dims=2, colour="grey").voxels_kji[0], GREY.astype(np.float32))


@pytest.mark.parametrize(("samples", "photometric"), [(3, "YBR_PARTIAL_420"), (3, "CMYK"), (4, "RGB"), (1, "PALETTE COLOR")])
def test_colours_that_are_not_understood_are_refused(samples: int, photometric: str) -> None:
    image = coloured(np.repeat(GREY[..., None], 3, axis=2))
    image.SamplesPerPixel, image.PhotometricInterpretation = samples, photometric
    assert refusal(image, colour="grey").reason_code == "colour-image"


def test_colour_with_too_few_samples_is_undecodable() -> None:
    image = coloured(np.repeat(GREY[..., None], 3, axis=2))
    image.PixelData = GREY.tobytes()
    assert refusal(image, colour="grey").reason_code == "undecodable-pixels"
