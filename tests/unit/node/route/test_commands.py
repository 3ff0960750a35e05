"""What `wetread rules ...` asks of routing."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydicom.data import get_testdata_file

from node.route.commands import Trial, apply_file, check_rules, diff_rules, history
from node.route.commands import test_rules as try_rules
from node.route.rules.document import RulesError
from node.settings import Settings
from storage.base.errors import ConfigError
from storage.database import Database
from tests.support.packages import write_package
from tests.unit.node.route.conftest import RULES, Site

OTHER = RULES.replace("quiet_s: 5", "quiet_s: 9") + "  - {name: all, when: true, model: hippocampus-mr, deliver_to: []}\n"


def test_check(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    report = check_rules(site.rules, site.settings)
    assert ([rule.name for rule in report.rules], report.models) == (["hippocampus"], ("hippocampus-mr",))
    monkeypatch.chdir(tmp_path / "models")
    defaults = Settings(models=(str(site.models),))
    assert check_rules(defaults.rules, defaults).rules == ()
    site.rules.write_text(RULES.replace("Modality", "X"))
    with pytest.raises(RulesError):
        check_rules(site.rules, site.settings)


def test_apply_and_history(site: Site, db: Database) -> None:
    first = apply_file(site.rules, site.settings, db, "alice")
    again = apply_file(site.rules, site.settings, db, "bob")
    site.rules.write_text(OTHER)
    second = apply_file(site.rules, site.settings, db, "bob")
    assert [(a.number, a.rules, a.changed) for a in (first, again, second)] == [(1, 1, True), (1, 1, False), (2, 2, True)]
    assert [(v.number, v.author) for v in history(db)] == [(2, "bob"), (1, "alice")]
    site.rules.write_text("rules: [")
    with pytest.raises(ConfigError, match="is not YAML"):
        apply_file(site.rules, site.settings, db, "bob")
    assert len(history(db)) == 2


def test_diff(site: Site, db: Database) -> None:
    fresh = diff_rules(site.rules, db)
    assert (fresh.number, fresh.added) == (0, ("hippocampus",))
    apply_file(site.rules, site.settings, db, "alice")
    assert diff_rules(site.rules, db).lines == ()
    site.rules.write_text(OTHER)
    difference = diff_rules(site.rules, db)
    assert (difference.number, difference.added, difference.removed, difference.changed) == (1, ("all",), (), ("hippocampus",))
    assert "-    quiet_s: 5" in difference.lines and "+    quiet_s: 9" in difference.lines
    site.rules.write_text("rules: []\n")
    assert diff_rules(site.rules, db).removed == ("hippocampus",)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """One CT and one MR of pydicom's own test files, and a file that is no DICOM."""
    path = tmp_path / "study"
    (path / "below").mkdir(parents=True)
    for name in ("CT_small.dcm", "MR_small.dcm"):
        source = get_testdata_file(name, download=False)
        assert isinstance(source, str)
        (path / "below" / name).write_bytes(Path(source).read_bytes())
        (path / f"copy of {name}").write_bytes(Path(source).read_bytes())
    (path / "notes.txt").write_text("not DICOM")
    return path


def test_trial_on_a_folder(site: Site, folder: Path) -> None:
    write_package(site.models, "ct-only", inputs=[{"name": "image", "modality": ["CT"]}])
    site.rules.write_text(
        "rules:\n"
        "- {name: thin, when: SliceThickness <= 5, model: ct-only, deliver_to: []}\n"
        "- {name: mr, when: Modality == 'MR', model: unknown, deliver_to: []}\n"
        "- {name: any, when: instances == 1, model: ct-only, deliver_to: []}\n"
    )
    trials = {(t.modality, t.rule): t for t in try_rules(site.rules, folder, site.settings)}
    told = {key: (t.matched, t.reason) for key, t in trials.items()}
    assert told == {
        ("CT", "thin"): (True, "the condition holds"),
        ("CT", "mr"): (False, "Modality == 'MR' does not hold: Modality is \"CT\""),
        ("CT", "any"): (True, "the condition holds"),
        ("MR", "thin"): (False, "the condition holds, but model ct-only takes CT and the series is MR"),
        ("MR", "mr"): (False, "the condition holds, but there is no model unknown"),
        ("MR", "any"): (False, "the condition holds, but model ct-only takes CT and the series is MR"),
    }
    trial: Trial = trials["CT", "thin"]
    assert (trial.instances, trial.model) == (1, "ct-only")


def test_trial_without_data(site: Site, tmp_path: Path) -> None:
    (tmp_path / "none").mkdir()
    for folder, message in ((tmp_path / "none", "holds no DICOM file"), (tmp_path / "nowhere", "does not exist")):
        with pytest.raises(ConfigError, match=message):
            try_rules(site.rules, folder, site.settings)
