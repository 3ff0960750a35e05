"""What we agree to of what an A-ASSOCIATE-RQ proposes: presentation contexts, roles, extended items (PS3.7 D.3, PS3.8 9.3).

Every storage SOP class is taken as far as the grant allows, also retired, private and future ones, in the best syntax offered.
All is made from what the requestor proposes, so that an association costs nothing that grows with the number of known classes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeVar

from pydicom.uid import UID
from pynetdicom import AllStoragePresentationContexts
from pynetdicom.pdu_primitives import (
    A_ASSOCIATE,
    AsynchronousOperationsWindowNegotiation,
    MaximumLengthNotification,
    SOPClassCommonExtendedNegotiation,
    SOPClassExtendedNegotiation,
    UserIdentityNegotiation,
)
from pynetdicom.presentation import PresentationContext

from node.receive.associate.admission import Grant, Reject, Service
from node.receive.dataset.encodings import EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN, is_accepted, preferred
from storage.base.errors import PeerError
from storage.base.uids import check_uid

VERIFICATION = "1.2.840.10008.1.1"
STORAGE_COMMITMENT = "1.2.840.10008.1.20.1"
MODALITY_PERFORMED_PROCEDURE_STEP = "1.2.840.10008.3.1.2.3.3"
INSTANCE_AVAILABILITY_NOTIFICATION = "1.2.840.10008.5.1.4.33"
OF_SERVICE: Mapping[str, Service] = {
    VERIFICATION: "echo",
    STORAGE_COMMITMENT: "commitment",
    MODALITY_PERFORMED_PROCEDURE_STEP: "mpps",
    INSTANCE_AVAILABILITY_NOTIFICATION: "ian",
}
STORAGE_SERVICE = "1.2.840.10008.4.2"
OTHERS = "*"
# PS3.4 B.3.1: level 2 (all attributes, private ones too); signatures stay valid (level 3: bits are kept); nothing is coerced.
STORAGE_SUPPORT = bytes((2, 0, 3, 0, 0, 0))
# A smaller maximum could hold no part of an answer beside its PDV header.
SMALLEST_PDU_BYTES = 16

_APPLICATION_CONTEXT = "1.2.840.10008.3.1.1.1"
_DICOM_ROOT = "1.2.840.10008."
_COMPOSITE_STORAGE = "1.2.840.10008.5.1.4.1.1."
# Below that arc, but not of patients: defined procedure protocols and inventories, with their queries.
_NOT_OF_PATIENTS = (_COMPOSITE_STORAGE + "200.", _COMPOSITE_STORAGE + "201.")
_KNOWN = frozenset(str(context.abstract_syntax) for context in AllStoragePresentationContexts)
_ANYTHING = Grant("")
# More transfer syntaxes than that are not remembered: peers choose them.
_FEW = 64
_Item = TypeVar("_Item")

NO_APPLICATION_CONTEXT = Reject(1, 1, 2, "application-context-unknown")
MALFORMED_CONTEXTS = Reject(1, 1, 1, "presentation-contexts-malformed")
PDU_TOO_SMALL = Reject(1, 1, 1, "maximum-pdu-too-small")


@dataclass(frozen=True)
class Negotiated:
    """What is agreed: the contexts that we support, and the extended items of our answer."""

    contexts: list[PresentationContext]
    answers: list[Any]


def negotiate(request: A_ASSOCIATE, grant: Grant) -> Negotiated | Reject:
    """What a caller with this grant gets of its request, or why the association can't be at all."""
    proposed = request.presentation_context_definition_list
    refused = _malformed(request, proposed)
    if refused is not None:
        return refused
    contexts = supported_contexts(proposed, grant, _declared(request))
    return Negotiated(contexts, _answers(request, contexts, grant))


def is_storage(abstract_syntax: str, declared: str | None = None) -> bool:
    """Whether a SOP class belongs to the Storage Service (PS3.4 B.5), as far as its UID tells: private ones are taken to.

    Those of the Non-Patient Object Storage Service (PS3.4 GG) don't: their objects belong to no study. ``declared`` is the
    service class that the requestor names for it (PS3.7 D.3.3.6): it decides where the UID tells nothing.
    """
    if abstract_syntax in _KNOWN:
        return True
    try:
        check_uid(abstract_syntax)
    except PeerError:
        return False
    if abstract_syntax.startswith(_DICOM_ROOT):
        return abstract_syntax.startswith(_COMPOSITE_STORAGE) and not abstract_syntax.startswith(_NOT_OF_PATIENTS)
    return declared in (None, STORAGE_SERVICE)


def supported_contexts(
    proposed: Iterable[PresentationContext], grant: Grant = _ANYTHING, declared: Mapping[str, str] | None = None
) -> list[PresentationContext]:
    """What we support of what is proposed, one context per abstract syntax, its transfer syntaxes best first; and C-ECHO.

    An abstract syntax that isn't granted is not among them, which is answered "abstract syntax not supported" (PS3.8 9.3.3.2).
    """
    offered: dict[str, list[str]] = {VERIFICATION: []}
    for proposal in proposed:
        offered.setdefault(str(proposal.abstract_syntax), []).extend(str(uid) for uid in proposal.transfer_syntax)
    supported = []
    for abstract_syntax, transfer_syntaxes in offered.items():
        chosen = _chosen(abstract_syntax, transfer_syntaxes, grant, (declared or {}).get(abstract_syntax))
        if chosen is not None:
            make = _context if len(chosen) <= _FEW else _context.__wrapped__
            supported.append(make(abstract_syntax, tuple(chosen)))
    return supported


