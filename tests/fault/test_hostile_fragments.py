"""Fragments that don't belong together: the association is aborted, and nothing is stored."""

from __future__ import annotations

import pytest

from tests.support.attacker import (
    ABORT,
    COMMAND,
    CT,
    EXPLICIT,
    LAST,
    P_DATA,
    RawPeer,
    associate_rq,
    command_set,
    echo_rq,
    p_data,
    pdu,
    pdv,
    short,
    store_rq,
    uid,
)
from tests.support.attacks import good_echo
from tests.support.besieged import Besieged
from tests.support.receiver import held
from tests.unit.node.receive.encoding import encoded, identified

DATA = encoded(identified())
UID = "1.2.3.4"
SOUND = "1.2.3.8"  # not that of the data set, so that it can't be stored
WHOLE = p_data(3, COMMAND | LAST, store_rq(UID))
BROKEN = {
    "data on another context": WHOLE + p_data(1, LAST, DATA),
    "data on a context that was not accepted": WHOLE + p_data(99, LAST, DATA),
    "data of context 0": WHOLE + p_data(0, LAST, DATA),
    "a command on context 0": p_data(0, COMMAND | LAST, store_rq(UID)),
    "a command on an even context": p_data(2, COMMAND | LAST, store_rq(UID)),
    "data without a command": p_data(3, LAST, DATA),
    "a command within data": WHOLE + p_data(3, 0, DATA[:20]) + p_data(3, COMMAND | LAST, echo_rq()),
    "an echo within a command": p_data(3, COMMAND, store_rq(UID)[:20]) + p_data(1, COMMAND | LAST, echo_rq()),
    "an empty P-DATA": pdu(P_DATA, b""),
    "half a fragment's head": pdu(P_DATA, b"\0\0\0"),
    "a fragment longer than its PDU": WHOLE + pdu(P_DATA, pdv(3, LAST, DATA)[:-10]),
    "a fragment shorter than its head": WHOLE + pdu(P_DATA, b"\0\0\0\1\3\2"),
    "a fragment of 4 GiB": WHOLE + pdu(P_DATA, b"\xff\xff\xff\xff\3\2" + DATA),
    "bytes after the last fragment": p_data(3, COMMAND | LAST, store_rq(SOUND)) + pdu(P_DATA, pdv(3, LAST, DATA) + b"\0\0"),
    "a command set that says more than it holds": p_data(3, COMMAND | LAST, store_rq(UID)[:-7]),
    "a command set of another group": p_data(3, COMMAND | LAST, b"\x08\0\x16\0\2\0\0\0ab"),
    "an empty command set": p_data(3, COMMAND | LAST, b""),
    "a command without a field": p_data(3, COMMAND | LAST, command_set({0x110: short(1), 0x800: short(0x101)})),
    "a request for an association within one": pdu(1, bytes(68)),
    "an unknown PDU": pdu(0x99, b"abcd"),
    "a release of five bytes": pdu(5, bytes(5)),
}


@pytest.mark.parametrize("what", BROKEN)
def test_what_breaks_the_order_is_aborted(receiver: Besieged, what: str) -> None:
    with RawPeer(receiver.port) as peer:
        assert peer.negotiate() == 2
        peer.send(BROKEN[what])
        answered = peer.read_pdu()
        if answered is not None and answered[0] == P_DATA:  # sound up to there: then this is its answer, and no success
            answered = peer.read_pdu()
        assert answered is not None and answered[0] == ABORT
        assert peer.read_pdu() is None
    stored = [one for folder in receiver.folders for one in held(folder)]
    assert UID not in {one.record.sop_instance_uid for one in stored}
    assert good_echo(receiver.port) < 10
    assert '"level": "error"' not in receiver.log.read_text()


def test_a_store_in_the_smallest_fragments_is_a_store(receiver: Besieged) -> None:
    with RawPeer(receiver.port) as peer:
        assert peer.negotiate() == 2
        command = store_rq("1.2.3.5")
        for n, octet in enumerate(command):
            peer.send(p_data(3, COMMAND | (LAST if n == len(command) - 1 else 0), bytes([octet])))
        peer.send(p_data(3, 0, b""))  # an empty fragment holds nothing, and is allowed
        data = encoded(identified("1.2.3.5"))
        peer.send(pdu(P_DATA, b"".join(pdv(3, LAST if n == len(data) - 1 else 0, bytes([b])) for n, b in enumerate(data))))
        assert peer.read_status() == 0
        assert peer.release()
    assert ("1.2.3.5", data) in {(one.record.sop_instance_uid, one.data) for folder in receiver.folders for one in held(folder)}


@pytest.mark.parametrize(
    "uid_text", ["", "..", "../x", "/etc/x", "a\0b", "1.2\0.3", "1." * 32 + "1", "1" * 5000, "\xff\xfe", "1..2"]
)
def test_an_instance_uid_that_is_none_names_nothing(receiver: Besieged, uid_text: str) -> None:
    before = {path for path in receiver.spool.rglob("*")}
    with RawPeer(receiver.port) as peer:
        assert peer.negotiate() == 2
        status = peer.store(encoded(identified("1.2.3.6")), uid_text)
        assert status == 0x0117
        assert peer.echo() == 0  # the association lives on
    new = {path for path in receiver.spool.rglob("*")} - before
    assert not [path for path in new if path.suffix not in {".journal", ""}]
    assert "1.2.3.6" not in {one.record.sop_instance_uid for folder in receiver.folders for one in held(folder)}


@pytest.mark.parametrize("uid_text", ["..", "../x", "/etc/x", "1." * 32 + "1"])
def test_uids_of_a_data_set_name_nothing_either(receiver: Besieged, uid_text: str) -> None:
    broken = encoded(identified("1.2.3.7")).replace(b"1.2.3\0", uid(uid_text)[:6].ljust(6, b"\0"))
    with RawPeer(receiver.port) as peer:
        assert peer.negotiate() == 2
        assert peer.store(broken, "1.2.3.7") in (0xC013, 0xC012)


def test_a_class_uid_that_is_none_is_not_accepted(receiver: Besieged) -> None:
    with RawPeer(receiver.port) as peer:
        peer.negotiate(associate_rq([(1, "../../x", (EXPLICIT,)), (3, CT, ("1.2..3", "/etc/x")), (5, CT, (EXPLICIT,))]))
        assert set(peer.accepted) <= {5}
