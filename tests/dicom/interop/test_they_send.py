"""DCMTK, Orthanc and stock pynetdicom send to us, plain and over TLS with certificates on both sides, on both network paths."""

from __future__ import annotations

import json
import ssl
from pathlib import Path

import pytest
from pydicom import dcmread

from node.tls import client_context
from tests.support import peers
from tests.support.certificates import Pair
from tests.support.dicom_builders import ct_series, write
from tests.support.interop import (
    SCANNER,
    SLICES,
    WETREAD,
    Certificates,
    Node,
    Transport,
    both_transports,
    dcmtk_tls,
    same,
    scu_of_pynetdicom,
)
from tests.support.ports import LOOPBACK
from tests.support.wetread_node import wetread

pytestmark = pytest.mark.peers


@both_transports
def test_dcmtk_sends(node: Node, certificates: Certificates, series: Path, transport: Transport) -> None:
    to = ("-aet", SCANNER, "-aec", WETREAD, LOOPBACK, str(node.port(transport)))
    tls = dcmtk_tls(transport, certificates.theirs)
    assert peers.run_tool("echoscu", *tls, *to).returncode == 0
    sent = peers.run_tool("storescu", *tls, "+sd", *to, series)
    assert sent.returncode == 0, sent.stderr
    assert same(node.stored(series), series)


@both_transports
@pytest.mark.parametrize("max_pdu", ["4096", "131072"])
def test_dcmtk_sends_instances_of_many_pdus(
    node: Node, certificates: Certificates, tmp_path: Path, transport: Transport, max_pdu: str
) -> None:
    """Under TLS a record ends where no PDU does, and what it holds beyond one is seen by no poll of the socket."""
    write(ct_series(SLICES, 500, 700, PatientName="Interop^Large"), tmp_path / "large")
    to = ("-aet", SCANNER, "-aec", WETREAD, LOOPBACK, str(node.port(transport)))
    given = (*dcmtk_tls(transport, certificates.theirs), "--max-send-pdu", max_pdu, "+sd")
    sent = peers.run_tool("storescu", *given, *to, tmp_path / "large")
    assert sent.returncode == 0, sent.stderr
    assert same(node.stored(tmp_path / "large"), tmp_path / "large")


@pytest.mark.parametrize("profile", ["+py", "+px", "+pz"])
def test_every_profile_of_bcp_195_that_dcmtk_has_is_spoken(node: Node, certificates: Certificates, profile: str) -> None:
    done = peers.run_tool(
        "echoscu", *dcmtk_tls("tls", certificates.theirs), profile, "-aet", SCANNER, "-aec", WETREAD, LOOPBACK, str(node.tls_port)
    )
    assert done.returncode == 0, done.stderr


def test_orthanc_sends(node: Node, an_orthanc: tuple[Transport, peers.OrthancPeer], series: Path) -> None:
    """It sends the way it listens: certificates and key are those of its own port."""
    transport, orthanc = an_orthanc
    ours = {"AET": WETREAD, "Host": LOOPBACK, "Port": node.port(transport), "UseDicomTls": transport == "tls"}
    orthanc.request("PUT", "/modalities/wetread", json.dumps(ours).encode())
    held_there = [json.loads(orthanc.request("POST", "/instances", path.read_bytes()))["ID"] for path in series.iterdir()]
    orthanc.post("/modalities/wetread/echo", {})
    sent = orthanc.post("/modalities/wetread/store", {"Resources": held_there, "Synchronous": True})
    assert sent["FailedInstancesCount"] == 0
    assert same(node.stored(series), series)


def _client(pair: Pair, version: ssl.TLSVersion) -> ssl.SSLContext:
    made = client_context(pair.files(), verify_host=True)
    made.minimum_version = made.maximum_version = version
    return made


@pytest.mark.parametrize("version", [None, ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=["plain", "TLS 1.2", "TLS 1.3"])
def test_pynetdicom_sends(node: Node, certificates: Certificates, series: Path, version: ssl.TLSVersion | None) -> None:
    context = None if version is None else _client(certificates.theirs, version)
    with scu_of_pynetdicom(node.port("tls" if version else "plain"), context) as assoc:
        assert assoc.is_established
        assert assoc.send_c_echo().Status == 0
        assert [assoc.send_c_store(dcmread(path)).Status for path in series.iterdir()] == [0] * SLICES
    assert same(node.stored(series), series)


@pytest.mark.parametrize("node", ["fast"], indirect=True)
def test_the_command_line_speaks_tls_to_another_wetread(
    node: Node, certificates: Certificates, tmp_path: Path, series: Path
) -> None:
    theirs = certificates.theirs
    settings = {
        "node": {"ae_title": SCANNER},
        "tls": {"port": None, "certificate": str(theirs.certificate), "key": str(theirs.key), "ca": str(theirs.authority)},
        "peers": [{"name": "far", "ae_title": WETREAD, "host": LOOPBACK, "port": node.tls_port, "tls": True}],
    }
    (tmp_path / "w.yaml").write_text(json.dumps(settings))
    done = wetread("send", "far", series, "--config", tmp_path / "w.yaml")
    assert (done.returncode, done.stdout) == (0, "3 of 3 instances stored at far\n"), done.stderr
    assert same(node.stored(series), series)
