"""What a peer may cost on the fast path."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """Deadlines in seconds of the monotonic clock, sizes in bytes.

    ``request_s``: from the connection to the whole A-ASSOCIATE-RQ. ``pdu_s``: for a whole PDU from its first byte. ``idle_s``:
    from one PDU to the next, where the caller's grant doesn't say it. ``send_s``: until the peer has taken what we send.
    ``drain_s``: for the instance on its way when the receiver stops. ``linger_s``: for the peer to close after the last PDU.
    """

    request_s: float = 30.0
    pdu_s: float = 60.0
    idle_s: float = 900.0
    send_s: float = 60.0
    drain_s: float = 15.0
    linger_s: float = 2.0
    max_pdu_bytes: int = 256 * 2**10
    max_request_bytes: int = 256 * 2**10
    max_command_bytes: int = 64 * 2**10
    max_collected_bytes: int = 16 * 2**20
