"""User Identity Negotiation: what counts as a user, and how passcodes are kept."""

from __future__ import annotations

from collections.abc import Callable
from threading import Thread

import pytest

from node.receive.associate import user_identity as module
from node.receive.associate.user_identity import UserIdentity, Users, hash_passcode, user_identity
from node.settings import User


@pytest.mark.parametrize(
    ("kind", "primary", "secondary", "expected"),
    [
        (1, b"ct", b"", UserIdentity("ct")),
        (2, b"ct", b"geheim", UserIdentity("ct", b"geheim")),
        (2, "Jürgen".encode(), b"", UserIdentity("Jürgen", b"")),
        (3, b"ticket", b"", None),
        (4, b"<saml/>", b"", None),
        (5, b"e30.e30.x", b"", None),
        (None, b"ct", b"", None),
        (9, b"ct", b"", None),
        (1, b"", b"", None),
        (1, b"\xff\xfe", b"", None),
        (1, b"x" * 1025, b"", None),
        (2, b"ct", b"x" * 1025, None),
    ],
)
def test_what_is_a_user(kind: int | None, primary: bytes, secondary: bytes, expected: UserIdentity | None) -> None:
    assert user_identity(kind, primary, secondary, False) == expected


def test_a_passcode_shows_nowhere() -> None:
    text = hash_passcode(b"geheim")
    assert "geheim" not in text + repr(UserIdentity("ct", b"geheim")) + repr(Users({"ct": text}))
    assert text not in repr(Users({"ct": text}))


def test_each_hash_has_its_salt_and_is_what_the_settings_take() -> None:
    first, second = hash_passcode(b"geheim"), hash_passcode(b"geheim")
    assert first != second
    assert User(name="ct", passcode=first).passcode == first
    assert Users({"ct": first}).admits(UserIdentity("ct", b"geheim"))
    assert Users({"ct": second}).admits(UserIdentity("ct", b"geheim"))


def test_where_the_name_is_enough_a_passcode_does_no_harm() -> None:
    users = Users({"ct": None})
    assert users.admits(UserIdentity("ct")) and users.admits(UserIdentity("ct", b"any"))
    assert not users.admits(UserIdentity("mr"))


@pytest.fixture
def hashed(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The passcodes that were hashed, in order."""
    seen: list[bytes] = []
    real: Callable[[bytes, bytes, int], bytes] = module._scrypt

    def count(passcode: bytes, salt: bytes, cost: int) -> bytes:
        seen.append(passcode)
        return real(passcode, salt, cost)

    monkeypatch.setattr(module, "_scrypt", count)
    return seen


def test_a_right_passcode_is_hashed_once_and_a_wrong_one_each_time(hashed: list[bytes]) -> None:
    users = Users({"ct": hash_passcode(b"right")})
    hashed.clear()
    assert [users.admits(UserIdentity("ct", code)) for code in (b"right", b"right", b"wrong", b"wrong")] == [
        True,
        True,
        False,
        False,
    ]
    assert hashed == [b"right", b"wrong", b"wrong"]


def test_an_unknown_name_costs_as_much_as_a_wrong_passcode(hashed: list[bytes]) -> None:
    users = Users({"ct": hash_passcode(b"right")})
    users.admits(UserIdentity("nobody", b"first"))
    hashed.clear()
    assert not users.admits(UserIdentity("nobody", b"guess"))
    assert hashed == [b"guess"]


def test_a_passcode_remembered_for_one_user_opens_no_other(hashed: list[bytes]) -> None:
    users = Users({"a": hash_passcode(b"one"), "b": hash_passcode(b"two")})
    assert users.admits(UserIdentity("a", b"one"))
    assert not users.admits(UserIdentity("b", b"one"))


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_scrypt", lambda passcode, salt, cost: b"same")
    monkeypatch.setattr(module, "_MOST_REMEMBERED", 8)
    users = Users({"ct": hash_passcode(b"any")})
    threads = [Thread(target=users.admits, args=(UserIdentity("ct", bytes([n])),)) for n in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(module._remembered) <= 8
    module._remembered.clear()
