"""`wetread models reinstate`: a person's word on a package that was taken out of use."""

from __future__ import annotations

import json
from pathlib import Path

import yaml

from storage import packages
from storage.base.clock import SystemClock
from storage.database import open_database
from tests.support.ports import free_port
from tests.support.wetread_node import node_settings, wetread

DIGEST = "ab" * 32


def test_a_quarantined_package_is_active_again_and_an_unknown_digest_is_named(tmp_path: Path) -> None:
    settings, config = node_settings(tmp_path, free_port(), None, []), tmp_path / "wetread.yaml"
    config.write_text(yaml.safe_dump(settings))
    db = open_database(settings["store"]["database"], SystemClock())
    db.migrate()
    with db.write() as s:
        package = packages.register(s, "liver", "1.0.0", DIGEST, "/models/liver", {}, db.clock.utc())
        packages.quarantine(s, package.id, "its output breaks its manifest", db.clock.utc())
    db.dispose()
    wrong = wetread("models", "reinstate", "cd", "--config", config)
    assert wrong.returncode == 1 and "begins with cd; see `wetread models list`" in wrong.stderr
    done = wetread("models", "reinstate", DIGEST[:12], "--config", config)
    assert (done.returncode, done.stdout.strip()) == (0, "liver 1.0.0 is active")
    (listed,) = json.loads(wetread("models", "list", "--json", "--config", config).stdout)
    assert listed["state"] == "active"
