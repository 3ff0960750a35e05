"""The oracle is where a test asks for it, and nowhere else."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import pytest

from tests.support import torchvision_oracle


@pytest.mark.heavy
def test_nobody_else_finds_it(torchvision: torchvision_oracle.Torchvision, monkeypatch: pytest.MonkeyPatch) -> None:
    somebodys, path = ModuleType("torchvision"), list(sys.path)
    monkeypatch.setitem(sys.modules, "torchvision", somebodys)
    again = torchvision_oracle.load()
    folder = Path(again.ops.__file__).parents[1]
    assert again.ops is not torchvision.ops and folder == Path(torchvision.ops.__file__).parents[1]
    files = {name: getattr(module, "__file__", None) for name, module in list(sys.modules.items())}
    assert [name for name, file in files.items() if file and Path(file).is_relative_to(folder)] == []
    assert sys.path == path and sys.modules["torchvision"] is somebodys, "what was there is there again"


@pytest.mark.parametrize(("required", "outcome"), [("", pytest.skip.Exception), ("data,peers", pytest.fail.Exception)])
def test_where_it_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, required: str, outcome: type[BaseException]
) -> None:
    monkeypatch.setenv("WETREAD_ORACLES", str(tmp_path))
    monkeypatch.setenv("WETREAD_REQUIRE", required)
    with pytest.raises(outcome, match="no torchvision in"):
        torchvision_oracle.load()
