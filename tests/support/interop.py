"""What the tests with real peers share: certificates for both sides, a node with both ports, and peers that are no programs."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid
from pynetdicom import AE, AllStoragePresentationContexts, build_context, evt
from pynetdicom.association import Association
from pynetdicom.pdu_primitives import UserIdentityNegotiation

from node.receive.pool.config import PathName
from tests.support.certificates import Pair
from tests.support.ports import LOOPBACK
from tests.support.receiver import RunningReceiver, held

Transport = Literal["plain", "tls"]
SCANNER, WETREAD, ORTHANC, BOUND, USER = "SCANNER", "WETREAD", "ORTHANC", "BOUND", "USER"
CT = "1.2.840.10008.5.1.4.1.1.2"
SLICES = 3

both_transports = pytest.mark.parametrize("transport", get_args(Transport))


@dataclass(frozen=True)
class Certificates:
    """Ours, a peer's, and one of the same authority that is another's."""

    ours: Pair
    theirs: Pair
    another: Pair
    strange: Pair


@dataclass(frozen=True)
class Node:
    """A receiver with a plain and a TLS port."""

    receiver: RunningReceiver
    tls_port: int
    path: PathName

    def port(self, transport: Transport) -> int:
        return self.receiver.port if transport == "plain" else self.tls_port

    def stored(self, series: Path) -> list[Dataset]:
        """What it holds of the series in a folder."""
        uids = {str(dcmread(path).SOPInstanceUID) for path in series.iterdir()}
        found = [one for one in held(self.receiver.folders) if one.record.sop_instance_uid in uids]
        assert all(one.is_whole for one in found)
        return [dcmread(self.receiver.folders.object_of(one.name)) for one in found]


def same(found: list[Dataset], series: Path) -> bool:
    """Whether data sets are those of a folder, element by element."""
    sent = {str(one.SOPInstanceUID): one for one in map(dcmread, series.iterdir())}
    return len(found) == SLICES and all(one == sent[str(one.SOPInstanceUID)] for one in found)


def dcmtk_tls(transport: Transport, pair: Pair) -> list[str | Path]:
    return [] if transport == "plain" else ["+tls", pair.key, pair.certificate, "+cf", pair.authority]


@contextmanager
def scu_of_pynetdicom(
    port: int, context: ssl.SSLContext | None = None, calling: str = SCANNER, user: UserIdentityNegotiation | None = None
) -> Iterator[Association]:
    contexts = [build_context(CT), build_context("1.2.840.10008.1.1")]
    tls = None if context is None else (context, "localhost")
    assoc = AE(calling).associate(
        LOOPBACK, port, contexts=contexts, ae_title=WETREAD, tls_args=tls, ext_neg=[] if user is None else [user]
    )
    connection = assoc.dul.socket.socket if assoc.dul.socket else None
    try:
        yield assoc
    finally:
        if assoc.is_established:
            assoc.release()
        if connection is not None:
            connection.close()


@contextmanager
def scp_of_pynetdicom(folder: Path, context: ssl.SSLContext | None) -> Iterator[int]:
    """A stock storage SCP; it writes each data set as it came."""
    folder.mkdir()

    def on_store(event: evt.Event) -> int:
        (folder / f"{generate_uid()}.dcm").write_bytes(event.encoded_dataset())
        return 0

    ae = AE("STOCK")
    ae.supported_contexts = AllStoragePresentationContexts
    ae.add_supported_context("1.2.840.10008.1.1")
    server = ae.start_server((LOOPBACK, 0), block=False, evt_handlers=[(evt.EVT_C_STORE, on_store)], ssl_context=context)
    assert server is not None
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
