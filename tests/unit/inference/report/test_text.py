"""The report as text."""

from __future__ import annotations

from tests.support.dicom_builders import ct_series
from tests.unit.inference.report.inputs import results_of


def test_a_person_reads_findings_first_and_all_content_after() -> None:
    text = results_of(ct_series())["text"].payload.decode()
    head, summary, content = text.split("-" * 72)
    assert head.startswith("Imaging Measurement Report\nAI phantom-organs 1.2.3 - not for clinical use\n")
    assert "COMPLETE, PRELIMINARY, UNVERIFIED" in head
    assert summary.strip().splitlines()[0] == "phantom-organs Organ 1: Volume 105.0 mm3"
    assert "    Referenced Segment: 2.25." in content and ", segment 1\n" in content
    assert "    Finding Site: Kidney\n      Laterality: Left\n" in content
