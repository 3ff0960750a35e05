"""Both network paths keep one contract: the same bytes in give the same bytes out, the same spool and the same events."""

from __future__ import annotations

import json
import struct
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from node.receive.associate.admission import Grant
from node.receive.desk.desk import Desk
from node.receive.pool.config import PathName
from node.receive.spool.durable import Bytes
from node.receive.spool.records import AssociationClosed
from node.receive.store.status import TABLE, Answer
from tests.support.attacker import (
    ABORT,
    ASSOCIATE_AC,
    CT,
    EXPLICIT,
    IMPLICIT,
    LAST,
    P_DATA,
    VERIFICATION,
    RawPeer,
    abort,
    associate_rq,
    echo_rq,
    fragments,
    p_data,
    parse_command,
    pdu,
    pdv,
    release,
    store_rq,
    uid,
)
from tests.support.ports import LOOPBACK
from tests.support.receiver import held, quarantined, receiver_config, running_receiver
from tests.unit.node.receive.encoding import element, encoded, identified
from tests.unit.node.receive.samples import waiting

PATHS: tuple[PathName, ...] = ("fast", "stock")
PRIVATE = "1.3.12.2.1107.5.9.1"
ASKED = associate_rq(((1, VERIFICATION, (IMPLICIT,)), (3, CT, (EXPLICIT,)), (5, CT, (IMPLICIT,)), (7, PRIVATE, (EXPLICIT,))))

PIXELS = element(0x7FE00010, "OW", bytes(range(256)) * 400)
DATA = encoded(identified("1.2.3.4")) + PIXELS


Steps = list[tuple[bytes, int]]  # what is sent, and how many PDUs are awaited then


def store(sop: str, data: bytes, context_id: int = 3, sop_class: str = CT, size: int = 16_384) -> tuple[bytes, int]:
    """A C-STORE of bytes."""
    return p_data(context_id, 3, store_rq(sop, sop_class)) + b"".join(fragments(context_id, data, size)), 1


def private_instance() -> bytes:
    dataset = identified("1.2.3.5")
    dataset.SOPClassUID = PRIVATE
    return encoded(dataset)


ECHO = (p_data(1, 3, echo_rq()), 1)
RELEASE = (release(), 1)
STORE = store("1.2.3.4", DATA)
HALF = (store("1.2.3.7", DATA)[0][:30_000], 0)
JOINED = pdv(3, 3, store_rq("1.2.3.4")) + pdv(3, 0, DATA) + pdv(3, LAST, b"")

SCENES: dict[str, Steps] = {
    "an echo": [ECHO, RELEASE],
    "one instance": [STORE, RELEASE],
    "one instance in one PDU": [store("1.2.3.4", DATA, size=2**18), RELEASE],
    "one instance in many PDUs": [store("1.2.3.4", DATA, size=200), RELEASE],
    "another transfer syntax": [store("1.2.3.6", encoded(identified("1.2.3.6"), IMPLICIT), 5), RELEASE],
    "a private class": [store("1.2.3.5", private_instance(), 7, PRIVATE), RELEASE],
    "several instances, one twice": [STORE, ECHO, STORE, store("1.2.3.5", private_instance(), 7, PRIVATE), RELEASE],
    "values of one message in one PDU": [(pdu(P_DATA, JOINED), 1), RELEASE],
    "another instance than announced": [store("1.2.3.9", DATA), STORE, RELEASE],
    "another class than its context's": [store("1.2.3.4", DATA, 3, PRIVATE), RELEASE],
    "a UID that is none": [store("1.2.03.4", DATA), RELEASE],
    "no Study UID": [store("1.2.3.4", encoded(identified("1.2.3.4", study=""))), RELEASE],
    "a data set of nothing": [store("1.2.3.4", b""), RELEASE],
    "a data set cut off": [store("1.2.3.4", DATA[:-10]), RELEASE],
    "bytes that are no data set": [store("1.2.3.4", b"\0\1\2\3" * 50), RELEASE],
    "an abort": [STORE, (abort(), 0)],
    "an abort within an instance": [STORE, HALF, (abort(), 0)],
    "the connection cut within an instance": [STORE, HALF],
    "the connection cut within a command": [STORE, (p_data(3, 1, store_rq("1.2.3.7")[:20]), 0)],
    "the connection cut between messages": [STORE, (b"", 0)],
    "a PDU type that is none": [STORE, (pdu(0x21, b""), 1)],
    "a request within the association": [STORE, (ASKED, 1)],
}


@dataclass(frozen=True)
class Outcome:
    """All that an association leaves: what we said, what is kept, what was logged."""

    answers: list[Any]
    kept: list[tuple[str, str, bytes]]
    quarantined: list[tuple[str, bytes]]
    ends: list[str]
    events: list[dict[str, Any]]


