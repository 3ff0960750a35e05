"""What `wetread show` prints of a story."""

from __future__ import annotations

from typing import Any

from node.commands.narrative import measurement_text, story_lines

STORY: dict[str, Any] = {
    "study_instance_uid": "1.2.3",
    "first_arrival_at": "2026-01-01T00:00:00.000Z",
    "last_arrival_at": "2026-01-01T00:00:09.000Z",
    "arrivals": 3,
    "associations": [{"from": "CT1", "host": "10.0.0.1", "instances": 3, "duplicates": 1, "state": "aborted"}],
    "series": [{"series_instance_uid": "1.2.3.4", "modality": "CT", "instances": 2, "differing_versions": 1}],
    "revisions": [{"number": 1, "created_at": "2026-01-01T00:01:09.000Z", "instances": 2}],
    "decisions": [
        {
            "revision": 1,
            "rule": "liver",
            "series_instance_uid": "1.2.3.4",
            "matched": False,
            "reason": "Modality differs",
            "job_id": None,
        }
    ],
    "jobs": [],
    "events": [{"kind": "study.resent-nothing-new"}, {"kind": "study.resent-nothing-new"}],
    "next": "nothing: no rule asked for a job",
}


def test_a_study_that_no_rule_wanted_is_told_whole() -> None:
    told = "\n".join(story_lines(STORY))
    for words in (
        "3 instances",
        "1 of them held already; association aborted",
        "1 DIFFERING VERSIONS",
        "rule liver on 1.2.3.4: no match: Modality differs",
        "nothing was started (2 times)",
        "Next: nothing: no rule asked for a job",
    ):
        assert words in told


def test_a_failing_delivery_tells_when_it_is_tried_again() -> None:
    delivery = {
        "state": "pending",
        "peer": "pacs",
        "attempts": 2,
        "next_attempt_at": "2026-01-01T00:05:00.000Z",
        "last_error": "peer pacs does not answer",
        "last_status": None,
    }
    result = {"role": "seg", "sop_instance_uid": "2.25.1", "blob_key": "", "size_bytes": 1000, "deliveries": [delivery]}
    job = {
        "id": 7,
        "model": "liver",
        "model_version": "1.0.0",
        "model_digest": "ab" * 32,
        "inputs": {"ct": "1.2.3", "pet": "1.2.4"},
        "generation": 2,
        "state": "done",
        "reason": "",
        "reason_code": "",
        "attempts": 0,
        "infra_failures": 1,
        "measurements": [],
        "timings_s": {"network": 1.5},
        "results": [result],
    }
    told = "\n".join(story_lines({**STORY, "jobs": [job]}))
    assert "run 2" in told and "1 of machines" in told and "network 1.50" in told
    assert "inputs: ct 1.2.3, pet 1.2.4" in told
    assert "pending to pacs after 2 tries, next 2026-01-01T00:05:00.000Z: peer pacs does not answer" in told


def test_measurements_name_side_unit_and_absence() -> None:
    assert (
        measurement_text({"label": "Kidney", "laterality": "left", "present": True, "volume_mm3": 1234.5})
        == "Kidney (left): 1,234.5 mm³"
    )
    assert measurement_text({"label": "Kidney", "laterality": None, "present": False, "volume_mm3": 0.0}) == "Kidney: absent"


def test_a_classifiers_result_is_verdict_probability_and_threshold() -> None:
    record = {"label": "Pneumonia", "laterality": None, "present": True, "probability": 0.914, "threshold": 0.5}
    assert measurement_text(record) == "Pneumonia: present, probability 0.914 (threshold 0.5)"
    told = measurement_text({**record, "present": False, "probability": 0.499999})
    assert told == "Pneumonia: absent, probability 0.499999 (threshold 0.5)"


def test_a_length_is_told_with_its_notes_and_never_invented() -> None:
    length = {"name": "Head circumference", "mm": 312.44}
    record = {"label": "Fetal head", "present": True, "area_mm2": 7500.25, "lengths": [length]}
    assert measurement_text(record) == "Fetal head: 7,500.2 mm², Head circumference 312.4 mm"
    unknown = {**record, "area_mm2": None, "lengths": [{**length, "mm": None}], "notes": ["no pixel spacing"]}
    assert measurement_text(unknown) == "Fetal head: present; no pixel spacing"


def test_findings_with_masks_are_told_with_their_sizes() -> None:
    findings = [{"certainty_percent": 93.5, "volume_mm3": 1234.5}, {"certainty_percent": 60.0}]
    record = {"label": "Nodule", "present": True, "threshold": 0.5, "findings": findings}
    assert measurement_text(record) == "Nodule: 2 found, certainty 93.5 % 1,234.5 mm³, 60 % (threshold 50 %)"
