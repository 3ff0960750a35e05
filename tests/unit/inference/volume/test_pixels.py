from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate, generate_frames
from pydicom.uid import (
    MPEG2MPML,
    UID,
    ExplicitVRBigEndian,
    JPEG2000Lossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)

from inference.volume import assemble
from inference.volume.frames import frames_of
from inference.volume.pixels import decode, modality_values
from storage.base.errors import InputError
from tests.support import dicom_builders as build

NOISE = np.random.default_rng(3).integers(-900, 900, (1, 64, 48))


def _compressed(syntax: str) -> Dataset:
    [dataset] = build.ct_series(1, 64, 48, pixels=NOISE)
    dataset.compress(syntax)
    return dataset


def _refusal(dataset: Dataset) -> InputError:
    with pytest.raises(InputError) as caught:
        decode(dataset, 1, dataset.Rows, dataset.Columns)
    return caught.value


@pytest.mark.parametrize("syntax", [RLELossless, JPEGLSLossless, JPEG2000Lossless])
def test_lossless_compression_changes_nothing(syntax: str) -> None:
    volume = assemble([_compressed(syntax)], spatial_dims=2)
    assert np.array_equal(volume.voxels_kji, NOISE)


@pytest.mark.parametrize("syntax", [RLELossless, JPEGLSLossless, JPEG2000Lossless])
@pytest.mark.parametrize("kept", [0.1, 0.7, 0.98])
def test_a_code_stream_that_was_cut_short_is_refused(syntax: str, kept: float) -> None:
    """libjpeg fills up what is missing without a word."""
    dataset = _compressed(syntax)
    stream = next(generate_frames(dataset.PixelData, number_of_frames=1))
    dataset.PixelData = encapsulate([stream[: int(len(stream) * kept)]])
    error = _refusal(dataset)
    assert error.reason_code == "undecodable-pixels" and str(syntax) in error.message


@pytest.mark.parametrize("padding", [b"", b"\0", b"\xff", b" ", b"\0\0\0"])
def test_padding_after_a_code_stream_is_no_harm(padding: bytes) -> None:
    dataset = _compressed(JPEGLSLossless)
    stream = next(generate_frames(dataset.PixelData, number_of_frames=1)).rstrip(b"\0")
    dataset.PixelData = encapsulate([stream + padding])
    assert np.array_equal(decode(dataset, 1, 64, 48)[0] - 1024, NOISE[0])


@pytest.mark.parametrize("syntax", [MPEG2MPML, "1.2.3.4", ""])
def test_unknown_transfer_syntaxes_are_named(syntax: str) -> None:
    dataset = _compressed(RLELossless)
    dataset.file_meta.TransferSyntaxUID = UID(syntax)
    error = _refusal(dataset)
    assert error.reason_code == "undecodable-pixels" and error.facts["transfer_syntax_uid"] == syntax
    assert (syntax or "absent") in error.message and "resend" in error.message


def test_absent_file_meta_information_is_named() -> None:
    dataset = _compressed(RLELossless)
    del dataset.file_meta
    assert "absent" in _refusal(dataset).message


def _garbage() -> Iterator[bytes]:
    random = np.random.default_rng(11)
    yield from (b"", b"\0", b"\xff\xd8\xff\xd9", *(random.bytes(size) for size in (7, 64, 1000)))


@pytest.mark.parametrize("syntax", [RLELossless, JPEGLosslessSV1, JPEGLSLossless, JPEG2000Lossless])
def test_garbage_is_refused(syntax: str) -> None:
    for garbage in _garbage():
        dataset = _compressed(RLELossless)
        dataset.file_meta.TransferSyntaxUID = UID(syntax)
        dataset.PixelData = encapsulate([garbage + b"\xff\xd9"])
        assert _refusal(dataset).reason_code == "undecodable-pixels"


def test_big_endian_and_bits_above_the_stored_ones() -> None:
    [dataset] = build.ct_series(1, 2, 2, pixels=np.zeros((1, 2, 2)))
    dataset.file_meta.TransferSyntaxUID = ExplicitVRBigEndian
    dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 12, 11, 1
    dataset.PixelData = np.array([0xF7FF, 0x0800, 0x1001, 0x0FFF], dtype=">u2").tobytes()
    assert decode(dataset, 1, 2, 2)[0].tolist() == [[2047, -2048], [1, -1]]


@pytest.mark.parametrize(
    ("slope", "intercept"), [("0.1", "0"), ("6.911235598E-5", "0"), ("0.0010346139", "33.901196"), ("1", "-1024")]
)
def test_rescale_is_rounded_once(slope: str, intercept: str) -> None:
    stored = np.arange(-32768, 32768, dtype=np.int16).reshape(256, 256)
    [dataset] = build.ct_series(1, 256, 256, pixels=np.zeros((1, 256, 256)), RescaleSlope=slope, RescaleIntercept=intercept)
    values = modality_values(frames_of(dataset)[0], stored)
    exact = stored.astype(np.float64) * float(slope) + float(intercept)
    assert values.dtype == np.float32 and np.array_equal(values, exact.astype(np.float32))


def _projection(**attributes: Any) -> list[float]:
    dataset = build.us_image(np.array([[0, 10], [200, 255]]), PhotometricInterpretation="MONOCHROME1", **attributes)
    return [float(value) for value in assemble([dataset], spatial_dims=2).voxels_kji.ravel()]


def test_projection_images_have_one_polarity() -> None:
    assert _projection(Modality="DX") == [255, 245, 55, 0]
    assert _projection(Modality="MG", BitsStored=8, PixelRepresentation=1) == [-1, -11, 55, 0]


def test_elsewhere_the_polarity_is_for_display_alone() -> None:
    assert _projection(Modality="PT") == [0, 10, 200, 255]
