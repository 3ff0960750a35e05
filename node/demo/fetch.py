"""Results back from the PACS by C-GET, so that what a user finds in the folder is what the archive holds.

Source: DICOM PS3.4 Annex C.4.3 (C-GET), PS3.7 D.3.3.4 (SCP/SCU role selection).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pydicom.dataset import Dataset
from pynetdicom import AE, build_context, build_role, evt
from pynetdicom.events import Event
from pynetdicom.sop_class import StudyRootQueryRetrieveInformationModelGet  # type: ignore[attr-defined]

from node.deliver.scu import Peer
from storage.base.errors import TransientError

EXPLICIT_VR_LITTLE_ENDIAN = "1.2.840.10008.1.2.1"


@dataclass(frozen=True)
class Wanted:
    """One result object and the file that it becomes."""

    study_instance_uid: str
    series_instance_uid: str
    sop_instance_uid: str
    sop_class_uid: str
    path: Path


def fetch(peer: Peer, calling_ae_title: str, wanted: Wanted) -> None:
    """C-GET one Instance and write it as a DICOM file.

    Raises
    ------
    TransientError
        The PACS did not answer or did not send the object.
    """
    got: list[bytes] = []

    def keep(event: Event) -> int:
        got.append(event.encoded_dataset())
        return 0x0000

    ae = AE(ae_title=calling_ae_title)
    contexts = [
        build_context(StudyRootQueryRetrieveInformationModelGet),
        build_context(wanted.sop_class_uid, [EXPLICIT_VR_LITTLE_ENDIAN]),
    ]
    association = ae.associate(
        peer.host,
        peer.port,
        ae_title=peer.ae_title,
        contexts=contexts,
        ext_neg=[build_role(wanted.sop_class_uid, scp_role=True)],
        evt_handlers=[(evt.EVT_C_STORE, keep)],
    )
    if not association.is_established:
        raise TransientError(f"peer {peer.name}: no association for C-GET", code="peer-unreachable")
    try:
        for _ in association.send_c_get(_identifier(wanted), StudyRootQueryRetrieveInformationModelGet):
            pass
    finally:
        association.release()
    if not got:
        raise TransientError(f"peer {peer.name}: C-GET of {wanted.sop_instance_uid} sent nothing back", code="peer-silent")
    wanted.path.write_bytes(got[0])


def _identifier(wanted: Wanted) -> Dataset:
    identifier = Dataset()
    identifier.QueryRetrieveLevel = "IMAGE"
    identifier.StudyInstanceUID = wanted.study_instance_uid
    identifier.SeriesInstanceUID = wanted.series_instance_uid
    identifier.SOPInstanceUID = wanted.sop_instance_uid
    return identifier
