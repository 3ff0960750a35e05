"""The real hippocampus study, and copies of it under new UIDs, so that one study can stand for many."""

from __future__ import annotations

from pathlib import Path

from pydicom import dcmread
from pydicom.uid import generate_uid

from tests.support.data import data_path

STUDY_2 = "dicom/udacity__nd320-c3-3d-imaging-starter/data/TestVolumes/Study2"
STUDY_2_UID = "1.3.6.1.4.1.14519.5.2.1.4429.7055.157560484903082616773144202981"


def study_2() -> Path:
    """T1post (24 slices) and a hippocampus crop (35 slices)."""
    return data_path(STUDY_2)


def hippocampus_copy(folder: Path, number: int) -> str:
    """Write the crop series as a study of its own; returns its Study Instance UID, the same for the same number."""
    folder.mkdir(parents=True)
    study, series = (str(generate_uid(entropy_srcs=[kind, str(number)])) for kind in ("study", "series"))
    for index, path in enumerate(sorted((study_2() / "14_HCropVolume").iterdir())):
        dataset = dcmread(path)
        dataset.StudyInstanceUID, dataset.SeriesInstanceUID = study, series
        dataset.SOPInstanceUID = generate_uid(entropy_srcs=["instance", str(number), str(index)])
        dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
        dataset.save_as(folder / f"{index:03d}.dcm")
    return study
