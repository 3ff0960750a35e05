"""A phantom as files: a CT study in real DICOM, or NIfTI image and labels.

Every UID and date follows from the seed, so the same seed is the same study. The person does not exist, and the name says so.
"""

from __future__ import annotations

from pathlib import Path

import nibabel
import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

from storage.base.uids import derive_uid
from training.phantom.body import Phantom

_NUMBERS = ("ZERO", "ONE", "TWO", "THREE", "FOUR", "FIVE", "SIX", "SEVEN", "EIGHT", "NINE")
_INTERCEPT = -1024
_LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])


def write_dicom(phantom: Phantom, folder: Path, seed: int) -> list[Path]:
    """Write a CT study of one series, one Instance a slice (PS3.3 A.3, explicit VR little endian).

    Parameters
    ----------
    folder : made when absent. seed : names the person, study and UIDs.

    Returns
    -------
    The files, from feet to head.
    """
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for k in range(phantom.voxels_kji.shape[0]):
        dataset = _slice(phantom, k, seed)
        paths.append(folder / f"CT{k + 1:04d}.dcm")
        dataset.save_as(paths[-1], enforce_file_format=True)
    return paths


def write_nifti(phantom: Phantom, folder: Path, seed: int) -> None:
    """Write ``images/phantom_SEED.nii.gz`` (HU) and ``labels/phantom_SEED.nii.gz``, in NIfTI's RAS frame."""
    affine = _LPS_TO_RAS @ phantom.affine_lps_mm
    for name, array in (("images", phantom.voxels_kji.astype(np.int16)), ("labels", phantom.labels_kji)):
        (folder / name).mkdir(parents=True, exist_ok=True)
        image = nibabel.nifti1.Nifti1Image(array.transpose(2, 1, 0), affine)
        nibabel.nifti1.save(image, folder / name / f"phantom_{seed:03d}.nii.gz")


def _slice(phantom: Phantom, k: int, seed: int) -> Dataset:
    dataset = Dataset()
    _patient_and_study(dataset, seed)
    _series_and_equipment(dataset, seed, k)
    _geometry(dataset, phantom, k, seed)
    _pixels(dataset, phantom, k)
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    return dataset


def _uid(seed: int, *parts: str) -> str:
    return derive_uid("wetread phantom", str(seed), *parts)


def _patient_and_study(dataset: Dataset, seed: int) -> None:
    name = "-".join(_NUMBERS[int(digit)] for digit in str(seed))
    dataset.PatientName = f"PHANTOM^{name}"
    dataset.PatientID = f"PHANTOM-{seed}"
    dataset.PatientBirthDate = ""
    dataset.PatientSex = "O"
    dataset.StudyInstanceUID = _uid(seed, "study")
    dataset.StudyDate = dataset.SeriesDate = dataset.AcquisitionDate = dataset.ContentDate = "20260101"
    dataset.StudyTime = dataset.SeriesTime = dataset.AcquisitionTime = dataset.ContentTime = "120000"
    dataset.ReferringPhysicianName = ""
    dataset.StudyID = str(seed)
    dataset.AccessionNumber = ""
    dataset.StudyDescription = "Phantom, trunk"


def _series_and_equipment(dataset: Dataset, seed: int, k: int) -> None:
    dataset.SOPClassUID = CTImageStorage
    dataset.SOPInstanceUID = _uid(seed, "instance", str(k))
    dataset.Modality = "CT"
    dataset.SeriesInstanceUID = _uid(seed, "series")
    dataset.SeriesDescription = "Wetread phantom CT"
    dataset.SeriesNumber = 2
    dataset.AcquisitionNumber = 1
    dataset.InstanceNumber = k + 1
    dataset.PatientPosition = "HFS"
    dataset.BodyPartExamined = "CHESTABDOMEN"
    dataset.Manufacturer = "Wetread"
    dataset.ManufacturerModelName = "CT phantom generator"
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    dataset.KVP = 120


def _geometry(dataset: Dataset, phantom: Phantom, k: int, seed: int) -> None:
    """Image Plane (PS3.3 C.7.6.2): the phantom's axes are those of the patient."""
    affine = phantom.affine_lps_mm
    dataset.FrameOfReferenceUID = _uid(seed, "frame of reference")
    dataset.PositionReferenceIndicator = ""
    dataset.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    position = affine @ [0, 0, k, 1]
    dataset.ImagePositionPatient = [round(float(place), 3) for place in position[:3]]
    dataset.SliceLocation = round(float(position[2]), 3)
    dataset.PixelSpacing = [float(affine[1, 1]), float(affine[0, 0])]
    dataset.SliceThickness = float(affine[2, 2])


def _pixels(dataset: Dataset, phantom: Phantom, k: int) -> None:
    stored = (phantom.voxels_kji[k] - _INTERCEPT).astype("<u2")
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.Rows, dataset.Columns = stored.shape
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, 12, 11
    dataset.PixelRepresentation = 0
    dataset.RescaleIntercept, dataset.RescaleSlope, dataset.RescaleType = _INTERCEPT, 1, "HU"
    dataset.WindowCenter, dataset.WindowWidth = 40, 400
    dataset.PixelData = stored.tobytes()
