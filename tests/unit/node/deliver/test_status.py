"""Every 16-bit status has a verdict, and only success and the storage warnings count as stored."""

from __future__ import annotations

from node.deliver.status import Verdict, explain, judge


def test_only_success_and_warnings_are_stored() -> None:
    assert {s for s in range(0x10000) if judge(s) is Verdict.STORED} == {0x0000, 0xB000, 0xB006, 0xB007}


def test_out_of_resources_passes_and_refusals_do_not() -> None:
    assert judge(0xA700) is judge(0xA7FF) is judge(0x0110) is Verdict.AGAIN
    assert judge(0xA900) is judge(0xC000) is judge(0x0122) is judge(0x0124) is Verdict.NEVER


def test_every_failure_is_explained_with_its_number() -> None:
    assert all(f"0x{s:04X}" in explain(s) for s in (0xA700, 0xA900, 0xC123, 0x0122, 0x0124, 0x0211))
