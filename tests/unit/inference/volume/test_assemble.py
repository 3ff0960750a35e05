from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as Items

from inference.volume import Volume, assemble
from inference.volume import pixels as pixels_module
from storage.base.errors import InputError
from tests.support import dicom_builders as build


def _refusal(datasets: list[Dataset], **asked: Any) -> InputError:
    with pytest.raises(InputError) as caught:
        assemble(datasets, **asked)
    return caught.value


def test_ct_is_in_hounsfield_units_on_its_own_grid() -> None:
    hounsfield = np.linspace(-1024, 1500, 4 * 6 * 5).round().reshape(4, 6, 5)
    datasets = build.ct_series(4, 6, 5, (2.5, 0.8, 0.7), pixels=hounsfield)
    volume = assemble(datasets[::-1])

    assert volume.voxels_kji.dtype == np.float32 and np.array_equal(volume.voxels_kji, hounsfield)
    assert (volume.modality, volume.unit, volume.positioned) == ("CT", "HU", True)
    assert volume.frame_of_reference_uid == datasets[0].FrameOfReferenceUID
    assert volume.spacing_ijk_mm == pytest.approx((0.7, 0.8, 2.5))
    assert [ref.sop_instance_uid for ref in volume.slices] == [dataset.SOPInstanceUID for dataset in datasets]
    assert {(ref.sop_class_uid, ref.frame_number) for ref in volume.slices} == {(datasets[0].SOPClassUID, None)}


def test_empty_first_pet_slice_takes_nothing_from_the_others() -> None:
    """A type or scale taken from the first slice would cut every later value to an integer."""
    activity = np.zeros((4, 3, 3))
    activity[1:] = np.random.default_rng(7).uniform(0.1, 9.0, (3, 3, 3))
    datasets = build.pet_series(activity)
    volume = assemble(datasets)

    expected = [d.pixel_array * float(d.RescaleSlope) for d in datasets]
    assert np.array_equal(volume.voxels_kji, np.stack(expected).astype(np.float32))
    assert np.abs(volume.voxels_kji - activity).max() < 2e-4 and not volume.voxels_kji[0].any()
    assert len({float(d.RescaleSlope) for d in datasets}) == 4 and volume.unit == ""


@pytest.mark.parametrize(
    ("attributes", "unit"),
    [
        ({}, "HU"),
        ({"RescaleType": None}, "HU"),
        ({"RescaleType": "US"}, ""),
        ({"RescaleType": None, "RescaleSlope": None, "RescaleIntercept": None}, ""),
    ],
)
def test_hounsfield_only_where_the_header_says_so(attributes: dict[str, Any], unit: str) -> None:
    assert assemble(build.ct_series(**attributes)).unit == unit


def test_too_few_slices() -> None:
    assert _refusal(build.ct_series(1)).reason_code == "too-few-slices"
    error = _refusal(build.ct_series(3), minimum_slices=4)
    assert (error.reason_code, error.facts["slices"], error.facts["needed"]) == ("too-few-slices", 3, 4)
    assert len(assemble(build.ct_series(4), minimum_slices=4).slices) == 4


def _set(index: int, **attributes: Any) -> Callable[[list[Dataset]], None]:
    def change(datasets: list[Dataset]) -> None:
        for keyword, value in attributes.items():
            if value is None:
                delattr(datasets[index], keyword)
            else:
                setattr(datasets[index], keyword, value)

    return change


