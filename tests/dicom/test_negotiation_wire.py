"""Association negotiation byte for byte, on both network paths: contexts without sense, 128 of them, and the extended items."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path
from typing import get_args

import pytest

from node.receive.associate.admission import Admission, Grant, Source
from node.receive.pool.config import PathName
from tests.support import attacker
from tests.support.attacker import ABORT, ASSOCIATE_AC, ASSOCIATE_RJ, CT, EXPLICIT, IMPLICIT, Context, RawPeer, associate_rq, item
from tests.support.receiver import RunningReceiver, receiver_config, running_receiver

PRIVATE_SYNTAX, FIND = "1.2.3.4.5.6", "1.2.840.10008.5.1.4.1.2.2.1"

# Of most such requests a thread of stock pynetdicom dies, and their connections stay until a timeout.
fast_alone = pytest.mark.parametrize("path", ["fast"], indirect=True)


@pytest.fixture(scope="module", params=get_args(PathName))
def path(request: pytest.FixtureRequest) -> PathName:
    chosen: PathName = request.param
    return chosen


@pytest.fixture(scope="module")
def receiver(path: PathName, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningReceiver]:
    spool = tmp_path_factory.mktemp("spool")
    with running_receiver(spool, replace(receiver_config(spool), path=path)) as running:
        yield running


def _ask(port: int, request: bytes) -> tuple[int, bytes] | None:
    """The PDU that answers a request; None when the connection was closed without one."""
    with RawPeer(port) as peer:
        peer.send(request)
        return peer.read_pdu()


def _answered(port: int, request: bytes) -> bytes:
    """The body of the A-ASSOCIATE-AC."""
    answer = _ask(port, request)
    assert answer is not None and answer[0] == ASSOCIATE_AC
    return answer[1]


def _items(body: bytes) -> list[tuple[int, bytes]]:
    found, pos = [], 0
    while pos < len(body):
        kind, length = struct.unpack_from(">BxH", body, pos)
        found.append((kind, body[pos + 4 : pos + 4 + length]))
        pos += 4 + length
    return found


def _results(body: bytes) -> list[tuple[int, int]]:
    """Identifier and result of each context (PS3.8 9.3.3.2)."""
    return sorted((content[0], content[2]) for kind, content in _items(body[68:]) if kind == 0x21)


def _user_items(body: bytes) -> list[tuple[int, bytes]]:
    (user,) = (content for kind, content in _items(body[68:]) if kind == 0x50)
    return _items(user)


def _is_well(port: int) -> bool:
    with RawPeer(port) as peer:
        return (
            peer.negotiate() == ASSOCIATE_AC
            and peer.send(attacker.p_data(1, 3, attacker.echo_rq()))
            and peer.read_pdu() is not None
        )


def test_each_context_is_answered_by_its_own(receiver: RunningReceiver) -> None:
    contexts: list[Context] = [
        (1, CT, (IMPLICIT, EXPLICIT)),
        (3, CT, (PRIVATE_SYNTAX,)),
        (5, FIND, (IMPLICIT,)),
        (7, "1.2.3.4", (PRIVATE_SYNTAX, IMPLICIT)),
        (9, attacker.VERIFICATION, (IMPLICIT,)),
    ]
    body = _answered(receiver.port, associate_rq(contexts))
    assert _results(body) == [(1, 0), (3, 4), (5, 3), (7, 0), (9, 0)]


def test_128_contexts_are_answered(receiver: RunningReceiver) -> None:
    contexts = [(2 * n + 1, f"1.2.840.10008.5.1.4.1.1.{n + 1000}", (IMPLICIT, EXPLICIT)) for n in range(128)]
    assert _results(_answered(receiver.port, associate_rq(contexts))) == [(n, 0) for n in range(1, 256, 2)]


def _many(numbers: Sequence[int]) -> list[Context]:
    return [(number, CT, (EXPLICIT,)) for number in numbers]


@fast_alone
@pytest.mark.parametrize(
    "contexts",
    [
        pytest.param(_many([]), id="none"),
        pytest.param(_many([2]), id="even"),
        pytest.param(_many([0]), id="zero"),
        pytest.param(_many([1, 2, 3]), id="even among odd"),
        pytest.param(_many([1, 1]), id="one twice"),
        pytest.param(_many([*range(1, 256, 2), 1]), id="129"),
        pytest.param([(1, "", (EXPLICIT,))], id="no abstract syntax"),
        pytest.param([(1, CT, ())], id="no transfer syntax"),
        pytest.param([(1, CT, ("not a UID",))], id="a transfer syntax that is no UID"),
        pytest.param([(1, "1." * 40, (EXPLICIT,))], id="an abstract syntax that is too long"),
        pytest.param([(1, CT, (b"\xff\xfe".decode("latin-1"),))], id="bytes beyond ASCII"),
    ],
)
def test_contexts_without_sense_give_nobody_an_association(receiver: RunningReceiver, contexts: list[Context]) -> None:
    """Rejected, aborted, or none of them accepted; never silence, and others are served."""
    answer = _ask(receiver.port, associate_rq(contexts))
    if answer is not None and answer[0] == ASSOCIATE_AC:
        assert all(result for _, result in _results(answer[1]))
    else:
        assert answer is None or answer[0] in (ASSOCIATE_RJ, ABORT)
    assert _is_well(receiver.port)


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        (associate_rq().replace(b"1.2.840.10008.3.1.1.1", b"1.2.840.10008.3.1.1.2"), bytes((0, 1, 1, 2))),
        (associate_rq(_many([1, 1])), bytes((0, 1, 1, 1))),
        (associate_rq(max_pdu=7), bytes((0, 1, 1, 1))),
        (associate_rq(calling="STRANGER"), bytes((0, 1, 1, 3))),
        (associate_rq(called="STRANGER"), bytes((0, 1, 1, 7))),
    ],
    ids=["application context", "one number twice", "maximum PDU", "calling title", "called title"],
)
def test_a_reject_gives_its_reason(receiver: RunningReceiver, request_: bytes, reason: bytes) -> None:
    assert _ask(receiver.port, request_) == (ASSOCIATE_RJ, reason)


@fast_alone
def test_another_protocol_version_is_rejected(receiver: RunningReceiver) -> None:
    """PS3.8 9.3.2: bit 0 alone is tested; without it there is no version that both speak."""
    body = associate_rq()[6:]
    assert _ask(receiver.port, attacker.pdu(1, struct.pack(">H", 2) + body[2:])) == (ASSOCIATE_RJ, bytes((0, 1, 2, 2)))


def test_the_extended_items_are_answered_byte_for_byte(receiver: RunningReceiver) -> None:
    name = struct.pack(">H", len(CT)) + CT.encode()
    asked = item(0x53, struct.pack(">HH", 0, 0)) + item(0x56, name + bytes((3, 0, 0, 0, 2, 0))) + item(0x54, name + b"\1\1")
    answered = _user_items(_answered(receiver.port, associate_rq(user_items=asked)))
    assert answered[0] == (0x51, struct.pack(">I", 256 * 1024))
    assert sorted(answered[3:]) == [
        (0x53, struct.pack(">HH", 1, 1)),
        (0x54, name + b"\1\0"),
        (0x56, name + bytes((2, 0, 3, 0, 0, 0))),
    ]


def test_what_is_not_asked_for_is_not_answered(receiver: RunningReceiver, tmp_path: Path) -> None:
    assert [kind for kind, _ in _user_items(_answered(receiver.port, associate_rq()))] == [0x51, 0x52, 0x55]


def test_an_address_that_no_source_allows_is_told_nothing(tmp_path: Path) -> None:
    far = Source(Grant("far"), networks=(ip_network("10.0.0.0/8"),))
    config = replace(receiver_config(tmp_path), admission=Admission("WETREAD", sources=(far,)))
    with running_receiver(tmp_path, config) as running:
        assert _ask(running.port, associate_rq()) is None
