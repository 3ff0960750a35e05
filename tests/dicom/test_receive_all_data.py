"""Everything in the test data sent in its own transfer syntax: what is answered 0000 lies in the spool byte for byte.

DCMTK reads a file and writes its data set anew, so that a proxy records what it really sent; the same files are sent a second
time by hand, as their bytes are. What is refused is in quarantine, byte for byte as well.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pydicom
import pytest

from node.receive.spool.spool import SpoolFolders
from tests.support.attacker import RawPeer, associate_rq
from tests.support.besieged import Besieged, besieged
from tests.support.dicom_builders import ct_series, write
from tests.support.peers import run_tool
from tests.support.ports import LOOPBACK
from tests.support.receiver import SCANNER, WETREAD, held, quarantined
from tests.support.recorder import Recording, recorder
from tests.support.samples import Sample, samples

STATUS, INSTANCE = 0x0900, 0x1000
SMALL = 3 * 2**20
# Malformed on purpose or by their makers; each is sent in the suite too.
MALFORMED = (
    "bad_sequence", "too_short", "explicit_VR-UN", "nested_priv_SQ", "no_meta", "meta_missing_tsyntax", "truncated",
    "UN_sequence", "JLSL_RGB_ILV0", "ExplVR_BigEndNoMeta", "ExplVR_LitEndNoMeta", "empty_charset", "image_dfl",
    "liver_deflate", "private_SQ",
)  # fmt: skip


@dataclass
class Outcome:
    """What became of what was sent: statuses by number, and what disagrees with the spool."""

    statuses: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    stored: list[tuple[str, bytes]] = field(default_factory=list)
    refused: list[bytes] = field(default_factory=list)

    def judge(self, folders: Sequence[SpoolFolders]) -> None:
        """Everything acknowledged is held, everything else is kept apart."""
        spooled = {(one.record.sop_instance_uid, one.data) for folder in folders for one in held(folder)}
        apart = {data for folder in folders for _, data in quarantined(folder)}
        self.wrong += [f"{uid} was answered 0000 and is not held" for uid, data in self.stored if (uid, data) not in spooled]
        self.wrong += [f"{len(data)} bytes refused and not kept" for data in self.refused if data not in apart]
        self.wrong += [f"{uid} is held and was not acknowledged" for uid, data in spooled - set(self.stored)]

    def note(self, status: int | None, sop_instance: str, data: bytes) -> None:
        self.statuses["none" if status is None else f"{status:04X}"] += 1
        if status == 0:
            self.stored.append((sop_instance, data))
        elif status is not None and status >> 12 in (0xA, 0xC) and status != 0xA700:
            self.refused.append(data)


def by_syntax(chosen: Iterable[Sample]) -> dict[str, list[Sample]]:
    groups = defaultdict(list)
    for one in chosen:
        groups[one.transfer_syntax].append(one)
    return groups


def profile(folder: Path, syntax: str, sop_classes: Iterable[str]) -> Path:
    """A configuration of storescu that proposes each SOP class in one transfer syntax alone."""
    path = folder / f"{syntax}.cfg"
    contexts = "".join(f"PresentationContext{n} = {uid}\\Own\n" for n, uid in enumerate(sorted(set(sop_classes)), 1))
    path.write_text(
        f"[[TransferSyntaxes]]\n[Own]\nTransferSyntax1 = {syntax}\n"
        f"[[PresentationContexts]]\n[All]\n{contexts}[[Profiles]]\n[Default]\nPresentationContexts = All\n"
    )
    return path


def store_by_dcmtk(folder: Path, port: int, syntax: str, group: Sequence[Sample]) -> None:
    """storescu with all files of one syntax; it goes on after a failure, and anew after a file that ends its association."""
    config = profile(folder, syntax, (one.sop_class for one in group))
    options: list[str | Path] = ["-nh", "-xf", config, "Default", "-aet", SCANNER, "-aec", WETREAD, LOOPBACK, str(port)]
    run_tool("storescu", *options, *(one.path for one in group), timeout_s=240)


def note_recordings(outcome: Outcome, recordings: Sequence[Recording]) -> None:
    for recording in recordings:
        answers = [answer.command.get(STATUS) for answer in recording.answers()]
        messages = recording.messages()
        for n, message in enumerate(messages):
            status = answers[n] if n < len(answers) else None
            outcome.note(None if status is None else int.from_bytes(status, "little"), message.uid(INSTANCE), message.data)


def store_by_hand(port: int, group: Sequence[Sample], outcome: Outcome) -> None:
    """Every file's own bytes, an association each, since what is refused may end it."""
    for one in group:
        with RawPeer(port, "127.0.0.1", timeout_s=30) as peer:
            if peer.negotiate(associate_rq([(1, one.sop_class, (one.transfer_syntax,))])) == 2 and 1 in peer.accepted:
                sop_instance = one.sop_instance or "1.2.3.4"
                outcome.note(peer.store(one.data, sop_instance, 1, one.sop_class), sop_instance, one.data)
                peer.release()
            else:
                outcome.statuses["not accepted"] += 1


