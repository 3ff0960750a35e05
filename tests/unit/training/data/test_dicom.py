"""SEG and RTSTRUCT come onto the grid of their images by geometry, and what doesn't fit is refused by name."""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from inference.volume import Volume, assemble
from storage.base.errors import ConfigError, InputError
from tests.unit.training.data.made import THIRDS, recipe_of
from training.data.sources import list_entries
from training.data.sources.dicom.contours import contour_labels
from training.data.sources.dicom.segments import segment_labels
from training.data.sources.nifti import read_nifti

FRAME = "1.2.826.0.1.3680043.8.498.1"


def _volume(turned: bool = False) -> Volume:
    """12 x 16 x 20 voxels of 2 x 1 x 0.5 mm; ``turned``: i to the right."""
    affine = np.diag([0.5, 1.0, 2.0, 1.0])
    affine[:3, 3] = 10, 20, 30
    if turned:
        affine[:3, 0] *= -1
    return Volume(np.zeros((12, 16, 20), np.float32), affine, (), FRAME, "CT", "HU", True)


def _structures(contours: Sequence[Any], volume: Volume, names: Sequence[str] = ("mass",)) -> Dataset:
    """One ROI a name, all with these contours, given as (N, 3) voxel indices i, j, k."""
    dataset = Dataset()
    dataset.StructureSetROISequence, dataset.ROIContourSequence = [], []
    for number, name in enumerate(names, 1):
        roi, drawn = Dataset(), Dataset()
        roi.ROINumber, roi.ROIName, roi.ReferencedFrameOfReferenceUID = number, name, FRAME
        drawn.ReferencedROINumber, drawn.ContourSequence = number, []
        for contour in contours:
            item = Dataset()
            points = np.asarray(contour, dtype=float) @ volume.affine_lps_mm[:3, :3].T + volume.affine_lps_mm[:3, 3]
            item.ContourGeometricType, item.ContourData = "CLOSED_PLANAR", [float(value) for value in points.ravel()]
            drawn.ContourSequence.append(item)
        dataset.StructureSetROISequence.append(roi)
        dataset.ROIContourSequence.append(drawn)
    return dataset


def _box(low: float, high: float, k: float) -> list[list[float]]:
    return [[low, low, k], [high, low, k], [high, high, k], [low, high, k]]


@pytest.mark.parametrize("turned", [False, True])
def test_contours_fill_pixels_whose_centre_is_inside_and_cut_holes(turned: bool) -> None:
    volume = _volume(turned)
    drawn = _structures([_box(1.5, 9.5, 3), _box(3.5, 6.5, 3), _box(2.1, 4.9, 7)], volume)
    labels = contour_labels(drawn, volume, {"mass": 2})
    expected = np.zeros_like(labels)
    expected[3, 2:10, 2:10], expected[3, 4:7, 4:7], expected[7, 3:5, 3:5] = 2, 0, 2
    assert np.array_equal(labels, expected)


def test_contours_that_touch_share_no_pixel() -> None:
    volume = _volume()
    left, right = _box(2, 5, 1), [[5, 2, 1], [9, 2, 1], [9, 5, 1], [5, 5, 1]]
    both = contour_labels(_structures([left, right], volume), volume, {"mass": 1})
    assert both.sum() == 3 * 3 + 4 * 3


@pytest.mark.parametrize(
    ("contours", "code"),
    [
        ([_box(1, 5, 12.0)], "contour-plane"),
        ([_box(1, 5, 2.8), _box(7, 9, 3.2)], "contour-plane"),
        ([[[1, 1, 2], [5, 1, 2], [5, 5, 4]]], "contour-plane"),
        ([[[1, 1, 2], [5, 1, np.nan], [5, 5, 2]]], "contour-plane"),
        ([np.zeros((0, 3))], "contour-plane"),
    ],
)
def test_contours_off_the_slices(contours: Any, code: str) -> None:
    volume = _volume()
    with pytest.raises(InputError) as told:
        contour_labels(_structures(contours, volume), volume, {"mass": 1})
    assert told.value.reason_code == code


def test_contours_half_a_slice_off_belong_to_the_nearest() -> None:
    volume = _volume()
    assert contour_labels(_structures([_box(1, 5, 2.4)], volume), volume, {"mass": 1})[2].any()


def test_contours_far_beyond_the_image_fill_what_is_inside() -> None:
    volume = _volume()
    labels = contour_labels(_structures([_box(-1e12, 1e12, 2)], volume), volume, {"mass": 1})
    assert labels[2].all() and labels.sum() == labels[2].size


