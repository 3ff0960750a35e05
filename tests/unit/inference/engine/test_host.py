"""The real model host as a child of the real executor: what a package that can't be loaded comes to."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from inference.engine.segmenter import LoadedModel
from inference.protocol import Outcome
from node.dispatch.local import LocalExecutor
from storage.base.clock import SystemClock
from tests.unit.inference.engine.conftest import Case
from tests.unit.node.dispatch.tasks import outcomes

pytestmark = pytest.mark.heavy


@pytest.fixture
def executor(case: Case) -> Iterator[LocalExecutor]:
    made = LocalExecutor(SystemClock(), workers=1, blobs=case.url, threads=1)
    yield made
    made.close()


def one(executor: LocalExecutor) -> Outcome:
    [outcome], _ = outcomes(executor, 1)
    return outcome


def test_a_host_runs_infer_and_report_without_loading_twice(executor: LocalExecutor, case: Case, tiny_package: Path) -> None:
    executor.submit(case.task, tiny_package)
    inferred, steps = outcomes(executor, 1)
    assert inferred[0].status == "ok", inferred[0].reason
    assert {step.stage for step in steps} == {"read", "prepare", "network", "restore", "store"}
    [host] = executor._hosts
    task = case.task.model_copy(update={"kind": "report", "attempt": 2, "prediction": inferred[0].prediction})
    executor.submit(task, tiny_package)
    assert [result.role for result in one(executor).results] == ["seg", "sr", "overlay", "text", "json"]
    assert executor._hosts == [host]


def test_changed_files_are_a_broken_package(
    executor: LocalExecutor, case: Case, tiny_package: Path, tmp_path: Path, loaded: LoadedModel
) -> None:
    changed = tmp_path / "changed"
    shutil.copytree(tiny_package, changed)
    manifest = changed / "configs" / "wetread.json"
    manifest.write_text(manifest.read_text().replace("Untrained", "Changed"))
    executor.submit(case.task, changed)
    outcome = one(executor)
    assert (outcome.status, outcome.reason_code, outcome.broken_package) == ("model_error", "digest-mismatch", True)
    assert executor.free() == 1


@pytest.mark.slow  # what loading says of damaged weights is tested where they are loaded; how it comes through, by the test above
def test_damaged_weights_are_a_broken_package(executor: LocalExecutor, case: Case, tiny_package: Path, tmp_path: Path) -> None:
    damaged = tmp_path / "damaged"
    shutil.copytree(tiny_package, damaged)
    (damaged / "models" / "model.safetensors").write_bytes(b"\x00" * 100)
    executor.submit(case.task, damaged)
    outcome = one(executor)
    assert (outcome.status, outcome.broken_package) == ("model_error", True)
    assert "model.safetensors" in outcome.reason
