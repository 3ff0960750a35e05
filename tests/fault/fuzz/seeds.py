"""Where mutations begin: sound exchanges of our own making, of real senders recorded in the run itself, and of the test data."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as Items

from tests.fault.fuzz.exchange import (
    AVAILABILITY,
    COMMITMENT,
    PRIVATE,
    STEP,
    Exchange,
    echo,
    normalized,
    of_recording,
    of_stream,
    request,
    store,
)
from tests.support.attacks import nested
from tests.support.data import find_data
from tests.support.dicom_builders import ct_series, write
from tests.support.peers import run_tool
from tests.support.ports import LOOPBACK
from tests.support.receiver import SCANNER, WETREAD
from tests.support.recorder import recorder
from tests.unit.node.receive.encoding import BIG, EXPLICIT, IMPLICIT, element, encoded, identified, item

RECORDINGS = ("*/*/*/*/in-dicom/*.raw", "*/tutorials/dcmqrscp/in-dicom/*")


def made() -> list[Exchange]:
    """By hand: each service, each way to encode a data set."""
    deflating = zlib.compressobj(9, wbits=-15)
    deflated = deflating.compress(encoded(_rich("1.2.3.7"))) + deflating.flush()
    private = _rich("1.2.3.11")
    private.SOPClassUID = PRIVATE
    fragments = b"".join(item(piece) for piece in (b"", b"\1\2\3\4", bytes(50)))
    encapsulated = encoded(_rich("1.2.3.12")) + element(0x7FE00010, "OB", fragments, 0xFFFFFFFF) + b"\xfe\xff\xdd\xe0\0\0\0\0"
    stores = [
        store(3, "1.2.3.3", encoded(_rich("1.2.3.3"))),
        store(5, "1.2.3.5", encoded(_rich("1.2.3.5"), IMPLICIT)),
        store(7, "1.2.3.7", deflated),
        store(9, "1.2.3.9", encoded(_rich("1.2.3.9"), BIG)),
        store(11, "1.2.3.11", encoded(private), sop_class=PRIVATE),
        store(3, "1.2.3.12", encapsulated),
        store(3, "1.2.3.4.5", nested(20)),
    ]
    action = normalized(
        13, 0x130, COMMITMENT, COMMITMENT + ".1", encoded(_referenced(), IMPLICIT), {0x1008: struct.pack("<H", 1)}
    )
    create = normalized(15, 0x140, STEP, "1.2.3.100", encoded(_step("IN PROGRESS"), IMPLICIT), {})
    change = normalized(15, 0x120, STEP, "1.2.3.100", encoded(_step("COMPLETED"), IMPLICIT), {})
    available = normalized(17, 0x140, AVAILABILITY, "1.2.3.101", encoded(_referenced(), EXPLICIT), {})
    return [
        Exchange("echo", request(), [echo()]),
        *(Exchange("store", request(), [one]) for one in stores),
        Exchange("stores", request(), [*stores, echo()]),
        Exchange("commitment", request(), [stores[0], action]),
        Exchange("procedure-step", request(), [create, change]),
        Exchange("availability", request(), [available, echo()]),
    ]


def recorded(port: int, folder: Path) -> list[Exchange]:
    """What DCMTK says to the receiver at ``port``."""
    paths = write(ct_series(2, rows=8, columns=8), folder)
    who = ["-aet", SCANNER, "-aec", WETREAD]
    with recorder(port) as (proxy, recordings):
        run_tool("echoscu", *who, LOOPBACK, str(proxy))
        run_tool("storescu", *who, "-xe", LOOPBACK, str(proxy), *paths)
        run_tool("storescu", *who, "-R", "-xi", "--max-send-pdu", "4096", LOOPBACK, str(proxy), *paths)
    found = (of_recording("dcmtk", recording) for recording in recordings)
    return [exchange for exchange in found if exchange is not None]


def of_test_data() -> list[Exchange]:
    """Recorded associations of the test data, where there are any."""
    folder = find_data()
    paths = [] if folder is None else sorted({p for form in RECORDINGS for p in (folder / "hostile").glob(form) if p.is_file()})
    found = (of_stream(path.name, path.read_bytes()) for path in paths)
    return [exchange for exchange in found if exchange is not None]


def _rich(sop_instance: str) -> Dataset:
    dataset = identified(sop_instance)
    inner, outer = Dataset(), Dataset()
    inner.CodeValue, inner.CodeMeaning = "1", "Something"
    outer.ConceptNameCodeSequence = Items([inner, inner])
    dataset.ContentSequence = Items([outer])
    dataset.PatientName, dataset.ImageComments = "Fuzz^Zz", "x" * 200
    dataset.Rows, dataset.Columns, dataset.NumberOfFrames = 65535, 65535, "2147483647"
    dataset.PixelData = bytes(64)
    dataset["PixelData"].VR = "OW"
    return dataset


def _referenced() -> Dataset:
    dataset, one = Dataset(), Dataset()
    one.ReferencedSOPClassUID, one.ReferencedSOPInstanceUID = "1.2.840.10008.5.1.4.1.1.2", "1.2.3.3"
    dataset.TransactionUID = "1.2.3.200"
    dataset.ReferencedSOPSequence = Items([one])
    dataset.StudyInstanceUID = "1.2.3"
    return dataset


def _step(status: str) -> Dataset:
    dataset, scheduled, performed = Dataset(), Dataset(), Dataset()
    scheduled.StudyInstanceUID, scheduled.AccessionNumber = "1.2.3", "A"
    performed.SeriesInstanceUID, performed.ReferencedImageSequence = "1.2.3.1", Items([])
    dataset.ScheduledStepAttributesSequence = Items([scheduled])
    dataset.PerformedProcedureStepID, dataset.PerformedStationAETitle = "1", SCANNER
    dataset.PerformedProcedureStepStatus, dataset.Modality = status, "CT"
    dataset.PerformedProcedureStepStartDate, dataset.PerformedProcedureStepStartTime = "20240101", "120000"
    dataset.PerformedSeriesSequence = Items([performed])
    return dataset
