"""The conformance statement against the node itself: what it says of negotiation is what a requestor sees."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydicom._uid_dict import UID_dictionary
from pynetdicom import AE, build_context

import node
from tests.support.ports import LOOPBACK
from tests.support.receiver import SCANNER, WETREAD, RunningReceiver, running_receiver

CT = "1.2.840.10008.5.1.4.1.1.2"
EXPLICIT = "1.2.840.10008.1.2.1"
PRIVATE = "2.25.329800735698586629295641978511506172999"
MOST = 128
TEXT = (Path(node.__file__).parent / "CONFORMANCE.md").read_text(encoding="utf-8")


def section(title: str) -> str:
    """The text of the section whose heading begins so."""
    _, _, rest = TEXT.partition(f"\n## {title}")
    assert rest
    return rest.partition("\n## ")[0]


def rows(text: str) -> list[list[str]]:
    """The cells of all table rows."""
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("| ")]


STORED = [row[1] for row in rows(section("Annex A")) if row[1][0].isdigit()]
PLACES = {row[2]: int(row[0]) for row in rows(section("Annex B")) if row[0].isdigit()}
SERVED = [row[3] for row in rows(section("N.1")) if row[2] == "yes"]
PARAMETERS = dict(row for row in rows(section("N.7")) if len(row) == 2)


@pytest.fixture(scope="module")
def receiver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningReceiver]:
    with running_receiver(tmp_path_factory.mktemp("spool")) as running:
        yield running


def agreed(receiver: RunningReceiver, proposals: list[tuple[str, list[str]]]) -> list[str | None]:
    """The transfer syntax agreed to for each proposal, None where its context was refused."""
    found: list[str | None] = []
    for start in range(0, len(proposals), MOST):
        ae = AE(SCANNER)
        contexts = [build_context(abstract, syntaxes) for abstract, syntaxes in proposals[start : start + MOST]]
        assoc = ae.associate(LOOPBACK, receiver.port, contexts=contexts, ae_title=WETREAD)
        try:
            taken = {c.context_id: str(c.transfer_syntax[0]) for c in assoc.accepted_contexts}
            refused = {c.context_id: None for c in assoc.rejected_contexts}
            assert len(taken) + len(refused) == len(contexts)
            found += [value for _, value in sorted({**taken, **refused}.items())]
        finally:
            assoc.release() if assoc.is_established else assoc.abort()
    return found


def test_every_class_of_the_statement_is_taken_and_no_other(receiver: RunningReceiver) -> None:
    others = [uid for uid, entry in UID_dictionary.items() if entry[1] == "SOP Class" and uid not in STORED and uid not in SERVED]
    assert len(STORED) > 150 and len(others) > 50
    assert agreed(receiver, [(uid, [EXPLICIT]) for uid in (*STORED, *SERVED)]) == [EXPLICIT] * (len(STORED) + len(SERVED))
    assert agreed(receiver, [(CT, [EXPLICIT]), *((uid, [EXPLICIT]) for uid in others)]) == [EXPLICIT, *[None] * len(others)]


def test_private_and_future_storage_classes_are_taken(receiver: RunningReceiver) -> None:
    future = "1.2.840.10008.5.1.4.1.1.999.1"
    assert future not in STORED
    assert agreed(receiver, [(PRIVATE, [EXPLICIT]), (future, [EXPLICIT])]) == [EXPLICIT] * 2


def test_every_syntax_of_the_statement_is_taken_and_no_other(receiver: RunningReceiver) -> None:
    others = [uid for uid, entry in UID_dictionary.items() if entry[1] == "Transfer Syntax" and uid not in PLACES]
    proposals = [(CT, [uid]) for uid in (*PLACES, *others, PRIVATE)]
    assert len(PLACES) > 40 and len(proposals) <= MOST
    assert agreed(receiver, proposals) == [*PLACES, *[None] * (len(others) + 1)]


def test_of_several_syntaxes_the_best_place_wins_and_the_first_of_equals(receiver: RunningReceiver) -> None:
    by_place: dict[int, list[str]] = {}
    for uid, place in PLACES.items():
        by_place.setdefault(place, []).append(uid)
    assert sorted(by_place) == [1, 2, 3, 4]
    worst_first = [uids[0] for _, uids in sorted(by_place.items(), reverse=True)]
    equals = by_place[1][:3]
    proposals = [(CT, worst_first), (STORED[0], equals[::-1]), (STORED[1], worst_first[:2])]
    assert agreed(receiver, proposals) == [worst_first[-1], equals[-1], worst_first[1]]


def test_the_parameters_of_the_association_are_those_stated(receiver: RunningReceiver) -> None:
    assoc = AE(SCANNER).associate(LOOPBACK, receiver.port, contexts=[build_context(CT, EXPLICIT)], ae_title=WETREAD)
    try:
        assert assoc.is_established
        acceptor = assoc.acceptor
        stated = re.match(r"\d+", PARAMETERS["Maximum PDU length that we receive"])
        assert stated and acceptor.maximum_length == int(stated[0])
        assert str(acceptor.implementation_class_uid) == PARAMETERS["Implementation Class UID"]
        assert acceptor.implementation_version_name == PARAMETERS["Implementation Version Name"]
    finally:
        assoc.release()
