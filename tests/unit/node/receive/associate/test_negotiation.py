"""What is agreed to of an A-ASSOCIATE-RQ, down to the bytes of the answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from pydicom.uid import UID
from pynetdicom import AllStoragePresentationContexts, build_context
from pynetdicom.pdu_primitives import (
    A_ASSOCIATE,
    AsynchronousOperationsWindowNegotiation,
    MaximumLengthNotification,
    SOPClassCommonExtendedNegotiation,
    SOPClassExtendedNegotiation,
    UserIdentityNegotiation,
)
from pynetdicom.presentation import PresentationContext, negotiate_as_acceptor

from node.receive.associate import negotiation
from node.receive.associate.admission import Grant, Reject
from node.receive.associate.negotiation import (
    INSTANCE_AVAILABILITY_NOTIFICATION,
    MALFORMED_CONTEXTS,
    MODALITY_PERFORMED_PROCEDURE_STEP,
    NO_APPLICATION_CONTEXT,
    PDU_TOO_SMALL,
    STORAGE_COMMITMENT,
    STORAGE_SERVICE,
    VERIFICATION,
    Negotiated,
    is_storage,
    negotiate,
    storage_classes,
    supported_contexts,
)
from tests.unit.node.receive.encoding import CT, EXPLICIT, IMPLICIT

PRIVATE_CLASS, ULTRASOUND_RETIRED = "1.3.12.2.1107.5.9.1", "1.2.840.10008.5.1.4.1.1.6"
STUDY_ROOT_FIND, MR = "1.2.840.10008.5.1.4.1.2.2.1", "1.2.840.10008.5.1.4.1.1.4"
JPEG_LOSSLESS, JPEG_BASELINE, BIG_ENDIAN = "1.2.840.10008.1.2.4.70", "1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.2"
ACCEPTED, USER_REJECTED, NO_ABSTRACT_SYNTAX, NO_TRANSFER_SYNTAX = 0, 1, 3, 4
EVERYTHING = Grant("SCANNER")


def _request(proposed: Sequence[PresentationContext], *items: Any, number_them: bool = True) -> A_ASSOCIATE:
    request = A_ASSOCIATE()
    request.application_context_name = UID("1.2.840.10008.3.1.1.1")
    if number_them:
        for index, context in enumerate(proposed):
            context.context_id = 2 * index + 1
    request.presentation_context_definition_list = list(proposed)
    request.user_information = list(items)
    return request


def _agreed(request: A_ASSOCIATE, grant: Grant = EVERYTHING) -> Negotiated:
    found = negotiate(request, grant)
    assert isinstance(found, Negotiated)
    return found


def _results(
    proposed: Sequence[PresentationContext],
    grant: Grant = EVERYTHING,
    roles: dict[UID, tuple[bool | None, bool | None]] | None = None,
) -> list[PresentationContext]:
    """What pynetdicom answers with the contexts that we support."""
    request = _request(proposed)
    return negotiate_as_acceptor(request.presentation_context_definition_list, _agreed(request, grant).contexts, roles)[0]


def test_every_storage_class_is_known() -> None:
    assert all(is_storage(str(context.abstract_syntax)) for context in AllStoragePresentationContexts)


@pytest.mark.parametrize("uid", [PRIVATE_CLASS, ULTRASOUND_RETIRED, "1.2.840.10008.5.1.4.1.1.9999.1", "2.25.7"])
def test_private_retired_and_future_classes_are_storage(uid: str) -> None:
    assert is_storage(uid)


@pytest.mark.parametrize(
    "uid",
    [
        pytest.param(STUDY_ROOT_FIND, id="study root find"),
        pytest.param(STORAGE_COMMITMENT, id="storage commitment"),
        pytest.param("1.2.840.10008.5.1.4.38.1", id="hanging protocol"),
        pytest.param("1.2.840.10008.5.1.4.1.1.201.2", id="inventory find"),
        pytest.param("1.2.840.10008.5.1.4.1.1.200.1", id="defined procedure protocol"),
        pytest.param(VERIFICATION, id="verification"),
        pytest.param("1.2.03", id="malformed"),
    ],
)
def test_other_services_are_not(uid: str) -> None:
    assert not is_storage(uid)


def test_contexts_follow_the_proposal() -> None:
    verification, ct = supported_contexts(
        [build_context(CT, IMPLICIT), build_context(CT, EXPLICIT), build_context(STUDY_ROOT_FIND, EXPLICIT)]
    )
    assert (str(verification.abstract_syntax), str(ct.abstract_syntax)) == (VERIFICATION, CT)
    assert [str(uid) for uid in ct.transfer_syntax] == [EXPLICIT, IMPLICIT]


@pytest.mark.parametrize(
    ("offered", "wanted", "chosen"),
    [
        ([IMPLICIT, EXPLICIT], None, EXPLICIT),
        ([BIG_ENDIAN, IMPLICIT], None, IMPLICIT),
        ([JPEG_BASELINE, JPEG_LOSSLESS], None, JPEG_LOSSLESS),
        ([JPEG_LOSSLESS, EXPLICIT], None, JPEG_LOSSLESS),
        ([EXPLICIT, JPEG_LOSSLESS], None, EXPLICIT),
        (["1.2.3.4"], None, None),
        ([EXPLICIT, IMPLICIT], (IMPLICIT, EXPLICIT), IMPLICIT),
        ([EXPLICIT, JPEG_LOSSLESS], (JPEG_LOSSLESS, "*"), JPEG_LOSSLESS),
        ([BIG_ENDIAN, IMPLICIT], (JPEG_LOSSLESS, "*"), IMPLICIT),
        ([EXPLICIT, IMPLICIT], (JPEG_LOSSLESS,), None),
        (["1.2.3.4", IMPLICIT], ("1.2.3.4", IMPLICIT), IMPLICIT),
        (["1.2.3.4"], ("1.2.3.4", "*"), None),
    ],
)
def test_the_transfer_syntax_is_chosen_by_us_or_by_the_source(
    offered: list[str], wanted: tuple[str, ...] | None, chosen: str | None
) -> None:
    (ct,) = _results([build_context(CT, [*offered])], Grant("SCANNER", transfer_syntaxes=wanted))
    assert ct.result == (ACCEPTED if chosen else NO_TRANSFER_SYNTAX)
    assert chosen is None or [str(uid) for uid in ct.transfer_syntax] == [chosen]


@pytest.mark.parametrize(
    ("uid", "service"),
    [
        (VERIFICATION, "echo"),
        (CT, "store"),
        (STORAGE_COMMITMENT, "commitment"),
        (MODALITY_PERFORMED_PROCEDURE_STEP, "mpps"),
        (INSTANCE_AVAILABILITY_NOTIFICATION, "ian"),
    ],
)
def test_a_service_that_is_not_granted_is_not_supported(uid: str, service: Any) -> None:
    proposal = [build_context(uid, IMPLICIT), build_context(MR if uid != MR else CT, IMPLICIT)]
    alone = Grant("SCANNER", services=frozenset({service}))
    others = Grant("SCANNER", services=EVERYTHING.services - {service})
    assert _results(proposal, alone)[0].result == ACCEPTED
    assert _results(proposal, others)[0].result == NO_ABSTRACT_SYNTAX
    assert _results(proposal, Grant("SCANNER", services=frozenset()))[0].result == NO_ABSTRACT_SYNTAX


def test_a_sop_class_that_is_not_granted_is_not_supported() -> None:
    proposal = [build_context(uid, EXPLICIT) for uid in (CT, MR, PRIVATE_CLASS, VERIFICATION)]
    found = _results(proposal, Grant("SCANNER", sop_classes=frozenset({CT})))
    assert [one.result for one in found] == [ACCEPTED, NO_ABSTRACT_SYNTAX, NO_ABSTRACT_SYNTAX, ACCEPTED]


@pytest.mark.parametrize(("declared", "result"), [(STORAGE_SERVICE, ACCEPTED), ("1.2.840.10008.4.9", NO_ABSTRACT_SYNTAX)])
def test_a_private_class_is_what_its_sender_declares(declared: str, result: int) -> None:
    item = SOPClassCommonExtendedNegotiation()
    item.sop_class_uid, item.service_class_uid = UID(PRIVATE_CLASS), UID(declared)
    request = _request([build_context(PRIVATE_CLASS, EXPLICIT)], item)
    found, _ = negotiate_as_acceptor(request.presentation_context_definition_list, _agreed(request).contexts)
    assert found[0].result == result
    assert bool(storage_classes(request)) is (result == ACCEPTED)


def test_only_classes_that_pynetdicom_lacks_are_told_to_it() -> None:
    request = _request([build_context(CT), build_context(PRIVATE_CLASS), build_context(STUDY_ROOT_FIND)])
    assert list(storage_classes(request)) == [PRIVATE_CLASS]


@pytest.mark.parametrize("uid", [CT, STORAGE_COMMITMENT])
@pytest.mark.parametrize(
    ("proposed", "result", "answered"),
    [
        (None, ACCEPTED, None),
        ((True, False), ACCEPTED, (True, False)),
        ((True, True), ACCEPTED, (True, False)),
        ((False, True), USER_REJECTED, None),
    ],
)
def test_a_requestor_is_scu_and_never_scp(
    uid: str, proposed: tuple[bool, bool] | None, result: int, answered: tuple[bool, bool] | None
) -> None:
    request = _request([build_context(uid, EXPLICIT)])
    roles: Any = {UID(uid): proposed} if proposed else None
    contexts, items = negotiate_as_acceptor(request.presentation_context_definition_list, _agreed(request).contexts, roles)
    assert contexts[0].result == result
    assert [(item.scu_role, item.scp_role) for item in items] == ([answered] if answered else [])


def test_128_contexts_are_answered() -> None:
    uids = [str(context.abstract_syntax) for context in AllStoragePresentationContexts][:100] + [f"2.25.{n}" for n in range(28)]
    found = _results([build_context(uid, [IMPLICIT, EXPLICIT]) for uid in uids])
    assert [one.context_id for one in found] == list(range(1, 256, 2))
    assert {(one.result, str(one.transfer_syntax[0])) for one in found} == {(ACCEPTED, EXPLICIT)}


def test_one_class_in_128_contexts_gets_each_its_syntax() -> None:
    found = _results([build_context(CT, [(IMPLICIT, EXPLICIT, JPEG_LOSSLESS, "1.2.3.4")[n % 4]]) for n in range(128)])
    assert [one.result for one in found] == [ACCEPTED, ACCEPTED, ACCEPTED, NO_TRANSFER_SYNTAX] * 32


@pytest.mark.parametrize("numbers", [[], [1, 1], [1, 3, 1]])
def test_context_numbers_that_mean_nothing_are_refused(numbers: list[int]) -> None:
    proposed = [build_context(CT, EXPLICIT) for _ in numbers]
    for context, number in zip(proposed, numbers, strict=True):
        context.context_id = number
    assert negotiate(_request(proposed, number_them=False), EVERYTHING) == MALFORMED_CONTEXTS


def test_another_application_context_is_refused() -> None:
    request = _request([build_context(CT)])
    request.application_context_name = UID("1.2.840.10008.3.1.1.2")
    assert negotiate(request, EVERYTHING) == NO_APPLICATION_CONTEXT


@pytest.mark.parametrize(("most", "refused"), [(1, True), (15, True), (16, False), (0, False), (16384, False)])
def test_a_maximum_pdu_that_holds_no_answer_is_refused(most: int, refused: bool) -> None:
    item = MaximumLengthNotification()
    item.maximum_length_received = most
    assert (negotiate(_request([build_context(CT)], item), EVERYTHING) == PDU_TOO_SMALL) is refused


def _bytes(answers: Sequence[Any]) -> list[str]:
    return [answer.from_primitive().encode().hex() for answer in answers]


def test_storage_is_answered_with_full_support() -> None:
    """PS3.7 D.3.3.5.1 and PS3.4 B.3.1: level 2, signatures kept, nothing coerced; once for each class, and no other service."""
    asked = []
    for uid in (CT, CT, STUDY_ROOT_FIND, MR):
        item = SOPClassExtendedNegotiation()
        item.sop_class_uid, item.service_class_application_information = UID(uid), bytes((3, 0, 0, 0, 2, 0))
        asked.append(item)
    request = _request([build_context(CT), build_context(STUDY_ROOT_FIND)], *asked)
    name = CT.encode().hex()
    assert _bytes(_agreed(request).answers) == [f"560000{2 + 25 + 6:02x}0019{name}020003000000"]


def test_operations_are_synchronous() -> None:
    item = AsynchronousOperationsWindowNegotiation()
    item.maximum_number_operations_invoked = item.maximum_number_operations_performed = 5
    assert _bytes(_agreed(_request([build_context(CT)], item)).answers) == ["5300000400010001"]


@pytest.mark.parametrize(
    ("asked", "identified", "answered"),
    [(True, True, ["590000020000"]), (False, True, []), (True, False, [])],
    ids=["asked and verified", "not asked", "not verified"],
)
def test_a_verified_user_is_confirmed_when_asked(asked: bool, identified: bool, answered: list[str]) -> None:
    item = UserIdentityNegotiation()
    item.user_identity_type, item.primary_field, item.positive_response_requested = 1, b"ct1", asked
    grant = Grant("SCANNER", identified=identified)
    assert _bytes(_agreed(_request([build_context(CT)], item), grant).answers) == answered


def test_nothing_is_answered_that_was_not_asked() -> None:
    assert _agreed(_request([build_context(CT)])).answers == []


def test_rejects_are_of_the_standard() -> None:
    """PS3.8 9.3.4: reasons of the service user."""
    rejects = [value for value in vars(negotiation).values() if isinstance(value, Reject)]
    assert {(one.source, one.diagnostic) for one in rejects} <= {(1, 1), (1, 2)}
