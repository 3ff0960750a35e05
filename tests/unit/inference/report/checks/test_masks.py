"""The group of a finding's mask: which segment, how large; every check fails on the defect it is there for."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy

import numpy as np
import pytest
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from inference.report.sr.reading import texts_of
from inference.report.statements.detections import as_record
from inference.report.statements.sizes import Size
from storage.base.errors import ModelError
from tests.support.dicom_builders import ORIENTATIONS, ct_series, us_image
from tests.unit.inference.report.detected import Detected, masked
from tests.unit.inference.report.inputs import asymmetric_labels
from tests.unit.inference.report.sr.test_sr import groups_of, values_of

AREA, VOLUME, CERTAINTY = "42798000", "118565006", "111012"
_BOX = (1.25, 2, 3, 5, 10.5, 17)
Case = tuple[Detected, Dataset]


def _flat(spacing: tuple[float, float] | None = (0.3, 0.2), datasets: list[Dataset] | None = None) -> Case:
    labels = np.zeros((1, 30, 40), np.uint8)
    labels[0, 3:9, 4:20] = 1
    return masked(datasets or [us_image(np.zeros((30, 40)), spacing)], [((3, 4, 9, 20), 0.9, 1)], labels, [1])


def _voxels() -> NDArray[np.uint8]:
    return asymmetric_labels((7, 13, 17))


@pytest.fixture(scope="module")
def image() -> Case:
    return _flat()


@pytest.fixture(scope="module")
def volume() -> Case:
    return masked(ct_series(7, 13, 17, orientation=ORIENTATIONS["double-oblique"]), [(_BOX, 0.9, 1)], _voxels(), [2])


def _number(sr: Dataset, code: str) -> Dataset:
    """Of the mask's group, which stands before the absence of the second label."""
    item: Dataset = values_of(groups_of(sr)[-2], code)[0]
    return item


def test_masks_are_named_beside_boxes(image: Case, volume: Case) -> None:
    """Of an image by the SEG's frame, of a volume by its segment, under the same tracking identifiers as the box."""
    for (found, seg), template in ((image, "1410"), (volume, "1411")):
        found.check(found.sr, seg)
        mask = groups_of(found.sr)[-2]
        assert mask.ContentTemplateSequence[0].TemplateIdentifier == template
        assert found.sought[0].findings[0].tracking_uid == values_of(mask, "112040")[0].UID
        other = deepcopy(seg)
        other.SOPInstanceUID = "1.2.3"
        with pytest.raises(ModelError):
            found.check(found.sr, other)


def test_a_mask_of_another_segment_is_found(volume: Case) -> None:
    found, seg = volume
    sr = found.sr
    values_of(groups_of(sr)[2], "121191")[0].ReferencedSOPSequence[0].ReferencedSegmentNumber = 1
    with pytest.raises(ModelError, match="wrong segment"):
        found.check(sr, seg)


def test_a_mask_has_the_size_of_its_pixels_or_voxels_and_a_box_has_none(image: Case, volume: Case) -> None:
    voxels = int((_voxels() == 2).sum())
    for (found, _), code, unit, size in ((image, AREA, "mm2", 96 * 0.06), (volume, VOLUME, "mm3", voxels * 2.5 * 0.8 * 0.7)):
        measured = _number(found.sr, code).MeasuredValueSequence[0]
        assert measured.MeasurementUnitsCodeSequence[0].CodeValue == unit
        assert float(measured.NumericValue) == pytest.approx(size, abs=1e-3)
        assert [bool(values_of(group, code)) for group in groups_of(found.sr)[:-2]].count(True) == 0
        record = as_record(found.sought[0])["findings"][0]
        assert record["area_mm2" if code == AREA else "volume_mm3"] == pytest.approx(size, abs=1e-3)


def test_a_mask_in_one_slice_with_a_position_has_an_area() -> None:
    """0.8 mm between rows and 0.7 between columns; how thick the slice is doesn't count."""
    found, seg = _flat(datasets=ct_series(1, 30, 40))
    found.check(found.sr, seg)
    assert found.sought[0].findings[0].size == Size("area", pytest.approx(96 * 0.8 * 0.7))  # type: ignore[arg-type]


def test_a_mask_in_an_image_without_spacing_has_no_size_and_the_report_says_why(image: Case) -> None:
    found, seg = _flat(None)
    found.check(found.sr, seg)
    assert not values_of(groups_of(found.sr)[-2], AREA)
    told = [texts_of(group, "121106") for group in groups_of(found.sr)]
    assert told == [[], ["the image states no pixel spacing in the patient, so nothing was measured in it"], []]
    sr = found.sr
    groups_of(sr)[-2].ContentSequence.append(deepcopy(_number(image[0].sr, AREA)))
    with pytest.raises(ModelError, match="2 numbers instead of 1"):
        found.check(sr, seg)


def _value(text: str) -> Callable[[Dataset, str], None]:
    return lambda sr, code: setattr(_number(sr, code).MeasuredValueSequence[0], "NumericValue", text)


def _unit(sr: Dataset, code: str) -> None:
    _number(sr, code).MeasuredValueSequence[0].MeasurementUnitsCodeSequence[0].CodeValue = "cm3"


def _name(sr: Dataset, code: str) -> None:
    _number(sr, code).ConceptNameCodeSequence[0].CodeValue = AREA if code == VOLUME else VOLUME


def _drop(sr: Dataset, code: str) -> None:
    group = groups_of(sr)[-2]
    group.ContentSequence = [item for item in group.ContentSequence if item is not values_of(group, code)[0]]


def _swap(sr: Dataset, code: str) -> None:
    group, (a, b) = groups_of(sr)[-2], (_number(sr, CERTAINTY), _number(sr, code))
    group.ContentSequence = [b if item is a else a if item is b else item for item in group.ContentSequence]


def _on_the_box(sr: Dataset, code: str) -> None:
    groups_of(sr)[0].ContentSequence.append(deepcopy(_number(sr, code)))


DEFECTS: dict[str, Callable[[Dataset, str], None]] = {
    "another size": _value("5.77"),
    "nothing": _value("0"),
    "another unit": _unit,
    "another quantity": _name,
    "no size": _drop,
    "the size first": _swap,
    "a size of the box": _on_the_box,
}


@pytest.mark.parametrize("defect", DEFECTS)
def test_a_wrong_or_missing_size_is_refused(defect: str, image: Case, volume: Case) -> None:
    for (found, seg), code in ((image, AREA), (volume, VOLUME)):
        sr = found.sr
        DEFECTS[defect](sr, code)
        with pytest.raises(ModelError) as failure:
            found.check(sr, seg)
        assert failure.value.reason_code == "report-values"


def test_the_stored_segment_decides_over_what_was_meant_to_be_stored(image: Case, volume: Case) -> None:
    for found, seg in (image, volume):
        other = deepcopy(seg)
        other.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0].PixelSpacing = [1, 1]
        with pytest.raises(ModelError, match="size isn't that of the stored segment"):
            found.check(found.sr, other)
