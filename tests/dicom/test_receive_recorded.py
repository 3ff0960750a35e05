"""An association that DCMTK really had, played to the fast path again with its bytes cut and joined at random."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydicom import examples

from node.receive.spool.records import InstanceReceived
from tests.support.attacker import ASSOCIATE_AC, P_DATA, RELEASE_RP
from tests.support.dicom_builders import ct_series
from tests.support.fast_path import Counter, exchange
from tests.support.peers import run_tool
from tests.support.ports import LOOPBACK
from tests.support.receiver import SCANNER, WETREAD, running_receiver
from tests.support.recorder import Recording, pdus, recorder
from tests.unit.node.receive.samples import waiting

pytestmark = pytest.mark.peers
WIDEST = [1, 7, 300, 10_000, 300_000]


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Recording:
    """DCMTK sends a series and a JPEG 2000 image, in PDUs of 4 KiB."""
    folder = tmp_path_factory.mktemp("series")
    for number, dataset in enumerate(ct_series(3, 64, 64)):
        dataset.save_as(folder / f"{number}.dcm", enforce_file_format=True)
    files = [*sorted(folder.iterdir()), Path(examples.get_path("jpeg2k"))]
    options = ("-R", "-xv", "--max-send-pdu", "4096", "-aet", SCANNER, "-aec", WETREAD)
    with running_receiver(tmp_path_factory.mktemp("spool")) as receiver, recorder(receiver.port) as (port, recordings):
        done = run_tool("storescu", *options, LOOPBACK, str(port), *files)
        assert done.returncode == 0, done.stderr
    return recordings[0]


@pytest.fixture
def counter(tmp_path: Path) -> Iterator[Counter]:
    found = Counter(tmp_path / "spool")
    yield found
    found.close()


def kept(counter: Counter) -> list[str]:
    """Digests of what the spool holds, in its order."""
    return [line.record.sha256 for line in waiting(counter.spool.folders) if isinstance(line.record, InstanceReceived)]


@pytest.mark.parametrize("widest", WIDEST)
def test_a_recording_in_pieces_is_the_same_association(recording: Recording, counter: Counter, widest: int) -> None:
    chance = random.Random(widest)
    sizes = iter([chance.randint(1, widest) for _ in range(2000)])
    answered = exchange(counter, bytes(recording.sent), sizes)
    sent = recording.messages()
    assert len(sent) == 4
    assert kept(counter) == [hashlib.sha256(message.data).hexdigest() for message in sent]
    accepted, *answers = pdus(answered)
    assert accepted[0] == ASSOCIATE_AC
    assert [kind for kind, _ in answers] == [*[P_DATA] * 4, RELEASE_RP]
    assert answers == list(pdus(bytes(recording.answered)))[1:], "byte for byte what was answered to DCMTK itself"
