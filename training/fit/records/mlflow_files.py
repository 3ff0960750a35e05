"""A run's figures as MLflow's file store holds them: text files that MLflow reads, written without MLflow.

MLflow itself isn't used: importing it asks a server on the Internet for the settings of its telemetry, and it brings some twenty
packages. Look at the result by ``MLFLOW_ALLOW_FILE_STORE=true mlflow ui --backend-store-uri FOLDER/mlruns``, or bring it into a
database by ``mlflow migrate-filestore``. Read back with MLflow 3.17; the layout is that of its ``FileStore``.
"""

from __future__ import annotations

import hashlib
import math
import shutil
from pathlib import Path

import yaml

from storage.base.clock import Clock
from training.fit.records.history import Row

_EXPERIMENT = "1"
_FINISHED, _LOCAL = 3, 4


class MlflowFiles:
    """One experiment with one run below ``folder``, which is made anew."""

    def __init__(self, folder: Path, name: str, clock: Clock) -> None:
        self._clock = clock
        shutil.rmtree(folder, ignore_errors=True)
        experiment = folder / _EXPERIMENT
        run_id = hashlib.sha256(f"{folder.resolve()}/{name}".encode()).hexdigest()[:32]
        self._run = experiment / run_id
        for part in ("metrics", "params", "tags", "artifacts"):
            (self._run / part).mkdir(parents=True)
        self._began_ms = self._now_ms()
        self._facts = {
            "artifact_uri": f"{self._run.resolve().as_uri()}/artifacts",
            "entry_point_name": "",
            "experiment_id": _EXPERIMENT,
            "lifecycle_stage": "active",
            "run_id": run_id,
            "run_name": name,
            "source_name": "",
            "source_type": _LOCAL,
            "source_version": "",
            "start_time": self._began_ms,
            "tags": [],
            "user_id": "wetread",
        }
        about = {"artifact_location": experiment.resolve().as_uri(), "experiment_id": _EXPERIMENT, "lifecycle_stage": "active"}
        times = {"creation_time": self._began_ms, "last_update_time": self._began_ms}
        _write(experiment / "meta.yaml", {**about, **times, "name": name})
        (self._run / "tags" / "mlflow.runName").write_text(name, encoding="utf-8")
        self._write_run(end_ms=None)

    def add(self, row: Row) -> None:
        """A line ``time value step`` in the file of each figure that is a number."""
        for name, value in row.items():
            if name != "step" and math.isfinite(value):
                with (self._run / "metrics" / _safe(name)).open("a", encoding="utf-8") as stream:
                    stream.write(f"{self._now_ms()} {value!r} {int(row['step'])}\n")

    def close(self) -> None:
        self._write_run(end_ms=self._now_ms())

    def _write_run(self, end_ms: int | None) -> None:
        status = {"end_time": end_ms, "status": _FINISHED if end_ms is not None else 1}
        _write(self._run / "meta.yaml", {**self._facts, **status})

    def _now_ms(self) -> int:
        return round(self._clock.utc().timestamp() * 1000)


def _write(path: Path, document: dict[str, object]) -> None:
    path.write_text(yaml.safe_dump(document), encoding="utf-8")


def _safe(name: str) -> str:
    """A figure's name in the letters that MLflow takes."""
    return "".join(letter if letter.isalnum() or letter in "_-. " else "_" for letter in name)
