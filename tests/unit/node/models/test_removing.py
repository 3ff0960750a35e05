"""Taking packages out, and using again what is there."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from node.models.adding import add_package
from node.models.reinstating import reinstate
from node.models.removing import remove
from storage import jobs
from storage.base.errors import ConfigError
from storage.packages import active_package
from storage.states import UnknownRow
from tests.support.seeds import asked, request
from tests.unit.node.models.conftest import NAME, Site, checked


def _add(site: Site, version: str, name: str = NAME) -> str:
    return add_package(site.made(version, name), site.settings, site.db).package.digest


def test_a_removed_package_is_retired_and_its_copy_gone(site: Site) -> None:
    digest = _add(site, "1.0.0", "liver-ct")
    removal = remove("liver-ct", "", site.settings, site.db)
    assert (removal.digest, removal.successor, removal.rules, removal.jobs) == (digest, None, (), ())
    assert not removal.path.exists() and [p.name for p in site.own.iterdir()] == [".lock"]
    (row,) = [row for row in site.rows() if row["name"] == "liver-ct"]
    assert (row["state"], row["reason"]) == ("retired", "removed")
    with pytest.raises(UnknownRow, match=r"liver-ct 1\.0\.0 is retired, and .*liver-ct-1\.0\.0 is gone already"):
        remove("liver-ct", "", site.settings, site.db)


def test_what_a_rule_names_stays_unless_forced(site: Site) -> None:
    _add(site, "1.1.0")
    with pytest.raises(ConfigError, match=r"1\.1\.0 is needed: rule hippocampus in force; see to that, or give --force"):
        remove(NAME, "1.1.0", site.settings, site.db)
    assert site.states()[NAME, "1.1.0"] == "active" and (site.own / f"{NAME}-1.1.0").is_dir()
    removal = remove(NAME, "1.1.0", site.settings, site.db, force=True)
    assert removal.rules == ("hippocampus",) and removal.successor is not None and removal.successor[0] == "1.0.0"
    assert site.states() == {(NAME, "1.0.0"): "active", (NAME, "1.1.0"): "retired"}


def test_a_retired_version_goes_though_a_rule_names_its_model(site: Site) -> None:
    _add(site, "1.1.0")
    _add(site, "1.2.0")
    removal = remove(NAME, "1.1.0", site.settings, site.db)
    assert removal.successor is not None and removal.successor[0] == "1.2.0"
    assert site.states()[NAME, "1.2.0"] == "active"


def test_unfinished_jobs_hold_a_package(site: Site) -> None:
    _add(site, "1.0.0", "liver-ct")
    with site.db.write() as s:
        package = active_package(s, "liver-ct")
        assert package is not None
        what = replace(asked(s, package="other-ct"), package=package)
        job, _ = request(s, what)
        number = job.id
    with pytest.raises(ConfigError, match=rf"needed: unfinished job {number}; "):
        remove("liver-ct", "", site.settings, site.db)
    with site.db.write() as s:
        jobs.cancel(s, number, site.db.clock.utc() + timedelta(seconds=1))
    assert remove("liver-ct", "", site.settings, site.db).jobs == ()


def test_what_the_settings_list_is_never_deleted(site: Site) -> None:
    with pytest.raises(ConfigError, match=r"lies in .*shipped/hippocampus-mr, which the settings list and Wetread never deletes"):
        remove(NAME, "", site.settings, site.db, force=True)
    assert (site.folder / "shipped" / NAME).is_dir() and site.states() == {(NAME, "1.0.0"): "active"}


def test_a_version_is_asked_for_where_there_are_several(site: Site) -> None:
    digest = _add(site, "1.1.0")
    with pytest.raises(UnknownRow, match=r"2 packages fit: 1\.1\.0 \(.*active\), 1\.0\.0 \(.*retired\); name a version"):
        remove(NAME, "", site.settings, site.db)
    assert remove(NAME, digest[:10], site.settings, site.db, force=True).version == "1.1.0"
    with pytest.raises(UnknownRow, match="there is no package nothing 2; see"):
        remove("nothing", "2", site.settings, site.db)


def test_the_choice_outlives_a_start_of_the_node(site: Site) -> None:
    older, newer = _add(site, "1.1.0"), _add(site, "1.2.0")
    reinstate(older, site.db)
    site.start()
    assert site.states()[NAME, "1.1.0"] == "active"
    reinstate(newer, site.db)
    site.start()
    assert site.states()[NAME, "1.2.0"] == "active"


def test_a_removed_or_changed_package_can_not_be_reinstated(site: Site) -> None:
    digest = _add(site, "1.0.0", "liver-ct")
    remove("liver-ct", "", site.settings, site.db)
    with pytest.raises(ConfigError, match=r"its folder .*liver-ct-1\.0\.0 is gone; bring it back by `wetread models add"):
        reinstate(digest, site.db)
    again = add_package(checked(site.folder / "made" / "1.0.0" / "liver-ct"), site.settings, site.db)
    assert again.what == "copy" and site.states()["liver-ct", "1.0.0"] == "active"
    (Path(again.path) / "configs" / "more.json").write_text("{}")
    with pytest.raises(ConfigError, match="holds other bytes now"):
        reinstate(digest, site.db)
