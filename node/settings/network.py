"""Settings of the network: our application entity, how it receives, TLS, who may send, and the peers."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from node.settings.words import (
    AETitle,
    CertificateNames,
    Durability,
    Host,
    Name,
    Network,
    Part,
    PasscodeHash,
    Port,
    Seconds,
    Service,
    SOPClass,
    TransferSyntax,
)


class NodeSettings(Part):
    """Our own DICOM application entity. ``calling``: AE titles that may send besides the peers and sources."""

    ae_title: AETitle = "WETREAD"
    host: Host = "127.0.0.1"
    port: Port = 11112
    require_called_ae_title: bool = True
    max_associations: int = Field(default=50, ge=1, le=10_000)
    calling: tuple[AETitle, ...] = ()


class ReceiveSettings(Part):
    """How associations are served. ``path``: our own reading of the network, or pynetdicom's.

    ``processes`` None: one per processor, four at most. ``max_per_host`` None: four fifths of ``node.max_associations``. Times
    bound what a peer may leave open: the request from the connection on, one PDU from its first byte on, silence between
    messages, and the taking of our answers.
    """

    path: Literal["fast", "stock"] = "fast"
    processes: int | None = Field(default=None, ge=1, le=64)
    max_pdu_kb: int = Field(default=256, ge=4, le=1024)
    request_s: Seconds = 30.0
    pdu_s: Seconds = 60.0
    idle_s: Seconds = 900.0
    send_s: Seconds = 60.0
    max_per_host: int | None = Field(default=None, ge=1, le=10_000)
    transfer_syntaxes: tuple[TransferSyntax, ...] | None = Field(default=None, min_length=1)


class TlsSettings(Part):
    """TLS 1.2 and 1.3. PEM files: our ``certificate`` with its ``key``, and the authorities (``ca``) of our peers' certificates.

    ``port`` None: TLS is for our own connections alone. ``only``: nothing listens without TLS.
    """

    certificate: Path
    key: Path | None = None
    ca: Path | None = None
    crl: Path | None = None
    port: Port | None = 2762
    only: bool = False
    client_certificates: Literal["required", "optional", "none"] = "required"


class User(Part):
    """A user that a sender may name (PS3.7 D.3.3.7). ``passcode``: as `wetread passcode` prints it; None: the name is enough."""

    name: str = Field(min_length=1, max_length=256)
    passcode: PasscodeHash | None = None


class SourceSettings(Part):
    """Who may open associations with us, and for what. What is left out asks for nothing, and grants everything."""

    name: Name
    calling: tuple[AETitle, ...] = ()
    called: tuple[AETitle, ...] = ()
    networks: tuple[Network, ...] = Field(default=(), alias="from")
    certificate: CertificateNames = ()
    tls: bool = False
    users: tuple[User, ...] = ()
    services: tuple[Service, ...] | None = None
    sop_classes: tuple[SOPClass, ...] | None = None
    durability: Durability = "full"
    transfer_syntaxes: tuple[TransferSyntax, ...] | None = Field(default=None, min_length=1)
    max_associations: int | None = Field(default=None, ge=1, le=10_000)
    idle_s: Seconds | None = None


class PeerTls(Part):
    """TLS to a peer; what is left out is taken from ``tls``. ``server_name``: what its certificate must say in place of ``host``.

    ``verify_host`` false takes any certificate of the authorities, whatever host it names.
    """

    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None
    crl: Path | None = None
    verify_host: bool = True
    server_name: Host | None = None


def _switch(value: Any) -> Any:
    """``true`` is TLS with what ``tls`` names, ``false`` is none."""
    return {} if value is True else None if value is False else value


class Peer(Part):
    """Another application entity. ``receive_from``: it may send to us; ``send_to``: rules may deliver to it."""

    name: Name
    ae_title: AETitle
    host: Host
    port: Port
    receive_from: bool = True
    send_to: bool = True
    timeout_s: Seconds = 30.0
    tls: Annotated[PeerTls | None, BeforeValidator(_switch)] = None
