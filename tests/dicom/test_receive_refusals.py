"""What the receiver refuses, what it answers then, and that nothing of a patient leaves by log or name."""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Event

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian
from pynetdicom import build_context

from node.receive.pool.config import PathName
from node.receive.process import receive
from storage.base.clock import SystemClock
from storage.base.errors import ConfigError
from tests.support.attacker import ASSOCIATE_AC, COMMAND, LAST, RawPeer, associate_rq, fragments, p_data, store_rq
from tests.support.dicom_builders import ct_series
from tests.support.ports import LOOPBACK
from tests.support.receiver import (
    RunningReceiver,
    association,
    dataset_bytes,
    echo,
    is_bare,
    quarantined,
    receiver_config,
    running_receiver,
    send,
)

CANARY = "Zzcanary^Jane"


@dataclass(frozen=True)
class Refusal:
    """What a C-STORE was answered."""

    status: int
    comment: str
    offending: int


def raw_store(port: int, data: bytes, dataset: Dataset, **command: str) -> Refusal | None:
    """C-STORE of bytes that no library would write; None after an abort."""
    sop_class = command.get("sop_class", str(dataset.SOPClassUID))
    context = (3, command.get("context", str(dataset.SOPClassUID)), (str(ExplicitVRLittleEndian),))
    with RawPeer(port, LOOPBACK) as peer:
        assert peer.negotiate(associate_rq((context,))) == ASSOCIATE_AC
        request = store_rq(command.get("sop_instance", str(dataset.SOPInstanceUID)), sop_class)
        peer.send(p_data(3, COMMAND | LAST, request), *fragments(3, data))
        answer = peer.read_command()
        if answer is None:
            return None
        group, element = struct.unpack("<HH", answer.get(0x0901, bytes(4)))
        refusal = Refusal(
            int.from_bytes(answer[0x0900], "little"), answer.get(0x0902, b"").decode().rstrip(), group << 16 | element
        )
        assert peer.release()
    return refusal


@pytest.fixture
def sample(tmp_path: Path) -> tuple[Dataset, bytes]:
    dataset = ct_series(1, PatientName=CANARY)[0]
    dataset.save_as(tmp_path / "sample.dcm", enforce_file_format=True)
    return dataset, dataset_bytes(tmp_path / "sample.dcm")


def test_another_instance_than_announced(receiver: RunningReceiver, sample: tuple[Dataset, bytes]) -> None:
    dataset, data = sample
    response = raw_store(receiver.port, data, dataset, sop_instance="1.2.3.999")
    assert response is not None and response.comment
    assert (response.status, response.offending) == (0xA900, 0x00080018)
    assert is_bare(receiver.folders)


def test_a_truncated_data_set(receiver: RunningReceiver, sample: tuple[Dataset, bytes]) -> None:
    dataset, data = sample
    response = raw_store(receiver.port, data[:-10], dataset)
    assert response is not None
    assert (response.status, response.offending) == (0xC010, 0x7FE00010)
    assert is_bare(receiver.folders)
    ((record, kept),) = quarantined(receiver.folders)
    assert (record.reason, kept) == ("truncated", data[:-10])


@pytest.mark.parametrize("uid", ["1.2.03.4", "../../../etc/passwd", "1.2.abc"])
@pytest.mark.filterwarnings("ignore:Invalid value for VR UI")  # pydicom's, on the stock path
def test_a_malformed_instance_uid(receiver: RunningReceiver, sample: tuple[Dataset, bytes], uid: str) -> None:
    dataset, data = sample
    response = raw_store(receiver.port, data, dataset, sop_instance=uid)
    assert response is not None and response.status == 0x0117
    assert is_bare(receiver.folders)


@pytest.mark.filterwarnings("ignore:The value length", "ignore:Invalid value for VR UI")
def test_an_instance_uid_that_is_too_long_is_no_success(
    receiver: RunningReceiver, path: PathName, sample: tuple[Dataset, bytes]
) -> None:
    """On the stock path pynetdicom ends the association before we are asked."""
    dataset, data = sample
    response = raw_store(receiver.port, data, dataset, sop_instance="1." * 32 + "1")
    assert (response and response.status) == (0x0117 if path == "fast" else None)
    assert is_bare(receiver.folders)


def test_a_class_that_isn_t_its_context_s(receiver: RunningReceiver, sample: tuple[Dataset, bytes]) -> None:
    dataset, data = sample
    response = raw_store(receiver.port, data, dataset, context="1.2.840.10008.5.1.4.1.1.4")
    assert response is not None and response.status == 0x0122
    assert is_bare(receiver.folders)


def test_a_store_that_names_verification_is_no_success(receiver: RunningReceiver, sample: tuple[Dataset, bytes]) -> None:
    dataset, data = sample
    response = raw_store(receiver.port, data, dataset, sop_class="1.2.840.10008.1.1")
    assert response is None or response.status == 0x0122
    assert is_bare(receiver.folders)


def test_no_space_is_a700_with_a_comment_and_nothing_is_left(tmp_path: Path, path: PathName) -> None:
    free = os.statvfs(tmp_path)
    config = receiver_config(tmp_path / "spool", int(free.f_bavail * free.f_frsize * 1.5), path=path)
    with running_receiver(tmp_path / "spool", config) as receiver:
        dataset = ct_series(1)[0]
        with association(receiver.port, [build_context(dataset.SOPClassUID, ExplicitVRLittleEndian)]) as assoc:
            response = assoc.send_c_store(dataset)
        assert response.Status == 0xA700
        assert "disk space" in response.ErrorComment
        assert is_bare(receiver.folders)


def test_far_too_little_space_rejects_associations_for_now(tmp_path: Path, path: PathName) -> None:
    with running_receiver(tmp_path / "spool", receiver_config(tmp_path / "spool", 2**60, path=path)) as receiver:
        answered = echo(receiver.port)
        assert answered.returncode != 0
        assert "Local Limit Exceeded" in answered.stdout + answered.stderr


def test_no_patient_data_leaves_by_log_or_name(
    receiver: RunningReceiver, sample: tuple[Dataset, bytes], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dataset, data = sample
    assert send(receiver.port, dataset) == [0x0000]
    for broken in (data[:-10], data[: data.index(CANARY.encode()) + 4], data.replace(b"ISO_IR", b"NO_ONE")):
        raw_store(receiver.port, broken, dataset, sop_instance="1.2.3.999")
    told = "".join(capsys.readouterr())
    assert "instance.refused" in told
    assert CANARY not in told
    assert not [path for path in tmp_path.rglob("*") if "canary" in str(path).lower()]


def test_a_port_in_use_is_one_clear_line(receiver: RunningReceiver, tmp_path: Path) -> None:
    config = receiver_config(tmp_path / "other")
    taken = replace(config, listen=replace(config.listen, port=receiver.port))
    with pytest.raises(ConfigError) as caught:
        receive(taken, SystemClock(), Event())
    expected = f"node.port: {LOOPBACK}:{receiver.port} can't be used (Address already in use); "
    assert caught.value.message == expected + "stop the program that holds it or change node.port"
    with running_receiver(tmp_path / "other"):  # the spool was let go
        pass
