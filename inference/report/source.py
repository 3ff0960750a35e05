"""The source Instances as the result writers need them: in k order, by UID, with legal headers and plain geometry.

highdicom places frames by the order of the images it is given and copies what it finds in them. So it is given these: one
header per slice in the order of the label map, looked up by SOP Instance UID, holding nothing but what may pass. An enhanced
multi-frame Instance becomes one header whose frames are those of the label map, in its order; their true numbers are kept
aside. Patient's Name stays out of these headers, because highdicom writes unusual names to the log.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Literal

import numpy as np
from pydicom.dataset import Dataset
from pydicom.valuerep import DSfloat

from inference.report.headers import carried_attributes, legal_code, legal_values
from inference.volume.frames import Frame, frames_of
from inference.volume.labelmap import LabelMap
from storage.base.errors import InputError, ModelError

Laterality = Literal["left", "right", "both"]

# One patient, one study, one series: what all Instances must share.
_SHARED = ("PatientID", "PatientName", "StudyInstanceUID", "SeriesInstanceUID", "AccessionNumber")
_SIDES: dict[str, Laterality] = {"L": "left", "R": "right", "B": "both"}


@dataclass(frozen=True, eq=False)
class Source:
    """One Series as a source of results.

    Attributes
    ----------
    attributes : legal patient, study and equipment attributes that results take over, Patient's Name among them.
    images : headers for highdicom, in k order; one alone where the source is multi-frame.
    frames : K frames of the originals, in k order.
    modality, series_number : as the source states them, maybe empty.
    laterality : the side that every Instance states, if they agree.
    procedure : coded procedure of the study, if stated.
    repaired : keywords that had to be emptied or left out.
    """

    attributes: Dataset
    images: tuple[Dataset, ...]
    frames: tuple[Frame, ...]
    modality: str
    series_number: str
    positioned: bool
    laterality: Laterality | None
    procedure: tuple[str, str, str] | None
    repaired: tuple[str, ...]

    @property
    def multi_frame(self) -> bool:
        return self.frames[0].reference.frame_number is not None

    @property
    def sop_instance_uids(self) -> tuple[str, ...]:
        """The Instances that the label map was made from, each once, in k order."""
        return tuple(dict.fromkeys(frame.reference.sop_instance_uid for frame in self.frames))


def read_source(datasets: Sequence[Dataset], label_map: LabelMap) -> Source:
    """Order, check and normalise the source of ``label_map``.

    Parameters
    ----------
    datasets : the Instances of the source Series, any order.

    Raises
    ------
    InputError
        Codes ``bad-header``, ``mixed-patients``, ``missing-geometry``, ``unpositioned-source``.
    ModelError
        Code ``report-source``: the label map names a slice that isn't among the Instances.
    """
    frames = _slices(datasets, label_map)
    originals = list({id(frame.dataset): frame.dataset for frame in frames}.values())
    carried = [carried_attributes(original) for original in originals]
    _check_one_patient([attributes for attributes, _ in carried])
    attributes = carried[0][0]
    positioned = label_map.positioned
    if positioned and not frames[0].frame_of_reference_uid:
        raise InputError("FrameOfReferenceUID is absent from the images; correct the header and resend", code="missing-geometry")
    if not positioned and len(frames) > 1:
        raise InputError("several images without position in one series; send them one by one", code="unpositioned-source")
    return Source(
        attributes=attributes,
        images=_images(attributes, frames, label_map),
        frames=frames,
        modality=str(originals[0].get("Modality") or ""),
        series_number=str(originals[0].get("SeriesNumber") or ""),
        positioned=positioned,
        laterality=_stated_laterality(originals),
        procedure=_procedure(originals[0]),
        repaired=tuple(sorted({keyword for _, lost in carried for keyword in lost})),
    )


def _slices(datasets: Sequence[Dataset], label_map: LabelMap) -> tuple[Frame, ...]:
    found = {frame.reference: frame for dataset in datasets for frame in frames_of(dataset)}
    missing = [reference for reference in label_map.slices if reference not in found]
    if missing:
        raise ModelError(f"{len(missing)} slice(s) of the label map aren't among the source images", code="report-source")
    return tuple(found[reference] for reference in label_map.slices)


def _check_one_patient(headers: Sequence[Dataset]) -> None:
    for keyword in _SHARED:
        if len({str(header.get(keyword)) for header in headers}) > 1:
            raise InputError(
                f"{keyword} differs between the images of one series; correct it and resend",
                code="mixed-patients",
                attribute=keyword,
            )


def _images(attributes: Dataset, frames: tuple[Frame, ...], label_map: LabelMap) -> tuple[Dataset, ...]:
    if frames[0].reference.frame_number is not None:
        return (_multi_frame_image(attributes, frames, label_map),)
    return tuple(_single_frame_image(attributes, frame, label_map) for frame in frames)


def _base_image(attributes: Dataset, frame: Frame, label_map: LabelMap) -> Dataset:
    image = deepcopy(attributes)  # elements are mutable and would be shared
    image.PatientName = None  # see the module's text
    image.SpecificCharacterSet = "ISO_IR 192"
    image.SOPInstanceUID = frame.reference.sop_instance_uid
    image.SOPClassUID = frame.reference.sop_class_uid
    image.Modality = str(frame.dataset.get("Modality") or "OT")
    image.Rows, image.Columns = frame.rows, frame.columns
    if label_map.positioned:
        image.FrameOfReferenceUID = frame.frame_of_reference_uid
        image.PositionReferenceIndicator = attributes.get("PositionReferenceIndicator", "")
    return image


def _single_frame_image(attributes: Dataset, frame: Frame, label_map: LabelMap) -> Dataset:
    image = _base_image(attributes, frame, label_map)
    if frame.pixel_spacing_mm is not None:
        image.update(_measures(frame, label_map))
    if label_map.positioned:
        image.ImagePositionPatient = _decimals(frame.position)
        image.ImageOrientationPatient = _decimals(label_map_orientation(frame))
    return image


def _multi_frame_image(attributes: Dataset, frames: tuple[Frame, ...], label_map: LabelMap) -> Dataset:
    image = _base_image(attributes, frames[0], label_map)
    image.NumberOfFrames = len(frames)
    shared, orientation = Dataset(), Dataset()
    orientation.ImageOrientationPatient = _decimals(label_map_orientation(frames[0]))
    shared.PlaneOrientationSequence = [orientation]
    shared.PixelMeasuresSequence = [_measures(frames[0], label_map)]
    image.SharedFunctionalGroupsSequence = [shared]
    image.PerFrameFunctionalGroupsSequence = [_frame_group(frame) for frame in frames]
    return image


def _frame_group(frame: Frame) -> Dataset:
    group, position = Dataset(), Dataset()
    position.ImagePositionPatient = _decimals(frame.position)
    group.PlanePositionSequence = [position]
    return group


def label_map_orientation(frame: Frame) -> np.ndarray:
    """(6,) direction cosines of the slice."""
    if frame.orientation is None:
        raise ModelError("a positioned label map has a slice without orientation", code="report-source")
    return frame.orientation


def _measures(frame: Frame, label_map: LabelMap) -> Dataset:
    """Pixel Measures (PS3.3 C.7.6.16.2.1); the step between slices is the label map's own, headers often state another."""
    measures = Dataset()
    measures.PixelSpacing = _decimals(frame.pixel_spacing_mm)
    if not label_map.positioned:
        return measures
    step_mm = float(np.linalg.norm(label_map.affine_lps_mm[:3, 2]))
    measures.SliceThickness = DSfloat(frame.thickness_mm or step_mm, auto_format=True)
    measures.SpacingBetweenSlices = DSfloat(step_mm, auto_format=True)
    return measures


def _decimals(values: np.ndarray | None) -> list[DSfloat]:
    """As Decimal Strings of at most 16 characters."""
    return [DSfloat(float(value) + 0.0, auto_format=True) for value in ([] if values is None else values)]


def _stated_laterality(originals: Sequence[Dataset]) -> Laterality | None:
    """Image Laterality, else Laterality (PS3.3 C.7.3.1); None where an Instance says nothing, "U", or another side."""
    stated = {tuple(legal_values(o, "ImageLaterality") or legal_values(o, "Laterality") or ()) for o in originals}
    return _SIDES.get("".join(stated.pop())) if len(stated) == 1 else None


def _procedure(original: Dataset) -> tuple[str, str, str] | None:
    codes = [legal_code(item) for item in original.get("ProcedureCodeSequence") or ()]
    return codes[0] if len(codes) == 1 else None
