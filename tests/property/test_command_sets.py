"""Command sets by hand are those of pynetdicom, byte by byte, in both directions."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.uid import UID
from pynetdicom import dimse_messages
from pynetdicom.dimse_primitives import C_ECHO, C_STORE
from pynetdicom.dsutils import decode, encode

from node.receive.fast import commands
from node.receive.fast.commands import Command, CommandError

short = st.integers(0, 0xFFFF)
parts = st.lists(st.integers(0, 10**9).map(str), min_size=1, max_size=6)
uids = parts.map(lambda found: "1.2." + ".".join(found)).filter(lambda uid: len(uid) <= 64)
comments = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E, exclude_characters="\\"), max_size=64)


def encoded(primitive: C_STORE | C_ECHO, message_class: type[dimse_messages.DIMSEMessage]) -> bytes:
    """A command set as pynetdicom sends it."""
    message = message_class()
    message.primitive_to_message(primitive)
    found = encode(message.command_set, True, True)
    assert found is not None
    return found


@settings(deadline=None)
@given(message_id=short, sop_class=uids, sop_instance=uids, has_data=st.booleans(), priority=st.sampled_from([0, 1, 2]))
def test_a_store_request_is_read(message_id: int, sop_class: str, sop_instance: str, has_data: bool, priority: int) -> None:
    request = C_STORE()
    request.MessageID, request.Priority = message_id, priority
    request.AffectedSOPClassUID, request.AffectedSOPInstanceUID = UID(sop_class), UID(sop_instance)
    request.DataSet = BytesIO(b"x") if has_data else None
    found = commands.decode(encoded(request, dimse_messages.C_STORE_RQ))
    assert found == Command(commands.C_STORE_RQ, message_id, has_data, sop_class, sop_instance)


@settings(deadline=None)
@given(message_id=short, sop_class=uids)
def test_an_echo_request_is_read(message_id: int, sop_class: str) -> None:
    request = C_ECHO()
    request.MessageID, request.AffectedSOPClassUID = message_id, UID(sop_class)
    found = commands.decode(encoded(request, dimse_messages.C_ECHO_RQ))
    assert found == Command(commands.C_ECHO_RQ, message_id, False, sop_class)


@settings(deadline=None)
@given(message_id=short, sop_class=uids, sop_instance=uids, status=short, comment=comments, offending=st.integers(0, 2**32 - 1))
def test_a_store_response_is_pynetdicom_s(
    message_id: int, sop_class: str, sop_instance: str, status: int, comment: str, offending: int
) -> None:
    response: Any = C_STORE()
    response.MessageIDBeingRespondedTo, response.Status = message_id, status
    response.AffectedSOPClassUID, response.AffectedSOPInstanceUID = UID(sop_class), UID(sop_instance)
    if comment:
        response.ErrorComment = comment
    if offending:
        response.OffendingElement = offending
    request = Command(commands.C_STORE_RQ, message_id, True, sop_class, sop_instance)
    assert commands.response(request, status, comment, offending) == encoded(response, dimse_messages.C_STORE_RSP)


@settings(deadline=None)
@given(message_id=short, sop_class=uids, status=short)
def test_an_echo_response_is_pynetdicom_s(message_id: int, sop_class: str, status: int) -> None:
    response = C_ECHO()
    response.MessageIDBeingRespondedTo, response.Status = message_id, status
    response.AffectedSOPClassUID = UID(sop_class)
    request = Command(commands.C_ECHO_RQ, message_id, False, sop_class)
    assert commands.response(request, status) == encoded(response, dimse_messages.C_ECHO_RSP)


@settings(deadline=None)
@given(data=st.binary(max_size=200))
def test_whatever_comes_is_read_or_refused(data: bytes) -> None:
    try:
        found = commands.decode(data)
    except CommandError:
        return
    assert 0 <= found.field <= 0xFFFF and 0 <= found.message_id <= 0xFFFF


@settings(deadline=None)
@given(cut=st.integers(0, 70), at=st.integers(0, 70), value=st.integers(0, 255))
def test_a_damaged_request_is_refused_or_read_as_pynetdicom_does(cut: int, at: int, value: int) -> None:
    request = bytearray(commands.response(Command(0x7FFF, 5, True, "1.2.840.10008.1.1", "1.2.3"), 7))
    request[at % len(request)] = value
    damaged = bytes(request[: len(request) - cut])
    try:
        found = commands.decode(damaged)
    except CommandError:
        return
    theirs = decode(BytesIO(damaged), True, True)
    assert found.field == theirs.CommandField


@pytest.mark.parametrize("uid", ["1." * 40 + "1", "1" * 65])
def test_a_uid_that_no_element_may_hold_isn_t_repeated(uid: str) -> None:
    answer = commands.response(Command(1, 1, True, "1.2", uid), 0x0117)
    assert decode(BytesIO(answer), True, True).get("AffectedSOPInstanceUID") is None
