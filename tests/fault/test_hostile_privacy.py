"""A canary in every place where a peer may put a patient's name: it comes out where its object lies, and nowhere else."""

from __future__ import annotations

import struct
from pathlib import Path

from pydicom.dataset import Dataset

from tests.support.attacker import (
    COMMAND,
    LAST,
    RawPeer,
    associate_rq,
    command_set,
    item,
    p_data,
    pdu,
    short,
    store_rq,
    uid,
    user_identity,
)
from tests.support.besieged import besieged
from tests.support.receiver import held
from tests.unit.node.receive.encoding import element, encoded, identified

CANARY = "Zzcanary"
NAME = CANARY.encode()


def patient(sop_instance: str) -> Dataset:
    dataset = identified(sop_instance)
    dataset.PatientName = dataset.PatientComments = dataset.StudyDescription = CANARY
    dataset.AccessionNumber = dataset.PatientID = CANARY
    return dataset


def hostile_streams() -> list[bytes]:
    """After an accepted association: messages with the canary where it doesn't belong, most of them broken."""
    sound = encoded(patient("1.2.3.4"))
    command = p_data(3, COMMAND | LAST, store_rq("1.2.3.4"))
    return [
        command + p_data(3, LAST, sound[:-3]),
        command + p_data(3, LAST, sound + element(0x00400000, "SQ", NAME)),
        command + p_data(3, LAST, sound.replace(b"1.2.3.1", NAME[:7])),
        command + p_data(3, LAST, encoded(patient("1.2.3.5"))),
        p_data(3, COMMAND | LAST, store_rq(CANARY)) + p_data(3, LAST, sound),
        p_data(3, COMMAND | LAST, store_rq("1.2.3.4", CANARY)) + p_data(3, LAST, sound),
        p_data(3, COMMAND | LAST, NAME * 3),
        p_data(3, COMMAND | LAST, command_set({2: uid("1.2"), 0x100: short(0x20), 0x110: short(1), 0x800: short(0)}))
        + p_data(3, LAST, NAME),
        command + p_data(3, 0, sound) + p_data(1, LAST, NAME),
        pdu(0x44, NAME),
        pdu(4, struct.pack(">IBB", 200, 3, 2) + NAME),
    ]


def requests() -> list[bytes]:
    """Requests for associations with the canary in their user information."""
    identity = user_identity(CANARY, CANARY)
    return [
        associate_rq(user_items=identity),
        associate_rq(user_items=item(0x55, NAME) + item(0x54, struct.pack(">H", 8) + NAME + b"\0\0") + item(0x77, NAME)),
        associate_rq(user_items=item(0x56, struct.pack(">H", 8) + NAME) + item(0x57, struct.pack(">H", 900) + NAME)),
        associate_rq([(1, CANARY, (CANARY,)), (3, "1.2.840.10008.5.1.4.1.1.2", ("1.2.840.10008.1.2.1",))]),
        associate_rq(user_items=identity[:-4]),
        associate_rq()[:-3] + NAME[:3],
    ]


def test_nothing_of_a_patient_leaves(tmp_path: Path) -> None:
    answers = b""
    with besieged(tmp_path) as receiver:
        with RawPeer(receiver.port) as peer:
            assert peer.negotiate() == 2
            assert peer.store(encoded(patient("1.2.3.3")), "1.2.3.3") == 0
            peer.release()
        for request in requests():
            answers += said(receiver.port, request, b"")
        for stream in hostile_streams():
            answers += said(receiver.port, associate_rq(), stream)
        stored = [one for folder in receiver.folders for one in held(folder)]
    told = receiver.log.read_bytes()
    assert told.count(b"instance.refused") >= 4
    assert NAME not in told
    # A response repeats the UIDs of its request: those alone may come back, to the sender itself.
    assert NAME not in answers.replace(uid(CANARY), b"")
    assert [path for path in tmp_path.rglob("*") if CANARY.lower() in str(path).lower()] == []
    records = [path for path in receiver.spool.rglob("*") if path.is_file() and path.suffix != ".dcm"]
    assert {path.name for path in records if NAME in path.read_bytes()} == set()
    assert [one.record.sop_instance_uid for one in stored] == ["1.2.3.3"]


def said(port: int, request: bytes, stream: bytes) -> bytes:
    """What comes back; none of these is waited for longer than the receiver takes."""
    answered = b""
    with RawPeer(port, "127.0.0.1", timeout_s=5) as peer:
        peer.send(request)
        first = peer.read_pdu()
        if first is None or first[0] != 2:
            return b"" if first is None else first[1]
        peer.send(stream)
        peer.socket.shutdown(1)
        while (answer := peer.read_pdu()) is not None:
            answered += answer[1]
    return answered