def outcome(path: PathName, spool: Path, steps: Steps, capsys: pytest.CaptureFixture[str]) -> Outcome:
    """One association with a receiver of its own."""
    capsys.readouterr()
    with running_receiver(spool, replace(receiver_config(spool), path=path)) as receiver:
        with RawPeer(receiver.port, LOOPBACK) as peer:
            said = [answer for step in [(ASKED, 1), *steps] for answer in answers(peer, *step)]
            if steps[-1][1]:
                said += rest(peer)
        events = told(capsys)
    return Outcome(
        said,
        [(one.record.sop_class_uid, one.record.transfer_syntax_uid, one.data) for one in held(receiver.folders)],
        sorted((record.reason, data) for record, data in quarantined(receiver.folders)),
        [str(line.record.end) for line in waiting(receiver.folders) if isinstance(line.record, AssociationClosed)],
        events,
    )


def answers(peer: RawPeer, said: bytes, count: int) -> list[Any]:
    """What is answered: types of PDUs with their bodies, but command sets by element, and of an abort its source alone."""
    peer.send(said)
    return [told_by(peer.read_pdu()) for _ in range(count)]


def rest(peer: RawPeer) -> list[Any]:
    """What comes until the connection's end."""
    return [told_by(answer) for answer in iter(peer.read_pdu, None)]


def told_by(answer: tuple[int, bytes] | None) -> Any:
    if answer is None:
        return None
    kind, body = answer
    return kind, body[2] if kind == ABORT else parse_command(body[6:]) if kind == P_DATA else body


def told(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """The log of one association up to its end, without names and times."""
    wanted = ("event", "reason", "status", "tag", "end", "stored", "refused")
    log: list[dict[str, Any]] = []
    for _ in range(200):
        log += [json.loads(line) for line in capsys.readouterr().err.splitlines() if line.startswith("{")]
        if any(line["event"] == "association.ended" for line in log):
            break
        time.sleep(0.02)
    seen = ("association.accepted", "association.ended", "association.rejected", "instance.refused")
    return [{key: line.get(key) for key in wanted} for line in log if line["event"] in seen]


@pytest.mark.filterwarnings("ignore:Invalid value for VR UI")  # pydicom's, of what was received
@pytest.mark.parametrize("name", SCENES)
def test_both_paths_answer_keep_and_tell_the_same(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fast, stock = (outcome(path, tmp_path / path, SCENES[name], capsys) for path in PATHS)
    assert fast == stock
    assert fast.answers and fast.events[-1]["event"] == "association.ended"
    assert not list((tmp_path / "fast" / "receiver" / "part").iterdir())


class _Fixed:
    """Takes a data set and answers what it was told to."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer

    def write(self, data: Bytes) -> None:
        pass

    def finish(self) -> Answer:
        return self._answer

    def abandon(self) -> None:
        pass


@pytest.mark.parametrize("path", PATHS)
def test_every_row_of_the_status_table_reaches_the_sender(
    path: PathName, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With its comment and the offending element (PS3.7 9.1.1.1.9, PS3.4 B.2.3)."""
    rows = [Answer(row.status, code, row.comment, offending) for code, row in TABLE.items() for offending in (0, 0x00080018)]
    left = iter(rows)
    monkeypatch.setattr(Desk, "begin_store", lambda desk, session, command: _Fixed(next(left)))
    told: list[tuple[int, str, int]] = []
    spool = tmp_path / "spool"
    with (
        running_receiver(spool, replace(receiver_config(spool), path=path)) as receiver,
        RawPeer(receiver.port, LOOPBACK) as peer,
    ):
        assert peer.negotiate(ASKED) == ASSOCIATE_AC
        for _ in rows:
            peer.send(STORE[0])
            answer = peer.read_command()
            assert answer is not None
            group, element = struct.unpack("<HH", answer.get(0x0901, bytes(4)))
            comment = answer.get(0x0902, b"").decode().rstrip()
            told.append((int.from_bytes(answer[0x0900], "little"), comment, group << 16 | element))
            assert (answer[0x0002], answer[0x1000], answer[0x0120]) == (uid(CT), uid("1.2.3.4"), b"\1\0")
        assert peer.release()
    assert told == [(row.status, row.comment, row.offending) for row in rows]


@pytest.mark.parametrize("path", PATHS)
def test_who_may_have_one_association_may_have_one_after_another(path: PathName, tmp_path: Path) -> None:
    """Who is told of a release asks anew before the thread of the former association has come to its end."""
    config = replace(receiver_config(tmp_path), path=path)
    config = replace(config, admission=replace(config.admission, ordinary=Grant("", most_associations=1)))
    with running_receiver(tmp_path, config) as receiver:
        for _ in range(30):
            with RawPeer(receiver.port, LOOPBACK) as peer:
                assert peer.negotiate(ASKED) == ASSOCIATE_AC
                assert peer.release()