def wheel_files() -> Iterator[Sample]:
    """The samples that come with pydicom, of which many are malformed."""
    for folder in ("test_files", "charset_files"):
        yield from samples(Path(pydicom.__file__).parent / "data" / folder)


def a_few(all_of_them: Iterable[Sample]) -> list[Sample]:
    """The smallest of each transfer syntax and SOP class family, and each malformed one."""
    chosen = []
    for group in by_syntax(all_of_them).values():
        ranked = sorted(group, key=lambda one: one.path.stat().st_size)
        classes = {one.sop_class: one for one in reversed(ranked)}
        few = [*ranked[:1], *classes.values(), *(one for one in group if any(word in one.path.name for word in MALFORMED))]
        chosen += [one for one in dict.fromkeys(few) if one.path.stat().st_size < SMALL]
    return chosen


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[Besieged]:
    """A process of its own: in ours, warnings about malformed values would be errors."""
    with besieged(tmp_path, processes=2) as running:
        yield running


@pytest.mark.parametrize("everything", [False, pytest.param(True, marks=[pytest.mark.slow, pytest.mark.timeout(1200)])])
def test_dcmtk_sends_and_every_byte_is_held(test_data: Path, tmp_path: Path, receiver: Besieged, everything: bool) -> None:
    found = [*samples(test_data / "dicom"), *wheel_files()]
    chosen = found if everything else a_few(found)
    outcome = Outcome()
    with recorder(receiver.port) as (port, recordings):
        for syntax, group in by_syntax(chosen).items():
            store_by_dcmtk(tmp_path, port, syntax, group)
    note_recordings(outcome, recordings)
    outcome.judge(receiver.folders)
    report("DCMTK", chosen, outcome)
    assert outcome.wrong == []
    assert len(outcome.stored) > 0.8 * len(chosen)


@pytest.mark.parametrize("everything", [False, pytest.param(True, marks=[pytest.mark.slow, pytest.mark.timeout(1200)])])
def test_files_bytes_are_held_as_they_are(test_data: Path, receiver: Besieged, everything: bool) -> None:
    found = [*samples(test_data / "dicom"), *wheel_files()]
    chosen = found if everything else a_few(found)
    outcome = Outcome()
    store_by_hand(receiver.port, chosen, outcome)
    outcome.judge(receiver.folders)
    report("by hand", chosen, outcome)
    assert outcome.wrong == []
    assert len(outcome.stored) > 0.8 * len(chosen)


def test_a_private_class_sent_by_dcmtk(tmp_path: Path, receiver: Besieged) -> None:
    """The test data hold none: one is made."""
    made = ct_series(1, rows=4, columns=4, SOPClassUID="1.2.826.0.1.3680043.9.9999.1")[0]
    made.add_new(0x00291001, "OB", b"\1\2\3\4")
    made.add_new(0x00290010, "LO", "WETREAD TESTS")
    (path,) = write([made], tmp_path / "private")
    (group,) = by_syntax(samples(path.parent)).values()
    outcome = Outcome()
    with recorder(receiver.port) as (port, recordings):
        store_by_dcmtk(tmp_path, port, group[0].transfer_syntax, group)
    note_recordings(outcome, recordings)
    outcome.judge(receiver.folders)
    assert outcome.wrong == []
    assert [uid for uid, _ in outcome.stored] == [str(made.SOPInstanceUID)]


def report(how: str, chosen: Sequence[Sample], outcome: Outcome) -> None:
    """The counts, shown under ``-s``."""
    own = {one.data for one in chosen}
    as_in_file = sum(data in own for _, data in outcome.stored)
    print(f"{how}: {len(chosen)} files in {len(by_syntax(chosen))} transfer syntaxes; statuses {dict(outcome.statuses)}")  # noqa: T201
    print(f"  held as sent: {len(outcome.stored)}, of these equal to the file's own bytes: {as_in_file}")  # noqa: T201
