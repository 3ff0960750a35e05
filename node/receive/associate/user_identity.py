"""Who the user is, where a sender must say so: User Identity Negotiation by name, or by name and passcode (PS3.7 D.3.3.7).

Passcodes are kept as salted scrypt hashes. One hash is computed at a time, so that a flood of guesses costs one core and 16 MiB
of a process, and a sender of one association per image pays for its right passcode once.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from threading import Lock

NAME, NAME_AND_PASSCODE = 1, 2
_SCHEME = "scrypt"
_COST, _BLOCK, _PARALLEL = 2**14, 8, 1
_MOST_BYTES = 2**26
_MOST_REMEMBERED = 1024
_MOST_FIELD_BYTES = 1024


@dataclass(frozen=True)
class UserIdentity:
    """What the requestor says of its user; ``passcode`` is None where it gave a name alone."""

    username: str
    passcode: bytes | None = field(default=None, repr=False)
    wants_answer: bool = False


def user_identity(kind: int | None, primary: bytes, secondary: bytes, wants_answer: bool) -> UserIdentity | None:
    """Of the fields of the sub-item; None for kinds that we don't support (Kerberos, SAML, JWT) and malformed names."""
    if kind not in (NAME, NAME_AND_PASSCODE) or max(len(primary), len(secondary)) > _MOST_FIELD_BYTES:
        return None
    try:
        name = primary.decode("utf-8")
    except UnicodeDecodeError:
        return None
    return UserIdentity(name, secondary if kind == NAME_AND_PASSCODE else None, wants_answer) if name else None


def hash_passcode(passcode: bytes) -> str:
    """What to write into the settings for a passcode: ``scrypt$COST$BLOCK$PARALLEL$SALT$HASH``."""
    salt = os.urandom(16)
    parts = (_SCHEME, str(_COST), str(_BLOCK), str(_PARALLEL), _text(salt), _text(_scrypt(passcode, salt, _COST)))
    return "$".join(parts)


class Users:
    """The users of one source: name -> hash of the passcode, or None where the name alone is enough."""

    def __init__(self, hashes: Mapping[str, str | None]) -> None:
        self._hashes = dict(hashes)

    def __bool__(self) -> bool:
        return bool(self._hashes)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Users) and self._hashes == other._hashes

    def __hash__(self) -> int:
        return hash(frozenset(self._hashes.items()))

    def __repr__(self) -> str:
        return f"Users({len(self._hashes)})"

    def admits(self, identity: UserIdentity | None) -> bool:
        """Whether the user is one of ours; takes as long for a name that we don't know as for a wrong passcode."""
        if identity is None:
            return False
        known = identity.username in self._hashes
        expected = self._hashes.get(identity.username)
        if known and expected is None:
            return True
        if identity.passcode is None:
            return False
        return _verify(identity.passcode, expected or _nobody()) and known


_lock = Lock()
_remembered: set[bytes] = set()
_memory_key = os.urandom(32)
_nobody_hash: list[str] = []


def _verify(passcode: bytes, expected: str) -> bool:
    mark = hmac.digest(_memory_key, expected.encode() + b"\0" + passcode, "sha256")
    if mark in _remembered:
        return True
    _, cost, _, _, salt, digest = expected.split("$")
    with _lock:
        found = _scrypt(passcode, base64.b64decode(salt), int(cost))
    if not hmac.compare_digest(found, base64.b64decode(digest)):
        return False
    if len(_remembered) >= _MOST_REMEMBERED:
        _remembered.clear()
    _remembered.add(mark)
    return True


def _nobody() -> str:
    """A hash that no passcode has: the work for a user that there isn't."""
    if not _nobody_hash:
        _nobody_hash.append(hash_passcode(os.urandom(32)))
    return _nobody_hash[0]


def _scrypt(passcode: bytes, salt: bytes, cost: int) -> bytes:
    return hashlib.scrypt(passcode, salt=salt, n=cost, r=_BLOCK, p=_PARALLEL, maxmem=_MOST_BYTES, dklen=64)


def _text(value: bytes) -> str:
    return base64.b64encode(value).decode("ascii")
