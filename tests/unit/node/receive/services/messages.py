"""Requests of DIMSE-N as their bytes, for tests of the services."""

from __future__ import annotations

from io import BytesIO
from typing import Any

from pydicom.config import IGNORE
from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pynetdicom.dimse_primitives import N_ACTION, N_CREATE, N_SET
from pynetdicom.dsutils import encode

EXPLICIT = "1.2.840.10008.1.2.1"
MR = "1.2.840.10008.5.1.4.1.1.4"
COMMITMENT, COMMITMENT_INSTANCE = "1.2.840.10008.1.20.1", "1.2.840.10008.1.20.1.1"
MPPS, IAN = "1.2.840.10008.3.1.2.3.3", "1.2.840.10008.5.1.4.33"


def dataset(**attributes: Any) -> Dataset:
    made = Dataset()
    for keyword, value in attributes.items():
        tag = tag_for_keyword(keyword)
        assert tag is not None
        made.add(DataElement(tag, dictionary_VR(tag), value, validation_mode=IGNORE))
    return made


def references(*uids: str, sop_class: str = MR, **more: Any) -> Sequence:
    return Sequence([dataset(ReferencedSOPClassUID=sop_class, ReferencedSOPInstanceUID=uid, **more) for uid in uids])


def commitment(*uids: str, transaction: str = "1.9.1") -> Dataset:
    """Action Information (PS3.4 table J.3-1)."""
    return dataset(TransactionUID=transaction, ReferencedSOPSequence=references(*uids))


def begun_step(study: str = "1.2.3", /, **changes: Any) -> Dataset:
    """The attributes of an N-CREATE (PS3.4 table F.7.2-1)."""
    made = dataset(
        ScheduledStepAttributesSequence=Sequence([dataset(StudyInstanceUID=study, AccessionNumber="")]),
        PatientName="",
        PatientID="",
        PerformedProcedureStepID="P1",
        PerformedStationAETitle="CT_1",
        PerformedProcedureStepStartDate="20260101",
        PerformedProcedureStepStartTime="120000",
        PerformedProcedureStepStatus="IN PROGRESS",
        Modality="MR",
        PerformedSeriesSequence=Sequence(),
    )
    made.update(dataset(**changes))
    return made


def ended_step(*uids: str, status: str = "COMPLETED") -> Dataset:
    """The attributes of the N-SET that ends a step."""
    series = dataset(SeriesInstanceUID="1.2.3.4", ReferencedImageSequence=references(*uids))
    return dataset(
        PerformedProcedureStepStatus=status,
        PerformedProcedureStepEndDate="20260101",
        PerformedProcedureStepEndTime="120500",
        PerformedSeriesSequence=Sequence([series]),
    )


def availability(*uids: str, study: str = "1.2.3", state: str = "ONLINE") -> Dataset:
    """The attributes of an Instance Availability Notification (PS3.4 table R.3-1)."""
    said = references(*uids, InstanceAvailability=state, RetrieveAETitle="PACS")
    return dataset(
        ReferencedPerformedProcedureStepSequence=Sequence(),
        StudyInstanceUID=study,
        ReferencedSeriesSequence=Sequence([dataset(SeriesInstanceUID="1.2.3.4", ReferencedSOPSequence=said)]),
    )


def _stream(content: Dataset | bytes | None) -> BytesIO | None:
    if content is None or isinstance(content, bytes):
        return None if content is None else BytesIO(content)
    data = encode(content, False, True)
    assert data is not None
    return BytesIO(data)


def action(information: Dataset | bytes | None, instance: str = COMMITMENT_INSTANCE, kind: int = 1) -> N_ACTION:
    request = N_ACTION()
    request.MessageID = 1
    request.RequestedSOPClassUID, request.RequestedSOPInstanceUID, request.ActionTypeID = COMMITMENT, instance, kind
    request.ActionInformation = _stream(information)
    return request


def create(attributes: Dataset | bytes, uid: str | None = "1.8.1", sop_class: str = MPPS) -> N_CREATE:
    request = N_CREATE()
    request.MessageID = 1
    request.AffectedSOPClassUID, request.AffectedSOPInstanceUID = sop_class, uid
    request.AttributeList = _stream(attributes)
    return request


def set_(attributes: Dataset | bytes, uid: str = "1.8.1") -> N_SET:
    request = N_SET()
    request.MessageID = 1
    request.RequestedSOPClassUID, request.RequestedSOPInstanceUID = MPPS, uid
    request.ModificationList = _stream(attributes)
    return request
