"""What takes the bytes of one data set on their way in."""

from __future__ import annotations

from typing import Protocol

from node.receive.associate.sessions import Session
from node.receive.spool.durable import Bytes
from node.receive.store.status import TABLE, Answer
from storage.base.log import get_logger

_log = get_logger(__name__)


class Receiving(Protocol):
    """One data set on its way in: ``write`` any number of times, then ``finish`` or ``abandon`` once. Nothing here raises."""

    def write(self, data: Bytes) -> None:
        """Take the next bytes; they may be overwritten after the call."""

    def finish(self) -> Answer:
        """All bytes have come: the answer to the sender, when it is true."""

    def abandon(self) -> None:
        """The rest won't come."""


class Turned:
    """Takes a data set that is refused for a reason known before its first byte, and keeps nothing of it."""

    def __init__(self, session: Session | None, code: str) -> None:
        row = TABLE[code]
        self._answer = Answer(row.status, code, row.comment)
        self._session = session

    def write(self, data: Bytes) -> None:
        """Let the bytes go by: the sender reads our answer when it has sent the last (PS3.7 9.3.1.2)."""

    def finish(self) -> Answer:
        """The refusal."""
        session, answer = self._session, self._answer
        if session is not None:
            session.refused += 1
            _log.warning("instance.refused", status=f"{answer.status:04X}", reason=answer.code, association=session.facts.uid)
        return answer

    def abandon(self) -> None:
        """Nothing was kept."""
