"""Every check of the gate fails on the defect it is there for: finished objects are altered one by one."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass

import numpy as np
import pytest
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset

from inference.report.checks.read_back import read_back
from inference.report.checks.seg import check_segmentation
from inference.report.checks.targets import check_report
from inference.report.identity import Identity, identify
from inference.report.sources.source import Source, read_source
from inference.report.statements.measurements import Target, find_targets
from inference.volume import LabelMap
from storage.base.errors import ModelError
from tests.support.dicom_builders import ct_series
from tests.unit.inference.report.inputs import DIGEST, label_map_of, manifest, results_of, task


@dataclass(frozen=True, eq=False)
class Finished:
    """Finished objects with what they were made from."""

    seg: Dataset
    sr: Dataset
    source: Source
    label_map: LabelMap
    targets: tuple[Target, ...]
    identity: Identity

    def check_seg(self, seg: Dataset) -> dict[int, int]:
        return check_segmentation(seg, self.source, self.label_map, self.targets, self.identity)

    def check_sr(self, sr: Dataset) -> None:
        counts = {target.segment_number: target.voxels for target in self.targets}
        check_report(sr, self.seg, counts, self.source, self.targets, self.identity)


@pytest.fixture(scope="module")
def finished() -> Finished:
    datasets = ct_series(5)
    label_map = label_map_of(datasets)
    results = results_of(datasets, label_map)
    source, identity = read_source(datasets, label_map), identify(manifest(), DIGEST, task())
    targets = find_targets(label_map, manifest(), source, identity)
    seg, sr = (read_back(results[role].payload) for role in ("seg", "sr"))
    return Finished(seg, sr, source, label_map, targets, identity)


def test_untouched_objects_pass(finished: Finished) -> None:
    counts = finished.check_seg(deepcopy(finished.seg))
    assert counts == {target.segment_number: target.voxels for target in finished.targets}
    finished.check_sr(finished.sr)


def _group(seg: Dataset, index: int = 0) -> Dataset:
    group: Dataset = seg.PerFrameFunctionalGroupsSequence[index]
    return group


def _flip_bit(seg: Dataset) -> None:
    seg.PixelData = bytes([seg.PixelData[0] ^ 1]) + seg.PixelData[1:]


def _swap_frames(seg: Dataset) -> None:
    """Two frames of one segment change their pixels: same counts, same headers."""
    frames = np.unpackbits(np.frombuffer(seg.PixelData, np.uint8), bitorder="little")
    size = seg.Rows * seg.Columns
    order = frames[: size * int(seg.NumberOfFrames)].reshape(-1, size)
    different = next(n for n in range(1, len(order)) if not np.array_equal(order[0], order[n]))
    order[[0, different]] = order[[different, 0]]
    seg.PixelData = np.packbits(order.ravel(), bitorder="little").tobytes().ljust(len(seg.PixelData), b"\0")


def _refer_to_neighbour(seg: Dataset) -> None:
    images = [g.DerivationImageSequence[0].SourceImageSequence[0] for g in seg.PerFrameFunctionalGroupsSequence]
    other = next(i.ReferencedSOPInstanceUID for i in images if i.ReferencedSOPInstanceUID != images[0].ReferencedSOPInstanceUID)
    images[0].ReferencedSOPInstanceUID = other


def _shift(seg: Dataset) -> None:
    _group(seg).PlanePositionSequence[0].ImagePositionPatient = [0, 0, 0]


def _private(seg: Dataset) -> None:
    seg.private_block(0x0019, "Vendor", create=True).add_new(0x01, "LO", "x")


def _set(keyword: str, value: object) -> Callable[[Dataset], None]:
    return lambda dataset: setattr(dataset, keyword, value)


SEG_DEFECTS: dict[str, tuple[str, Callable[[Dataset], None]]] = {
    "another patient": ("identity", _set("PatientID", "OTHER")),
    "another accession": ("identity", _set("AccessionNumber", "B-2")),
    "another study": ("identity", _set("StudyInstanceUID", "1.2")),
    "meta of another object": ("file", lambda seg: setattr(seg.file_meta, "MediaStorageSOPInstanceUID", "1.2")),
    "the source's series": ("uids", lambda seg: setattr(seg, "SeriesInstanceUID", "1.2")),
    "no manufacturer": ("attributes", _set("Manufacturer", "")),
    "no study time": ("attributes", lambda seg: delattr(seg, "ReferringPhysicianName")),
    "a private attribute": ("attributes", _private),
    "no research mark": ("attributes", _set("ContentQualification", "PRODUCT")),
    "an unmarked description": ("attributes", _set("SeriesDescription", "AI phantom-organs 1.2.3")),
    "an illegal date": ("attributes", lambda seg: seg.__setitem__("SeriesDate", _illegal_date())),
    "another device": ("equipment", lambda seg: setattr(_device(seg), "DeviceUID", "1.2")),
    "a segment without code": ("segments", lambda seg: setattr(seg.SegmentSequence[0], "SegmentLabel", "Other")),
    "a wrong type": ("segments", lambda seg: setattr(_kind(seg), "CodeValue", "1")),
    "a lost side": ("segments", lambda seg: delattr(_kind(seg, 2), "SegmentedPropertyTypeModifierCodeSequence")),
    "an input left out": ("references", lambda seg: seg.ReferencedSeriesSequence[0].ReferencedInstanceSequence.pop()),
    "another series": ("references", lambda seg: setattr(seg.ReferencedSeriesSequence[0], "SeriesInstanceUID", "1.2")),
    "a frame too many": ("frames", lambda seg: setattr(seg, "NumberOfFrames", seg.NumberOfFrames + 1)),
    "a frame elsewhere": ("frames", _shift),
    "wrong spacing": ("frames", lambda seg: setattr(_measures(seg), "SpacingBetweenSlices", "2.6")),
    "another space": ("frames", _set("FrameOfReferenceUID", "1.2")),
    "mirrored": ("frames", lambda seg: setattr(_plane(seg), "ImageOrientationPatient", [-1, 0, 0, 0, 1, 0])),
    "one voxel": ("voxels", _flip_bit),
    "two frames swapped": ("voxels", _swap_frames),
    "a frame of the neighbour": ("voxels", _refer_to_neighbour),
}


def _illegal_date() -> DataElement:
    return DataElement("SeriesDate", "DA", "2024-1-1", validation_mode=0)


def _device(dataset: Dataset) -> Dataset:
    device: Dataset = next(item for item in dataset.ContributingEquipmentSequence if "DeviceUID" in item)
    return device


def _kind(seg: Dataset, index: int = 0) -> Dataset:
    kind: Dataset = seg.SegmentSequence[index].SegmentedPropertyTypeCodeSequence[0]
    return kind


def _measures(seg: Dataset) -> Dataset:
    measures: Dataset = seg.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0]
    return measures


def _plane(seg: Dataset) -> Dataset:
    plane: Dataset = seg.SharedFunctionalGroupsSequence[0].PlaneOrientationSequence[0]
    return plane


@pytest.mark.parametrize("defect", SEG_DEFECTS)
def test_a_defect_of_the_seg_is_found(defect: str, finished: Finished) -> None:
    code, spoil = SEG_DEFECTS[defect]
    seg = deepcopy(finished.seg)
    spoil(seg)
    with pytest.raises(ModelError) as failure:
        finished.check_seg(seg)
    assert failure.value.reason_code == f"report-{code}"
    assert "PHANTOM" not in failure.value.message and "OTHER" not in failure.value.message


def _item(container: Dataset, code: str) -> Dataset:
    """The first content item with this concept name."""
    found: Dataset = next(i for i in container.ContentSequence if i.ConceptNameCodeSequence[0].CodeValue == code)
    return found


def _items(sr: Dataset, code: str, group: int | None = 0) -> Dataset:
    """The same within a measurement group, or at the root."""
    return _item(sr if group is None else _item(sr, "126010").ContentSequence[group], code)


def _drop_group(sr: Dataset) -> None:
    _items(sr, "126010", None).ContentSequence.pop()


SR_DEFECTS: dict[str, tuple[str, Callable[[Dataset], None]]] = {
    "another title": ("template", lambda sr: setattr(sr.ConceptNameCodeSequence[0], "CodeValue", "1")),
    "verified by nobody": ("template", _set("VerificationFlag", "VERIFIED")),
    "a target left out": ("template", _drop_group),
    "another tracking identifier": ("template", lambda sr: setattr(_items(sr, "112040"), "UID", "1.2")),
    "another finding": ("template", lambda sr: setattr(_items(sr, "121071").ConceptCodeSequence[0], "CodeValue", "1")),
    "another observer": ("equipment", lambda sr: setattr(_items(sr, "121012", None), "UID", "1.2")),
    "another version": ("equipment", lambda sr: setattr(_items(sr, "111003"), "TextValue", "9")),
    "no research mark": ("attributes", lambda sr: setattr(_items(sr, "121013", None), "TextValue", "phantom-organs")),
    "another segment": (
        "references",
        lambda sr: setattr(_items(sr, "121191").ReferencedSOPSequence[0], "ReferencedSegmentNumber", 2),
    ),
    "another object": (
        "references",
        lambda sr: setattr(_items(sr, "121191").ReferencedSOPSequence[0], "ReferencedSOPInstanceUID", "1.2"),
    ),
    "another source series": ("references", lambda sr: setattr(_items(sr, "121232"), "UID", "1.2")),
    "another digest": ("values", lambda sr: setattr(_items(sr, "111002"), "TextValue", "model digest: sha256:0")),
    "lost evidence": (
        "references",
        lambda sr: sr.CurrentRequestedProcedureEvidenceSequence[0].ReferencedSeriesSequence.pop(),
    ),
    "another volume": ("values", lambda sr: setattr(_items(sr, "118565006").MeasuredValueSequence[0], "NumericValue", "1.5")),
    "another unit": (
        "values",
        lambda sr: setattr(
            _items(sr, "118565006").MeasuredValueSequence[0].MeasurementUnitsCodeSequence[0], "CodeValue", "cm3"
        ),
    ),
}  # fmt: skip


@pytest.mark.parametrize("defect", SR_DEFECTS)
def test_a_defect_of_the_sr_is_found(defect: str, finished: Finished) -> None:
    code, spoil = SR_DEFECTS[defect]
    sr = deepcopy(finished.sr)
    spoil(sr)
    with pytest.raises(ModelError) as failure:
        finished.check_sr(sr)
    assert failure.value.reason_code == f"report-{code}"


def test_what_is_no_file_is_refused() -> None:
    with pytest.raises(ModelError) as failure:
        read_back(b"\0" * 200)
    assert failure.value.reason_code == "report-file"