def test_structures_that_do_not_fit() -> None:
    volume = _volume()
    with pytest.raises(InputError, match=r"no ROI of data\.labels .* has: mass"):
        contour_labels(_structures([_box(1, 5, 2)], volume), volume, {"liver": 1})
    two = _structures([_box(1, 5, 2)], volume, ("a", "b"))
    with pytest.raises(InputError, match="overlap"):
        contour_labels(two, volume, {"a": 1, "b": 2})
    assert contour_labels(two, volume, {"a": 1, "b": 1}).sum() == 16
    two.StructureSetROISequence[0].ReferencedFrameOfReferenceUID = "1.2.3"
    with pytest.raises(InputError, match="another frame of reference"):
        contour_labels(two, volume, {"a": 1})
    two.ROIContourSequence[1].ContourSequence[0].ContourGeometricType = "POINT"
    with pytest.raises(InputError, match="CLOSED_PLANAR"):
        contour_labels(two, volume, {"b": 1})


def _segmentation(pixels: np.ndarray, volume: Volume, corner: Sequence[float] = (0, 0, 0), step: float = 1.0) -> Dataset:
    """Frames (F, J, I) of one segment, from the voxel ``corner`` (i, j, k) on, columns ``step`` voxels apart."""
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.FrameOfReferenceUID, dataset.SegmentationType = FRAME, "BINARY"
    dataset.Rows, dataset.Columns, dataset.NumberOfFrames = *pixels.shape[1:], len(pixels)
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 8, 8, 7, 0
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.PixelData = pixels.astype(np.uint8).tobytes()
    segment, kind = Dataset(), Dataset()
    kind.CodeValue, kind.CodingSchemeDesignator, kind.CodeMeaning = "10200004", "SCT", "Liver"
    segment.SegmentNumber, segment.SegmentLabel, segment.SegmentedPropertyTypeCodeSequence = 1, "liver", [kind]
    dataset.SegmentSequence, dataset.PerFrameFunctionalGroupsSequence = [segment], []
    affine = volume.affine_lps_mm
    lengths = np.linalg.norm(affine[:3, :3], axis=0)
    for number in range(len(pixels)):
        group, place, plane, size, named = (Dataset() for _ in range(5))
        index = np.array([corner[0], corner[1], corner[2] + number, 1.0])
        place.ImagePositionPatient = [float(value) for value in (affine @ index)[:3]]
        plane.ImageOrientationPatient = [*(affine[:3, 0] / lengths[0]).tolist(), *(affine[:3, 1] / lengths[1]).tolist()]
        size.PixelSpacing = [float(lengths[1]), float(lengths[0] * step)]
        named.ReferencedSegmentNumber = 1
        group.PlanePositionSequence, group.PlaneOrientationSequence = [place], [plane]
        group.PixelMeasuresSequence, group.SegmentIdentificationSequence = [size], [named]
        dataset.PerFrameFunctionalGroupsSequence.append(group)
    return dataset


@pytest.mark.parametrize("named", ["liver", "SCT:10200004"])
def test_segments_that_are_cut_out_lie_where_their_positions_say(named: str) -> None:
    volume = _volume()
    pixels = np.random.default_rng(0).integers(0, 2, (3, 4, 5))
    labels = segment_labels(_segmentation(pixels, volume, (6, 2, 1)), volume, {named: 2})
    assert np.array_equal(labels[1:4, 2:6, 6:11], 2 * pixels) and labels.sum() == 2 * pixels.sum()
    stored_backwards = _segmentation(pixels[:, :, ::-1], _volume(turned=True), (-10, 2, 1))
    assert np.array_equal(segment_labels(stored_backwards, volume, {named: 2}), labels)


def test_segments_that_do_not_fit() -> None:
    volume, pixels = _volume(), np.ones((1, 4, 5), dtype=np.uint8)
    for corner, step, code in [((0.4, 0, 0), 1.0, "other-grid"), ((0, 0, 0), 1.5, "other-grid"), ((17, 0, 0), 1.0, "other-grid")]:
        with pytest.raises(InputError) as told:
            segment_labels(_segmentation(pixels, volume, corner, step), volume, {"liver": 1})
        assert told.value.reason_code == code
    other = _segmentation(pixels, volume)
    other.FrameOfReferenceUID = "1.2.3"
    with pytest.raises(InputError, match="another frame of reference"):
        segment_labels(other, volume, {"liver": 1})
    with pytest.raises(InputError, match=r"no segment of data\.labels .* has: liver"):
        segment_labels(_segmentation(pixels, volume), volume, {"spleen": 1})
    fractional = _segmentation(pixels, volume)
    fractional.SegmentationType = "FRACTIONAL"
    with pytest.raises(InputError, match="neither BINARY nor LABELMAP"):
        segment_labels(fractional, volume, {"liver": 1})


def test_a_folder_without_objects_or_without_their_images(test_data: Path, tmp_path: Path) -> None:
    recipe = recipe_of({"kind": "dicom", "labels": {"Liver": 1}, "split": THIRDS}, labels=1)
    segmentations = test_data / "dicom" / "QIICR__dcmqi" / "data" / "segmentations"
    with pytest.raises(ConfigError, match="no SEG in it"):
        list_entries(recipe, segmentations / "24x38x3" / "image")
    with pytest.raises(ConfigError, match="the image Series that it marks is not below --data"):
        list_entries(recipe, segmentations / "24x38x3" / "seg")


