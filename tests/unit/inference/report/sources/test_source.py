"""The source as result writers see it: k order, one patient, sides, refusals."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from inference.report.sources.source import read_source
from storage.base.errors import InputError, ModelError
from tests.support.dicom_builders import ct_series, enhanced_mr, us_image
from tests.unit.inference.report.inputs import label_map_of

PIXELS = np.arange(6 * 8 * 9).reshape(6, 8, 9)


def test_images_stand_in_k_order_whatever_the_order_of_the_list() -> None:
    datasets = ct_series(5)
    label_map = label_map_of(datasets)
    source = read_source(datasets[::-1], label_map)
    assert [image.SOPInstanceUID for image in source.images] == [dataset.SOPInstanceUID for dataset in datasets]
    assert [float(image.ImagePositionPatient[2]) for image in source.images] == [100.0, 102.5, 105.0, 107.5, 110.0]


def test_the_headers_that_highdicom_gets_hold_no_name() -> None:
    datasets = ct_series()
    source = read_source(datasets, label_map_of(datasets))
    assert not any(image.PatientName for image in source.images)
    assert str(source.attributes.PatientName) == "Phantom^Test"


def test_an_enhanced_instance_is_one_image_with_its_frames_in_k_order() -> None:
    datasets = [enhanced_mr(PIXELS, order=[3, 1, 0, 2, 5, 4], FrameOfReferenceUID="1.2.3.4")]
    source = read_source(datasets, label_map_of(datasets))
    assert source.multi_frame and len(source.images) == 1
    assert [frame.reference.frame_number for frame in source.frames] == [3, 2, 4, 1, 6, 5]


@pytest.mark.parametrize(
    ("sides", "expected"),
    [
        (["L"] * 4, "left"),
        (["R"] * 4, "right"),
        (["B"] * 4, "both"),
        (["U"] * 4, None),
        (["L", "L", "R", "L"], None),
        ([""] * 4, None),
    ],
)
def test_laterality_is_what_every_image_states(sides: list[str], expected: str | None) -> None:
    datasets = ct_series(4)
    for dataset, side in zip(datasets, sides, strict=True):
        dataset.Laterality = side
    assert read_source(datasets, label_map_of(datasets)).laterality == expected


@pytest.mark.parametrize("keyword", ["PatientID", "StudyInstanceUID", "AccessionNumber"])
def test_a_series_of_two_patients_is_refused(keyword: str) -> None:
    datasets = ct_series(4)
    label_map = label_map_of(datasets)
    setattr(datasets[2], keyword, "1.9")
    with pytest.raises(InputError, match=keyword) as refusal:
        read_source(datasets, label_map)
    assert refusal.value.reason_code == "mixed-patients"


def test_a_label_map_of_other_images_is_our_fault() -> None:
    with pytest.raises(ModelError) as failure:
        read_source(ct_series(4), label_map_of(ct_series(4)))
    assert failure.value.reason_code == "report-source"


def test_a_positioned_series_needs_a_frame_of_reference() -> None:
    datasets = ct_series(4, FrameOfReferenceUID=None)
    with pytest.raises(InputError, match="FrameOfReferenceUID"):
        read_source(datasets, label_map_of(datasets))


def test_several_images_without_position_are_refused() -> None:
    images = [us_image(np.zeros((8, 9))) for _ in range(2)]
    one = label_map_of(images[:1])
    both = replace(one, labels_kji=np.zeros((2, 8, 9), np.uint8), slices=(*one.slices, *label_map_of(images[1:]).slices))
    for keyword in ("StudyInstanceUID", "SeriesInstanceUID"):
        setattr(images[1], keyword, images[0][keyword].value)
    with pytest.raises(InputError) as refusal:
        read_source(images, both)
    assert refusal.value.reason_code == "unpositioned-source"
