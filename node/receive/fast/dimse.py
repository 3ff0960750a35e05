"""pynetdicom's message provider in the association's own thread: its blocking calls pump the upper layer themselves."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any, cast

from pynetdicom.dimse import DIMSEServiceProvider
from pynetdicom.pdu_primitives import P_DATA

from node.receive.fast.commands import Command
from node.receive.fast.dul import FastDUL
from node.receive.fast.lines import Line
from node.receive.fast.pdata import INVALID_PARAMETER, ProtocolError

MOST_WAITING = 16
_NOTHING = (None, None)


class FastDIMSE(DIMSEServiceProvider):
    """Messages of the services that stay with pynetdicom."""

    def __init__(self, assoc: Any) -> None:
        super().__init__(assoc)
        self.msg_queue: Any = Line[Any]()
        self.requests: deque[tuple[int, Any]] = deque()
        self.awaits_response = False
        self._held: list[Callable[[], None]] = []

    def deliver(self, context_id: int, command: Command, encoded: bytes, data: bytes, done: Callable[[], None]) -> None:
        """Take a whole message: a request waits its turn, a response is for whoever awaits it."""
        self._held.append(done)
        responses = len(self.msg_queue.queue)
        if len(self.requests) + responses >= MOST_WAITING:
            raise ProtocolError("more messages at once than are served")
        values = P_DATA()
        fragments: list[Any] = [[context_id, b"\x03" + encoded]]
        if command.has_data_set:
            fragments.append([context_id, b"\x02" + data])
        values.presentation_data_value_list = fragments
        try:
            self.receive_primitive(values)
        except Exception as error:
            raise ProtocolError(f"{command.field:04X}: {type(error).__name__}", INVALID_PARAMETER) from error
        if len(self.msg_queue.queue) == responses:
            raise ProtocolError("a message that pynetdicom can't read", INVALID_PARAMETER)
        if not command.is_response:
            self.requests.append(cast(tuple[int, Any], self.msg_queue.queue.pop()))

    def let_go(self) -> None:
        """All that came has been served, or won't be: forget it."""
        self.requests.clear()
        self.msg_queue.queue.clear()
        held, self._held = self._held, []
        for done in held:
            done()

    def get_msg(self, block: bool = False) -> Any:
        """The next response, read from the connection if need be; nothing after a timeout or the association's end."""
        if not block:
            return _NOTHING if self.msg_queue.empty() else self.msg_queue.get()
        self.awaits_response = True
        try:
            cast(FastDUL, self.dul).pump_until(lambda: not self.msg_queue.empty(), self.dimse_timeout)
        finally:
            self.awaits_response = False
        return _NOTHING if self.msg_queue.empty() else self.msg_queue.get()
