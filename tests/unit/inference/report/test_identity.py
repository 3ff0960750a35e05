"""UIDs, times and names of results come from the task alone."""

from __future__ import annotations

import pytest

from inference.report.identity import identify, series_number
from storage.base.uids import check_uid
from tests.unit.inference.report.inputs import DIGEST, manifest, task


def test_the_same_task_has_the_same_uids_and_another_has_others() -> None:
    one, again = (identify(manifest(), DIGEST, task()) for _ in range(2))
    other = identify(manifest(), DIGEST, task(uid_entropy=("1.2.3", DIGEST, "parameters", "inputs", "2")))
    assert one.uid("seg", "instance") == again.uid("seg", "instance")
    assert len({one.uid("seg", "instance"), one.uid("sr", "instance"), other.uid("seg", "instance")}) == 3
    check_uid(one.uid("seg", "instance"))


def test_the_device_uid_changes_with_the_model_digest_alone() -> None:
    one = identify(manifest(), DIGEST, task())
    assert one.device_uid == identify(manifest(), DIGEST, task(uid_entropy=("x",))).device_uid
    assert one.device_uid != identify(manifest(), "cd" * 32, task()).device_uid


@pytest.mark.parametrize(
    ("offset", "date", "time"),
    [("", "20260304", "050607.890123"), ("-0530", "20260303", "233607.890123"), ("+9999", "20260304", "050607.890123")],
)
def test_times_are_the_jobs_in_the_sources_time_zone(offset: str, date: str, time: str) -> None:
    identity = identify(manifest(), DIGEST, task(), offset)
    assert (identity.date, identity.time) == (date, time)


def test_a_time_stamp_says_its_offset() -> None:
    assert identify(manifest(), DIGEST, task(), "+0130").datetime == "20260304063607.890123+0130"


def test_the_series_description_is_short_and_marked() -> None:
    assert identify(manifest(), DIGEST, task()).series_description == "AI phantom-organs 1.2.3 - not for clinical use"
    long = identify(manifest(name="n" * 40, version="10.20.3000"), DIGEST, task()).series_description
    assert len(long) == 64
    assert long.endswith(" 10.20.3000 - not for clinical use")
    assert identify(manifest(clinical_use=True), DIGEST, task()).series_description == "AI phantom-organs 1.2.3"


@pytest.mark.parametrize(
    ("source", "seg", "sr"),
    [("14", 9140, 9141), ("", 9000, 9001), (None, 9000, 9001), ("-3", 9000, 9001), ("2147483647", 9000, 9001)],
)
def test_series_numbers(source: object, seg: int, sr: int) -> None:
    assert (series_number("seg", source), series_number("sr", source)) == (seg, sr)
