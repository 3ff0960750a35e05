"""The receiver against real senders that do nothing wrong: DCMTK's tools and a stock pynetdicom SCU."""

from __future__ import annotations

import hashlib
import os
import socket
import struct
import subprocess
import tempfile
import time
from pathlib import Path
from threading import Thread
from typing import Any

import pydicom
import pytest
from pydicom import examples
from pydicom.uid import UID, ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom import build_context

from node.receive.pool.config import PathName
from node.receive.spool.records import AssociationClosed
from node.receive.spool.spool import SpoolFolders
from tests.support.dicom_builders import ct_series
from tests.support.peers import run_tool, tool
from tests.support.ports import LOOPBACK
from tests.support.receiver import (
    SCANNER,
    WETREAD,
    RunningReceiver,
    association,
    dataset_bytes,
    echo,
    held,
    receiver_config,
    running_receiver,
    send,
)
from tests.unit.node.receive.samples import waiting

PRIVATE_CLASS = "1.3.12.2.1107.5.9.1"
ULTRASOUND_RETIRED = "1.2.840.10008.5.1.4.1.1.6"


# ------------------------------------------------------------------------------------------------------------------- DCMTK


def test_dcmtk_is_answered_to_its_echo(receiver: RunningReceiver) -> None:
    for _ in range(3):
        assert echo(receiver.port).returncode == 0


@pytest.mark.parametrize(
    ("calling", "called", "reason"),
    [("STRANGER", WETREAD, "Calling AE Title Not Recognized"), (SCANNER, "OTHER", "Called AE Title Not Recognized")],
)
def test_dcmtk_is_rejected_with_the_reason(receiver: RunningReceiver, calling: str, called: str, reason: str) -> None:
    for _ in range(3):
        answered = echo(receiver.port, calling, called)
        assert answered.returncode != 0
        assert reason in answered.stdout + answered.stderr


def test_dcmtk_stores_a_series_and_every_byte_is_kept(receiver: RunningReceiver, tmp_path: Path) -> None:
    folder = tmp_path / "series"
    folder.mkdir()
    sent = {}
    for number, dataset in enumerate(ct_series(12)):
        path = folder / f"{number}.dcm"
        dataset.save_as(path, enforce_file_format=True)
        sent[str(dataset.SOPInstanceUID)] = hashlib.sha256(dataset_bytes(path)).hexdigest()
    # No -R: all of DCMTK's 120 storage classes are proposed, each in explicit VR and in implicit VR.
    stored = run_tool("storescu", "-aet", SCANNER, "-aec", WETREAD, "-xe", "+sd", LOOPBACK, str(receiver.port), folder)
    assert stored.returncode == 0, stored.stderr
    found = held(receiver.folders)
    assert all(one.is_whole for one in found)
    assert {one.record.sop_instance_uid: one.record.sha256 for one in found} == sent
    assert {one.record.transfer_syntax_uid for one in found} == {str(ExplicitVRLittleEndian)}
    assert {one.record.association.calling_ae_title for one in found} == {SCANNER}


@pytest.mark.parametrize(
    ("example", "option", "syntax"),
    [
        ("jpeg2k", "-xv", "1.2.840.10008.1.2.4.90"),
        ("ybr_color", "-xy", "1.2.840.10008.1.2.4.50"),
        ("palette_color", "-xi", "1.2.840.10008.1.2"),
        ("rgb_color", "-xb", "1.2.840.10008.1.2.1"),
        ("ct", "-xd", "1.2.840.10008.1.2.1.99"),
    ],
)
def test_dcmtk_stores_other_transfer_syntaxes(
    receiver: RunningReceiver, tmp_path: Path, example: str, option: str, syntax: str
) -> None:
    path = Path(examples.get_path(example))
    stored = run_tool("storescu", "-R", option, "-aet", SCANNER, "-aec", WETREAD, LOOPBACK, str(receiver.port), path)
    assert stored.returncode == 0, stored.stderr
    (one,) = held(receiver.folders)
    assert one.is_whole and one.record.transfer_syntax_uid == syntax
    assert pydicom.dcmread(receiver.folders.object_of(one.name)).pixel_array.size > 0


@pytest.mark.parametrize("option", ["--max-send-pdu=4096", "--max-send-pdu=131072", "--max-pdu=4096"])
def test_dcmtk_with_pdus_of_other_sizes(receiver: RunningReceiver, tmp_path: Path, option: str) -> None:
    path = tmp_path / "one.dcm"
    ct_series(1, 512, 512)[0].save_as(path, enforce_file_format=True)
    to = ("-aet", SCANNER, "-aec", WETREAD, LOOPBACK, str(receiver.port))
    stored = run_tool("storescu", "-R", *option.split("="), *to, path)
    assert stored.returncode == 0, stored.stderr
    (one,) = held(receiver.folders)
    assert one.is_whole and one.data == dataset_bytes(path)


def test_real_studies_are_kept_byte_for_byte(receiver: RunningReceiver, test_data: Path) -> None:
    folder = test_data / "dicom/udacity__nd320-c3-3d-imaging-starter/data/TestVolumes/Study1"
    paths = sorted(path for path in folder.rglob("*.dcm"))
    assert paths
    stored = run_tool(
        "storescu", "-R", "-aet", SCANNER, "-aec", WETREAD, "+sd", "+r", LOOPBACK, str(receiver.port), folder, timeout_s=120
    )
    assert stored.returncode == 0, stored.stderr
    found = held(receiver.folders)
    assert len(found) == len(paths) and all(one.is_whole for one in found)


# -------------------------------------------------------------------------------------------------------------- pynetdicom


