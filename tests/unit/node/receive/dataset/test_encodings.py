"""Which transfer syntaxes are taken and which is preferred."""

from __future__ import annotations

import pytest
from pynetdicom import ALL_TRANSFER_SYNTAXES

from node.receive.dataset.encodings import encoding_of, is_accepted, preferred
from tests.unit.node.receive.encoding import BIG, DEFLATED, EXPLICIT, IMPLICIT

JPEG_BASELINE, JPEG_LOSSLESS = "1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.70"
REAL_TIME_VIDEO = "1.2.840.10008.1.2.7."


def test_every_public_syntax_of_objects_is_accepted() -> None:
    assert [uid for uid in ALL_TRANSFER_SYNTAXES if not is_accepted(uid) and not uid.startswith(REAL_TIME_VIDEO)] == []


@pytest.mark.parametrize("uid", ["1.2.840.10008.1.2.4.999", "1.2.840.10008.1.2.4.52", "1.2.840.10008.1.2.1.98"])
def test_future_and_retired_compressions_are_accepted(uid: str) -> None:
    assert is_accepted(uid)


@pytest.mark.parametrize("uid", ["1.2.840.113619.5.2", "1.2.840.10008.1.2.6.1", "1.2.840.10008.1.2.7.1", "1.2.840.10008.9", ""])
def test_private_and_strange_syntaxes_are_not(uid: str) -> None:
    assert not is_accepted(uid)


@pytest.mark.parametrize("end", ["\0a", "foo", "", "05", "1" * 60, "70\n"])
def test_what_only_begins_like_a_syntax_to_come_is_none(end: str) -> None:
    """A NUL, say, would reach a record that was acknowledged, and no row of Postgres can hold it."""
    assert not is_accepted("1.2.840.10008.1.2.4." + end)


def test_what_keeps_most_comes_first_else_the_sender_s_order() -> None:
    offered = [JPEG_BASELINE, BIG, IMPLICIT, JPEG_LOSSLESS, "1.2.3", EXPLICIT]
    assert preferred(offered) == [JPEG_LOSSLESS, EXPLICIT, IMPLICIT, BIG, JPEG_BASELINE]


def test_encodings() -> None:
    assert encoding_of(IMPLICIT).implicit_vr and not encoding_of(EXPLICIT).implicit_vr
    assert encoding_of(BIG).big_endian and not encoding_of(JPEG_BASELINE).big_endian
    assert encoding_of(DEFLATED).deflated and encoding_of("1.2.840.10008.1.2.4.95").deflated
