"""Headers that stand in for the source images before highdicom: what may pass and no more, geometry as the label map has it.

For a label map one header a slice in k order; an enhanced multi-frame Instance becomes one header whose frames are those of the
label map, in its order. For class probabilities one header an Instance, without geometry: it is evidence and no more.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy

import numpy as np
from pydicom.dataset import Dataset
from pydicom.valuerep import DSfloat

from inference.volume.frames import Frame
from inference.volume.labelmap import LabelMap
from storage.base.errors import ModelError


def evidence_images(attributes: Dataset, frames: Sequence[Frame]) -> tuple[Dataset, ...]:
    """One header an Instance: who and what it is, nothing about where."""
    firsts: dict[str, Frame] = {}
    for frame in frames:
        firsts.setdefault(frame.reference.sop_instance_uid, frame)
    return tuple(_base_image(attributes, frame) for frame in firsts.values())


def placed_images(attributes: Dataset, frames: tuple[Frame, ...], label_map: LabelMap) -> tuple[Dataset, ...]:
    """One header a slice, or a single one for a multi-frame Instance, on the grid of the label map."""
    if frames[0].reference.frame_number is not None:
        return (_multi_frame_image(attributes, frames, label_map),)
    return tuple(_single_frame_image(attributes, frame, label_map) for frame in frames)


def _base_image(attributes: Dataset, frame: Frame) -> Dataset:
    image = deepcopy(attributes)  # elements are mutable and would be shared
    image.PatientName = None  # highdicom writes unusual names to the log
    image.SpecificCharacterSet = "ISO_IR 192"
    image.SOPInstanceUID = frame.reference.sop_instance_uid
    image.SOPClassUID = frame.reference.sop_class_uid
    image.Modality = str(frame.dataset.get("Modality") or "OT")
    image.Rows, image.Columns = frame.rows, frame.columns
    return image


def _grid_image(attributes: Dataset, frame: Frame, label_map: LabelMap) -> Dataset:
    image = _base_image(attributes, frame)
    if label_map.positioned:
        image.FrameOfReferenceUID = frame.frame_of_reference_uid
        image.PositionReferenceIndicator = attributes.get("PositionReferenceIndicator", "")
    return image


def _single_frame_image(attributes: Dataset, frame: Frame, label_map: LabelMap) -> Dataset:
    image = _grid_image(attributes, frame, label_map)
    if frame.pixel_spacing_mm is not None:
        image.update(_measures(frame, label_map))
    if label_map.positioned:
        image.ImagePositionPatient = _decimals(frame.position)
        image.ImageOrientationPatient = _decimals(_orientation(frame))
    return image


def _multi_frame_image(attributes: Dataset, frames: tuple[Frame, ...], label_map: LabelMap) -> Dataset:
    image = _grid_image(attributes, frames[0], label_map)
    image.NumberOfFrames = len(frames)
    shared, orientation = Dataset(), Dataset()
    orientation.ImageOrientationPatient = _decimals(_orientation(frames[0]))
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


def _orientation(frame: Frame) -> np.ndarray:
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
