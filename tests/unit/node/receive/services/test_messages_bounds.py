"""A request of many small things costs little, whatever is in it: they are counted before pydicom makes objects of them."""

from __future__ import annotations

import time
from io import BytesIO

import pytest

from node.receive.services import messages
from node.receive.services.status import Refused
from tests.unit.node.receive.encoding import EXPLICIT, element, item

REFERENCED = 0x00081199


@pytest.mark.parametrize("vr", ["SQ", "UN"])
def test_too_many_items_are_refused_unread(vr: str) -> None:
    data = element(REFERENCED, vr, item(b"") * (messages.MOST_PARTS + 1))
    begun_s = time.process_time()
    with pytest.raises(Refused, match="too-many"):
        messages.read(BytesIO(data), EXPLICIT)
    assert time.process_time() - begun_s < 5


@pytest.mark.heavy
def test_as_many_references_as_are_taken_are_read() -> None:
    reference = element(0x00081150, "UI", b"1.2\0") + element(0x00081155, "UI", b"1.3\0")
    data = element(REFERENCED, "SQ", item(reference) * messages.MOST_INSTANCES)
    assert len(messages.items(messages.read(BytesIO(data), EXPLICIT), "ReferencedSOPSequence")) == messages.MOST_INSTANCES
