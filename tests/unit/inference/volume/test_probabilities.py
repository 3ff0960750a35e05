from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from inference.volume import ClassProbabilities, SliceRef, assemble, decode_probabilities, encode_probabilities
from storage.base.errors import TransientError
from tests.support import dicom_builders as build

HALF = np.array([0.25, 0.75])
SLICES = (SliceRef("2.25.1", "2.25.2", None),)


def test_round_trip() -> None:
    found = ClassProbabilities.on(assemble(build.ct_series()), np.array([0.125, 0.5, 0.375]))
    back = decode_probabilities(encode_probabilities(found))
    assert back.probabilities.tolist() == [0.125, 0.5, 0.375]
    assert (back.slices, back.frame_of_reference_uid, back.positioned) == (found.slices, found.frame_of_reference_uid, True)


def test_the_same_probabilities_give_the_same_bytes() -> None:
    first = encode_probabilities(ClassProbabilities(HALF, SLICES, "", False))
    assert encode_probabilities(ClassProbabilities(np.repeat(HALF, 2)[::2], SLICES, "", False)) == first
    assert encode_probabilities(decode_probabilities(first)) == first


@pytest.mark.parametrize("cut", [0, 1, 60, -1])
def test_other_bytes_are_refused(cut: int) -> None:
    blob = encode_probabilities(ClassProbabilities(HALF, SLICES))
    with pytest.raises(TransientError) as caught:
        decode_probabilities(blob[:cut])
    assert caught.value.reason_code == "probabilities-unreadable"


@pytest.mark.parametrize("given", [[1.0], [0.5, 0.6], [-0.1, 1.1], [np.nan, 1.0], [[0.5, 0.5]], np.array([0.5, 0.5], np.float32)])
def test_what_is_no_probability_is_a_mistake(given: Any) -> None:
    with pytest.raises(ValueError, match="probabilities"):
        ClassProbabilities(np.asarray(given), SLICES)


def test_probabilities_of_nothing_are_a_mistake() -> None:
    with pytest.raises(ValueError, match="slices"):
        ClassProbabilities(HALF, ())
