"""Presentation contexts: every storage SOP class, also retired, private and future ones, in the best syntax offered.

The contexts are made from what the requestor proposes, so that an association costs no copy of a table of all classes.
"""

from __future__ import annotations

from collections.abc import Iterable

from pydicom.uid import UID
from pynetdicom import AllStoragePresentationContexts, build_context
from pynetdicom.pdu_primitives import SOPClassCommonExtendedNegotiation
from pynetdicom.presentation import PresentationContext

from node.receive.dataset.encodings import EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN, preferred
from storage.base.errors import PeerError
from storage.base.uids import check_uid

VERIFICATION = "1.2.840.10008.1.1"
STORAGE_SERVICE = "1.2.840.10008.4.2"
_DICOM_ROOT = "1.2.840.10008."
_COMPOSITE_STORAGE = "1.2.840.10008.5.1.4.1.1."
# Below that arc, but not of patients: defined procedure protocols and inventories, with their queries.
_NOT_OF_PATIENTS = (_COMPOSITE_STORAGE + "200.", _COMPOSITE_STORAGE + "201.")
_KNOWN = frozenset(str(context.abstract_syntax) for context in AllStoragePresentationContexts)


def is_storage(abstract_syntax: str) -> bool:
    """Whether a SOP class belongs to the Storage Service (PS3.4 B.5), as far as its UID tells: private ones are taken to.

    Those of the Non-Patient Object Storage Service (PS3.4 GG) don't: their objects belong to no study.
    """
    try:
        check_uid(abstract_syntax)
    except PeerError:
        return False
    if abstract_syntax in _KNOWN or not abstract_syntax.startswith(_DICOM_ROOT):
        return True
    return abstract_syntax.startswith(_COMPOSITE_STORAGE) and not abstract_syntax.startswith(_NOT_OF_PATIENTS)


def supported_contexts(proposed: Iterable[PresentationContext]) -> list[PresentationContext]:
    """What we support of what is proposed, one context per abstract syntax, its transfer syntaxes best first; and C-ECHO."""
    offered: dict[str, list[str]] = {}
    for context in proposed:
        offered.setdefault(str(context.abstract_syntax), []).extend(str(uid) for uid in context.transfer_syntax)
    supported = [build_context(VERIFICATION, [EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN])]
    for abstract_syntax, transfer_syntaxes in offered.items():
        if is_storage(abstract_syntax):
            # With none to choose, one that wasn't offered: then the answer is "transfer syntaxes not supported" (PS3.8 9.3.3.2).
            supported.append(build_context(abstract_syntax, preferred(transfer_syntaxes) or EXPLICIT_VR_LITTLE_ENDIAN))
    return supported


def storage_classes(proposed: Iterable[PresentationContext]) -> dict[UID, SOPClassCommonExtendedNegotiation]:
    """For pynetdicom, which sends messages of classes that it doesn't know nowhere: these belong to the Storage Service.

    Nothing of this goes over the wire (PS3.7 D.3.3.6: the acceptor doesn't answer this item).
    """
    found = {}
    for abstract_syntax in {str(context.abstract_syntax) for context in proposed}:
        if abstract_syntax not in _KNOWN and is_storage(abstract_syntax):
            item = SOPClassCommonExtendedNegotiation()
            item.sop_class_uid = UID(abstract_syntax)
            item.service_class_uid = UID(STORAGE_SERVICE)
            found[UID(abstract_syntax)] = item
    return found
