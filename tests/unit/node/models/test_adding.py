"""Adding a package: what it changes, what it refuses, and what a kill at any moment leaves."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from inference.manifest import package_digest
from node.models.adding import add_package
from node.route.choice import packages_in_use
from node.route.own_folder import own_versions
from storage import packages
from storage.base.errors import ConfigError, ModelError
from storage.packages import active_package
from tests.unit.node.models.conftest import NAME, Site

OLD, NEW = (NAME, "1.0.0"), (NAME, "1.1.0")


def test_an_added_package_lies_in_the_own_folder_and_retires_the_former(site: Site) -> None:
    package = site.made("1.1.0")
    (package.path / "docs").mkdir()
    (package.path / "docs" / "README.md").write_text("card")
    (package.path / ".git").mkdir()
    addition = add_package(package, site.settings, site.db)
    assert addition.path == site.own / f"{NAME}-1.1.0" and addition.what == "copy"
    assert addition.retires is not None and addition.retires[0] == "1.0.0" and addition.rules == ("hippocampus",)
    assert package_digest(addition.path) == package.digest and (addition.path / "docs" / "README.md").read_text() == "card"
    assert not (addition.path / ".git").exists()
    assert site.states() == {OLD: "retired", NEW: "active"}
    with site.db.read() as s:
        active = active_package(s, NAME)
        assert active is not None and active.path == str(addition.path) and active.manifest["version"] == "1.1.0"


def test_the_same_again_changes_nothing(site: Site) -> None:
    package = site.made("1.1.0")
    add_package(package, site.settings, site.db)
    before = site.rows()
    again = add_package(package, site.settings, site.db)
    assert again.what == "nothing" and site.rows() == before


def test_a_listed_package_is_not_copied(site: Site) -> None:
    shipped = packages_in_use(site.settings)[NAME]
    same = site.made("1.0.0")
    assert same.digest == shipped.digest
    assert add_package(same, site.settings, site.db).what == "nothing"
    assert own_versions(site.own) == {}


def test_a_dry_run_tells_and_changes_nothing(site: Site) -> None:
    before = site.rows()
    addition = add_package(site.made("1.1.0"), site.settings, site.db, dry_run=True)
    assert addition.what == "copy" and addition.rules == ("hippocampus",) and addition.retires is not None
    assert site.rows() == before and not site.own.exists()


def test_other_bytes_under_a_known_version_are_refused(site: Site) -> None:
    other = site.made("1.0.0", title="Other")
    with pytest.raises(
        ConfigError, match=r'1\.0\.0 is known with other bytes .*active.*; give this one a higher "version"'
    ) as no:
        add_package(other, site.settings, site.db)
    assert no.value.reason_code == "package-version-taken"
    assert site.states() == {OLD: "active"} and own_versions(site.own) == {}


def test_an_earlier_version_is_used_again_where_it_lies(site: Site) -> None:
    first, second = site.made("1.1.0"), site.made("1.2.0")
    where = add_package(first, site.settings, site.db).path
    add_package(second, site.settings, site.db)
    again = add_package(first, site.settings, site.db)
    assert (again.what, again.path, again.retires) == ("use", where, ("1.2.0", second.digest))
    assert site.states()[NEW] == "active"


def test_a_quarantined_package_stays_so(site: Site) -> None:
    package = site.made("1.1.0")
    add_package(package, site.settings, site.db)
    with site.db.write() as s:
        row = active_package(s, NAME)
        assert row is not None
        packages.quarantine(s, row.id, "its output breaks its manifest", site.db.clock.utc())
    with pytest.raises(ConfigError, match=r"quarantined \(its output breaks its manifest\).*models reinstate"):
        add_package(package, site.settings, site.db)
    assert site.states()[NEW] == "quarantined"


def test_what_changed_after_its_check_is_not_taken(site: Site) -> None:
    package = site.made("1.1.0")
    (package.path / "configs" / "more.json").write_text("{}")
    with pytest.raises(ModelError, match="changed while it was copied"):
        add_package(package, site.settings, site.db)
    assert own_versions(site.own) == {} and site.states() == {OLD: "active"}


def test_a_folder_that_can_not_be_written_is_named(site: Site) -> None:
    site.own.parent.mkdir(parents=True, exist_ok=True)
    site.own.write_text("a file")
    with pytest.raises(ConfigError, match=r"store\.models: .*can't be made"):
        add_package(site.made("1.1.0"), site.settings, site.db)


STEPS = ("fsync", "rename")


def test_killed_at_any_step_no_half_package_is_in_use(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that dies at its n-th sync or rename, for each n until it dies no more."""
    package = site.made("1.1.0")
    deaths = 0
    while _dies_adding(site, lambda: add_package(package, site.settings, site.db), deaths + 1, monkeypatch):
        deaths += 1
        whole = own_versions(site.own).get(NAME, [])
        assert all(package_digest(path) == package.digest for path in whole)
        site.start()
        registered = [row for row in site.rows() if row["version"] == "1.1.0"]
        assert all(package_digest(Path(row["path"])) == package.digest for row in registered)
        assert len([state for state in site.states().values() if state == "active"]) == 1
    assert deaths >= 5 and site.states() == {OLD: "retired", NEW: "active"}
    assert sorted(path.name for path in site.own.iterdir()) == [".lock", f"{NAME}-1.1.0"]


def _dies_adding(site: Site, work: Callable[[], object], at: int, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Run ``work`` in a child that is gone at its ``at``-th step; whether it was."""
    site.db.dispose()
    pid = os.fork()
    if pid == 0:
        left = [at]

        def counted(call: Callable[..., object]) -> Callable[..., object]:
            def die(*arguments: object) -> object:
                left[0] -= 1
                if left[0] == 0:
                    os._exit(9)
                return call(*arguments)

            return die

        try:
            monkeypatch.setattr(os, "fsync", counted(os.fsync))
            monkeypatch.setattr(os, "rename", counted(os.rename))
            work()
            os._exit(0)
        finally:
            os._exit(1)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    assert status in (0, 9)
    return status == 9
