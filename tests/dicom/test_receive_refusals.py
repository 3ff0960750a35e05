"""What the receiver refuses, what it answers then, and that nothing of a patient leaves by log or name."""

from __future__ import annotations

import os
import struct
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from threading import Event
from typing import Any, cast

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian
from pynetdicom import build_context
from pynetdicom.dimse_primitives import C_STORE

from node.receive.process import receive
from node.receive.spool.spool import SpoolFolders
from storage.base.clock import SystemClock
from storage.base.errors import ConfigError
from tests.support.dicom_builders import ct_series
from tests.support.peers import run_tool
from tests.support.ports import LOOPBACK
from tests.support.receiver import (
    SCANNER,
    WETREAD,
    RunningReceiver,
    association,
    held,
    quarantined,
    receiver_config,
    running_receiver,
    send,
)

CANARY = "Zzcanary^Jane"


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[RunningReceiver]:
    with running_receiver(tmp_path / "spool") as running:
        yield running


def echo(port: int, calling: str = SCANNER, called: str = WETREAD) -> subprocess.CompletedProcess[str]:
    return run_tool("echoscu", "-v", "-aet", calling, "-aec", called, LOOPBACK, str(port))


def dataset_bytes(path: Path) -> bytes:
    """What follows the file meta information."""
    content = path.read_bytes()
    (length,) = struct.unpack_from("<I", content, 140)
    return content[144 + length :]


def bare(folders: SpoolFolders) -> bool:
    """Nothing stored, nothing half written."""
    return not held(folders) and not list(folders.part.iterdir()) and not list(folders.objects.iterdir())


def raw_store(port: int, data: bytes, dataset: Dataset, **command: str) -> Any:
    """C-STORE of bytes that no library would write; the response primitive, None after an abort."""
    sop_class = command.get("context", dataset.SOPClassUID)
    with association(port, [build_context(sop_class, ExplicitVRLittleEndian)]) as assoc:
        (context,) = assoc.accepted_contexts
        request = C_STORE()
        request.MessageID = 1
        request.AffectedSOPClassUID = command.get("sop_class", dataset.SOPClassUID)
        request.AffectedSOPInstanceUID = command.get("sop_instance", dataset.SOPInstanceUID)
        request.Priority = 0
        request.DataSet = BytesIO(data)
        assoc._reactor_checkpoint.clear()
        assoc.dimse.send_msg(request, cast(int, context.context_id))
        response = assoc.dimse.get_msg(block=True)[1]
        assoc._reactor_checkpoint.set()
        return response


def c_store_command(sop_class: str, sop_instance: str) -> bytes:
    """A C-STORE-RQ command set by hand: no library writes a UID of 65 characters (PS3.7 9.3.1.1)."""

    def element(number: int, value: bytes) -> bytes:
        return struct.pack("<HHI", 0, number, len(value)) + value

    def uid(text: str) -> bytes:
        return text.encode() + b"\0" * (len(text) % 2)

    fields = element(0x0002, uid(sop_class)) + element(0x0100, b"\1\0") + element(0x0110, b"\1\0") + element(0x0700, b"\0\0")
    fields += element(0x0800, b"\0\0") + element(0x1000, uid(sop_instance))
    return element(0x0000, struct.pack("<I", len(fields))) + fields


def p_data(context_id: int, control: int, content: bytes) -> bytes:
    """A P-DATA-TF PDU of one fragment (PS3.8 9.3.5)."""
    value = struct.pack(">IBB", len(content) + 2, context_id, control) + content
    return struct.pack(">BBI", 4, 0, len(value)) + value


@pytest.fixture
def sample(tmp_path: Path) -> tuple[Dataset, bytes]:
    dataset = ct_series(1, PatientName=CANARY)[0]
    dataset.save_as(tmp_path / "sample.dcm", enforce_file_format=True)
    return dataset, dataset_bytes(tmp_path / "sample.dcm")


def test_another_instance_than_announced(receiver: RunningReceiver, sample: tuple[Dataset, bytes]) -> None:
    dataset, data = sample
    response = raw_store(receiver.port, data, dataset, sop_instance="1.2.3.999")
    assert (response.Status, response.OffendingElement) == (0xA900, 0x00080018)
    assert response.ErrorComment
    assert bare(receiver.folders)


def test_a_truncated_data_set(receiver: RunningReceiver, sample: tuple[Dataset, bytes]) -> None:
    dataset, data = sample
    response = raw_store(receiver.port, data[:-10], dataset)
    assert (response.Status, response.OffendingElement) == (0xC010, 0x7FE00010)
    assert bare(receiver.folders)
    ((record, kept),) = quarantined(receiver.folders)
    assert (record.reason, kept) == ("truncated", data[:-10])


@pytest.mark.parametrize("uid", ["1.2.03.4", "../../../etc/passwd", "1.2.abc"])
@pytest.mark.filterwarnings("ignore:Invalid value for VR UI")  # the sender's own pydicom warns of what it sends
def test_a_malformed_instance_uid(receiver: RunningReceiver, sample: tuple[Dataset, bytes], uid: str) -> None:
    dataset, data = sample
    response = raw_store(receiver.port, data, dataset, sop_instance=uid)
    assert response.Status == 0x0117
    assert bare(receiver.folders)


def test_an_instance_uid_that_is_too_long_is_no_success(receiver: RunningReceiver, sample: tuple[Dataset, bytes]) -> None:
    """The fast path answers 0117; pynetdicom would end the association before we are asked."""
    dataset, data = sample
    with association(receiver.port, [build_context(dataset.SOPClassUID, ExplicitVRLittleEndian)]) as assoc:
        (context,) = assoc.accepted_contexts
        command = c_store_command(str(dataset.SOPClassUID), "1." * 32 + "1")
        assoc.dul.socket.send(p_data(cast(int, context.context_id), 3, command))  # type: ignore[union-attr]
        assoc.dul.socket.send(p_data(cast(int, context.context_id), 2, data))  # type: ignore[union-attr]
    assert bare(receiver.folders)  # the sender has released after its answer, or was aborted


def test_a_class_that_isn_t_its_context_s(receiver: RunningReceiver, sample: tuple[Dataset, bytes]) -> None:
    dataset, data = sample
    response = raw_store(receiver.port, data, dataset, context="1.2.840.10008.5.1.4.1.1.4")
    assert response.Status == 0x0122
    assert bare(receiver.folders)


def test_a_store_that_names_verification_is_no_success(receiver: RunningReceiver, sample: tuple[Dataset, bytes]) -> None:
    dataset, data = sample
    response = raw_store(receiver.port, data, dataset, sop_class="1.2.840.10008.1.1")
    assert response is None or response.Status != 0x0000
    assert bare(receiver.folders)


def test_no_space_is_a700_with_a_comment_and_nothing_is_left(tmp_path: Path) -> None:
    free = os.statvfs(tmp_path)
    config = receiver_config(tmp_path / "spool", minimum_free_bytes=int(free.f_bavail * free.f_frsize * 1.5))
    with running_receiver(tmp_path / "spool", config) as receiver:
        dataset = ct_series(1)[0]
        with association(receiver.port, [build_context(dataset.SOPClassUID, ExplicitVRLittleEndian)]) as assoc:
            response = assoc.send_c_store(dataset)
        assert response.Status == 0xA700
        assert "disk space" in response.ErrorComment
        assert bare(receiver.folders)


def test_far_too_little_space_rejects_associations_for_now(tmp_path: Path) -> None:
    with running_receiver(tmp_path / "spool", receiver_config(tmp_path / "spool", minimum_free_bytes=2**60)) as receiver:
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