def _raw(index: int, keyword: str, text: bytes) -> Callable[[list[Dataset]], None]:
    """A value as a peer would send it, unparsed."""
    from pydicom.datadict import dictionary_VR, tag_for_keyword
    from pydicom.dataelem import RawDataElement
    from pydicom.tag import Tag

    tag = Tag(tag_for_keyword(keyword) or 0)

    def change(datasets: list[Dataset]) -> None:
        datasets[index][tag] = RawDataElement(tag, dictionary_VR(tag), len(text), text, 0, False, True)

    return change


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda datasets: datasets.pop(1), "slice-gap"),
        (lambda datasets: datasets.append(datasets[2]), "duplicate-position"),
        (lambda datasets: datasets.clear(), "no-pixels"),
        (_set(2, ImageOrientationPatient=[1, 0, 0, 0, 0, -1]), "mixed-orientation"),
        (_set(2, PixelData=None), "no-pixels"),
        (_set(2, Rows=0), "mixed-size"),
        (_set(2, Columns=19), "mixed-size"),
        (_set(2, PixelSpacing=[0.8, 0.71]), "mixed-size"),
        (_set(2, FrameOfReferenceUID="2.25.5"), "mixed-frames-of-reference"),
        (_set(2, FrameOfReferenceUID=None), "mixed-frames-of-reference"),
        (_set(2, ImagePositionPatient=None), "missing-geometry"),
        (_set(2, ImagePositionPatient=[1, 2]), "missing-geometry"),
        (_set(2, ImageOrientationPatient=None), "missing-geometry"),
        (_set(2, ImageOrientationPatient=""), "missing-geometry"),
        (_set(2, PixelSpacing=None), "missing-geometry"),
        (_set(2, PixelSpacing=[0.8, 0]), "missing-geometry"),
        (_raw(2, "PixelSpacing", b"wide\\tall "), "missing-geometry"),
        (_raw(2, "ImagePositionPatient", b"NaN\\0\\0"), "missing-geometry"),
        (_raw(2, "ImagePositionPatient", b"1e999\\0\\0 "), "missing-geometry"),
        (_set(2, RescaleSlope=0), "invalid-rescale"),
        (_raw(2, "RescaleSlope", b"steep "), "missing-geometry"),
        (_set(2, SamplesPerPixel=3, PhotometricInterpretation="RGB"), "colour-image"),
        (_set(2, PhotometricInterpretation="PALETTE COLOR"), "colour-image"),
        (_set(2, ImageType=["ORIGINAL", "PRIMARY", "M", "ND", "MOSAIC"]), "mosaic-image"),
        (_set(2, PixelData=b"\0\0"), "undecodable-pixels"),
        (_set(2, BitsAllocated=12), "undecodable-pixels"),
        (_set(2, NumberOfFrames=2), "missing-geometry"),
    ],
)
def test_each_refusal_by_name(change: Callable[[list[Dataset]], None], code: str) -> None:
    datasets = build.ct_series(5)
    change(datasets)
    error = _refusal(datasets)
    assert error.reason_code == code
    assert "Phantom" not in error.message and "PHANTOM" not in error.message


def test_refusals_do_not_depend_on_order() -> None:
    datasets = build.ct_series(6)
    del datasets[3]
    assert {_refusal(datasets[start:] + datasets[:start]).message for start in range(5)} == {_refusal(datasets).message}


def test_size_is_bounded_before_anything_is_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pixels_module, "pixel_array", lambda dataset: pytest.fail("decoded"))
    datasets = build.ct_series(3, Rows=65535, Columns=65535)
    error = _refusal(datasets)
    assert (error.reason_code, error.facts["voxels"]) == ("too-large", 3 * 65535**2)


def test_number_of_frames_is_bounded_too() -> None:
    dataset = build.us_image(np.zeros((4, 4)), NumberOfFrames=2**31 - 1)
    assert _refusal([dataset], spatial_dims=2).reason_code == "too-large"


def test_modality_lut_is_applied() -> None:
    table = Dataset()
    table.LUTDescriptor, table.ModalityLUTType, table.LUTData = [4, 0, 16], "HU", [0, 10, 200, 3000]
    pixels = np.array([[[0, 1], [2, 3]]] * 2)
    datasets = build.mr_series(2, 2, 2, pixels=pixels, ModalityLUTSequence=Items([table]))
    assert assemble(datasets).voxels_kji[1].tolist() == [[0, 10], [200, 3000]]


def _image(**attributes: Any) -> Volume:
    return assemble([build.us_image(np.arange(12).reshape(3, 4), **attributes)], spatial_dims=2)


