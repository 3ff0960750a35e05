"""C-STORE and C-ECHO as SCU, N-EVENT-REPORT as SCP, on associations of ours.

One association per batch, one presentation context per (SOP Class, transfer syntax).

Sends the bytes it is given: a stored data set goes out in its own transfer syntax, never transcoded.
Source: DICOM PS3.4 Annex B (Storage Service Class), PS3.8 9.3.2 (at most 128 presentation contexts).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any, Protocol

from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError
from pynetdicom import AE, build_context, build_role, evt
from pynetdicom.association import Association
from pynetdicom.pdu_primitives import SCP_SCU_RoleSelectionNegotiation as Role
from pynetdicom.sop_class import Verification  # type: ignore[attr-defined]

from node.deliver.status import Verdict, explain, judge
from node.deliver.tls import ClientTls, PeerTls, client_tls
from storage.base.errors import PeerError, TransientError, WetreadError

# What pynetdicom logs as an SCU is what the errors raised here say, with peer and mend.
logging.getLogger("pynetdicom").setLevel(logging.CRITICAL)

EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2"
MAX_CONTEXTS = 128
# A slow hospital link: the DIMSE timer starts when the request is queued, so it must cover the transmission too.
SLOWEST_LINK_BYTES_PER_S = 100_000


class Peer(Protocol):
    """Where to send: the part of a peer's settings that an SCU needs."""

    @property
    def name(self) -> str: ...
    @property
    def ae_title(self) -> str: ...
    @property
    def host(self) -> str: ...
    @property
    def port(self) -> int: ...
    @property
    def timeout_s(self) -> float: ...
    @property
    def tls(self) -> PeerTls | None: ...


@dataclass(frozen=True)
class Outbound:
    """One object to send; ``load`` yields its DICOM file bytes when its turn comes, so a batch is never in memory."""

    key: int
    sop_class_uid: str
    transfer_syntax_uid: str
    size_bytes: int
    load: Callable[[], bytes]


@dataclass(frozen=True)
class Sent:
    """What became of one object; ``status`` is the peer's answer, None when it was not sent; ``reason`` says what to do."""

    key: int
    status: int | None
    verdict: Verdict
    reason: str = ""


@dataclass(frozen=True)
class Notification:
    """What an SCP tells by N-EVENT-REPORT."""

    sop_class_uid: str
    sop_instance_uid: str
    event_type: int
    information: Dataset


def echo(peer: Peer, calling_ae_title: str) -> None:
    """C-ECHO. Raises TransientError or PeerError naming the peer and the mend."""
    with _Session(peer, calling_ae_title, [(str(Verification), "1.2.840.10008.1.2")]) as association:
        status = association.send_c_echo()
        if "Status" not in status:
            raise TransientError(f"peer {peer.name}: no answer to C-ECHO", code="peer-silent")
        if status.Status != 0:
            raise PeerError(f"peer {peer.name}: C-ECHO answered 0x{status.Status:04X}", code="echo-failed")


def notify(peer: Peer, calling_ae_title: str, notification: Notification) -> int:
    """N-EVENT-REPORT, for which we take the SCP's role on an association of ours (PS3.7 D.3.3.4, 10.1.1); the peer's status.

    Raises
    ------
    TransientError
        No association, or no answer.
    """
    sop_class = notification.sop_class_uid
    contexts = [(sop_class, EXPLICIT_VR_LITTLE_ENDIAN), (sop_class, IMPLICIT_VR_LITTLE_ENDIAN)]
    with _Session(peer, calling_ae_title, contexts, [build_role(sop_class, scp_role=True)]) as association:
        try:
            answer, _ = association.send_n_event_report(
                notification.information, notification.event_type, sop_class, notification.sop_instance_uid
            )
        except RuntimeError as error:  # pynetdicom's word for an association that the peer has ended meanwhile
            raise TransientError(f"peer {peer.name}: it ended the association", code="peer-cut") from error
        if "Status" not in answer:
            raise TransientError(f"peer {peer.name}: the association ended before the answer to N-EVENT-REPORT", code="peer-cut")
        return int(answer.Status)


def send(peer: Peer, calling_ae_title: str, objects: Iterable[Outbound]) -> Iterator[Sent]:
    """Send objects in order; yields each answer as it comes, so that the caller can persist it at once.

    Raises
    ------
    TransientError
        No association, or it broke; what was yielded before stands, everything after is unsent or unknown.
    """
    batch = list(objects)
    for part in _split(batch):
        wanted = sorted({(o.sop_class_uid, o.transfer_syntax_uid) for o in part})
        with _Session(peer, calling_ae_title, wanted) as association:
            accepted = {(c.abstract_syntax, c.transfer_syntax[0]) for c in association.accepted_contexts}
            for item in part:
                if (item.sop_class_uid, item.transfer_syntax_uid) not in accepted:
                    yield Sent(
                        item.key, None, Verdict.NEVER, f"peer {peer.name} accepts no objects of this SOP Class; enable it there"
                    )
                else:
                    yield _store(peer, association, item)


