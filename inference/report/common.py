"""What SEG and SR have in common: equipment, file meta information, times, patient's name; and their bytes."""

from __future__ import annotations

from io import BytesIO
from typing import Any

from highdicom import ContributingEquipment
from pydicom import dcmwrite
from pydicom.dataset import Dataset
from pydicom.uid import UID

from inference.report.codes import concept
from inference.report.identity import (
    IMPLEMENTATION_CLASS_UID,
    MANUFACTURER,
    Identity,
    software_version,
)
from inference.report.sources.source import Source


def equipment(identity: Identity) -> dict[str, Any]:
    """highdicom's keyword arguments for General Equipment, Series and times."""
    return {
        "manufacturer": MANUFACTURER,
        "manufacturer_model_name": MANUFACTURER,
        "software_versions": software_version(),
        "device_serial_number": f"{MANUFACTURER}-{software_version()}",
        "series_description": identity.series_description,
        "series_date": identity.date,
        "series_time": identity.time,
        "content_date": identity.date,
        "content_time": identity.time,
        "content_qualification": identity.content_qualification,
        "specific_character_set": "ISO_IR 192",
    }


def contributing_equipment(identity: Identity) -> ContributingEquipment:
    """The model as Processing Equipment with its Device UID (IHE AIR; PS3.3 C.12.1.1)."""
    item = ContributingEquipment(
        manufacturer=identity.model_manufacturer,
        purpose_of_reference=concept("processing_equipment"),
        manufacturer_model_name=identity.model_name,
        software_versions=identity.model_version,
        contribution_datetime=identity.datetime,
        contribution_description=identity.contribution,
    )
    item.DeviceUID = identity.device_uid
    return item


def finish(dataset: Dataset, source: Source, identity: Identity) -> Dataset:
    """Replace what came from the machine's clock and from highdicom; add what it doesn't carry over."""
    dataset.InstanceCreationDate = identity.date
    dataset.InstanceCreationTime = identity.time
    del dataset.PatientName  # its element is shared with the source header, from which the name is kept out
    dataset.PatientName = source.attributes.PatientName
    for keyword in ("InstitutionName", "TimezoneOffsetFromUTC"):
        if keyword in source.attributes:
            setattr(dataset, keyword, source.attributes[keyword].value)
    for item in dataset.ContributingEquipmentSequence:
        if "ContributionDateTime" in item:
            item.ContributionDateTime = identity.datetime
    meta = dataset.file_meta
    meta.ImplementationClassUID = UID(IMPLEMENTATION_CLASS_UID)
    meta.ImplementationVersionName = f"WETREAD_{software_version()}"[:16]
    return dataset


def encode(dataset: Dataset) -> bytes:
    """A Part 10 file (PS3.10 7)."""
    buffer = BytesIO()
    dcmwrite(buffer, dataset, enforce_file_format=True)
    return buffer.getvalue()
