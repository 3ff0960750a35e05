"""The source Instances as the result writers need them: in k order, by UID, with legal headers and plain geometry.

highdicom places frames by the order of the images it is given and copies what it finds in them. So it is given the headers of
``source_images``, in the order of the prediction's slices, looked up by SOP Instance UID; the true frames are kept aside.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from pydicom.dataset import Dataset

from inference.report.sources.header_values import legal_code, legal_values
from inference.report.sources.headers import carried_attributes
from inference.report.sources.images import evidence_images, placed_images
from inference.volume.answers import Answers
from inference.volume.boxes import Detections
from inference.volume.frames import Frame, frames_of
from inference.volume.labelmap import LabelMap
from inference.volume.probabilities import ClassProbabilities
from storage.base.errors import InputError, ModelError

Laterality = Literal["left", "right", "both"]
Prediction = LabelMap | ClassProbabilities | Answers | Detections

# One patient, one study, one series: what all Instances must share.
_SHARED = ("PatientID", "PatientName", "StudyInstanceUID", "SeriesInstanceUID", "AccessionNumber")
_SIDES: dict[str, Laterality] = {"L": "left", "R": "right", "B": "both"}


@dataclass(frozen=True, eq=False)
class Source:
    """One Series as a source of results.

    Attributes
    ----------
    attributes : legal patient, study and equipment attributes that results take over, Patient's Name among them.
    images : headers for highdicom (``source_images``), in k order; one alone where the source is multi-frame.
    frames : K frames of the originals, in k order.
    modality, series_number : as the source states them, maybe empty.
    laterality : the side that every Instance states, if they agree.
    procedure : coded procedure of the study, if stated.
    repaired : keywords that had to be emptied or left out.
    further : what the model was also given, the Instances of its other inputs: by UIDs and SOP class alone, as evidence.
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
    further: tuple[Dataset, ...] = ()

    @property
    def multi_frame(self) -> bool:
        return self.frames[0].reference.frame_number is not None

    @property
    def calibrated(self) -> bool:
        """Whether every frame states how far apart its pixels are; without it, nothing in it can be measured."""
        return all(frame.pixel_spacing_mm is not None for frame in self.frames)

    @property
    def sop_instance_uids(self) -> tuple[str, ...]:
        """The Instances that the prediction was made from, each once, in k order."""
        return tuple(dict.fromkeys(frame.reference.sop_instance_uid for frame in self.frames))

    @property
    def evidence_uids(self) -> tuple[str, ...]:
        """Every Instance that the model was given, of all its inputs."""
        return (*self.sop_instance_uids, *(str(image.SOPInstanceUID) for image in self.further))


def read_source(datasets: Sequence[Dataset], prediction: Prediction, further: Sequence[Dataset] = ()) -> Source:
    """Order, check and normalise the source of a prediction.

    Parameters
    ----------
    datasets : the Instances of the source Series, any order.
    further : those of the model's other inputs; headers are enough.

    Raises
    ------
    InputError
        Codes ``bad-header``, ``mixed-patients``, ``missing-geometry``, ``unpositioned-source``.
    ModelError
        Code ``report-source``: the prediction names a slice that isn't among the Instances.
    """
    if isinstance(prediction, Answers):
        return read_source(datasets, prediction.mask, further)
    frames = _slices(datasets, prediction)
    originals = list({id(frame.dataset): frame.dataset for frame in frames}.values())
    carried = [carried_attributes(original) for original in originals]
    _check_one_patient([attributes for attributes, _ in carried])
    _check_one_study(carried[0][0], further)
    attributes = carried[0][0]
    positioned = prediction.positioned
    if _is_placed(prediction) and not frames[0].frame_of_reference_uid:
        raise InputError("FrameOfReferenceUID is absent from the images; correct the header and resend", code="missing-geometry")
    if not positioned and len(frames) > 1:
        raise InputError("several images without position in one series; send them one by one", code="unpositioned-source")
    return Source(
        attributes=attributes,
        images=_images(attributes, frames, prediction),
        frames=frames,
        modality=str(originals[0].get("Modality") or ""),
        series_number=str(originals[0].get("SeriesNumber") or ""),
        positioned=positioned,
        laterality=_stated_laterality(originals),
        procedure=_procedure(originals[0]),
        repaired=tuple(sorted({keyword for _, lost in carried for keyword in lost})),
        further=tuple(_named(image) for image in sorted(further, key=lambda image: str(image.SOPInstanceUID))),
    )


def _is_placed(prediction: Prediction) -> bool:
    """Whether results of it state a place in the patient."""
    if isinstance(prediction, Detections):
        return prediction.dims == 3 or (prediction.mask_map is not None and prediction.positioned)
    return isinstance(prediction, LabelMap) and prediction.positioned


def _slices(datasets: Sequence[Dataset], prediction: Prediction) -> tuple[Frame, ...]:
    found = {frame.reference: frame for dataset in datasets for frame in frames_of(dataset)}
    missing = [reference for reference in prediction.slices if reference not in found]
    if missing:
        raise ModelError(f"{len(missing)} slice(s) of the prediction aren't among the source images", code="report-source")
    return tuple(found[reference] for reference in prediction.slices)


def _images(attributes: Dataset, frames: tuple[Frame, ...], prediction: Prediction) -> tuple[Dataset, ...]:
    label_map = prediction.mask_map if isinstance(prediction, Detections) else prediction
    if isinstance(label_map, LabelMap):
        return placed_images(attributes, frames, label_map)
    return evidence_images(attributes, frames)


def _check_one_patient(headers: Sequence[Dataset]) -> None:
    for keyword in _SHARED:
        if len({str(header.get(keyword)) for header in headers}) > 1:
            raise InputError(
                f"{keyword} differs between the images of one series; correct it and resend",
                code="mixed-patients",
                attribute=keyword,
            )


def _check_one_study(attributes: Dataset, further: Sequence[Dataset]) -> None:
    for keyword in ("PatientID", "StudyInstanceUID"):
        if any(str(image.get(keyword) or "") != str(attributes.get(keyword) or "") for image in further):
            raise InputError(
                f"{keyword} differs between the series that the model was given; correct it and resend",
                code="mixed-patients",
                attribute=keyword,
            )


def _named(image: Dataset) -> Dataset:
    """What an evidence sequence says of an Instance."""
    named = Dataset()
    for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "SOPClassUID", "SOPInstanceUID"):
        setattr(named, keyword, image[keyword].value)
    return named


def _stated_laterality(originals: Sequence[Dataset]) -> Laterality | None:
    """Image Laterality, else Laterality (PS3.3 C.7.3.1); None where an Instance says nothing, "U", or another side."""
    stated = {tuple(legal_values(o, "ImageLaterality") or legal_values(o, "Laterality") or ()) for o in originals}
    return _SIDES.get("".join(stated.pop())) if len(stated) == 1 else None


def _procedure(original: Dataset) -> tuple[str, str, str] | None:
    codes = [legal_code(item) for item in original.get("ProcedureCodeSequence") or ()]
    return codes[0] if len(codes) == 1 else None
