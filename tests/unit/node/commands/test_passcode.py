from __future__ import annotations

import io

import pytest
import typer

from node.commands.passcode import passcode
from node.receive.associate.user_identity import UserIdentity, Users
from node.settings import User


def test_a_passcode_becomes_what_the_settings_take(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("geheim\n"))
    passcode()
    user = User(name="ct", passcode=capsys.readouterr().out.strip())
    assert Users({"ct": user.passcode}).admits(UserIdentity("ct", b"geheim"))


def test_no_passcode_is_an_error_with_a_mend(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("\n"))
    with pytest.raises(typer.Exit):
        passcode()
    assert "write it on one line" in capsys.readouterr().err
