"""Headers for rule tests, in the DICOM JSON model."""

from __future__ import annotations

from typing import Any

from pydicom import Dataset
from pydicom.datadict import dictionary_VR

from node.route.headers import header_of


def header(**attributes: Any) -> dict[str, Any]:
    """One Instance with these attributes by keyword."""
    dataset = Dataset()
    for keyword, value in attributes.items():
        dataset.add_new(keyword, dictionary_VR(keyword), value)
    return header_of(dataset)


LUNG_CT = header(
    Modality="CT",
    ImageType=["ORIGINAL", "PRIMARY", "AXIAL"],
    BodyPartExamined="CHEST",
    SliceThickness="2.0",
    StudyDescription="Low-dose screening",
    SeriesDescription="Axial lung",
    PatientAge="061Y",
    ConvolutionKernel="B31f",
    PixelSpacing=["0.7", "0.7"],
    Manufacturer="ACME",
    AcquisitionTime="053000",
)
BRAIN_MR = header(
    Modality="MR",
    ImageType=["ORIGINAL", "PRIMARY"],
    SeriesDescription="sag T1 MPRAGE",
    PatientAge="045Y",
    SliceThickness="1",
    PixelSpacing=["1.0", "1.0"],
    Manufacturer="ACME",
    AcquisitionTime="120000",
)
