"""Presentation contexts made from what is proposed."""

from __future__ import annotations

import pytest
from pynetdicom import AllStoragePresentationContexts, build_context

from node.receive.associate.negotiation import VERIFICATION, is_storage, storage_classes, supported_contexts
from tests.unit.node.receive.encoding import CT, EXPLICIT, IMPLICIT

PRIVATE_CLASS, ULTRASOUND_RETIRED = "1.3.12.2.1107.5.9.1", "1.2.840.10008.5.1.4.1.1.6"


def test_every_storage_class_is_known() -> None:
    assert all(is_storage(str(context.abstract_syntax)) for context in AllStoragePresentationContexts)


@pytest.mark.parametrize("uid", [PRIVATE_CLASS, ULTRASOUND_RETIRED, "1.2.840.10008.5.1.4.1.1.9999.1", "2.25.7"])
def test_private_retired_and_future_classes_are_storage(uid: str) -> None:
    assert is_storage(uid)


@pytest.mark.parametrize(
    "uid",
    [
        pytest.param("1.2.840.10008.5.1.4.1.2.2.1", id="study root find"),
        pytest.param("1.2.840.10008.1.20.1", id="storage commitment"),
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
    proposed = [build_context(CT, IMPLICIT), build_context(CT, EXPLICIT), build_context("1.2.840.10008.5.1.4.1.2.2.1", EXPLICIT)]
    verification, ct = supported_contexts(proposed)
    assert (str(verification.abstract_syntax), str(ct.abstract_syntax)) == (VERIFICATION, CT)
    assert [str(uid) for uid in ct.transfer_syntax] == [EXPLICIT, IMPLICIT]


def test_a_class_offered_in_unknown_syntaxes_alone_is_supported_in_none_of_them() -> None:
    _, ct = supported_contexts([build_context(CT, "1.2.3.4")])
    assert ct.transfer_syntax == []


def test_only_classes_that_pynetdicom_lacks_are_told_to_it() -> None:
    found = storage_classes([build_context(CT), build_context(PRIVATE_CLASS), build_context("1.2.840.10008.5.1.4.1.2.2.1")])
    assert list(found) == [PRIVATE_CLASS]
