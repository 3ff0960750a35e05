"""`rules.yaml` as typed rules: every complaint names file, line, rule and key."""

from __future__ import annotations

from pathlib import Path

import pytest

from node.route.rules.document import RulesError, parse_document, read_text
from storage.base.errors import ConfigError

FULL = """\
rules:
  - name: hippocampus
    when: Modality == "MR" && SeriesDescription.contains("HippoCrop")
    model: hippocampus-mr
    deliver_to: [pacs]
    quiet_s: 5
    priority: 10
    parameters: {threshold: 0.5, names: [a, b]}
    description: the memory clinic's
  - name: all
    when: true
    model: phantom-organs-ct
    deliver_to: []
"""


def test_every_field_is_read() -> None:
    one, other = parse_document(FULL, "rules.yaml").rules
    assert (one.name, one.model, one.deliver_to, one.quiet_s, one.priority) == (
        "hippocampus",
        "hippocampus-mr",
        ("pacs",),
        5.0,
        10,
    )
    assert one.parameters == {"threshold": 0.5, "names": ["a", "b"]}
    assert (other.when, other.quiet_s, other.priority, other.parameters) == ("true", None, 0, {})


@pytest.mark.parametrize(
    ("replace", "by", "message"),
    [
        ("    model: hippocampus-mr\n", "", "r.yaml:2: rule hippocampus: model: is missing; add it"),
        ("quiet_s: 5", "quiet: 5", "r.yaml:6: rule hippocampus: quiet: unknown key; known here: name, when"),
        ("quiet_s: 5", "quiet_s: -1", "r.yaml:6: rule hippocampus: quiet_s: input should be greater"),
        ("quiet_s: 5", "quiet_s: soon", "r.yaml:6: rule hippocampus: quiet_s: input should be a valid number"),
        ("deliver_to: [pacs]", "deliver_to: pacs", "r.yaml:5: rule hippocampus: deliver_to: input should be a valid tuple"),
        ("deliver_to: [pacs]", "deliver_to: [1]", "r.yaml:5: rule hippocampus: deliver_to[0]: input should be a valid string"),
        ("name: all", "name: hippocampus", "r.yaml:10: rule hippocampus: name: the name stands in line 2 already"),
        ("name: all", "name: [all]", "r.yaml:10: rule number 2: name: input should be a valid string"),
        ("    when: true\n", "    when:\n", "r.yaml:11: rule all: when: input should be a valid string"),
        ("    when: true\n", "    when: [true]\n", "r.yaml:11: rule all: when: input should be a valid string"),
        ("rules:", "rule:", "r.yaml: rules: is missing or no list"),
        ("rules:", "other: 1\nrules:", "r.yaml: other: unknown key; only `rules` stands here"),
        ("    priority: 10", "    priority: 10\n    priority: 11", "r.yaml:8: rules[0].priority: stands in line 7 already"),
        ("    when: true", "    when: 'true", "is not YAML"),
        ("threshold: 0.5", "threshold: 2026-01-01", "rule hippocampus: parameters"),
    ],
)
def test_complaints(replace: str, by: str, message: str) -> None:
    assert replace in FULL
    with pytest.raises(ConfigError) as refused:
        parse_document(FULL.replace(replace, by), "r.yaml")
    assert message in str(refused.value)


@pytest.mark.parametrize("text", ["", "- a", "rules: 5", "rules:", "just text"])
def test_what_is_no_rules_file_is_refused(text: str) -> None:
    with pytest.raises(RulesError, match="rules: is missing or no list"):
        parse_document(text, "r.yaml")


def test_an_entry_that_is_no_rule() -> None:
    with pytest.raises(RulesError, match=r"r.yaml:2: rule number 1: "):
        parse_document("rules:\n- just text\n", "r.yaml")


def test_no_rules_at_all_are_fine() -> None:
    assert parse_document("rules: []", "r.yaml").rules == ()


def test_the_text_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "rules.yaml"
    with pytest.raises(ConfigError, match="can't be read"):
        read_text(path)
    path.write_bytes("\ufeffrules: []\r\n".encode())
    assert read_text(path) == "rules: []\n"
    path.write_bytes(b"rules: \xff")
    with pytest.raises(ConfigError, match="not UTF-8 at byte 7"):
        read_text(path)