def _store(peer: Peer, association: Association, item: Outbound) -> Sent:
    try:
        dataset = dcmread(BytesIO(item.load()))
    except TransientError as error:
        return Sent(item.key, None, Verdict.AGAIN, error.message)
    except WetreadError as error:
        return Sent(item.key, None, Verdict.NEVER, error.message)
    except InvalidDicomError:
        return Sent(item.key, None, Verdict.NEVER, "the file is not DICOM (PS3.10); replace it")
    association.dimse_timeout = peer.timeout_s + item.size_bytes / SLOWEST_LINK_BYTES_PER_S
    answer = _c_store(peer, association, dataset)
    if answer is None:
        return Sent(item.key, None, Verdict.NEVER, "the object can't be encoded in its own transfer syntax; replace it")
    if "Status" not in answer:
        raise TransientError(f"peer {peer.name}: the association ended before the answer to C-STORE", code="peer-cut")
    verdict = judge(int(answer.Status))
    return Sent(item.key, int(answer.Status), verdict, "" if verdict is Verdict.STORED else explain(int(answer.Status)))


def _c_store(peer: Peer, association: Association, dataset: Dataset) -> Dataset | None:
    """The answer, empty when none came, None when the data set can't be encoded."""
    try:
        return association.send_c_store(dataset, msg_id=1)
    except RuntimeError as error:  # pynetdicom's word for an association that the peer has ended meanwhile
        raise TransientError(f"peer {peer.name}: it ended the association", code="peer-cut") from error
    except ValueError:
        return None


def _split(batch: Sequence[Outbound]) -> Iterator[list[Outbound]]:
    """Cut a batch where its distinct contexts would exceed what one association can propose."""
    part: list[Outbound] = []
    contexts: set[tuple[str, str]] = set()
    for item in batch:
        pair = (item.sop_class_uid, item.transfer_syntax_uid)
        if pair not in contexts and len(contexts) == MAX_CONTEXTS:
            yield part
            part, contexts = [], set()
        contexts.add(pair)
        part.append(item)
    if part:
        yield part


class _Session:
    """An association that is released on success and aborted on failure."""

    def __init__(
        self, peer: Peer, calling_ae_title: str, contexts: Sequence[tuple[str, str]], roles: Sequence[Role] = ()
    ) -> None:
        self._peer = peer
        self._roles: list[Any] = list(roles)
        self._ae = AE(ae_title=calling_ae_title)
        self._ae.connection_timeout = self._ae.acse_timeout = self._ae.dimse_timeout = peer.timeout_s
        self._ae.network_timeout = None
        self._contexts = [build_context(abstract, [transfer]) for abstract, transfer in contexts]

    def __enter__(self) -> Association:
        peer = self._peer
        tls = self._tls = None if peer.tls is None else client_tls(peer.name, peer.host, peer.tls)
        opened: list[evt.Event] = []
        try:
            self._association = self._ae.associate(
                peer.host,
                peer.port,
                contexts=self._contexts,
                ext_neg=self._roles,
                ae_title=peer.ae_title,
                evt_handlers=[(evt.EVT_CONN_OPEN, opened.append)],
                tls_args=None if tls is None else tls.arguments,
            )
        except OSError as error:  # name resolution: pynetdicom reports everything else by an association that isn't established
            message = f"peer {peer.name}: the name {peer.host} can't be resolved; check host and DNS"
            raise TransientError(message, code="peer-unreachable") from error
        if not self._association.is_established:
            message = _why(peer, self._association, self._ae.ae_title, bool(opened), tls)
            self._close()
            raise TransientError(message, code="peer-unreachable")
        return self._association

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is None or kind is GeneratorExit:
            self._association.release()
        else:
            self._association.abort()
        self._close()

    def _close(self) -> None:
        if self._tls is not None:
            self._tls.close()


def _why(peer: Peer, association: Association, calling_ae_title: str, connected: bool, tls: ClientTls | None) -> str:
    where = f"peer {peer.name} ({peer.ae_title} at {peer.host}:{peer.port})"
    if tls is not None and (problem := tls.why()) is not None:
        return f"{where}: {problem}"
    if association.is_rejected:
        rejection = association.acceptor.primitive
        detail = rejection.reason_str if rejection is not None else "no reason given"
        return f"{where} rejected the association of {calling_ae_title}: {detail}; check both AE titles there"
    if connected and association.acceptor.primitive is None:  # a reject may be lost where the peer closes at once
        # Under TLS 1.3 it judges our certificate only after our side of the handshake is done.
        also = ", that it takes our certificate" if tls is not None else ""
        return (
            f"{where} cut the connection of {calling_ae_title} before it answered; "
            f"check that it runs{also}, and both AE titles there"
        )
    if association.acceptor.primitive is not None:
        return f"{where} accepted none of the proposed presentation contexts; enable the SOP Classes there"
    return f"{where} does not answer; check that it runs and that host and port are right"
