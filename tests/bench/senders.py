"""How the benchmarks send: by DCMTK, by pynetdicom, and by prepared bytes, which cost the sender next to nothing."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from pynetdicom import AE, build_context

from tests.bench.objects import Batch, Object
from tests.support.attacker import ASSOCIATE_AC, EXPLICIT, RawPeer, associate_rq
from tests.support.peers import Peer, run_tool, tool
from tests.support.ports import LOOPBACK
from tests.support.wetread_node import SCANNER

PATIENCE_S = 600.0
Send = Callable[[Peer, Batch], None]


def by_storescu(peer: Peer, batch: Batch, associations: int = 1, options: Sequence[str | Path] = ()) -> None:
    """DCMTK's storescu, one process for each association. Whether it uses Nagle's algorithm says TCP_NODELAY."""
    head = [tool("storescu"), "-aet", SCANNER, "-aec", peer.ae_title, *map(str, options), peer.host, str(peer.port)]
    runs = [_begin([*head, *(str(found.path) for found in part.objects)]) for part in batch.split(associations)]
    for run in runs:
        _, complaint = run.communicate(timeout=PATIENCE_S)
        assert run.returncode == 0, complaint.decode(errors="replace")


def by_echoscu(peer: Peer, options: Sequence[str | Path] = ()) -> None:
    """DCMTK's echoscu."""
    done = run_tool("echoscu", "-aet", SCANNER, "-aec", peer.ae_title, *options, peer.host, str(peer.port))
    assert done.returncode == 0, done.stderr


def _begin(command: list[str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL)


def by_storescu_one_each(peer: Peer, batch: Batch) -> None:
    """DCMTK's storescu, one association and one process per image, one after the other."""
    for part in batch.split(len(batch.objects)):
        by_storescu(peer, part)


def by_pynetdicom(peer: Peer, batch: Batch) -> None:
    """A stock pynetdicom SCU, one association."""
    contexts = [build_context(uid, EXPLICIT) for uid in sorted({found.sop_class_uid for found in batch.objects})]
    association = AE(SCANNER).associate(peer.host, peer.port, contexts=contexts, ae_title=peer.ae_title)
    assert association.is_established
    connection = association.dul.socket.socket if association.dul.socket else None
    try:
        for found in batch.objects:
            assert association.send_c_store(found.path).Status == 0
    finally:
        association.release()
        if connection is not None:
            connection.close()


def by_bytes(peer: Peer, batch: Batch, associations: int = 1, nagle: bool = False) -> None:
    """Prepared PDUs, one thread for each association."""
    with ThreadPoolExecutor(associations) as pool:
        list(pool.map(lambda part: _store_all(peer, part.objects, nagle), batch.split(associations)))


def by_bytes_one_each(peer: Peer, batch: Batch) -> None:
    """Prepared PDUs, one association per image, one after the other."""
    for found in batch.objects:
        _store_all(peer, [found], False)


def _store_all(peer: Peer, objects: Sequence[Object], nagle: bool) -> None:
    classes = sorted({found.sop_class_uid for found in objects})
    identifiers = {uid: 2 * index + 1 for index, uid in enumerate(classes)}
    request = associate_rq([(identifiers[uid], uid, (EXPLICIT,)) for uid in classes], SCANNER, peer.ae_title)
    with RawPeer(peer.port, LOOPBACK, timeout_s=PATIENCE_S) as raw:
        raw.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, not nagle)
        assert raw.negotiate(request) == ASSOCIATE_AC
        for found in objects:
            uid = found.sop_class_uid
            assert raw.store(found.data(), found.sop_instance_uid, identifiers[uid], uid) == 0
        assert raw.release()
