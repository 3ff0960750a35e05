"""Where the network cuts or joins the bytes of an association makes no difference to it."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.attacker import CT, LAST, P_DATA, associate_rq, echo_rq, pdu, pdv, release, store_rq
from tests.support.fast_path import Counter, exchange
from tests.support.recorder import Recording, pdus
from tests.unit.node.receive.encoding import element, encoded, identified

COMMAND = 1


@pytest.fixture(scope="module")
def counter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Counter]:
    found = Counter(tmp_path_factory.mktemp("spool"))
    yield found
    found.close()


def instances() -> list[tuple[str, bytes]]:
    """SOP instance UIDs and data sets, of which one needs several PDUs."""
    sizes = {"1.2.3.1": 10, "1.2.3.2": 70_000, "1.2.3.3": 1000}
    return [(uid, encoded(identified(uid)) + element(0x7FE00010, "OW", bytes(size))) for uid, size in sizes.items()]


def pieces(data: bytes, sizes: Iterator[int]) -> list[bytes]:
    """``data`` cut into fragments, the last perhaps empty."""
    found, at = [], 0
    while at < len(data):
        size = next(sizes)
        found.append(data[at : at + size])
        at += size
    return [*found, b""] if next(sizes) % 5 == 0 else found


def message(context_id: int, command: bytes, data: bytes | None, sizes: Iterator[int]) -> list[bytes]:
    """A message as presentation data values."""
    found = []
    for kind, content in ((COMMAND, command), (0, data)):
        if content is not None:
            *first, last = pieces(content, sizes)
            found += [pdv(context_id, kind, piece) for piece in first] + [pdv(context_id, kind | LAST, last)]
    return found


def association(sizes: Iterator[int]) -> bytes:
    """A whole association; ``sizes`` cut its messages into values and join these into PDUs."""
    values = message(1, echo_rq(1), None, sizes)
    for number, (uid, data) in enumerate(instances(), 2):
        values += message(3, store_rq(uid, CT, number), data, sizes)
    values += message(1, echo_rq(9), None, sizes)
    bodies, body = [], b""
    for value in values:
        if body and (len(body) + len(value) > 60_000 or next(sizes) % 3):
            bodies.append(body)
            body = b""
        body += value
    return associate_rq() + b"".join(pdu(P_DATA, one) for one in [*bodies, body]) + release()


def outcome(answered: bytes) -> tuple[list[int], list[dict[int, bytes]]]:
    """What an association came to: the types of our PDUs, and the command sets of our answers."""
    recording = Recording(bytearray(), bytearray(answered))
    return [kind for kind, _ in pdus(answered)], [one.command for one in recording.answers()]


WHOLE = [2, 4, 4, 4, 4, 4, 6]


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32), widest=st.sampled_from([1, 3, 7, 100, 5000, 300_000]))
def test_reads_of_any_length_give_the_same(counter: Counter, seed: int, widest: int) -> None:
    stream = association(itertools.repeat(16_378))
    expected = outcome(exchange(counter, stream, iter(())))
    assert expected[0] == WHOLE
    chance = random.Random(seed)
    steps = 3000  # then the rest at once: a read of one byte each for all would take long and show no more
    sizes = (chance.randint(1, widest) for _ in range(steps))
    assert outcome(exchange(counter, stream, sizes)) == expected


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32), widest=st.sampled_from([40, 500, 5000, 50_000]))
def test_messages_cut_and_joined_in_any_way_give_the_same(counter: Counter, seed: int, widest: int) -> None:
    expected = outcome(exchange(counter, association(itertools.repeat(16_378)), iter(())))
    chance = random.Random(seed)
    cut = association(chance.randint(1, widest) for _ in itertools.count())
    assert outcome(exchange(counter, cut, iter(()))) == expected
