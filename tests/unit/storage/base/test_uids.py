"""UIDs: what is one, and those of our own."""

from __future__ import annotations

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.base import environment
from storage.base.errors import PeerError
from storage.base.uids import check_uid, derive_uid


@pytest.mark.parametrize("uid", ["1", "0", "1.2.840.10008.1.1", "2.25.0", "1." + "2" * 62])
def test_a_uid_is_taken_as_it_is(uid: str) -> None:
    assert check_uid(uid) == uid


@pytest.mark.parametrize(
    "text",
    ["", ".", "1.", ".1", "1..2", "01.2", "1.02", "1.2a", "../x", "/etc/x", "1.2\n", " 1.2", "1.2\x00", "١.٢", "1." + "2" * 63],
)
def test_anything_else_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(PeerError) as caught:
        check_uid(text)
    assert caught.value.reason_code == "bad-uid"
    assert len(text) < 5 or text not in str(caught.value)


def test_a_derived_uid_depends_on_its_parts_alone() -> None:
    assert derive_uid("a", "b") == derive_uid("a", "b") == "2.25.80570676777572633702511940372177902698"
    assert len({derive_uid(*parts) for parts in (("a", "b"), ("b", "a"), ("ab",), ("", "ab"), ("ab", ""), ("a", "b", ""))}) == 6


@given(st.lists(st.text()))
def test_a_derived_uid_is_a_uid_that_holds_a_uuid(parts: list[str]) -> None:
    uid = check_uid(derive_uid(*parts))
    number = uuid.UUID(int=int(uid.removeprefix("2.25.")))
    assert number.variant == uuid.RFC_4122
    assert number.version == 8


def test_the_environment_counts_an_empty_variable_as_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WETREAD_TEST_VARIABLE", "")
    assert environment.get("WETREAD_TEST_VARIABLE", "default") == "default"
    monkeypatch.setenv("WETREAD_TEST_VARIABLE", "x")
    assert environment.get("WETREAD_TEST_VARIABLE") == "x"
    monkeypatch.delenv("WETREAD_TEST_VARIABLE")
    assert environment.get("WETREAD_TEST_VARIABLE") is None
