"""Fixtures of the tests with real peers. An Orthanc takes seconds to start: two serve all."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path
from typing import Any, get_args

import pytest

from node.receive.associate.admission import Admission, Grant, Source
from node.receive.associate.certificates import certificate_name
from node.receive.associate.user_identity import Users, hash_passcode
from node.receive.listen.tls import TlsListen
from node.receive.pool.config import PathName
from tests.support import peers
from tests.support.certificates import authority
from tests.support.dicom_builders import ct_series, write
from tests.support.interop import BOUND, ORTHANC, SCANNER, SLICES, USER, WETREAD, Certificates, Node, Transport
from tests.support.ports import LOOPBACK, free_port
from tests.support.receiver import receiver_config, running_receiver


@pytest.fixture(scope="package")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    ours = authority(tmp_path_factory.mktemp("authority"))
    strange = authority(tmp_path_factory.mktemp("strange"), "strange").pair("PEER")
    return Certificates(ours.pair("WETREAD"), ours.pair("PEER"), ours.pair("OTHER"), replace(strange, authority=ours.certificate))


def _admission() -> Admission:
    bound = Source(Grant("bound"), calling=frozenset({BOUND}), certificates=(certificate_name("cn:PEER"),))
    user = Source(Grant("user"), calling=frozenset({USER}), users=Users({"ct": hash_passcode(b"geheim")}))
    local = (ip_network("127.0.0.0/8"),)
    return Admission(WETREAD, frozenset({SCANNER, ORTHANC}), sources=(bound, replace(user, networks=local)))


@pytest.fixture(scope="package", params=get_args(PathName))
def node(request: pytest.FixtureRequest, certificates: Certificates, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    spool = tmp_path_factory.mktemp("spool")
    listen = TlsListen(LOOPBACK, free_port(), certificates.ours.files())
    config = replace(receiver_config(spool), admission=_admission(), path=request.param, tls=listen)
    with running_receiver(spool, config) as running:
        yield Node(running, listen.port, request.param)


@pytest.fixture
def series(tmp_path: Path) -> Path:
    """A folder of a new series."""
    write(ct_series(SLICES, PatientName="Interop^Test"), tmp_path / "series")
    return tmp_path / "series"


@pytest.fixture(scope="package", params=get_args(Transport))
def an_orthanc(
    request: pytest.FixtureRequest, certificates: Certificates, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Transport, peers.OrthancPeer]]:
    """Orthanc, which shows and asks for certificates where its transport is TLS."""
    theirs = certificates.theirs
    tls: dict[str, Any] = {
        "DicomTlsEnabled": request.param == "tls",
        "DicomTlsCertificate": str(theirs.certificate),
        "DicomTlsPrivateKey": str(theirs.key),
        "DicomTlsTrustedCertificates": str(theirs.authority),
        "DicomTlsRemoteCertificateRequired": True,
    }
    with peers.orthanc(tmp_path_factory.mktemp("orthanc"), **tls) as running:
        yield request.param, running
