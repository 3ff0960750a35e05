"""Whatever the bytes are: a data set is identified, or refused with a code of the status table; its header never fails oddly.

The same bytes are looked at in memory and as a file, and must be judged alike.
"""

from __future__ import annotations

import tempfile
import zlib
from pathlib import Path
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from node.receive.dataset.elements import Malformed
from node.receive.dataset.filebytes import FileBytes
from node.receive.dataset.header import read_header
from node.receive.dataset.identity import Identity, identify
from node.receive.store import status
from storage.base.errors import PeerError
from tests.fault.fuzz.mutate import broken
from tests.support.attacks import nested
from tests.unit.node.receive.encoding import BIG, DEFLATED, EXPLICIT, IMPLICIT, element, encoded, identified, item

Judgement = Identity | tuple[str, str]


def sound() -> list[tuple[str, bytes]]:
    """Data sets by transfer syntax."""
    rich = identified()
    rich.ReferencedImageSequence = [identified("1.1"), identified("1.2")]
    rich.PatientName = "A^B"
    fragments = item(b"") + item(b"\1\2\3\4") + b"\xfe\xff\xdd\xe0\0\0\0\0"
    found = [(syntax, encoded(rich, syntax)) for syntax in (EXPLICIT, IMPLICIT, BIG)]
    found += [(EXPLICIT, nested(5)), (EXPLICIT, encoded(rich) + element(0x7FE00010, "OB", fragments, 0xFFFFFFFF))]
    found += [(EXPLICIT, encoded(rich) + element(0x0040A730, "UN", item(element(0x00080100, "SH", b"12"))))]
    deflating = zlib.compressobj(wbits=-15)
    return [*found, (DEFLATED, deflating.compress(encoded(rich)) + deflating.flush())]


SOUND = sound()


def judge(data: bytes | FileBytes, syntax: str) -> Judgement:
    try:
        return identify(data, syntax)
    except PeerError as error:
        answer = status.answer(error)
        assert answer.code != status.BUG
        return answer.code, f"{answer.offending:08X}"


def both_ways(data: bytes, syntax: str) -> Judgement:
    in_memory = judge(data, syntax)
    with tempfile.TemporaryFile(buffering=0) as file:
        file.write(data)
        assert judge(FileBytes(file.fileno(), 0), syntax) == in_memory
    return in_memory


@settings(deadline=None, max_examples=150)
@given(st.sampled_from(SOUND), st.integers(0, 2**32))
def test_a_mutated_data_set_is_identified_or_refused(one: tuple[str, bytes], seed: int) -> None:
    syntax, data = one
    changed = broken(data, Random(seed))
    found = both_ways(changed, syntax)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "object"
        path.write_bytes(changed)
        try:
            read_header(path, 0, syntax)
        except Malformed:
            assert not isinstance(found, Identity)


@settings(deadline=None, max_examples=150)
@given(st.binary(max_size=300), st.sampled_from([EXPLICIT, IMPLICIT, BIG, DEFLATED]))
def test_any_bytes_are_identified_or_refused(data: bytes, syntax: str) -> None:
    both_ways(data, syntax)


@settings(deadline=None, max_examples=100)
@given(st.sampled_from(SOUND), st.data())
def test_no_beginning_of_a_data_set_passes_for_the_whole(one: tuple[str, bytes], data: st.DataObject) -> None:
    """Unless it ends between two elements of the first level, where nothing tells."""
    syntax, whole = one
    cut = data.draw(st.integers(0, len(whole) - 1))
    found = both_ways(whole[:cut], syntax)
    if isinstance(found, Identity):
        assert syntax != DEFLATED
        assert found == identify(whole, syntax)