@pytest.mark.parametrize("sop_class", [PRIVATE_CLASS, ULTRASOUND_RETIRED, "1.2.840.10008.5.1.4.1.1.9999.1"])
def test_private_retired_and_future_classes_are_stored(receiver: RunningReceiver, sop_class: str) -> None:
    dataset = ct_series(1)[0]
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = UID(sop_class)
    assert send(receiver.port, dataset) == [0x0000]
    (one,) = held(receiver.folders)
    assert one.is_whole and one.record.sop_class_uid == sop_class


def test_what_is_preferred_is_chosen_and_strange_syntaxes_are_refused(receiver: RunningReceiver) -> None:
    ct, mr = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.4"
    find = "1.2.840.10008.5.1.4.1.2.2.1"
    contexts = [
        build_context(ct, [ImplicitVRLittleEndian, ExplicitVRLittleEndian]),
        build_context(mr, ["1.2.840.113619.5.2"]),
        build_context(find, [ImplicitVRLittleEndian]),
    ]
    with association(receiver.port, contexts) as assoc:
        assert [(c.abstract_syntax, c.transfer_syntax) for c in assoc.accepted_contexts] == [(ct, [ExplicitVRLittleEndian])]
        assert {c.abstract_syntax: c.result for c in assoc.rejected_contexts} == {mr: 0x04, find: 0x03}


def test_a_resend_and_a_changed_resend_are_both_taken(receiver: RunningReceiver) -> None:
    dataset = ct_series(1)[0]
    assert send(receiver.port, dataset, dataset) == [0x0000, 0x0000]
    dataset.PatientComments = "other bytes"
    assert send(receiver.port, dataset) == [0x0000]
    assert len({one.record.sha256 for one in held(receiver.folders)}) == 2
    assert len({one.record.association.uid for one in held(receiver.folders)}) == 2


def test_one_association_per_image(receiver: RunningReceiver) -> None:
    series = ct_series(10)
    assert [send(receiver.port, dataset) for dataset in series] == [[0x0000]] * 10
    assert wait_for_ends(receiver.folders, 10) == ["released"] * 10
    assert len({one.record.association.uid for one in held(receiver.folders)}) == 10


def test_more_associations_than_allowed_are_rejected_for_now(tmp_path: Path, path: PathName) -> None:
    config = receiver_config(tmp_path / "spool", max_associations=1, path=path)
    with running_receiver(tmp_path / "spool", config) as receiver:
        context = build_context("1.2.840.10008.1.1", ImplicitVRLittleEndian)
        with association(receiver.port, [context]) as first:
            assert first.is_established
            answered = echo(receiver.port)
            assert "Local Limit Exceeded" in answered.stdout + answered.stderr


def test_ends_of_associations_are_recorded(receiver: RunningReceiver) -> None:
    dataset = ct_series(1)[0]
    context = build_context(dataset.SOPClassUID, ExplicitVRLittleEndian)
    for how in ("release", "abort", "vanish"):
        with association(receiver.port, [context]) as assoc:
            assert assoc.send_c_store(dataset).Status == 0x0000
            if how == "abort":
                assoc.abort()
            elif how == "vanish":
                vanish(assoc)
    ended = wait_for_ends(receiver.folders, 3)
    assert ended == ["released", "aborted", "lost"]


def vanish(assoc: Any) -> None:
    """The connection breaks without a word of DICOM."""
    assoc.dul.socket.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    assoc.dul.socket.close()
    assoc.kill()


def wait_for_ends(folders: SpoolFolders, count: int) -> list[str]:
    for _ in range(200):
        ends: list[str] = [line.record.end for line in waiting(folders) if isinstance(line.record, AssociationClosed)]
        if len(ends) == count:
            break
        time.sleep(0.05)
    return ends


def seconds_to_store(folder: Path, port: int, nodelay: str) -> float:
    """What DCMTK's storescu takes for a folder, with or without Nagle's algorithm on its side."""
    command = [tool("storescu"), "-R", "-aet", SCANNER, "-aec", WETREAD, "+sd", LOOPBACK, str(port), str(folder)]
    began = time.monotonic()
    subprocess.run(command, check=True, capture_output=True, env={**os.environ, "TCP_NODELAY": nodelay}, timeout=120)
    return time.monotonic() - began


@pytest.mark.slow
@pytest.mark.skipif(not Path("/dev/shm").is_dir(), reason="needs a file system in memory, whose syncs cost nothing")
def test_a_sender_under_nagle_is_not_kept_waiting(tmp_path: Path, path: PathName) -> None:
    folder = tmp_path / "small"
    folder.mkdir()
    for number, dataset in enumerate(ct_series(60)):
        dataset.save_as(folder / f"{number}.dcm", enforce_file_format=True)
    with (
        tempfile.TemporaryDirectory(dir="/dev/shm") as memory,
        running_receiver(Path(memory), receiver_config(Path(memory), path=path)) as receiver,
    ):
        plain, nodelay = (min(seconds_to_store(folder, receiver.port, value) for _ in range(3)) for value in ("0", "1"))
    # Each object would wait some 40 ms for a delayed acknowledgement.
    assert plain < nodelay + 60 * 0.02


def test_ten_senders_at_once(receiver: RunningReceiver) -> None:
    series = [ct_series(5) for _ in range(10)]
    statuses: list[int] = []
    threads = [Thread(target=lambda s=s: statuses.extend(send(receiver.port, *s))) for s in series]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert statuses == [0x0000] * 50
    found = held(receiver.folders)
    assert len({one.record.sop_instance_uid for one in found}) == 50 and all(one.is_whole for one in found)