@lru_cache(maxsize=1024)
def _context(abstract_syntax: str, transfer_syntaxes: tuple[str, ...]) -> PresentationContext:
    """A context that associations share: pynetdicom reads it, and spends far more on making one."""
    context = PresentationContext()
    context.abstract_syntax = UID(abstract_syntax)
    context.transfer_syntax = [*transfer_syntaxes]
    # The requestor may be SCU and never SCP, whatever roles it proposes (PS3.7 D.3.3.4): without C-GET, and with our own requests
    # for storage commitment absent, an SCP there has nothing to do for us.
    context.scu_role, context.scp_role = True, False
    return context


def _chosen(abstract_syntax: str, offered: Sequence[str], grant: Grant, declared: str | None) -> list[str] | None:
    """The transfer syntaxes that we take, best first; none that was offered is answered so. None: not this abstract syntax."""
    service = OF_SERVICE.get(abstract_syntax)
    if service is not None:
        return [EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN] if service in grant.services else None
    if not grant.takes(abstract_syntax) or not is_storage(abstract_syntax, declared):
        return None
    return _best_first(offered, grant.transfer_syntaxes)


def _best_first(offered: Sequence[str], wanted: Sequence[str] | None) -> list[str]:
    """Those of ``offered`` that we take, in the order wanted; ``*`` stands for all others in our usual order."""
    usual = preferred(offered)
    if wanted is None:
        return usual
    named = [uid for uid in wanted if uid in offered and is_accepted(uid)]
    return named + [uid for uid in usual if uid not in named] if OTHERS in wanted else named


def storage_classes(request: A_ASSOCIATE) -> dict[UID, SOPClassCommonExtendedNegotiation]:
    """For pynetdicom, which sends messages of classes that it doesn't know nowhere: these belong to the Storage Service.

    Nothing of this goes over the wire (PS3.7 D.3.3.6: the acceptor doesn't answer this item).
    """
    declared = _declared(request)
    found = {}
    for abstract_syntax in {str(context.abstract_syntax) for context in request.presentation_context_definition_list}:
        if abstract_syntax not in _KNOWN and is_storage(abstract_syntax, declared.get(abstract_syntax)):
            item = SOPClassCommonExtendedNegotiation()
            item.sop_class_uid = UID(abstract_syntax)
            item.service_class_uid = UID(STORAGE_SERVICE)
            found[UID(abstract_syntax)] = item
    return found


def _malformed(request: A_ASSOCIATE, proposed: Sequence[PresentationContext]) -> Reject | None:
    if request.application_context_name != _APPLICATION_CONTEXT:
        return NO_APPLICATION_CONTEXT
    numbers = [context.context_id for context in proposed]
    # PS3.8 9.3.2.2: odd, 1 to 255, each once. Two of one number would leave open what a message in it means.
    if not numbers or len(set(numbers)) < len(numbers) or not all(number and number % 2 for number in numbers):
        return MALFORMED_CONTEXTS
    if not all(context.abstract_syntax and context.transfer_syntax for context in proposed):
        return MALFORMED_CONTEXTS
    most = [item.maximum_length_received for item in _items(request, MaximumLengthNotification)]
    return PDU_TOO_SMALL if most and 0 < (most[0] or 0) < SMALLEST_PDU_BYTES else None


def _answers(request: A_ASSOCIATE, contexts: Sequence[PresentationContext], grant: Grant) -> list[Any]:
    storage = {str(context.abstract_syntax) for context in contexts} - set(OF_SERVICE)
    answers: list[Any] = []
    for asked in _items(request, SOPClassExtendedNegotiation):
        if asked.sop_class_uid in storage:
            storage.discard(str(asked.sop_class_uid))  # PS3.7 D.3.3.5: one item for each class
            extended = SOPClassExtendedNegotiation()
            extended.sop_class_uid = asked.sop_class_uid
            extended.service_class_application_information = STORAGE_SUPPORT
            answers.append(extended)
    if _items(request, AsynchronousOperationsWindowNegotiation):
        window = AsynchronousOperationsWindowNegotiation()
        window.maximum_number_operations_invoked = window.maximum_number_operations_performed = 1
        answers.append(window)
    if grant.identified and any(item.positive_response_requested for item in _items(request, UserIdentityNegotiation)):
        positive = UserIdentityNegotiation()  # PS3.7 D.3.3.7.2: for user names the server's response is empty
        positive.server_response = b""
        answers.append(positive)
    return answers


def _declared(request: A_ASSOCIATE) -> dict[str, str]:
    """SOP class -> service class, as the requestor declares it (PS3.7 D.3.3.6)."""
    items = _items(request, SOPClassCommonExtendedNegotiation)
    return {str(item.sop_class_uid): str(item.service_class_uid) for item in items}


def _items(request: A_ASSOCIATE, kind: type[_Item]) -> list[_Item]:
    return [item for item in request.user_information if isinstance(item, kind)]
