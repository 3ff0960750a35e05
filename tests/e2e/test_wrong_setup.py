"""What a wrong set-up says: one clear line on standard error, exit status 1, no traceback, nothing left running."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest
import yaml

from tests.support.in_process import wetread_here
from tests.support.ports import LOOPBACK, free_port
from tests.support.wetread_node import HIPPOCAMPUS_RULE, node_settings, wetread

Change = Callable[[dict[str, Any], Path], None]


def _misspelt_key(settings: dict[str, Any], folder: Path) -> None:
    settings["node"]["prot"] = settings["node"].pop("port")


def _wrong_type(settings: dict[str, Any], folder: Path) -> None:
    settings["node"]["port"] = "many"


def _unknown_destination(settings: dict[str, Any], folder: Path) -> None:
    Path(settings["rules"]).write_text(yaml.safe_dump({"rules": [{**HIPPOCAMPUS_RULE, "deliver_to": ["nowhere"]}]}))


def _ill_typed_rule(settings: dict[str, Any], folder: Path) -> None:
    Path(settings["rules"]).write_text(
        'rules:\n  - name: r\n    when: SliceThickness < "2"\n    model: hippocampus-mr\n    deliver_to: [pacs]\n'
    )


def _unreadable_bundle(settings: dict[str, Any], folder: Path) -> None:
    configs = folder / "models" / "broken" / "configs"
    configs.mkdir(parents=True)
    (configs / "wetread.json").write_text('{"format": 1, "name": "broken"')
    settings["models"] = [str(folder / "models")]


def _path_below_a_file(settings: dict[str, Any], folder: Path) -> None:
    (folder / "file").write_text("")
    settings["store"]["blobs"] = str(folder / "file" / "blobs")


def _database_below_a_file(settings: dict[str, Any], folder: Path) -> None:
    (folder / "file").write_text("")
    settings["store"]["database"] = f"sqlite:///{folder / 'file' / 'wetread.db'}"


def _spool_below_a_file(settings: dict[str, Any], folder: Path) -> None:
    (folder / "file").write_text("")
    settings["store"]["spool"] = str(folder / "file" / "spool")


CASES: list[tuple[Change, tuple[str, ...]]] = [
    (_misspelt_key, ("wetread.yaml", "node.prot", "did you mean port")),
    (_wrong_type, ("wetread.yaml", "node.port")),
    (_unknown_destination, ("rules.yaml", "nowhere")),
    (_ill_typed_rule, ("rules.yaml", "3:", "_<_")),
    (_unreadable_bundle, ("wetread.json",)),
    (_path_below_a_file, ("store.blobs", "can't be written")),
    (_spool_below_a_file, ("store.spool", "can't be written")),
    (_database_below_a_file, ("store.database", "can't be written")),
]


def _config(change: Change, folder: Path) -> Path:
    settings = node_settings(folder, free_port(), None, [{**HIPPOCAMPUS_RULE, "deliver_to": []}])
    settings["peers"] = [{"name": "pacs", "ae_title": "PACS", "host": LOOPBACK, "port": 4242}]
    change(settings, folder)
    config = folder / "wetread.yaml"
    config.write_text(yaml.safe_dump(settings))
    return config


@pytest.mark.parametrize(("change", "said"), CASES, ids=[change.__name__.strip("_") for change, _ in CASES])
def test_serve_refuses_in_one_line(tmp_path: Path, change: Change, said: tuple[str, ...]) -> None:
    _refused(said, "serve", "--config", _config(change, tmp_path))


def test_a_process_says_the_same_and_ends(tmp_path: Path) -> None:
    """One for all, since a start takes seconds; the others call the command line within this process."""
    change, said = CASES[-1]
    _one_line(wetread("serve", "--config", _config(change, tmp_path), timeout_s=60), said)
    assert wetread("shwo").returncode == 2


def test_serve_refuses_a_port_in_use(tmp_path: Path) -> None:
    with socket.socket() as holder:
        holder.bind((LOOPBACK, 0))
        holder.listen()
        port = holder.getsockname()[1]
        config = tmp_path / "wetread.yaml"
        config.write_text(yaml.safe_dump(node_settings(tmp_path, port, None, [])))
        _refused((f"{LOOPBACK}:{port}", "change node.port"), "serve", "--config", config)


def test_a_missing_settings_file_is_named(tmp_path: Path) -> None:
    _refused(("absent.yaml",), "serve", "--config", tmp_path / "absent.yaml")


def test_echo_names_an_unknown_peer_and_those_that_there_are(tmp_path: Path) -> None:
    settings = node_settings(tmp_path, free_port(), None, [])
    settings["peers"] = [{"name": "pacs", "ae_title": "PACS", "host": LOOPBACK, "port": free_port()}]
    config = tmp_path / "wetread.yaml"
    config.write_text(yaml.safe_dump(settings))
    _refused(("no peer named elsewhere", "pacs"), "echo", "elsewhere", "--config", config)
    _refused(("pacs", "does not answer"), "echo", "pacs", "--config", config)


def test_demo_names_a_folder_without_dicom(tmp_path: Path) -> None:
    _refused(("holds no DICOM files",), "demo", tmp_path, "--out", tmp_path / "out")


def test_wrong_use_exits_2() -> None:
    assert wetread_here("serve", "--role", "barber").returncode == 2
    assert wetread_here("shwo").returncode == 2


def _refused(said: tuple[str, ...], *arguments: str | Path) -> None:
    _one_line(wetread_here(*arguments), said)


def _one_line(finished: CompletedProcess[str], said: tuple[str, ...]) -> None:
    lines = finished.stderr.strip().splitlines()
    assert finished.returncode == 1, finished.stderr
    assert len(lines) == 1, finished.stderr
    assert "Traceback" not in finished.stderr
    for words in said:
        assert words in lines[0]
