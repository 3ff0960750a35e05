"""What the fast path answers to each thing that a peer may get wrong (PS3.8 9.2 and 9.3), and to odd things that are right."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from functools import partial

import pytest
from pynetdicom import AE
from pynetdicom._globals import MODE_ACCEPTOR
from pynetdicom.dimse_primitives import N_ACTION, N_EVENT_REPORT

from node.receive.fast import commands, messages
from node.receive.fast.association import FastAssociation
from node.receive.fast.datasets import Budget
from node.receive.fast.dimse import FastDIMSE
from node.receive.fast.limits import Limits
from node.receive.fast.pdata import ProtocolError
from node.receive.listen.sparing import MOST
from tests.support.attacker import (
    ABORT,
    APPLICATION_CONTEXT,
    CT,
    EXPLICIT,
    IMPLICIT,
    LAST,
    P_DATA,
    VERIFICATION,
    abort,
    associate_rq,
    command_set,
    echo_rq,
    item,
    p_data,
    pdu,
    pdv,
    release,
    short,
    store_rq,
    uid,
)
from tests.support.fast_path import LIMITS, Counter, exchange
from tests.support.recorder import Recording, pdus
from tests.unit.node.receive.encoding import encoded, identified

COMMAND = 1
ASKED = associate_rq()
ECHO = p_data(1, COMMAND | LAST, echo_rq())
STORE = p_data(3, COMMAND | LAST, store_rq("1.2.3.4"))
DATA = encoded(identified())
FIND = "1.2.840.10008.5.1.4.1.2.2.1"


@pytest.fixture(scope="module")
def counter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Counter]:
    found = Counter(tmp_path_factory.mktemp("spool"))
    yield found
    found.close()


def told(counter: Counter, *stream: bytes) -> list[int | tuple[int, int]]:
    """Our answers: statuses of responses, (source, reason) of an abort, minus the PDU type for others."""
    answered = exchange(counter, b"".join(stream), iter(()))
    found: list[int | tuple[int, int]] = []
    statuses = iter(Recording(bytearray(ASKED), bytearray(answered)).answers())
    for kind, body in pdus(answered):
        if kind == P_DATA:
            found.append(int.from_bytes(next(statuses).command[0x900], "little"))
        else:
            found.append((body[2], body[3]) if kind == ABORT else -kind)
    return found


def request(field: int, sop_class: str, has_data: bool = False, number: int = 0x0002) -> bytes:
    """A command set of any field."""
    data_set = short(1 if has_data else 0x0101)
    return command_set({number: uid(sop_class), 0x100: short(field), 0x110: short(7), 0x800: data_set})


NO_MESSAGE_ID = command_set({2: uid(VERIFICATION), 0x100: short(0x30), 0x800: short(0x101)})
WRONG = {
    "a PDU type that isn't one": (pdu(9, bytes(10)), (2, 1)),
    "a second request": (ASKED, (2, 2)),
    "an acceptance": (pdu(2, bytes(100)), (2, 2)),
    "a rejection": (pdu(3, bytes(4)), (2, 2)),
    "a response to no release of ours": (pdu(6, bytes(4)), (2, 0)),
    "a release of another length": (pdu(5, bytes(8)), (2, 6)),
    "an abort that announces 4 GiB": (pdu(7, b"", 0xFFFFFFFF), (2, 6)),
    "P-DATA beyond our maximum": (pdu(P_DATA, b"", LIMITS.max_pdu_bytes + 1), (2, 6)),
    "P-DATA without a value": (pdu(P_DATA, b""), (2, 6)),
    "a value whose head is cut off": (pdu(P_DATA, bytes(5)), (2, 6)),
    "a value longer than its PDU": (pdu(P_DATA, struct.pack(">IBB", 100, 1, 3) + bytes(10)), (2, 6)),
    "a value without room for its head": (pdu(P_DATA, struct.pack(">IBB", 1, 1, 3)), (2, 6)),
    "a context that wasn't accepted": (p_data(7, COMMAND | LAST, echo_rq()), (2, 6)),
    "a data set without a command": (p_data(3, LAST, DATA), (2, 5)),
    "a command within a data set": (STORE + p_data(3, COMMAND | LAST, echo_rq()), (2, 5)),
    "a data set of another context": (STORE + p_data(1, LAST, DATA), (2, 5)),
    "a command that goes on in another context": (p_data(3, COMMAND, b"x") + p_data(1, COMMAND | LAST, echo_rq()), (2, 5)),
    "a command set that can't be read": (p_data(1, COMMAND | LAST, b"\1\2\3"), (2, 6)),
    "a command set of nothing": (p_data(1, COMMAND | LAST, b""), (2, 6)),
    "a C-ECHO without Message ID": (p_data(1, 3, NO_MESSAGE_ID), (2, 6)),
    "a C-ECHO with a data set": (p_data(1, 3, request(0x30, VERIFICATION, True)) + p_data(1, LAST, b"xx"), (2, 6)),
    "a command set without end": (p_data(1, COMMAND, bytes(60_000)) + p_data(1, COMMAND, bytes(10_000)), (2, 6)),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_what_breaks_the_protocol_is_aborted_with_its_reason(counter: Counter, name: str) -> None:
    stream, expected = WRONG[name]
    assert told(counter, ASKED, ECHO, stream, ECHO) == [-2, 0x0000, expected]
    assert counter.sessions.associations() == []


BEFORE = {
    "data": (ECHO, [(0, 0)]),
    "a release": (release(), [(0, 0)]),
    "a PDU type that isn't one": (pdu(0x16, bytes(3)), [(0, 0)]),
    "a request of 4 GiB": (pdu(1, b"", 0xFFFFFFFF), [(0, 0)]),
    "a request of nothing": (pdu(1, b""), [(0, 0)]),
    "an abort": (abort(), []),
    "nothing": (b"", []),
    "half a head": (b"\1\0\0", []),
}


@pytest.mark.parametrize("name", BEFORE)
def test_before_an_association(counter: Counter, name: str) -> None:
    stream, expected = BEFORE[name]
    assert told(counter, stream) == expected


HEAD = ASKED[6:74] + item(0x10, APPLICATION_CONTEXT.encode())
MAX_PDU = item(0x51, struct.pack(">I", 16_384))
USER = item(0x50, MAX_PDU + item(0x52, b"1.2.3.4.5"))


def context_item(syntaxes: int) -> bytes:
    return item(0x20, bytes([1, 0, 0, 0]) + item(0x30, b"1.2") + item(0x40, b"1.2") * syntaxes)


@pytest.mark.parametrize(
    "items",
    [
        context_item(1) * 129 + USER,
        context_item(65) + USER,
        item(0x50, MAX_PDU * 1025),
        item(0x50, b"\x51\0\xff\xff"),
        USER * 2,
        b"",
    ],
)
def test_a_request_of_too_many_or_no_items_is_aborted_unread(counter: Counter, items: bytes) -> None:
    assert told(counter, pdu(1, HEAD + context_item(1) + USER), release()) == [-2, -6]
    asked = pdu(1, HEAD + items)
    assert told(counter, asked) == [(0, 0)]


def test_a_protocol_version_that_isn_t_ours_is_rejected(counter: Counter) -> None:
    asked = bytearray(ASKED)
    asked[6:8] = b"\0\2"
    assert told(counter, bytes(asked)) == [-3]


def test_an_abort_of_the_peer_ends_it(counter: Counter) -> None:
    assert told(counter, ASKED, ECHO, abort(), ECHO) == [-2, 0]


def test_a_message_in_the_middle_of_a_release_is_not_answered(counter: Counter) -> None:
    assert told(counter, ASKED, release(), ECHO) == [-2, -6]


def test_several_messages_in_one_pdu(counter: Counter) -> None:
    values = pdv(1, COMMAND | LAST, echo_rq(1)) + pdv(3, COMMAND | LAST, store_rq("1.2.3.4")) + pdv(3, LAST, DATA)
    values += pdv(1, COMMAND, echo_rq(2)[:20]) + pdv(1, COMMAND, b"") + pdv(1, COMMAND | LAST, echo_rq(2)[20:])
    assert told(counter, ASKED, pdu(P_DATA, values), release()) == [-2, 0, 0, 0, -6]


def test_empty_fragments_are_no_harm(counter: Counter) -> None:
    empty = p_data(3, 0, b"")
    assert told(counter, ASKED, STORE, empty, empty, p_data(3, 0, DATA), p_data(3, LAST, b""), release()) == [-2, 0, -6]


def test_a_store_without_a_data_set_is_refused(counter: Counter) -> None:
    without = command_set({2: uid(CT), 0x100: short(1), 0x110: short(1), 0x800: short(0x101), 0x1000: uid("1.2.3.4")})
    assert told(counter, ASKED, p_data(3, 3, without), STORE, p_data(3, LAST, b""), release()) == [-2, 0xC012, 0xC012, -6]


def test_the_class_must_be_that_of_the_context(counter: Counter) -> None:
    other = p_data(3, 3, store_rq("1.2.3.4", "1.2.840.10008.5.1.4.1.1.4")) + p_data(3, LAST, DATA)
    echo_elsewhere = p_data(3, 3, request(0x30, CT)) + p_data(3, 3, request(0x30, VERIFICATION))
    assert told(counter, ASKED, other, echo_elsewhere, release()) == [-2, 0x0122, 0x0122, 0x0122, -6]


def test_verification_is_nothing_to_be_stored(counter: Counter) -> None:
    """Though class, context and data set agree."""
    dataset = identified()
    dataset.SOPClassUID = VERIFICATION
    store = p_data(1, 3, store_rq("1.2.3.4", VERIFICATION)) + p_data(1, LAST, encoded(dataset))
    assert told(counter, ASKED, store, release()) == [-2, 0x0122, -6]


def test_a_cancel_changes_nothing(counter: Counter) -> None:
    cancel = command_set({0x100: short(0x0FFF), 0x120: short(1), 0x800: short(0x101)})
    assert told(counter, ASKED, *[p_data(3, 3, cancel)] * 40, ECHO, release()) == [-2, 0, -6]


@pytest.mark.parametrize("field", [0x0020, 0x0010, 0x0021, 0x0100, 0x0110, 0x0120, 0x0130, 0x0140, 0x0150, 0x0099])
def test_an_operation_that_its_context_doesn_t_have_is_unrecognized(counter: Counter, field: int) -> None:
    stream = p_data(3, 3, request(field, CT, True)) + p_data(3, LAST, DATA) + p_data(1, 3, request(field, VERIFICATION))
    assert told(counter, ASKED, stream, ECHO, release()) == [-2, 0x0211, 0x0211, 0, -6]


SERVED = {
    "1.2.840.10008.1.20.1": {0x0130},
    "1.2.840.10008.3.1.2.3.3": {0x0120, 0x0140},
    "1.2.840.10008.5.1.4.33": {0x0140},
}


@pytest.mark.parametrize("abstract_syntax", SERVED)
def test_services_know_their_operations_and_their_class(counter: Counter, abstract_syntax: str) -> None:
    asked = associate_rq(((1, VERIFICATION, (IMPLICIT,)), (3, abstract_syntax, (IMPLICIT,))))
    fields = [0x0001, 0x0020, 0x0100, 0x0110, 0x0120, 0x0130, 0x0140, 0x0150]
    others = [field for field in fields if field not in SERVED[abstract_syntax]]
    stream = b"".join(p_data(3, 3, request(field, abstract_syntax)) for field in others)
    stream += b"".join(p_data(3, 3, request(field, VERIFICATION, number=0x0003)) for field in SERVED[abstract_syntax])
    wrong_class = [0x0118] * len(SERVED[abstract_syntax])
    assert told(counter, asked, stream, ECHO, release()) == [-2, 0x0122, *[0x0211] * (len(others) - 1), *wrong_class, 0, -6]


def test_what_is_held_in_memory_is_bounded_over_all_associations(counter: Counter, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(messages, "_collected", Budget(1000))
    commitment = "1.2.840.10008.1.20.1"
    asked = associate_rq(((3, commitment, (IMPLICIT,)),))
    begin = p_data(3, 3, request(0x0130, commitment, True, 0x0003))
    for _ in range(3):  # what one association held is free after its end
        assert told(counter, asked, begin, p_data(3, 0, bytes(900)), abort()) == [-2]
    assert told(counter, asked, begin, p_data(3, 0, bytes(900)), p_data(3, 0, bytes(900))) == [-2, (2, 0)]
    assert messages._collected.take(1000)


def test_what_waits_to_be_served_is_held_in_memory_too(counter: Counter, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(messages, "_collected", Budget(1000))
    commitment = "1.2.840.10008.1.20.1"
    asked = associate_rq(((3, commitment, (IMPLICIT,)),))
    fields = {3: uid(commitment), 0x100: short(0x0130), 0x110: short(7), 0x800: short(1), 0x1001: uid("1.2.3"), 0x1008: short(1)}
    begin, part = command_set(fields), bytes(600)
    first = p_data(3, 3, begin) + p_data(3, 0, part)
    # One message ends, and the next begins in the same PDU: the first isn't served before the PDU's end.
    both = pdu(P_DATA, pdv(3, LAST, b"") + pdv(3, 3, begin) + pdv(3, 0, part))
    assert told(counter, asked, first, both) == [-2, (2, 0)]
    assert told(counter, asked, *[first + p_data(3, LAST, b"")] * 3, release()) == [-2, *[0x0112] * 3, -6]
    assert messages._collected.take(1000)


def test_a_request_that_comes_with_a_response_is_not_taken_for_it() -> None:
    commitment = "1.2.840.10008.1.20.1"
    answer = command_set({2: uid(commitment), 0x100: short(0x8100), 0x120: short(1), 0x800: short(0x101), 0x900: short(0)})
    action = request(0x0130, commitment, number=0x0003)
    dimse = FastDIMSE(FastAssociation(AE("WETREAD"), MODE_ACCEPTOR))
    done: list[bytes] = []
    for encoded_ in (answer, action):
        dimse.deliver(3, commands.decode(encoded_), encoded_, b"", partial(done.append, encoded_))
    assert [type(message) for _, message in dimse.requests] == [N_ACTION]
    assert [type(message) for _, message in dimse.msg_queue.queue] == [N_EVENT_REPORT]
    with pytest.raises(ProtocolError, match="more messages at once"):
        for _ in range(20):
            dimse.deliver(3, commands.decode(answer), answer, b"", lambda: None)
    dimse.let_go()
    assert (done, len(dimse.requests), dimse.msg_queue.empty()) == ([answer, action], 0, True)


def test_a_response_to_nothing_is_ignored(counter: Counter) -> None:
    response = command_set({2: uid(CT), 0x100: short(0x8001), 0x120: short(1), 0x800: short(0x101), 0x900: short(0)})
    assert told(counter, ASKED, p_data(3, 3, response), ECHO, release()) == [-2, 0, -6]


@pytest.mark.parametrize("max_pdu", [0, 30, 64, 2**32 - 1])
def test_answers_fit_the_peer_s_maximum(counter: Counter, max_pdu: int) -> None:
    answered = exchange(counter, associate_rq(max_pdu=max_pdu) + ECHO + release(), iter(()))
    assert [one.command[0x900] for one in Recording(bytearray(), bytearray(answered)).answers()] == [b"\0\0"]
    longest = max(len(body) for kind, body in pdus(answered) if kind == P_DATA)
    assert longest <= (max_pdu or 2**16)


def test_no_context_accepted_is_an_association_without_use(counter: Counter) -> None:
    asked = associate_rq(((1, FIND, (IMPLICIT,)), (3, CT, ("1.2.840.113619.5.2",))))
    assert told(counter, asked, ECHO) == [-2, (2, 6)]


def test_128_contexts(counter: Counter) -> None:
    asked = associate_rq([(2 * n + 1, CT, (EXPLICIT,)) for n in range(128)])
    stream = p_data(255, 3, store_rq("1.2.3.4")) + p_data(255, LAST, DATA)
    assert told(counter, asked, stream, release()) == [-2, 0, -6]


def test_limits_hold_for_what_is_collected(tmp_path_factory: pytest.TempPathFactory) -> None:
    found = Counter(tmp_path_factory.mktemp("spool"), Limits(max_collected_bytes=1000, linger_s=1.0))
    stream = p_data(3, 3, request(0x20, CT, True)) + p_data(3, 0, bytes(900)) + p_data(3, 0, bytes(900))
    assert told(found, ASKED, stream) == [-2, (2, 6)]
    found.close()


FLOODS = {
    "association.rejected": (associate_rq(calling="STRANGER"), b""),
    "association.protocol-error": (ASKED, p_data(7, COMMAND | LAST, echo_rq())),
    "association.pdu-unreadable": (pdu(1, bytes(68) + item(0x50, item(0x59, b"xx"))), b""),
}


@pytest.mark.parametrize("event", FLOODS)
def test_who_is_turned_away_again_and_again_fills_no_log(
    tmp_path_factory: pytest.TempPathFactory, capsys: pytest.CaptureFixture[str], event: str
) -> None:
    found = Counter(tmp_path_factory.mktemp("spool"), LIMITS)
    for _ in range(MOST + 5):
        told(found, *FLOODS[event])
    found.close()
    assert capsys.readouterr().err.count(event) == MOST
