from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from inference.volume import LabelMap, SliceRef, assemble, decode_label_map, encode_label_map
from storage.base.errors import TransientError
from tests.support import dicom_builders as build


def _label_map(kind: type[np.uint8] | type[np.uint16] = np.uint8) -> LabelMap:
    labels: Any = (np.arange(4 * 16 * 20).reshape(4, 16, 20) % np.iinfo(kind).max).astype(kind)
    return LabelMap.on(assemble(build.ct_series()), labels)


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_round_trip(kind: type[np.uint8] | type[np.uint16]) -> None:
    label_map = _label_map(kind)
    back = decode_label_map(encode_label_map(label_map))
    assert back.labels_kji.dtype == kind and np.array_equal(back.labels_kji, label_map.labels_kji)
    assert np.array_equal(back.affine_lps_mm, label_map.affine_lps_mm)
    assert (back.slices, back.frame_of_reference_uid, back.positioned) == (
        label_map.slices,
        label_map.frame_of_reference_uid,
        True,
    )


def test_frames_and_absent_positions_come_back() -> None:
    references = (SliceRef("2.25.1", "2.25.2", 7), SliceRef("2.25.3", "2.25.2", None))
    label_map = LabelMap(np.zeros((2, 1, 1), np.uint8), np.eye(4), references, "", False)
    back = decode_label_map(encode_label_map(label_map))
    assert (back.slices, back.positioned) == (references, False)


def test_the_same_label_map_gives_the_same_bytes() -> None:
    label_map = _label_map()
    first = encode_label_map(label_map)
    strided = LabelMap(_strided(label_map.labels_kji), label_map.affine_lps_mm, *_rest(label_map))
    assert encode_label_map(strided) == first == encode_label_map(decode_label_map(first))
    assert b"1980" not in first  # fixed times, and no text of them


def _strided(labels: Any) -> Any:
    return np.asfortranarray(labels)


def _rest(label_map: LabelMap) -> tuple[tuple[SliceRef, ...], str, bool]:
    return label_map.slices, label_map.frame_of_reference_uid, label_map.positioned


@pytest.mark.parametrize("cut", [0, 1, 100, -1, -40])
def test_damaged_blobs_are_named(cut: int) -> None:
    blob = encode_label_map(_label_map())
    with pytest.raises(TransientError) as caught:
        decode_label_map(blob[:cut])
    assert caught.value.reason_code == "label-map-unreadable"


def test_a_flipped_byte_is_noticed() -> None:
    blob = bytearray(encode_label_map(_label_map()))
    blob[200] ^= 0xFF
    with pytest.raises(TransientError):
        decode_label_map(bytes(blob))


@pytest.mark.parametrize(
    ("labels", "affine", "count"),
    [
        (np.zeros((2, 1, 1), np.int16), np.eye(4), 2),
        (np.zeros((2, 1), np.uint8), np.eye(4), 2),
        (np.zeros((2, 1, 1), np.uint8), np.eye(3), 2),
        (np.zeros((2, 1, 1), np.uint8), np.eye(4), 3),
    ],
)
def test_what_does_not_fit_together(labels: Any, affine: np.ndarray, count: int) -> None:
    with pytest.raises(ValueError, match="needs"):
        LabelMap(labels, affine, (SliceRef("2.25.1", "2.25.2"),) * count)


def test_labels_of_another_grid() -> None:
    with pytest.raises(ValueError, match="shape"):
        LabelMap.on(assemble(build.ct_series()), np.zeros((3, 16, 20), np.uint8))
