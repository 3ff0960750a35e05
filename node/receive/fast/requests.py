"""How much an A-ASSOCIATE-RQ may hold, counted before anybody makes objects of it (PS3.8 9.3.2).

pynetdicom takes some 0.1 ms for each item: a quarter of a megabyte of the smallest would cost seconds.
"""

from __future__ import annotations

import struct

from node.receive.fast.pdata import INVALID_PARAMETER, ProtocolError

MOST_CONTEXTS = 128  # identifiers are the odd numbers to 255 (PS3.8 9.3.2.2)
MOST_SYNTAXES = 64
MOST_USER_ITEMS = 1024
_FIXED_BYTES = 68
_CONTEXT_HEAD_BYTES = 4
_ITEM = struct.Struct(">BxH")
_APPLICATION, _CONTEXT, _USER = 0x10, 0x20, 0x50


def check_request(body: memoryview) -> None:
    """Look at the items of a request's body.

    Raises
    ------
    ProtocolError
        Too many presentation contexts, transfer syntaxes or user items, an item that is longer than what holds it, a second
        application context, or not one user information item.
    """
    applications = contexts = users = 0
    for kind, content in _items(body[_FIXED_BYTES:]):
        if kind == _CONTEXT:
            contexts += 1
            _require(contexts <= MOST_CONTEXTS, "more presentation contexts than there are identifiers")
            syntaxes = sum(1 for _ in _items(content[_CONTEXT_HEAD_BYTES:])) - 1
            _require(syntaxes <= MOST_SYNTAXES, "too many transfer syntaxes for one context")
        elif kind == _APPLICATION:
            applications += 1
            _require(applications == 1, "more than one application context")
        elif kind == _USER:
            users += 1
            _require(sum(1 for _ in _items(content)) <= MOST_USER_ITEMS, "too many user information items")
    _require(users == 1, "not one user information item")


def _items(data: memoryview) -> list[tuple[int, memoryview]]:
    found, at = [], 0
    while at + _ITEM.size <= len(data):
        kind, length = _ITEM.unpack_from(data, at)
        end = at + _ITEM.size + length
        _require(end <= len(data), "an item is longer than what holds it")
        found.append((kind, data[at + _ITEM.size : end]))
        at = end
    return found


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise ProtocolError(f"an association request: {message}", INVALID_PARAMETER)
