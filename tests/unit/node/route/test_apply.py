"""What `serve` does before it starts: packages registered, rules in force when they changed."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from node.route.apply import prepare_routing
from node.route.rules.document import RulesError
from node.settings import Settings
from storage.base.errors import ConfigError
from storage.database import Database
from storage.decisions import apply_rules, latest_rules, rules_history
from storage.packages import active_package, list_packages
from tests.support.packages import write_package
from tests.unit.node.route.conftest import RULES, Site


def versions(db: Database) -> list[int]:
    with db.read() as s:
        return [version.number for version in rules_history(s)]


def test_rules_are_applied_only_when_their_text_changed(site: Site, db: Database) -> None:
    prepare_routing(site.settings, db)
    prepare_routing(site.settings, db)
    assert versions(db) == [1]
    site.rules.write_text(RULES + "    priority: 3\n")
    prepare_routing(site.settings, db)
    assert versions(db) == [2, 1]
    with db.read() as s:
        latest = latest_rules(s)
        assert latest is not None and latest.text == site.rules.read_text() and latest.author == "serve"


@pytest.mark.parametrize(
    ("replace", "by", "message"),
    [
        (
            "model: hippocampus-mr",
            "model: hippo",
            r"rules.yaml:4: rule hippocampus: model: there is no model hippo; known: hippocampus-mr",
        ),
        ("[pacs]", "[pacs, nowhere]", r"rules.yaml:5: rule hippocampus: deliver_to: there is no peer nowhere .*; known: pacs"),
        ("[pacs]", "[scanner]", r"rules.yaml:5: rule hippocampus: deliver_to: peer scanner has send_to: false"),
        ("Modality ==", "Modalty ==", r"rules.yaml:3:11: rule hippocampus: when: undeclared reference to 'Modalty'"),
    ],
)
def test_bad_rules_stop_the_start_and_change_nothing(site: Site, db: Database, replace: str, by: str, message: str) -> None:
    site.rules.write_text(RULES.replace(replace, by))
    with pytest.raises(RulesError, match=message):
        prepare_routing(site.settings, db)
    assert versions(db) == []
    with db.read() as s:
        assert list_packages(s) == []


@pytest.mark.parametrize(
    ("inputs", "says"),
    [
        ("t3: 'true'", r"rules.yaml:8: rule hippocampus: inputs.t3: model hippocampus-mr has no further input t3; it has t2"),
        ("t1: 'true'", r"rules.yaml:8: rule hippocampus: inputs.t1: t1 is the reference of model hippocampus-mr, which `when`"),
        ("t2: Modalty == 'MR'", r"rules.yaml:8:11: rule hippocampus: inputs.t2: undeclared reference to 'Modalty'"),
        ("t2: Modality", r"rules.yaml:8:11: rule hippocampus: inputs.t2: yields a string, not true or false"),
    ],
)
def test_conditions_of_further_inputs_are_checked(site: Site, db: Database, inputs: str, says: str) -> None:
    _write_two_inputs(site)
    site.rules.write_text(RULES + f"    inputs:\n      {inputs}\n")
    with pytest.raises(RulesError, match=says):
        prepare_routing(site.settings, db)


def test_a_model_of_several_series_can_be_named_with_and_without_conditions(site: Site, db: Database) -> None:
    _write_two_inputs(site)
    for text in (RULES, RULES + "    inputs: {t2: SeriesDescription.contains('T2')}\n"):
        site.rules.write_text(text)
        prepare_routing(site.settings, db)
    assert versions(db) == [2, 1]


def test_a_model_of_one_series_has_no_further_inputs(site: Site, db: Database) -> None:
    site.rules.write_text(RULES + "    inputs: {pet: 'true'}\n")
    with pytest.raises(RulesError, match=r"inputs\.pet: model hippocampus-mr has no further input pet; it takes one series"):
        prepare_routing(site.settings, db)


def _write_two_inputs(site: Site) -> None:
    shutil.rmtree(site.models / "hippocampus-mr")
    write_package(site.models, inputs=[{"name": "t1", "modality": ["MR"]}, {"name": "t2", "modality": ["MR"]}])


def test_packages_are_registered_and_retired_when_they_are_gone(site: Site, db: Database) -> None:
    write_package(site.models, "second")
    prepare_routing(site.settings, db)
    with db.read() as s:
        package = active_package(s, "second")
        assert package is not None and package.path == str(site.models / "second")
    shutil.rmtree(site.models / "second")
    prepare_routing(site.settings, db)
    with db.read() as s:
        assert active_package(s, "second") is None
        assert [(p.name, p.state, p.reason) for p in list_packages(s)] == [
            ("hippocampus-mr", "active", ""),
            ("second", "retired", "its folder is gone"),
        ]


def test_a_rules_file_that_was_named_must_exist(site: Site, db: Database) -> None:
    site.rules.unlink()
    with pytest.raises(ConfigError, match=r"rules\.yaml: can't be read"):
        prepare_routing(site.settings, db)


def test_without_a_file_at_the_default_place_what_was_applied_stays(
    site: Site, db: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    with db.write() as s:
        apply_rules(s, RULES, "digest", "me", db.clock.utc())
    prepare_routing(Settings(models=(str(site.models),)), db)
    assert versions(db) == [1]