def test_a_damaged_object_is_named(test_data: Path, tmp_path: Path) -> None:
    folder = test_data / "dicom" / "QIICR__dcmqi" / "data" / "segmentations" / "24x38x3"
    for path in (folder / "image").iterdir():
        (tmp_path / path.name).symlink_to(path)
    damaged = dcmread(folder / "seg" / "label.seg")
    del damaged.SegmentSequence[0].SegmentNumber
    damaged.save_as(tmp_path / "seg.dcm")
    recipe = recipe_of({"kind": "dicom", "labels": {"Liver": 1}, "split": THIRDS}, labels=1)
    with pytest.raises(ConfigError, match=r"seg\.dcm: an attribute .* is missing"):
        list_entries(recipe, tmp_path)[0].read()


@pytest.mark.heavy
def test_structures_of_the_world_equal_their_nifti_twins(test_data: Path) -> None:
    """CT, PET and MR of one patient; IBSI's own masks of the same contours are the reference."""
    folder = test_data / "dicom" / "theibsi__data_sets" / "ibsi_validation"
    names = {"GTV_Mass_CT": 1, "GTV_Mass_MR_T1": 1, "GTV_Mass_PET": 1}
    recipe = recipe_of({"kind": "dicom", "objects": "rtstruct", "labels": names, "split": THIRDS}, labels=1)
    entries = list_entries(recipe, folder / "dicom")
    assert len({entry.group for entry in entries}) == 1
    for entry, twin in zip(entries, ("CT", "MR_T1", "PET"), strict=True):
        assert "STS" not in entry.name + entry.group
        case = entry.read()
        mask, affine = read_nifti(folder / "nifti" / "STS_002" / f"{twin}_mask.nii.gz")
        assert np.allclose(case.affine_lps_mm, affine, atol=1e-3)
        assert np.array_equal(case.mask_kji, mask)


def _nrrd(path: Path) -> np.ndarray:
    header, _, data = path.read_bytes().partition(b"\n\n")
    fields = dict(line.split(": ", 1) for line in header.decode().splitlines() if ": " in line)
    assert fields["encoding"] == "gzip" and fields["type"] == "short"
    sizes = [int(size) for size in fields["sizes"].split()]
    return np.frombuffer(gzip.decompress(data), "<i2").reshape(sizes[::-1])


@pytest.mark.parametrize(
    ("images", "segmentation", "reference", "labels", "values"),
    [
        ("ct-3slice", "liver.dcm", "liver_seg.nrrd", {"Liver": 1}, {1}),
        ("24x38x3/image", "24x38x3/seg/label.seg", "24x38x3/nrrd/label.nrrd", {"Liver": 1}, {1}),
        ("23x38x3/image", "23x38x3/seg/label.seg", "23x38x3/nrrd/label.nrrd", {"Liver": 1}, {1}),  # rows that end in mid-byte
        ("24x38x3/image", "sparse-labelmap-noppv.dcm", "sparse_labelmap_noppv_seg.nrrd", {"Liver": 1}, {1}),
        ("24x38x3/image", "sparse-labelmap-ppv5.dcm", "sparse_labelmap_ppv5_seg.nrrd", {"Liver": 1}, {1}),
        ("ct-3slice", "partial_overlaps.dcm", "partial_overlaps-1.nrrd", {"GREEN": 1}, {1}),
    ],
)
def test_segmentations_of_the_world_equal_their_reference(
    test_data: Path, tmp_path: Path, images: str, segmentation: str, reference: str, labels: dict[str, int], values: set[int]
) -> None:
    folder = test_data / "dicom" / "QIICR__dcmqi" / "data" / "segmentations"
    for number, path in enumerate([*sorted((folder / images).iterdir()), folder / segmentation]):
        (tmp_path / f"{number}.dcm").symlink_to(path)
    recipe = recipe_of({"kind": "dicom", "labels": labels, "split": THIRDS}, labels=1)
    (entry,) = list_entries(recipe, tmp_path)
    assert np.array_equal(entry.read().mask_kji > 0, np.isin(_nrrd(folder / reference), list(values)))


def test_overlapping_segments_are_refused(test_data: Path) -> None:
    folder = test_data / "dicom" / "QIICR__dcmqi" / "data" / "segmentations"
    series = [dcmread(path) for path in sorted((folder / "ct-3slice").iterdir())]
    with pytest.raises(InputError, match="two labels of the segmentation overlap"):
        segment_labels(dcmread(folder / "partial_overlaps.dcm"), assemble(series), {"GREEN": 1, "ORANGE": 2, "PURPLE": 3})