def test_single_image_without_position_has_pixel_spacing_on_the_diagonal() -> None:
    volume = _image()
    assert volume.affine_lps_mm.tolist() == np.diag([0.2, 0.3, 1, 1]).tolist()
    assert (volume.positioned, volume.voxels_kji.shape, volume.voxels_kji[0, 2, 3]) == (False, (1, 3, 4), 11)
    assert volume.frame_of_reference_uid == "" and len(volume.slices) == 1


def _region(delta_mm: float, space: int = 1, unit: int = 3) -> Dataset:
    region = Dataset()
    region.RegionSpatialFormat, region.PhysicalUnitsXDirection, region.PhysicalUnitsYDirection = space, unit, unit
    region.PhysicalDeltaX, region.PhysicalDeltaY = delta_mm / 10, -2 * delta_mm / 10
    return region


def test_ultrasound_calibration_stands_in_for_pixel_spacing() -> None:
    regions = Items([_region(0.5), _region(0.7, space=3, unit=4), _region(0.5)])
    assert np.allclose(_image(spacing=None, SequenceOfUltrasoundRegions=regions).spacing_ijk_mm[:2], (0.5, 1.0))


def test_ultrasound_regions_that_disagree_are_no_calibration() -> None:
    dataset = build.us_image(np.zeros((4, 4)), None, SequenceOfUltrasoundRegions=Items([_region(0.5), _region(0.6)]))
    assert _refusal([dataset], spatial_dims=2).reason_code == "missing-geometry"


def test_positioned_single_image_keeps_its_place() -> None:
    [dataset] = build.ct_series(1, spacing=(5, 0.8, 0.7), first_position=(1, 2, 3))
    volume = assemble([dataset], spatial_dims=2)
    assert volume.positioned and volume.spacing_ijk_mm == pytest.approx((0.7, 0.8, 5))
    assert volume.affine_lps_mm[:3, 3].tolist() == [1, 2, 3]


def test_two_dimensional_models_take_one_image() -> None:
    assert _refusal(build.ct_series(2), spatial_dims=2).reason_code == "too-many-images"
    cine = build.us_image(np.zeros((3, 4, 4)), NumberOfFrames=3)
    assert _refusal([cine], spatial_dims=2).reason_code == "too-many-images"


def test_groups_that_do_not_match_the_frames() -> None:
    dataset = build.enhanced_mr(np.ones((4, 3, 3)))
    del dataset.PerFrameFunctionalGroupsSequence[1]
    assert _refusal([dataset]).reason_code == "missing-geometry"


def test_own_groups_come_before_shared_and_both_before_the_instance() -> None:
    dataset = build.enhanced_mr(np.ones((3, 2, 2)), RescaleSlope="100", ImagePositionPatient=[9, 9, 9])
    own = Dataset()
    own.RescaleSlope, own.RescaleIntercept = "5", "1"
    dataset.PerFrameFunctionalGroupsSequence[1].PixelValueTransformationSequence = Items([own])
    assert assemble([dataset]).voxels_kji[:, 0, 0].tolist() == [2, 6, 2]


def test_several_volumes_in_one_enhanced_instance() -> None:
    dataset = build.enhanced_mr(np.ones((6, 2, 2)))
    for first, second in zip(
        dataset.PerFrameFunctionalGroupsSequence[:3], dataset.PerFrameFunctionalGroupsSequence[3:], strict=True
    ):
        second.PlanePositionSequence = first.PlanePositionSequence
    error = _refusal([dataset])
    assert (error.reason_code, error.facts["positions"]) == ("duplicate-position", 3)


def test_enhanced_without_shared_groups() -> None:
    dataset = build.enhanced_mr(np.ones((3, 2, 2)))
    [shared] = dataset.SharedFunctionalGroupsSequence
    for group in dataset.PerFrameFunctionalGroupsSequence:
        group.update(shared)
    del dataset.SharedFunctionalGroupsSequence
    assert assemble([dataset]).spacing_ijk_mm == pytest.approx((0.7, 0.8, 2.5))
